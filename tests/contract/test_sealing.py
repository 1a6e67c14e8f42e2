"""From the journal into segments and the index, through crashes, trouble and poison."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.bootstrap.housekeeping import Housekeeping
from sealwire.bootstrap.sealing import Feed
from sealwire.bootstrap.store_room import StoreRoom, StoreTools
from sealwire.clock import SystemClock
from sealwire.net.store_link import StorePlaces
from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.journal import Connection, Position
from sealwire.sensor.policy import ArchivePolicy
from sealwire.sensor.query import HasWord, Search
from sealwire.sensor.sealing import FEW_TRIES, MOST_TRIES
from sealwire.stores.journal.recovery import JournalRecovery
from sealwire.stores.journal.writer import JournalWriter
from sealwire.stores.segments.files import SystemFileCalls
from sealwire.syslog.framing import encode_octet_frame
from sealwire.syslog.kinds import Kind
from sealwire.syslog.relp_frames import encode_relp_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sealwire.sensor.record_columns import Parse

SENDER = Connection(1, "192.0.2.1", 40_000, 6514, "TLSv1.3", "x", "ab" * 32, "CN=a")
ALL = Search(0, 1 << 60, limit=1000, oldest_first=True, redelivered=True)


class Place:
    """A journal, and stores that are opened on it one after another."""

    def __init__(self, folder: Path) -> None:
        self.places = StorePlaces(
            folder / "journal", folder / "segments", folder / "index", folder / "notes", "s"
        )
        self.alarms: list[str] = []
        self.rooms: list[StoreRoom] = []
        self.received = 0

    def receive(self, *messages: bytes, slot: int = 0) -> None:
        frames = b"".join(map(encode_octet_frame, messages))
        self.write(SENDER, Kind.OCTETS, len(messages), frames, slot=slot)

    def write(
        self, sender: Connection, kind: Kind, frames: int, data: bytes, slot: int = 0
    ) -> None:
        clock = SystemClock()
        writer = JournalWriter(self.places.journal, slot, sensor="s", clock=clock)
        self.received += 1
        writer.append(sender, kind, frames, 1_795_337_100_000_000_000 + self.received, data)
        writer.close()

    def ends(self) -> dict[int, Position]:
        recovery = JournalRecovery(self.places.journal)
        return {slot: recovery.durable_end(slot) for slot in recovery.slots()}

    def opened(
        self,
        tools: StoreTools | None = None,
        *,
        waits: bool = False,
        clock: SystemClock | None = None,
    ) -> StoreRoom:
        """A store as a process finds it at its start. ``waits``: sealing, for the index."""
        self.closed()
        room = StoreRoom(
            self.places, clock or SystemClock(), lambda code, _: self.alarms.append(code), tools
        )
        self.rooms.append(room)
        room.sealing.start_from(self.ends())
        room.sealing.feed(Feed(self.ends()))
        if not waits:
            room.indexing.stop()
        return room

    def closed(self) -> None:
        while self.rooms:
            self.rooms.pop().close()

    def sealed(self, tools: StoreTools | None = None) -> StoreRoom:
        room = self.opened(tools)
        room.sealing.drain()
        return room


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.closed()


def rows(room: StoreRoom) -> list[dict[str, Any]]:
    segments = room.segments()
    return [row for one in segments.segments() for row in segments.read(one).to_pylist()]


def raws(room: StoreRoom) -> list[bytes]:
    return [row["raw"] for row in rows(room)]


def test_every_start_goes_on_where_the_chain_ends(place: Place) -> None:
    for number in range(4):
        place.receive(b"<1>%d" % number, slot=number % 2)
        room = place.sealed()
        assert raws(room) == [b"<1>%d" % n for n in range(number + 1)]
        assert not room.sealing.pending_bytes()
    assert [row["seq"] for row in rows(room)] == [1, 2, 3, 4]


def test_an_index_that_was_not_told_is_told_at_the_next_start(place: Place) -> None:
    for number in range(3):
        place.receive(b"<1>word%d" % number)
        place.sealed()  # And killed before it could index.
    room = place.opened()
    assert room.lacks_index
    room.catch_up(place.ends(), ArchivePolicy())
    assert [one.raw for one in room.search(ALL).records] == [b"<1>word%d" % n for n in range(3)]
    assert not room.lacks_index
    before = room.search(ALL)
    steps = [status.indexed_seq for status in room.reindex()]
    assert steps[-1] == 3
    assert room.search(ALL) == before
    found = room.search(Search(0, 1 << 60, HasWord("word1"))).records
    # What is shown of one record alone names its TLS too.
    assert [replace(room.record(one.seq)[0], tls_version="", cipher="") for one in found] == [
        *found
    ]
    place.closed()
    assert not place.opened().lacks_index


class StillClock(SystemClock):
    """Whose seconds pass when they are told to."""

    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


def test_a_status_with_the_indexs_size_is_due_soon_after_it_grew(place: Place) -> None:
    place.receive(*(b"<13>word%d of a message" % number for number in range(3000)))
    clock = StillClock()
    room = place.opened(clock=clock)
    room.index()
    empty = room.status().index_bytes
    room.catch_up(place.ends(), ArchivePolicy())
    told = room.mark()
    assert room.mark() == told
    clock.seconds += 10
    assert room.mark() != told
    grown = room.status().index_bytes
    assert grown > max(10_000, 10 * empty)
    place.closed()
    room = place.opened(clock=clock)
    assert room.status().index_bytes >= grown
    assert not room.has_index


class FullCalls(SystemFileCalls):
    """A disk without room until it is made."""

    full = True

    def write(self, fd: int, data: Sequence[bytes]) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(fd, data)


def test_a_full_disk_is_told_and_work_goes_on(place: Place) -> None:
    calls = FullCalls()
    place.receive(b"<1>one")
    room = place.opened(StoreTools(calls=calls))
    for _ in range(MOST_TRIES + 2):
        assert seal_when_due(room) > 0
        assert "space" in (room.sealing.trouble or "")
    calls.full = False
    assert seal_when_due(room) == 0.0
    assert room.sealing.trouble is None
    assert [(row["raw"], row["rule"]) for row in rows(room)] == [(b"<1>one", "pri")]


def seal_when_due(room: StoreRoom) -> float:
    """What ``advance`` says of the batch itself, not of the wait before it."""
    wait = threading.Event()
    while (pause := room.sealing.advance()) and room.sealing.trouble is None:
        wait.wait(min(pause, 0.1))
    return pause


class KilledError(BaseException):
    """Stands for the end of the process."""


def deadly_parser() -> Parse:
    """Ends the process over one message."""
    from sealwire.syslog.columns import parse_batch  # noqa: PLC0415 - heavy

    def parse(raw: Any, received_us: Any, /) -> Any:  # noqa: ANN401 - Arrow
        if any(b"poison" in one for one in raw.to_pylist()):
            raise KilledError
        return parse_batch(raw, received_us)

    return parse


def test_what_kills_the_process_is_found_and_kept_unparsed(place: Place) -> None:
    tools = StoreTools(parser=deadly_parser)
    messages = [b"<1>before", b"<1>poison", b"<1>after"]
    for message in messages:
        place.receive(message)
    deaths = 0
    while True:
        try:
            room = place.sealed(tools)
            break
        except KilledError:
            deaths += 1
    assert deaths == MOST_TRIES + FEW_TRIES
    assert [(row["raw"], row["rule"]) for row in rows(room)] == [
        (b"<1>before", "pri"),
        (b"<1>poison", "unparsed"),
        (b"<1>after", "pri"),
    ]
    assert place.alarms == ["messages_unparsed"]
    # Nor does it kill whoever indexes it.
    place.opened(tools).indexing.drain()
    assert [one.raw for one in place.rooms[0].search(ALL).records] == messages


def test_a_journal_that_begins_anew_is_sealed_from_its_beginning(place: Place) -> None:
    for _ in range(3):
        place.receive(b"<1>old")
    room = place.sealed()
    for path in place.places.journal.rglob("*.swj"):
        path.unlink()
    place.receive(b"<1>new")
    room = place.sealed()
    assert raws(room) == [*[b"<1>old"] * 3, b"<1>new"]
    assert place.alarms == ["journal_missing"]
    place.receive(b"<1>newer")
    room = place.sealed()
    assert raws(room)[-1] == b"<1>newer"
    assert not room.sealing.pending_bytes()


def relp(number: int) -> Connection:
    return Connection(number, "192.0.2.9", 50_000 + number, 6514, "TLSv1.3", "x", transport="relp")


def test_what_relp_sends_again_is_flagged_across_restarts(place: Place) -> None:
    messages = [b"<1>1 - - - - - - %d" % n for n in range(6)]
    first = b"".join(encode_relp_frame(n + 2, b"syslog", m) for n, m in enumerate(messages[:4]))
    again = b"".join(encode_relp_frame(n + 2, b"syslog", m) for n, m in enumerate(messages[2:]))
    place.write(relp(1), Kind.RELP, 4, first)
    place.sealed()
    place.write(relp(2), Kind.RELP, 4, again, slot=1)
    room = place.sealed()
    flags = [bool(row["flags"] & RecordFlag.REDELIVERED) for row in rows(room)]
    assert flags == [False] * 4 + [True, True, False, False]
    room.indexing.drain()
    once = room.search(Search(0, 1 << 60, limit=100, oldest_first=True)).records
    assert [one.raw for one in once] == messages


def test_days_that_no_segment_has_leave_the_index(place: Place) -> None:
    place.receive(b"<1>deleted")
    room = place.sealed()
    room.indexing.drain()
    assert room.index().days() == {(date(2026, 11, 22), "default")}
    place.closed()
    shutil.rmtree(place.places.segments)
    room = place.opened()
    house = Housekeeping(room, ArchivePolicy, SystemClock(), lambda _code, _text: None)
    house.step()
    assert room.index().days() == {(date(2026, 11, 22), "default")}
    house.step()
    assert (room.count(ALL), room.index().days()) == (0, set())
    assert house.due_in() > 0


class AheadClock(SystemClock):
    """Shows next year, as long as it is told to."""

    ahead = False

    def now(self) -> datetime:
        return super().now() + timedelta(days=365 * self.ahead)


def test_who_looks_after_days_says_what_hinders(place: Place) -> None:
    said: list[tuple[str, str]] = []
    clock = AheadClock()
    room = StoreRoom(place.places, clock, lambda code, text: said.append((code, text)))
    place.receive(b"<1>kept")
    room.seal_all(place.ends(), ArchivePolicy())
    clock.ahead = True
    house = Housekeeping(room, ArchivePolicy, clock, lambda code, text: said.append((code, text)))
    house.step()
    (jumped,) = said
    assert jumped[0] == "clock_jumped"
    assert f"{clock.now():%Y-%m-%d}" in jumped[1]
    assert room.status().segments == 1
    clock.ahead = False
    house.step()
    assert said == [jumped]

    def full() -> ArchivePolicy:
        raise OSError(errno.ENOSPC, "No space left on device")

    Housekeeping(room, full, clock, lambda code, text: said.append((code, text))).step()
    assert said[1][0] == "housekeeping_failed"
    assert "No space left on device" in said[1][1]
    room.close()


def repeated(room: StoreRoom) -> list[bytes]:
    """The last byte of each message that is flagged as sent before."""
    return [row["raw"][-1:] for row in rows(room) if row["flags"] & RecordFlag.REDELIVERED]


def session(first: int, last: int) -> bytes:
    """Messages ``first`` to ``last`` in a session that begins with them."""
    return b"".join(
        encode_relp_frame(txnr, b"syslog", b"<1>1 - - - - - - %d" % n)
        for txnr, n in enumerate(range(first, last + 1), 2)
    )


def test_what_relp_sends_again_in_a_block_that_began_earlier_is_flagged(place: Place) -> None:
    """Another sender's run came first into the block of the slot on which all is sent again."""
    clock = SystemClock()
    other = Connection(9, "192.0.2.2", 40_000, 6514, "TLSv1.3", "x")
    writer = JournalWriter(place.places.journal, 1, sensor="s", clock=clock)
    writer.append(other, Kind.OCTETS, 1, 1_000, encode_octet_frame(b"<1>other"))
    writer.append(relp(2), Kind.RELP, 3, 3_000, session(1, 3))
    writer.close()
    writer = JournalWriter(place.places.journal, 0, sensor="s", clock=clock)
    writer.append(relp(1), Kind.RELP, 2, 2_000, session(0, 1))
    writer.close()
    room = place.sealed()
    assert repeated(room) == [b"1"]
    assert sorted(raw[-1:] for raw in raws(room)) == [b"0", b"1", b"1", b"2", b"3", b"r"]


