"""Opens a slot after a stop of any kind: what is whole stays, what is torn is cut and kept aside.

Only the newest file of a slot can end in the middle of a block: a writer syncs a file before it
starts the next. Bytes that are no good block and are followed by good ones are damage to what was
durable; they stay where they are, a copy is put beside the file, and they are reported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealwire.sensor.journal import Damage, Position, Recovery
from sealwire.stores.files import sync_folder
from sealwire.stores.journal.files import SlotFolder, slots_in
from sealwire.stores.journal.layout import payload_holds
from sealwire.stores.journal.reader import mapped_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sealwire.stores.journal.layout import Head
    from sealwire.stores.journal.reader import JournalFile


def recover_slot(journal: Path, slot: int) -> Recovery:
    """Verify the slot's newest file, cut a torn tail, report what is damaged.

    Holds the slot's lock meanwhile: raises ConflictError ``journal.locked`` while a writer lives.
    Damage that was reported before (its copy is there) is not reported again.
    """
    folder = SlotFolder(journal, slot)
    folder.create()
    with folder.locked():
        numbers = folder.numbers()
        if not numbers:
            return Recovery(slot, Position())
        return _recover_file(folder, numbers[-1])


def durable_end(journal: Path, slot: int) -> Position:
    """Where a slot's good blocks end, for a look while no writer lives; nothing is changed."""
    folder = SlotFolder(journal, slot)
    numbers = folder.numbers()
    if not numbers:
        return Position()
    path = folder.file(numbers[-1])
    size = path.stat().st_size
    with mapped_file(path) as file:
        gaps = _gaps(file) if file is not None else []
    return Position(numbers[-1], _end_before_tear(gaps, size))


def _recover_file(folder: SlotFolder, number: int) -> Recovery:
    path = folder.file(number)
    size = path.stat().st_size
    damages: list[Damage] = []
    with mapped_file(path) as file:
        gaps = _gaps(file) if file is not None else []
        for start, end in gaps:
            damage = _keep(folder, number, file, (start, end), torn=end == size)
            if damage is not None:
                damages.append(damage)
    durable = _end_before_tear(gaps, size)
    if durable < size:
        os.truncate(path, durable)
    _sync(path)
    return Recovery(folder.slot, Position(number, durable), tuple(damages))


def _end_before_tear(gaps: Sequence[tuple[int, int]], size: int) -> int:
    return gaps[-1][0] if gaps and gaps[-1][1] == size else size


def _gaps(file: JournalFile) -> list[tuple[int, int]]:
    """Stretches of the file that are no good block."""
    gaps: list[tuple[int, int]] = []
    good_to = file.first
    for head in file.heads(file.first):
        if not _holds(file, head):
            continue
        if head.start > good_to:
            gaps.append((good_to, head.start))
        good_to = head.end
    if good_to < len(file.data):
        gaps.append((good_to, len(file.data)))
    return gaps


def _holds(file: JournalFile, head: Head) -> bool:
    return payload_holds(file.data, head)


def _keep(
    folder: SlotFolder,
    number: int,
    file: JournalFile | None,
    gap: tuple[int, int],
    *,
    torn: bool,
) -> Damage | None:
    """Copy a gap's bytes beside the file, durably; None when that was done before."""
    start, end = gap
    suffix = "torn" if torn else "damaged"
    copy = folder.path / f"{number:012d}-{start}.{suffix}"
    if file is None or (copy.exists() and not torn):
        return None
    with copy.open("wb") as kept:
        kept.write(file.data[start:end])
        kept.flush()
        os.fsync(kept.fileno())
    sync_folder(folder.path)
    return Damage(folder.slot, number, start, end - start, torn, copy.name)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class JournalRecovery:
    """Fills ``net.workers.Recoverer`` for one journal."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal

    def slots(self) -> Sequence[int]:
        """Slots that exist."""
        return slots_in(self._journal)

    def recover(self, slot: int) -> Recovery:
        """Verify and repair one: see ``recover_slot``."""
        return recover_slot(self._journal, slot)

    def durable_end(self, slot: int) -> Position:
        """Where one ends, without repairing it."""
        return durable_end(self._journal, slot)
