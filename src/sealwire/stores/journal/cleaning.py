"""Removes journal files that nobody needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.stores.journal.files import SlotFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sealwire.sensor.journal import Position

KEPT_BYTES: Final = 64 * 1024 * 1024
"""Of each slot, for a look at what came last."""


def remove_files(
    journal: Path, done: Mapping[int, Position], *, kept_bytes: int = KEPT_BYTES
) -> int:
    """Remove the files that lie wholly before ``done``, oldest first; how many there were.

    ``done``: by slot, up to where everything is sealed and counted. The newest file of a slot
    always stays, so that numbers are never used again, and so many bytes before it.
    """
    return sum(
        _remove_of_slot(SlotFolder(journal, slot), at, kept_bytes) for slot, at in done.items()
    )


def _remove_of_slot(folder: SlotFolder, done: Position, kept_bytes: int) -> int:
    numbers = folder.numbers()
    kept, keep_from = 0, len(numbers)
    while keep_from and kept < kept_bytes:
        keep_from -= 1
        kept += folder.size(numbers[keep_from])
    keep_from = min(keep_from, len(numbers) - 1)
    removable = [number for number in numbers[: max(0, keep_from)] if number < done.file]
    for number in removable:
        folder.file(number).unlink(missing_ok=True)
    return len(removable)
