"""The chain of manifests on the disk: read and checked, and written line by line.

A start of the store process begins a new file, so no process appends to what another wrote. A
file's name is the number of its first line, and lines of an older file that are numbered from
there on never counted: their writing had failed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.stores.segments.damage import Damage, DamageKind
from sealwire.stores.segments.manifest import (
    GENESIS,
    LONGEST_LINE,
    Manifest,
    decode_manifest,
    encode_manifest,
    line_hash,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sealwire.stores.segments.files import FileCalls, SensorFolder

ROTATE_AT: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where a chain ends: what its next line is numbered, and the hash of its last."""

    next_number: int = 0
    head: str = GENESIS


@dataclass(frozen=True, slots=True)
class ChainMark:
    """A place in a chain: behind a line of the file that begins with line ``file``."""

    file: int
    offset: int
    end: ChainEnd


class _Line(NamedTuple):
    """One line as it was found. ``manifest`` is None when it cannot be read."""

    path: Path
    start: int
    line: bytes
    manifest: Manifest | None


class ChainReading:
    """One pass over a chain. What ``manifests`` has found stands in the attributes afterwards.

    Args:
        folder: the sensor's.
        mark: where to begin, which must be a place of this chain; None: at its beginning.

    Attributes:
        end: where the chain ends.
        upto: the file of the last line that was given, and the offset behind it.
        damages: lines that cannot be read or do not follow.
        torn: the newest file and the offset from which on it holds no whole seal; None when it
            ends well.
    """

    def __init__(self, folder: SensorFolder, mark: ChainMark | None = None) -> None:
        self._folder = folder
        self._mark = mark
        self.end = ChainEnd() if mark is None else mark.end
        self.upto: tuple[Path, int] | None = None
        if mark is not None:
            self.upto = (folder.chain_file(mark.file), mark.offset)
        self.damages: list[Damage] = []
        self.torn: tuple[Path, int] | None = None

    def manifests(self) -> Iterator[Manifest]:
        """Every manifest that can be read, in order; those of an unfinished seal are left out."""
        waiting: list[_Line] = []
        for found in self._lines():
            manifest = found.manifest
            waiting.append(found)
            if manifest is not None and not manifest.more:
                yield from self._take(waiting)
                waiting = []
        if waiting:
            self.torn = (waiting[0].path, waiting[0].start)

    def _lines(self) -> Iterator[_Line]:
        mark = self._mark or ChainMark(0, 0, ChainEnd())
        files = [one for one in self._folder.chain_files() if one[0] >= mark.file]
        for at, (number, path) in enumerate(files):
            limit = files[at + 1][0] if at + 1 < len(files) else None
            start = mark.offset if number == mark.file else 0
            yield from _lines_of(path, start, limit)

    def _take(self, lines: Sequence[_Line]) -> Iterator[Manifest]:
        for found in lines:
            if found.manifest is None:
                self._report(DamageKind.LINE, found, "cannot be read")
            elif found.manifest.sensor != self._folder.sensor:
                self._report(DamageKind.BREAK, found, "is of another sensor")
            elif (wrong := self._wrong_path(found.manifest)) is not None:
                self._report(DamageKind.LINE, found, f"{wrong!r} is no path of a segment")
            elif found.manifest.number < self.end.next_number:
                self._report(DamageKind.BREAK, found, f"number {found.manifest.number} came before")
            else:
                yield self._follow(found, found.manifest)

    def _wrong_path(self, manifest: Manifest) -> str | None:
        """A path that leads elsewhere: nothing outside the folder is ever touched."""
        paths = (*(one.path for one in manifest.segments), *manifest.replaces)
        return next((path for path in paths if not self._folder.is_segment_path(path)), None)

    def _follow(self, found: _Line, manifest: Manifest) -> Manifest:
        if manifest.number != self.end.next_number:
            gap = f"number {self.end.next_number} is missing before {manifest.number}"
            self._report(DamageKind.BREAK, found, gap)
        elif manifest.prev != self.end.head:
            changed = f"line {manifest.number} does not name the line before it as it is"
            self._report(DamageKind.BREAK, found, changed)
        self.end = ChainEnd(manifest.number + 1, line_hash(found.line))
        self.upto = (found.path, found.start + len(found.line) + 1)
        return manifest

    def _report(self, kind: DamageKind, found: _Line, detail: str) -> None:
        path = found.path.relative_to(self._folder.root).as_posix()
        self.damages.append(Damage(kind, path, f"offset {found.start}: {detail}"))


