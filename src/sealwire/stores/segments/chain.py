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
from sealwire.stores.segments.files import CHAIN_SUFFIX
from sealwire.stores.segments.manifest import (
    GENESIS,
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


class _Line(NamedTuple):
    """One line as it was found. ``manifest`` is None when it cannot be read."""

    path: Path
    start: int
    line: bytes
    manifest: Manifest | None


class ChainReading:
    """One pass over a chain. What ``manifests`` has found stands in the attributes afterwards.

    Attributes:
        end: where the chain ends.
        damages: lines that cannot be read or do not follow.
        torn: the newest file and the offset from which on it holds no whole seal; None when it
            ends well.
    """

    def __init__(self, folder: SensorFolder) -> None:
        self._folder = folder
        self.end = ChainEnd()
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
        files = self._folder.chain_files()
        for at, (_, path) in enumerate(files):
            limit = files[at + 1][0] if at + 1 < len(files) else None
            yield from _lines_of(path, limit)

    def _take(self, lines: Sequence[_Line]) -> Iterator[Manifest]:
        for found in lines:
            if found.manifest is None:
                self._report(DamageKind.LINE, found, "cannot be read")
            elif found.manifest.sensor != self._folder.sensor:
                self._report(DamageKind.BREAK, found, "is of another sensor")
            elif found.manifest.number < self.end.next_number:
                self._report(DamageKind.BREAK, found, f"number {found.manifest.number} came before")
            else:
                yield self._follow(found, found.manifest)

    def _follow(self, found: _Line, manifest: Manifest) -> Manifest:
        if manifest.number != self.end.next_number:
            gap = f"number {self.end.next_number} is missing before {manifest.number}"
            self._report(DamageKind.BREAK, found, gap)
        elif manifest.prev != self.end.head:
            changed = f"line {manifest.number} does not name the line before it as it is"
            self._report(DamageKind.BREAK, found, changed)
        self.end = ChainEnd(manifest.number + 1, line_hash(found.line))
        return manifest

    def _report(self, kind: DamageKind, found: _Line, detail: str) -> None:
        path = found.path.relative_to(self._folder.root).as_posix()
        self.damages.append(Damage(kind, path, f"offset {found.start}: {detail}"))


def _lines_of(path: Path, limit: int | None) -> Iterator[_Line]:
    """Lines of one file before the one numbered ``limit``.

    Of a file that another follows, what cannot be read at its end is left out too, unless lines
    are missing there.
    """
    unread: list[_Line] = []
    next_number = 0
    for found in _raw_lines(path):
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


def _raw_lines(path: Path) -> Iterator[_Line]:
    content = path.read_bytes()
    start = 0
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
        self.end = end
        self._fd = -1
        self._offset = 0
        self._unsettled = False

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
        self._unsettled = False
        self._offset += sum(map(len, lines))
        self.end = end
        return manifests

    def settle(self) -> None:
        """Undo what a failed ``commit`` may have left. Raises OSError while that fails too.

        After a failed sync the kernel may have dropped what it could not write, so that the file
        is not used again.
        """
        if self._unsettled:
            self._calls.truncate(self._fd, self._offset)
            self._calls.sync(self._fd)
            self._unsettled = False
            self.close()

    def close(self) -> None:
        """Close the file; the next ``commit`` begins another."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _prepare_file(self) -> None:
        if self._fd >= 0 and self._offset >= self._rotate_at:
            self.close()
        if self._fd < 0:
            name = f"{self.end.next_number:012d}{CHAIN_SUFFIX}"
            self._fd = self._calls.create(self._folder.chain / name)
            self._offset = 0
            try:
                self._calls.sync_folder(self._folder.chain)
            except OSError:
                self.close()
                raise
