"""Reads slots beside their writers: totals for counting, messages for showing.

Files are mapped, never past the position that the caller knows to be durable, so that nothing is
copied which is not asked for. A damaged stretch is stepped over to the next good block; recovery
has reported it.
"""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sealwire.sensor.journal import (
    BlockSummary,
    Connection,
    Position,
    ReceivedMessage,
    Run,
    Total,
)
from sealwire.stores.journal.files import SlotFolder, slots_in
from sealwire.stores.journal.layout import (
    BLOCK_MAGIC,
    HOLDS_RARE,
    head_before,
    kept_length,
    payload_holds,
    read_definitions,
    read_file_header,
    read_head,
    read_runs,
    read_totals,
)
from sealwire.syslog.framing import messages_of
from sealwire.syslog.kinds import RECORD_KINDS, WHOLE_KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sealwire.stores.journal.layout import Head


def next_head(data: memoryview, mapped: mmap.mmap, start: int) -> Head | None:
    """The first block at ``start`` or after it whose head holds."""
    while (start := mapped.find(BLOCK_MAGIC, start, len(data))) >= 0:
        head = read_head(data, start)
        if head is not None:
            return head
        start += 1
    return None


class JournalFile:
    """One file, mapped up to ``length``."""

    def __init__(self, mapped: mmap.mmap, length: int) -> None:
        self._mapped = mapped
        self.data = memoryview(mapped)[:length]
        header = read_file_header(self.data)
        self.first = header[1] if header else 0

    def heads(self, start: int) -> Iterator[Head]:
        """Heads of the good blocks from ``start`` on."""
        start = max(start, self.first)
        while start < len(self.data):
            head = read_head(self.data, start) or next_head(self.data, self._mapped, start)
            if head is None:
                return
            yield head
            start = head.end

    def heads_backwards(self, end: int) -> Iterator[Head]:
        """Heads of the blocks before ``end``, newest first, as far as they are unbroken."""
        while end > self.first and (head := head_before(self.data, end)) is not None:
            yield head
            end = head.start


@contextmanager
def mapped_file(path: Path, length: int | None = None) -> Iterator[JournalFile | None]:
    """Map a file up to ``length`` (all of it when None); None when nothing is there to map."""
    try:
        with path.open("rb") as opened:
            size = opened.seek(0, 2)
            length = size if length is None else min(length, size)
            mapped = mmap.mmap(opened.fileno(), length, access=mmap.ACCESS_READ) if length else None
    except FileNotFoundError:
        mapped = None
    if mapped is None:
        yield None
        return
    with mapped:
        file = JournalFile(mapped, length or 0)
        try:
            yield file
        finally:
            file.data.release()


class _Connections(dict[int, Connection]):
    """Connections by number; a number whose definition is lost has an unknown sender."""

    def __missing__(self, number: int) -> Connection:
        return Connection(number, "unknown", 0, 0, "", "")


class Names:
    """Which connection a number means in one file; filled as the file is read forward."""

    def __init__(self) -> None:
        self.read_to = 0
        self.renamed = False
        self.connections = _Connections()

    def learn(self, data: memoryview, head: Head) -> None:
        """Take in the definitions of the next block; one that was taken in already is no news."""
        if head.start < self.read_to:
            return
        for connection in read_definitions(data, head):
            self.renamed = self.renamed or connection.number in self.connections
            self.connections[connection.number] = connection
        self.read_to = head.end


