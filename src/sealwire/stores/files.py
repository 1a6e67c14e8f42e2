"""Calls to the operating system that every folder of files that must last needs."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sealwire.errors import SealwireError


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
            write_all(fd, memoryview(b"".join(data))[-left:])

    def sync(self, fd: int) -> None:
        """``fdatasync``: the content, and of the inode what reading it back needs."""
        os.fdatasync(fd)

    def truncate(self, fd: int, length: int) -> None:
        """``ftruncate``; the next write goes to the new end (files are opened to append)."""
        os.ftruncate(fd, length)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write ``data`` to its end. Raises OSError, then some of it may have been written."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_folder(folder: Path) -> None:
    """Make names that were added to the folder, or removed, durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def bytes_below(folder: Path) -> int:
    """What the files in a folder and in those below it hold; 0 when it is not there."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            # Whoever owns the folder may be tidying it up.
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - a path for each costs more than the call
    return total


def open_locked(path: Path, refusal: SealwireError) -> int:
    """A lock file, held for as long as it is open. Raises ``refusal`` when somebody else does."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise refusal from error
    return fd
