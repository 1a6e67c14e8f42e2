"""The signed audit log's files: ``ca_audit``, and those closed before it, ``ca_audit.<time>``.

The end of the file is always a signature line: lines and the signature over them are written
together, and what a crash left behind after the last signature is cut off when the file is opened
(the trail has it, and it is written again).
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.audit.signed_log import is_signature_line, place_of, second_of
from sealwire.errors import NotFoundError, UnavailableError
from sealwire.stores.files import sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CURRENT: Final = "ca_audit"
_CLOSED: Final = re.compile(rf"{CURRENT}\.[0-9]{{14}}(-[0-9]{{3}})?\Z")
_CHUNK: Final = 1 << 16
_LONGEST_NAMESAKES: Final = 1000


@dataclass(frozen=True, slots=True)
class LogEnd:
    """How far the log goes.

    ``last_record``: index of the last record written, None before the first. ``signature``: the
    last signature line, without LF. ``begun``: year to second (UTC) of the current file's first
    line. ``size``: the current file's bytes; ``cut``: how many of them were taken off.
    """

    last_record: int | None
    signature: bytes | None
    begun: tuple[int, int, int, int, int, int] | None
    size: int
    cut: int


class AuditFiles:
    """The files of one folder (0700), each 0600.

    ``append`` is durable when it returns, and all or nothing: after a failure the file is as it
    was. One thread writes; any thread may list and read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1
        self._size = 0

    # For reading

    def names(self) -> list[str]:
        """Every file, the oldest first."""
        try:
            found = sorted(entry.name for entry in self._folder.iterdir())
        except FileNotFoundError:
            return []
        closed = [name for name in found if _CLOSED.match(name)]
        return [*closed, *(name for name in found if name == CURRENT)]

    def sizes(self) -> Sequence[tuple[str, int]]:
        """Name and bytes of every file, the oldest first."""
        found = []
        for name in self.names():
            with suppress(FileNotFoundError):
                found.append((name, (self._folder / name).stat().st_size))
        return found

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file as it is now. Raises NotFoundError ``audit.file_unknown``."""
        if name not in self.names():
            raise _unknown(name)
        return _bytes_of(self._folder / name)

    # For writing

    def open(self) -> LogEnd:
        """Take the current file in hand, cut to its last signature line, or a new one.

        Raises UnavailableError ``audit.file_failed``.
        """
        self.close()
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._folder.chmod(0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(self._folder / CURRENT, flags, 0o600)
            os.fchmod(self._descriptor, 0o600)
            end = self._end()
            if end.cut:
                os.ftruncate(self._descriptor, end.size)
                os.fsync(self._descriptor)
            sync_folder(self._folder)
        except OSError as fault:
            self.close()
            raise _failed(fault) from fault
        self._size = end.size
        return end

    def append(self, lines: Sequence[bytes]) -> int:
        """Add lines, each with an LF; how many bytes the file has then.

        Raises UnavailableError ``audit.file_failed``, also when somebody else has changed, moved
        or removed the file: it must be opened again then.
        """
        data = b"".join(line + b"\n" for line in lines)
        try:
            self._require_own()
            try:
                write_all(self._descriptor, data)
                os.fsync(self._descriptor)
            except OSError:
                os.ftruncate(self._descriptor, self._size)
                raise
        except OSError as fault:
            self.close()
            raise _failed(fault) from fault
        self._size += len(data)
        return self._size

    def close_current(self, stamp: str) -> None:
        """Give the current file its lasting name; ``stamp`` is 14 digits of its last moment.

        Raises UnavailableError ``audit.file_failed``.
        """
        self.close()
        try:
            (self._folder / CURRENT).rename(self._folder / self._free_name(stamp))
            sync_folder(self._folder)
        except OSError as fault:
            raise _failed(fault) from fault

    def remove(self, name: str) -> None:
        """Remove a closed file. NotFoundError, or UnavailableError ``audit.file_failed``."""
        if not _CLOSED.match(name) or name not in self.names():
            raise _unknown(name)
        try:
            (self._folder / name).unlink()
            sync_folder(self._folder)
        except OSError as fault:
            raise _failed(fault) from fault

    def close(self) -> None:
        """Put the current file down."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _require_own(self) -> None:
        ours = os.fstat(self._descriptor)
        there = (self._folder / CURRENT).lstat()
        if (ours.st_dev, ours.st_ino, self._size) != (there.st_dev, there.st_ino, there.st_size):
            raise OSError("somebody else has changed it")

    def _free_name(self, stamp: str) -> str:
        taken = set(self.names())
        names = (f"{CURRENT}.{stamp}{f'-{n:03}' if n else ''}" for n in range(_LONGEST_NAMESAKES))
        return next(name for name in names if name not in taken)

    def _end(self) -> LogEnd:
        whole = os.fstat(self._descriptor).st_size
        current = _read(_bytes_of(self._folder / CURRENT))
        signature, record = current.signature, current.record
        for name in reversed(self.names()[:-1]):
            if signature is not None and record is not None:
                break
            older = _read(self.chunks(name))
            signature = signature or older.signature
            record = older.record if record is None else record
        size = current.size
        return LogEnd(record, signature, current.begun if size else None, size, whole - size)


@dataclass(slots=True)
class _Found:
    """Of one file, up to its last signature line: that line, the last record, the bytes."""

    signature: bytes | None = None
    record: int | None = None
    begun: tuple[int, int, int, int, int, int] | None = None
    size: int = 0


def _read(chunks: Iterator[bytes]) -> _Found:
    found, record, place = _Found(), None, 0
    for line in _whole_lines(chunks):
        place += len(line) + 1
        if found.begun is None:
            found.begun = second_of(line)
        if is_signature_line(line):
            found.signature, found.record, found.size = line, record, place
        elif (here := place_of(line)) is not None:
            record = here[1]
    return found


def _whole_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines that have their LF, without it."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _bytes_of(path: Path) -> Iterator[bytes]:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _unknown(name: str) -> NotFoundError:
    return NotFoundError("audit.file_unknown", f"There is no audit log file {name!r}.")


def _failed(fault: OSError) -> UnavailableError:
    return UnavailableError("audit.file_failed", f"The audit log file: {fault.strerror or fault}.")
