"""A slot's folder: names, lock, and the calls to the operating system that may fail."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SUFFIX: Final = ".swj"


class FileCalls(Protocol):
    """Calls on open files, apart so that a full or failing disk can be played in tests."""

    def write(self, fd: int, data: Sequence[bytes | memoryview]) -> None:
        """Append all of ``data``. Raises OSError, then some of it may have been written."""
        ...

    def sync(self, fd: int) -> None:
        """Make the file's content durable."""
        ...

    def truncate(self, fd: int, length: int) -> None:
        """Cut the file to ``length``."""
        ...


class SystemFileCalls:
    """The operating system's."""

    def write(self, fd: int, data: Sequence[bytes | memoryview]) -> None:
        """Append all of ``data``."""
        left = sum(map(len, data)) - os.writev(fd, data)
        if left:
            rest = memoryview(b"".join(data))[-left:]
            while rest:
                rest = rest[os.write(fd, rest) :]

    def sync(self, fd: int) -> None:
        """``fdatasync``: the content, and of the inode what reading it back needs."""
        os.fdatasync(fd)

    def truncate(self, fd: int, length: int) -> None:
        """``ftruncate``; the next write goes to the new end (files are opened to append)."""
        os.ftruncate(fd, length)


class SlotFolder:
    """One slot's folder below the journal's."""

    def __init__(self, journal: Path, slot: int) -> None:
        self.slot = slot
        self.path = journal / str(slot)

    def create(self) -> None:
        """Make the folder, durably; no error when it is there."""
        if not self.path.is_dir():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self.path.parent)

    def file(self, number: int) -> Path:
        """Path of the file with that number."""
        return self.path / f"{number:012d}{_SUFFIX}"

    def numbers(self) -> list[int]:
        """Numbers of the files that are there, sorted."""
        if not self.path.is_dir():
            return []
        return sorted(
            int(entry.stem) for entry in self.path.glob(f"*{_SUFFIX}") if entry.stem.isdecimal()
        )

    def size(self, number: int) -> int:
        """Length of the file with that number; 0 when it is gone."""
        try:
            return self.file(number).stat().st_size
        except FileNotFoundError:
            return 0

    def open_new(self, number: int) -> int:
        """Create the file, which must not exist, to append to it. The folder is synced."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(self.file(number), flags, 0o600)
        sync_folder(self.path)
        return fd

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the slot. Raises ConflictError ``journal.locked`` when another process does."""
        fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise ConflictError(
                "journal.locked",
                f"journal slot {self.slot} is in use by another process",
                hint="a receiver of an earlier start may still be writing; it ends by itself",
            ) from error
        try:
            yield
        finally:
            os.close(fd)


def slots_in(journal: Path) -> list[int]:
    """Numbers of the slots below the journal's folder, sorted."""
    if not journal.is_dir():
        return []
    return sorted(int(entry.name) for entry in journal.iterdir() if entry.name.isdecimal())


def sync_folder(folder: Path) -> None:
    """Make names that were added to the folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
