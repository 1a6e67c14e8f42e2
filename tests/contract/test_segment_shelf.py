"""What others are told of stored segments, and exports that are checked in their archive."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ConflictError, RefusedError, UnavailableError
from sealwire.sensor.journal import Position
from sealwire.sensor.policy import ArchivePolicy, LegalHold, RetentionClass
from sealwire.sensor.shelf import DeletedDay, ExportRange, ShelvedDay
from sealwire.stores.segments.damage import DamageKind
from sealwire.stores.segments.ledger import Pace
from sealwire.stores.segments.shelf import ChainShelf
from sealwire.stores.segments.store import SegmentStore
from sealwire.stores.segments.tar_check import verify_tar
from tests.contract.records import DAY, HOUR, MIDNIGHT, SetClock, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SENSOR = "sensor-1"
EVERYTHING = ExportRange(0, (MIDNIGHT + 1000 * DAY) // 1000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SegmentStore]:
    """Two classes over three days; its chain takes a new file with nearly every line."""
    one = SegmentStore(tmp_path, SENSOR, SetClock(MIDNIGHT), pace=Pace(2000, 5))
    one.recover()
    for number in range(9):
        at_ns = MIDNIGHT + number % 3 * DAY + number * HOUR
        table = records([b"%d" % number, b"x"], at_ns, "ab"[number % 2])
        one.seal(table, {0: Position(1, number)})
    yield one
    one.close()


@pytest.fixture
def shelf(store: SegmentStore, tmp_path: Path) -> ChainShelf:
    return ChainShelf(tmp_path, store.folder.sensor, SetClock(MIDNIGHT))


def retire(store: SegmentStore, day: int, policy: ArchivePolicy) -> None:
    clock = store._clock
    assert isinstance(clock, SetClock)
    clock.at_ns = MIDNIGHT + day * DAY
    store.retire(policy)


def test_days_add_up_to_what_is_stored(store: SegmentStore, shelf: ChainShelf) -> None:
    days = shelf.days()
    assert [(one.day.day, one.retention) for one in days] == [
        *((19, "a"), (19, "b"), (20, "a"), (20, "b"), (21, "a"), (21, "b")),
    ]
    status = store.status()
    sums = (sum(one.segments for one in days), sum(one.records for one in days))
    assert sums == (status.segments, status.rows) == (9, 18)
    assert sum(one.bytes for one in days) == status.bytes
    assert ChainShelf(store.folder.root, "another", SetClock(MIDNIGHT)).days() == []


def test_deletions_are_told_from_any_number_on(store: SegmentStore, shelf: ChainShelf) -> None:
    gone: list[ShelvedDay] = []
    policy = ArchivePolicy((RetentionClass("a", 1), RetentionClass("b", 2)))
    assert shelf.deletions(-1) == []
    for day in range(1, 5):
        before = shelf.days()
        retire(store, day, policy)
        gone += [one for one in before if one not in shelf.days()]
    told = shelf.deletions(-1)
    assert [(one.day, one.retention, one.records, one.bytes) for one in told] == [
        (one.day, one.retention, one.records, one.bytes) for one in gone
    ]
    assert len(told) > 3
    assert {one.reason for one in told} == {"expired"}
    assert store.status().last_deletion == told[-1].manifest
    numbers = [one.manifest for one in told]
    for after in range(-1, store.status().manifests + 1):
        rest: list[DeletedDay] = [one for one in told if one.manifest > after]
        assert shelf.deletions(after) == rest
    assert numbers == sorted(set(numbers))


def test_the_last_deletion_is_known_after_a_start(store: SegmentStore, tmp_path: Path) -> None:
    for day in (1, 2):
        retire(store, day, ArchivePolicy((RetentionClass("a", 1),)))
    last = store.status().last_deletion
    assert last >= 0
    for number in range(12):
        store.seal(records([b"later"], MIDNIGHT + 2 * DAY, "b"), {0: Position(2, number)})
    store.close()
    again = SegmentStore(tmp_path, SENSOR, SetClock(MIDNIGHT + 2 * DAY))
    assert again.recover().snapshot > last
    assert again.status().last_deletion == last
    again.close()


def test_holds_are_those_that_the_chain_names(store: SegmentStore, shelf: ChainShelf) -> None:
    day = shelf.days()[0].day
    store.hold([LegalHold("case", day, day)])
    assert shelf.holds() == {"case"}
    store.hold([])
    assert shelf.holds() == frozenset()


def test_what_was_received_is_sealed_before_an_export(store: SegmentStore, tmp_path: Path) -> None:
    def seal() -> None:
        store.seal(records([b"last"], MIDNIGHT, "a"), {0: Position(9, 9)})

    shelf = ChainShelf(tmp_path, SENSOR, SetClock(MIDNIGHT), seal)
    tar = tmp_path / "out.tar"
    tar.write_bytes(b"".join(shelf.export(EVERYTHING)))
    assert verify_tar(tar)[1].rows == 19


def test_an_archive_is_checked_byte_by_byte(shelf: ChainShelf, tmp_path: Path) -> None:
    tar = tmp_path / "out.tar"
    content = b"".join(shelf.export(ExportRange(0, EVERYTHING.until_us, "b")))
    tar.write_bytes(content)
    listing, verified = verify_tar(tar)
    assert (verified.damages, verified.segments, verified.rows) == ((), 4, 8)
    assert listing.retention == "b"
    with tarfile.open(tar) as archive:
        members = [(one.name, one.offset_data, one.size) for one in archive]
    # The listing proves nothing by itself: it is held against the chain.
    for name, start, size in members[:-1]:
        for at in {start, start + size // 2, start + size - 1}:
            spoilt = bytearray(content)
            spoilt[at] ^= 1
            tar.write_bytes(spoilt)
            assert names_fault(tar, name)
    for length in (0, 511, 1000, members[2][1] + 5, members[-1][1], len(content) // 2):
        tar.write_bytes(content[:length])
        with pytest.raises(RefusedError):
            verify_tar(tar)


def names_fault(tar: Path, name: str) -> bool:
    """Whether the check says which segment it is, or that the chain does not hold."""
    damages = verify_tar(tar)[1].damages
    chain = any(one.kind is DamageKind.BREAK or one.kind is DamageKind.LINE for one in damages)
    return any(one.path == name for one in damages) or (chain and not name.endswith("parquet"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside", tarfile.REGTYPE),
        ("/sensor-1/chain/1.jsonl", tarfile.REGTYPE),
        ("../chain/1.jsonl", tarfile.REGTYPE),
        ("sensor-1/chain/1.jsonl", tarfile.SYMTYPE),
        ("sensor-1/other", tarfile.REGTYPE),
        ("export.json", tarfile.DIRTYPE),
    ],
)
def test_an_archive_with_anything_else_is_refused(tmp_path: Path, name: str, kind: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, "/etc/passwd"
    tar = tmp_path / "bad.tar"
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(entry, io.BytesIO())
    with pytest.raises(RefusedError):
        verify_tar(tar)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bad.tar"]


def test_segments_twice_or_none_are_refused(shelf: ChainShelf, tmp_path: Path) -> None:
    tar = tmp_path / "out.tar"
    content = b"".join(shelf.export(EVERYTHING))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        first, second, *_ = archive.getmembers()
    tar.write_bytes(content[: second.offset] + content)
    with pytest.raises(RefusedError, match="twice"):
        verify_tar(tar)
    tar.write_bytes(content[second.offset :])
    missing = verify_tar(tar)[1].damages
    assert [(one.kind, one.path) for one in missing] == [(DamageKind.MISSING, first.name)]


def test_a_lost_segment_and_a_failing_disk_are_said(shelf: ChainShelf, tmp_path: Path) -> None:
    next(tmp_path.rglob("*.parquet")).unlink()
    with pytest.raises(ConflictError):
        list(shelf.export(EVERYTHING))
    snapshot = tmp_path / SENSOR / "catalogue.snapshot"
    snapshot.unlink(missing_ok=True)
    snapshot.mkdir()
    with pytest.raises(UnavailableError):
        shelf.days()