class JournalReadings:
    """Fills ``sensor.journal.JournalReader``. Not for use by several threads at once."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._names: dict[int, tuple[int, Names]] = {}

    def slots(self) -> Sequence[int]:
        """Slots that exist."""
        return slots_in(self._journal)

    def summaries(self, slot: int, start: Position, end: Position) -> Iterator[BlockSummary]:
        """Blocks between two positions, without their payload."""
        for number, file, head, names in self._heads(slot, start, end):
            yield _summary(file.data, head, number, names.connections)

    def messages(self, slot: int, start: Position, end: Position) -> Iterator[ReceivedMessage]:
        """Messages between two positions, oldest first."""
        for _, file, head, names in self._heads(slot, start, end):
            yield from _messages(file.data, head, slot, names.connections)

    def some(
        self, slot: int, start: Position, end: Position, count: int
    ) -> tuple[Sequence[ReceivedMessage], Position]:
        """Messages of whole blocks from ``start`` on, about ``count``, and where to go on from."""
        found: list[ReceivedMessage] = []
        for number, file, head, names in self._heads(slot, start, end):
            found += _messages(file.data, head, slot, names.connections)
            if len(found) >= count:
                return found, Position(number, head.end)
        return found, end

    def newest(self, slot: int, end: Position, count: int) -> Sequence[ReceivedMessage]:
        """The last ``count`` messages before ``end``, oldest first."""
        found: list[ReceivedMessage] = []
        for number in reversed(SlotFolder(self._journal, slot).numbers()):
            if len(found) >= count:
                break
            if number <= end.file:
                limit = Position(number, end.offset) if number == end.file else None
                start = self._start_of_newest(slot, number, limit, count - len(found))
                stop = limit or Position(number, 1 << 62)
                found = [*self.messages(slot, Position(number, start), stop), *found]
        return found[-count:] if count else []

    def _start_of_newest(self, slot: int, number: int, limit: Position | None, count: int) -> int:
        """Where in a file the last ``count`` messages begin."""
        path = SlotFolder(self._journal, slot).file(number)
        with mapped_file(path, limit.offset if limit else None) as file:
            if file is None:
                return 0
            for head in file.heads_backwards(len(file.data)):
                count -= sum(frames for _, _, frames, _, _ in read_runs(file.data, head))
                if count <= 0:
                    return head.start
            return 0

    def _heads(
        self, slot: int, start: Position, end: Position
    ) -> Iterator[tuple[int, JournalFile, Head, Names]]:
        """Heads of the good blocks between two positions, each with the names in force at it."""
        for number, file, names in self.files(slot, start, end):
            for head in file.heads(start.offset if number == start.file else 0):
                names.learn(file.data, head)
                yield number, file, head, names

    def files(
        self, slot: int, start: Position, end: Position
    ) -> Iterator[tuple[int, JournalFile, Names]]:
        """The files between two positions, each with the names in force where reading begins."""
        folder = SlotFolder(self._journal, slot)
        for number in folder.numbers():
            if start.file <= number <= end.file:
                length = end.offset if number == end.file else None
                with mapped_file(folder.file(number), length) as file:
                    if file is not None:
                        begin = start.offset if number == start.file else 0
                        yield number, file, self._names_at(slot, number, file, begin)

    def _names_at(self, slot: int, number: int, file: JournalFile, offset: int) -> Names:
        known, names = self._names.get(slot, (-1, Names()))
        if known != number or (names.renamed and names.read_to > offset):
            names = Names()
        for head in file.heads(names.read_to):
            if head.start >= offset:
                break
            names.learn(file.data, head)
        if number >= known:
            self._names[slot] = (number, names)
        return names


def _summary(data: memoryview, head: Head, number: int, names: _Connections) -> BlockSummary:
    totals = [
        Total(names[connection], frames, length, last_ns)
        for connection, frames, length, last_ns in read_totals(data, head)
    ]
    rare = [
        Run(received_ns, names[connection], frames, length, Kind(kind))
        for received_ns, connection, frames, length, kind in (
            read_runs(data, head) if head.flags & HOLDS_RARE else ()
        )
        if kind not in WHOLE_KINDS
    ]
    return BlockSummary(Position(number, head.end), totals, rare)


def _messages(
    data: memoryview, head: Head, slot: int, names: _Connections
) -> Iterator[ReceivedMessage]:
    if not payload_holds(data, head):
        return
    for received_ns, number, kind, kept in record_runs(data, head):
        for message in messages_of(kind, kept):
            yield ReceivedMessage(slot, received_ns, names[number], kind, message)


def record_runs(data: memoryview, head: Head) -> Iterator[tuple[int, int, Kind, bytes]]:
    """Runs of a block that hold records: time of receipt, connection, kind and a copy of the bytes.

    The block's payload must hold.
    """
    at = head.payload
    for received_ns, number, _, length, code in read_runs(data, head):
        kind = Kind(code)
        end = at + kept_length(kind, length)
        if kind in RECORD_KINDS:
            yield received_ns, number, kind, bytes(data[at:end])
        at = end