def test_what_was_passed_over_is_no_reason_to_forget_senders(place: Place) -> None:
    """A run that holds no message stands in no seal; what is remembered must still fit."""
    place.receive(b"<1>one", slot=1)
    place.sealed()
    place.write(relp(3), Kind.RELP, 0, encode_relp_frame(9, b"close"), slot=1)
    room = place.sealed()
    place.write(relp(1), Kind.RELP, 3, session(0, 2))
    room.sealing.feed(Feed(place.ends()))
    room.sealing.drain()
    place.write(relp(2), Kind.RELP, 3, session(1, 3), slot=2)
    assert repeated(place.sealed()) == [b"1", b"2"]


def test_a_session_that_was_closed_alone_is_closed(place: Place) -> None:
    """Its sender has seen every answer: the same message again is another one."""
    room = place.opened()
    for number in range(3):
        for frames, data in ((1, session(7, 7)), (0, encode_relp_frame(9, b"close"))):
            place.write(relp(number), Kind.RELP, frames, data)
            room.sealing.feed(Feed(place.ends()))
            room.sealing.drain()
    assert repeated(room) == []


def test_a_clock_that_is_set_back_or_forward_changes_no_order(place: Place) -> None:
    """By a year and a day; each message is sealed by itself, as it comes."""
    sent = []
    for number, jump_s in enumerate((0, 366 * 86_400, -86_400, 0)):
        place.received = jump_s * 1_000_000_000 + number
        sent.append(b"<1>%d" % number)
        place.receive(sent[-1])
        room = place.sealed()
    room.indexing.drain()
    by_seq = sorted(rows(room), key=lambda row: row["seq"])
    assert [row["raw"] for row in by_seq] == sent
    assert {one.raw for one in room.search(ALL).records} == set(sent)
    assert not room.sealing.pending_bytes()
