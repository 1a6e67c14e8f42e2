"""Reads slots for sealing: whole blocks of messages, many at a time.

Files are mapped as for ``JournalReadings``; a message is copied once, out of its block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.sensor.batches import MessageBlock, MessageRun
from sealwire.sensor.journal import Position
from sealwire.stores.journal.files import SlotFolder
from sealwire.stores.journal.layout import payload_holds, read_runs
from sealwire.stores.journal.reader import JournalReadings, record_runs
from sealwire.syslog.kinds import Kind
from sealwire.syslog.relp_frames import relp_run
from sealwire.syslog.splitting import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sealwire.sensor.journal import Connection
    from sealwire.stores.journal.layout import Head


class JournalBlocks:
    """Fills ``sensor.batches.BlockReader``. Not for use by several threads at once."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._readings = JournalReadings(journal)

    def blocks(self, slot: int, start: Position, end: Position) -> Iterator[MessageBlock]:
        """Blocks between two positions, oldest first.

        Bytes that are no good block, and files that are gone, are given as damaged blocks.
        """
        present = SlotFolder(self._journal, slot).numbers()
        expected = start.file if start > Position() else min(present, default=end.file)
        for number, file, names in self._readings.files(slot, start, end):
            for lost in sorted({*range(max(1, expected), number)}.difference(present)):
                yield _damaged(slot, Position(lost + 1, 0))
            expected = number + 1
            at = max(file.first, start.offset if number == start.file else 0)
            for head in file.heads(at):
                if head.start > at:
                    yield _damaged(slot, Position(number, head.start))
                at = head.end
                names.learn(file.data, head)
                yield _block(file.data, head, (slot, number), names.connections)
            if at < len(file.data):
                yield _damaged(slot, Position(number, len(file.data)))

    def bytes_between(self, slot: int, start: Position, end: Position) -> int:
        """How many bytes of the journal's files lie between two positions."""
        if end <= start:
            return 0
        folder = SlotFolder(self._journal, slot)
        if start.file == end.file:
            return end.offset - start.offset
        between = [number for number in folder.numbers() if start.file <= number < end.file]
        sizes = sum(folder.size(number) for number in between)
        return sizes - (start.offset if start.file in between else 0) + end.offset


def _damaged(slot: int, end: Position) -> MessageBlock:
    """Its age is not known: nothing waits for it."""
    return MessageBlock(slot, end, 0, (), 0, damaged=True)


def _block(
    data: memoryview, head: Head, place: tuple[int, int], names: Mapping[int, Connection]
) -> MessageBlock:
    slot, number = place
    end = Position(number, head.end)
    oldest = next((run[0] for run in read_runs(data, head)), 0)
    if not payload_holds(data, head):
        return MessageBlock(slot, end, oldest, (), 0, damaged=True)
    found = [
        _run(received_ns, names[connection], kind, kept)
        for received_ns, connection, kind, kept in record_runs(data, head)
    ]
    return MessageBlock(slot, end, oldest, found, head.payload_length)


def _run(received_ns: int, connection: Connection, kind: Kind, data: bytes) -> MessageRun:
    if kind is Kind.RELP:
        relp = relp_run(data)
        return MessageRun(
            received_ns, connection, kind, relp.messages, relp.txnrs, closed=relp.closed
        )
    return MessageRun(received_ns, connection, kind, split(kind, data))
