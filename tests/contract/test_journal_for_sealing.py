"""The journal as the store process reads it, what it notes, and which files may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemClock
from sealwire.sensor.batches import BatchLimits, gather
from sealwire.sensor.journal import Connection, Position
from sealwire.sensor.sealing import Attempt
from sealwire.stores.journal.batches import JournalBlocks
from sealwire.stores.journal.cleaning import remove_files
from sealwire.stores.journal.files import SlotFolder
from sealwire.stores.journal.reader import JournalReadings
from sealwire.stores.journal.writer import JournalWriter
from sealwire.stores.sealing_notes import IndexedNote, SealingNotes
from sealwire.syslog.framing import encode_octet_frame
from sealwire.syslog.kinds import Kind
from sealwire.syslog.relp_frames import encode_relp_frame

if TYPE_CHECKING:
    from pathlib import Path

SENDER = Connection(1, "192.0.2.1", 40_000, 6514, "TLSv1.3", "x", "ab" * 32, "CN=a")
RELP = Connection(2, "192.0.2.2", 40_001, 6514, "TLSv1.3", "x", transport="relp")


def write(journal: Path, slot: int, blocks: int, *, rotate_at: int = 1 << 30) -> Position:
    """Blocks of three kinds of runs each; where they end."""
    writer = JournalWriter(journal, slot, sensor="s", clock=SystemClock(), rotate_at=rotate_at)
    for number in range(blocks):
        when = 1000 * number + slot
        frames = b"".join(encode_octet_frame(b"<1>%d-%d" % (number, n)) for n in range(3))
        writer.append(SENDER, Kind.OCTETS, 3, when, frames)
        writer.append(SENDER, Kind.BAD_COUNT, 0, when, b"bad\n")
        writer.append(RELP, Kind.RELP, 1, when, encode_relp_frame(number + 1, b"syslog", b"<2>r"))
        writer.append(SENDER, Kind.UNTERMINATED, 1, when, b"last")
        writer.append(SENDER, Kind.SKIPPED, 0, when, b"end of it")
        writer.seal()
        while writer.undurable:
            pass
    end = writer.durable
    writer.close()
    return end


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_batches_hold_what_the_reader_shows(journal: Path) -> None:
    ends = {slot: write(journal, slot, 7, rotate_at=500) for slot in (0, 1)}
    reader, shown = JournalBlocks(journal), JournalReadings(journal)
    batch = gather(reader, {}, ends, BatchLimits())
    taken = [
        (run.received_ns, run.connection.number, run.kind, message)
        for run in batch.runs
        for message in run.messages
    ]
    expected = [
        (one.received_ns, one.connection.number, one.kind, one.message)
        for slot, end in ends.items()
        for one in shown.messages(slot, Position(), end)
    ]
    assert sorted(taken) == sorted(expected)
    assert [when for when, *_ in taken] == sorted(when for when, *_ in taken)
    assert batch.ends == ends
    numbers = [run.txnrs for run in batch.runs if run.kind is Kind.RELP]
    assert sorted(numbers) == sorted([[n] for n in range(1, 8)] * 2)


def test_reading_goes_on_where_a_batch_ended(journal: Path) -> None:
    end = write(journal, 0, 9, rotate_at=500)
    reader, position, found = JournalBlocks(journal), Position(), 0
    for step in range(9):
        assert reader.bytes_between(0, position, end) > 0
        batch = gather(reader, {0: position}, {0: end}, BatchLimits(blocks=1))
        assert {run.received_ns for run in batch.runs} == {1000 * step}
        position, found = batch.ends[0], found + batch.messages
    assert (position, found, reader.bytes_between(0, position, end)) == (end, 45, 0)


def test_a_damaged_block_is_named_and_passed(journal: Path) -> None:
    end = write(journal, 0, 3)
    path = SlotFolder(journal, 0).file(end.file)
    content = bytearray(path.read_bytes())
    content[content.index(b"<1>1-1")] ^= 1
    path.write_bytes(content)
    batch = gather(JournalBlocks(journal), {}, {0: end}, BatchLimits())
    assert {run.received_ns for run in batch.runs} == {0, 2000}
    assert len(batch.damaged) == 1
    assert batch.ends == {0: end}


def test_what_is_damaged_or_gone_is_given_as_damaged(journal: Path) -> None:
    end = write(journal, 0, 9, rotate_at=500)
    folder, reader = SlotFolder(journal, 0), JournalBlocks(journal)
    whole = list(reader.blocks(0, Position(), end))
    assert not any(block.damaged for block in whole)
    first, gone, *_, last = folder.numbers()
    folder.file(gone).unlink()
    spoilt = [block for block in whole if block.end.file in (first, last)]
    for block in spoilt:
        content = bytearray(folder.file(block.end.file).read_bytes())
        content[block.end.offset - 1] ^= 1
        content[: block.end.offset] = content[: block.end.offset].replace(b"SWJB", b"swjb")
        folder.file(block.end.file).write_bytes(content)
    given = list(reader.blocks(0, Position(), end))
    assert Position(gone + 1, 0) in [block.end for block in given if block.damaged]
    assert {block.end.file for block in given if block.damaged} >= {first, last}
    assert [block for block in given if not block.damaged] == [
        block for block in whole if block.end.file not in (first, gone, last)
    ]
    assert sorted(block.end for block in given) == [block.end for block in given]
    # Who comes again to where it ended is given nothing twice.
    assert list(reader.blocks(0, given[-1].end, end)) == []


def test_files_that_nobody_needs_are_removed(journal: Path) -> None:
    end = write(journal, 0, 9, rotate_at=500)
    folder = SlotFolder(journal, 0)
    numbers = folder.numbers()
    assert len(numbers) > 3
    assert remove_files(journal, {0: Position(numbers[2], 10)}, kept_bytes=0) == 2
    assert folder.numbers() == numbers[2:]
    assert remove_files(journal, {0: end}, kept_bytes=1 << 30) == 0
    assert remove_files(journal, {0: Position(end.file + 5, 0)}, kept_bytes=0) == len(numbers) - 3
    assert folder.numbers() == numbers[-1:]
    assert remove_files(journal, {7: end}, kept_bytes=0) == 0


def test_a_follower_is_shown_whole_blocks_in_steps(journal: Path) -> None:
    end = write(journal, 0, 5, rotate_at=500)
    readings, position, found = JournalReadings(journal), Position(), []
    while position < end:
        messages, position = readings.some(0, position, end, 6)
        assert len(messages) <= 10
        found += messages
    assert found == list(readings.messages(0, Position(), end))


def test_an_attempt_is_remembered(tmp_path: Path) -> None:
    notes = SealingNotes(tmp_path / "notes")
    assert notes.attempt().tries == 0
    attempt = Attempt({3: Position(1, 2)}, 4)
    notes.put_attempt(attempt)
    assert SealingNotes(tmp_path / "notes").attempt() == attempt
    notes.clear_attempt()
    assert notes.attempt().tries == 0


def test_the_snapshot_that_belongs_to_what_is_sealed(tmp_path: Path) -> None:
    notes = SealingNotes(tmp_path / "notes")
    assert notes.redelivery.get({0: Position(9, 9)}) is None
    notes.redelivery.put({}, {0: Position(1, 10)}, {"n": 1})
    assert notes.redelivery.get({}) is None
    sealed = {0: Position(1, 10)}
    assert notes.redelivery.get(sealed) == {"n": 1}
    # A seal that fails again and again must not push out the one that is true.
    for _ in range(3):
        notes.redelivery.put(sealed, {0: Position(1, 20), 1: Position(1, 5)}, {"n": 2})
    assert notes.redelivery.get(sealed) == {"n": 1}
    assert notes.redelivery.get({0: Position(1, 30)}) == {"n": 1}
    assert notes.redelivery.get({0: Position(1, 30), 1: Position(2, 0)}) == {"n": 2}


def test_how_far_the_index_is(tmp_path: Path) -> None:
    note = IndexedNote(tmp_path)
    assert note.indexed_seq() == 0
    note.put(7)
    assert IndexedNote(tmp_path).indexed_seq() == 7
    note.clear()
    assert note.indexed_seq() == 0
