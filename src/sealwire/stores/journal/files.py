"""A slot's folder: names and lock."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sealwire.errors import ConflictError
from sealwire.stores.files import open_locked, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIX: Final = ".swj"


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
        refusal = ConflictError(
            "journal.locked",
            f"journal slot {self.slot} is in use by another process",
            hint="a receiver of an earlier start may still be writing; it ends by itself",
        )
        fd = open_locked(self.path / "lock", refusal)
        try:
            yield
        finally:
            os.close(fd)


def slots_in(journal: Path) -> list[int]:
    """Numbers of the slots below the journal's folder, sorted."""
    if not journal.is_dir():
        return []
    return sorted(int(entry.name) for entry in journal.iterdir() if entry.name.isdecimal())
