"""Segments, chain and index that somebody damaged or took away: said, and mended or gone around."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.bootstrap.reception import StoppedReceivers
from sealwire.clock import SystemClock, SystemRandom
from sealwire.sensor.no_archive import NoArchive
from sealwire.sensor.service import Installation, Reception, Sensor
from sealwire.stores.journal.cleaning import remove_files
from sealwire.stores.journal.reader import JournalReadings
from sealwire.stores.journal.recovery import JournalRecovery
from sealwire.stores.memory import MemoryStore
from tests.contract.test_sealing import ALL, Place, raws
from tests.unit.sensor.scene import KeyShelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealwire.bootstrap.store_room import StoreRoom
    from sealwire.sensor.archive import ArchiveStatus


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.closed()


def stored(place: Place, *messages: bytes) -> StoreRoom:
    """Received, sealed and indexed, each by a store of its own."""
    for message in messages:
        place.receive(message)
        room = place.sealed()
        room.indexing.drain()
    return room


def found(room: StoreRoom) -> list[bytes]:
    return [one.raw for one in room.search(ALL).records]


def work(room: StoreRoom) -> None:
    """What the store process' threads do, until there is nothing to do."""
    room.sealing.drain()
    tries = 0
    while room.lacks_index and (not room.indexing.advance() or room.indexing.trouble):
        tries += 1
        assert tries < 10, room.indexing.trouble


def test_an_index_that_was_deleted_is_built_again_by_itself(place: Place) -> None:
    stored(place, b"<1>a", b"<1>b")
    place.closed()
    shutil.rmtree(place.places.index)
    room = place.opened(waits=True)
    work(room)
    assert found(room) == [b"<1>a", b"<1>b"]


def test_a_chain_that_was_put_back_is_said_and_everything_is_found(place: Place) -> None:
    """From a backup: the index has records that no line names, and the journal has some of them."""
    stored(place, b"<1>a")
    place.closed()
    shutil.copytree(place.places.segments, place.places.segments.with_name("backup"))
    stored(place, b"<1>b", b"<1>c")
    place.closed()
    shutil.rmtree(place.places.segments)
    shutil.copytree(place.places.segments.with_name("backup"), place.places.segments)
    room = place.opened(waits=True)
    work(room)
    assert raws(room) == [b"<1>a", b"<1>b", b"<1>c"]
    place.receive(b"<1>d")
    room = place.opened(waits=True)
    work(room)
    assert raws(room) == [b"<1>a", b"<1>b", b"<1>c", b"<1>d"]
    assert found(room) == raws(room)
    assert place.alarms == ["segments_put_back"]


def test_a_chain_that_was_taken_away_is_said_and_everything_left_is_found(place: Place) -> None:
    stored(place, b"<1>a", b"<1>b")
    place.closed()
    shutil.rmtree(place.places.segments)
    place.receive(b"<1>c")
    room = place.opened(waits=True)
    work(room)
    assert found(room) == raws(room) == [b"<1>a", b"<1>b", b"<1>c"]
    assert place.alarms == ["segments_put_back"]


@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_a_damaged_segment_is_said_and_does_not_stop_the_others(place: Place, how: str) -> None:
    room = stored(place, b"<1>a", b"<1>b", b"<1>c")
    (_, second, _) = room.segments().segments()
    path = room.segments().folder.locate(second.path)
    place.closed()
    whole = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        cut = len(whole) // 2
        path.write_bytes(whole[:cut] if how == "cut" else whole[:4] + bytes(cut) + whole[4 + cut :])
    place.receive(b"<1>d")
    room = place.opened(waits=True)
    work(room)
    assert found(room) == [b"<1>a", b"<1>b", b"<1>c", b"<1>d"]
    place.closed()
    shutil.rmtree(place.places.index)
    room = place.opened(waits=True)
    work(room)
    assert found(room) == [b"<1>a", b"<1>c", b"<1>d"]
    assert "segments_damaged" in place.alarms
    list(room.reindex())
    assert found(room) == [b"<1>a", b"<1>c", b"<1>d"]


def test_a_damaged_line_of_the_chain_is_said_and_the_others_hold(place: Place) -> None:
    room = stored(place, b"<1>a", b"<1>b", b"<1>c")
    second = room.segments().folder.chain_files()[1]
    place.closed()
    line = second[1].read_bytes()
    second[1].write_bytes(line[:20] + b"#" + line[21:])
    room = place.opened(waits=True)
    place.receive(b"<1>d")
    room = place.opened(waits=True)
    work(room)
    assert "segments_damaged" in place.alarms
    assert raws(room)[-1] == b"<1>d"
    assert found(room) == [b"<1>a", b"<1>b", b"<1>c", b"<1>d"]


class Told(NoArchive):
    """What main hears of a store: how far it is."""

    def __init__(self, room: StoreRoom) -> None:
        self._room = room

    def status(self) -> ArchiveStatus:
        return self._room.status()


def sensor_of(place: Place, store: MemoryStore, room: StoreRoom) -> Sensor:
    """Main's side, as it is after a start."""
    clock = SystemClock()
    return Sensor(
        store,
        KeyShelf(),
        Recorder(clock, "sensor.example.test", AuditFormat.V10_4_5, "0"),
        clock,
        SystemRandom(),
        installation=Installation("s", ("localhost",)),
        reception=Reception(
            StoppedReceivers(JournalRecovery(place.places.journal)),
            JournalReadings(place.places.journal),
            threading.Lock(),
            Told(room),
        ),
    )


ORDERS = ((0, 1, 2, 3), (2, 3, 0, 1), (0, 2, 3, 1), (0, 1, 2, 3))
"""In which each life counts, keeps the counters, seals and deletes."""


@pytest.mark.parametrize("steps", range(5))
def test_killed_at_any_step_no_record_and_no_count_goes_with_a_journal_file(
    place: Place, steps: int
) -> None:
    """What a killed one has not done, the next does."""
    store, sent = MemoryStore(), []
    for life in range(len(ORDERS)):
        for number in range(3):
            sent.append(b"<1>%d %d" % (life, number))
            place.receive(sent[-1], slot=number % 2)
        room = place.opened()
        sensor = sensor_of(place, store, room)
        work: list[Callable[[], object]] = [
            sensor.stats,
            sensor.save_statistics,
            room.sealing.drain,
            lambda s=sensor: remove_files(
                place.places.journal, s.finished_positions(), kept_bytes=0
            ),
        ]
        # In the last life nothing kills it.
        for step in ORDERS[life][: None if life == len(ORDERS) - 1 else steps]:
            work[step]()
    assert sensor.stats()["packets_received"] == len(sent)
    assert sorted(raws(room)) == sorted(sent)
    assert len(list(place.places.journal.rglob("*.swj"))) == 2