def holds_mark(folder: SensorFolder, mark: ChainMark) -> bool:
    """Whether a mark is a place of the chain as it is now."""
    path = folder.chain_file(mark.file)
    if not path.is_file():
        return False
    with path.open("rb") as opened:
        opened.seek(max(0, mark.offset - LONGEST_LINE - 2))
        *_, line, behind = b"", *opened.read(mark.offset - opened.tell()).split(b"\n")
    return not behind and line_hash(line) == mark.end.head


def _lines_of(path: Path, start: int, limit: int | None) -> Iterator[_Line]:
    """Lines of one file from ``start`` on and before the one numbered ``limit``.

    Of a file that another follows, what cannot be read at its end is left out too, unless lines
    are missing there.
    """
    unread: list[_Line] = []
    next_number = 0
    for found in _raw_lines(path, start):
        if found.manifest is None:
            unread.append(found)
            continue
        if limit is not None and found.manifest.number >= limit:
            break
        yield from unread
        unread = []
        yield found
        next_number = found.manifest.number + 1
    if limit is None or next_number < limit:
        yield from unread


def _raw_lines(path: Path, start: int) -> Iterator[_Line]:
    content = path.read_bytes()
    while start < len(content):
        end = content.find(b"\n", start)
        whole = end >= 0
        line = content[start : end if whole else len(content)]
        yield _Line(path, start, line, _decoded(line) if whole else None)
        start += len(line) + 1


def _decoded(line: bytes) -> Manifest | None:
    try:
        return decode_manifest(line)
    except ValueError:
        return None


class _State(NamedTuple):
    """The chain's durable end, and where that is in the open file, named by its first number."""

    end: ChainEnd
    file: int
    offset: int


class ChainWriter:
    """Appends manifests to the chain. A line counts when ``commit`` returns.

    Args:
        folder: the sensor's; its lock is held by the caller.
        end: where the chain ends.
        calls: the operating system.
        rotate_at: a file that is longer is followed by a new one.
    """

    def __init__(
        self,
        folder: SensorFolder,
        end: ChainEnd,
        calls: FileCalls,
        rotate_at: int = ROTATE_AT,
    ) -> None:
        self._folder = folder
        self._calls = calls
        self._rotate_at = rotate_at
        # One value, so that an interrupt finds either all of a commit or nothing of it.
        self._state = _State(end, end.next_number, 0)
        self._fd = -1
        self._unsettled = False

    @property
    def end(self) -> ChainEnd:
        """Where the chain ends."""
        return self._state.end

    @property
    def mark(self) -> ChainMark:
        """The place behind the last line that this writer wrote."""
        return ChainMark(self._state.file, self._state.offset, self._state.end)

    def commit(self, drafts: Sequence[Manifest]) -> list[Manifest]:
        """Number, chain and append ``drafts``, all or none, durably.

        Raises:
            OSError: nothing was committed. Until ``settle`` succeeds, a crash may still find them
                committed: what they name has to stay.
        """
        self.settle()
        end, lines, manifests = self.end, [], []
        for draft in drafts:
            segments = tuple(replace(one, manifest=end.next_number) for one in draft.segments)
            manifest = replace(draft, number=end.next_number, prev=end.head, segments=segments)
            line = encode_manifest(manifest)
            end = ChainEnd(end.next_number + 1, line_hash(line))
            lines += [line, b"\n"]
            manifests.append(manifest)
        self._prepare_file()
        self._unsettled = True
        self._calls.write(self._fd, lines)
        self._calls.sync(self._fd)
        offset = self._state.offset + sum(map(len, lines))
        self._state = _State(end, self._state.file, offset)
        self._unsettled = False
        return manifests

    def settle(self) -> None:
        """Undo what a failed ``commit`` may have left. Raises OSError while that fails too.

        After a failed sync the kernel may have dropped what it could not write, so that the file
        is not used again.
        """
        if self._unsettled:
            self._calls.truncate(self._fd, self._state.offset)
            self._calls.sync(self._fd)
            self._unsettled = False
            self.close()

    def close(self) -> None:
        """Close the file; the next ``commit`` begins another."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _prepare_file(self) -> None:
        if self._fd >= 0 and self._state.offset >= self._rotate_at:
            self.close()
        if self._fd < 0:
            self._fd = self._calls.create(self._folder.chain_file(self.end.next_number))
            self._state = _State(self.end, self.end.next_number, 0)
            try:
                self._calls.sync_folder(self._folder.chain)
            except OSError:
                self.close()
                raise
