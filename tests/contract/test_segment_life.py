"""Segments over time: merged, held, deleted, exported; the records stay what and where they are."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from hashlib import shake_256
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealwire.errors import ConflictError, RefusedError
from sealwire.sensor.journal import Position
from sealwire.sensor.policy import ArchivePolicy, LegalHold, RetentionClass
from sealwire.stores.segments.damage import DamageKind
from sealwire.stores.segments.export import Range, export_files, export_folder, export_tar
from sealwire.stores.segments.export_check import verify_export
from sealwire.stores.segments.ledger import Pace
from sealwire.stores.segments.manifest import ManifestKind
from sealwire.stores.segments.reading import read_catalogue, read_manifests
from sealwire.stores.segments.records import record_lines
from sealwire.stores.segments.store import SegmentStore
from sealwire.stores.segments.verification import verify_segments
from tests.contract.records import DAY, HOUR, MIDNIGHT, SECOND, SetClock, records, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

SENSOR = "sensor-1"
EVERYTHING = Range(0, MIDNIGHT + 1000 * DAY)


class Life:
    """A store with its clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SetClock(MIDNIGHT)
        self.sealed = 0
        self.open()

    def open(self) -> None:
        self.store = SegmentStore(self.folder, SENSOR, self.clock, pace=Pace(2000, 5))
        assert self.store.recover().damages == ()

    def seal(self, *messages: bytes, at_ns: int = MIDNIGHT, retention: str = "a") -> None:
        self.sealed += 1
        table = records(list(messages), at_ns, retention)
        self.store.seal(table, {0: Position(1, self.sealed)})

    def merge(self) -> int:
        count = 0
        while self.store.compact(10**9) is not None:
            count += 1
        return count

    def files(self) -> set[str]:
        return set(self.store.folder.segment_files())

    def checked(self) -> None:
        assert verify_segments(self.folder, SENSOR).damages == ()
        live = {one.path for one in self.store.segments()}
        assert self.files() == live == set(read_catalogue(self.folder, SENSOR).segments)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    one = Life(tmp_path)
    yield one
    one.store.close()


# --- merging -------------------------------------------------------------------------------------


def test_small_segments_of_an_hour_and_class_become_one(life: Life) -> None:
    for number in range(6):
        life.seal(b"%d" % number, b"x", at_ns=MIDNIGHT + number % 2 * HOUR)
        life.seal(b"other", at_ns=MIDNIGHT, retention="b")
    before = stored(life.store)
    life.clock.at_ns = MIDNIGHT + DAY
    assert life.merge() == 3
    assert life.merge() == 0
    assert stored(life.store) == before
    assert [(one.hour[-2:], one.retention, one.rows) for one in life.store.segments()] == [
        ("00", "a", 6),
        ("00", "b", 6),
        ("01", "a", 6),
    ]
    for segment in life.store.segments():
        seqs = life.store.read(segment, ["seq"])["seq"].to_pylist()
        assert seqs == sorted(seqs)
    for seq, raw in before.items():
        evidence, row = life.store.record(seq)
        assert row["raw"][0].as_py() == raw
        assert evidence.manifest >= 12
    life.checked()
    names = [one.path.rpartition("/")[2] for one in life.store.segments()]
    assert names[0] == "sensor-1-000000000001-000000000012.parquet"


def test_an_hour_is_merged_only_when_it_is_over(life: Life) -> None:
    life.seal(b"1")
    life.seal(b"2")
    for at_ns, merged in ((HOUR, 0), (HOUR + 599 * SECOND, 0), (HOUR + 600 * SECOND, 1)):
        life.clock.at_ns = MIDNIGHT + at_ns
        assert life.merge() == merged


def test_what_is_not_indexed_yet_is_not_merged(life: Life) -> None:
    for number in range(4):
        life.seal(b"%d" % number)
    life.clock.at_ns = MIDNIGHT + DAY
    assert life.store.compact(1) is None
    merged = life.store.compact(3)
    assert merged is not None
    assert (merged.first_seq, merged.last_seq) == (1, 3)
    assert [one.first_seq for one in life.store.segments_after(3)] == [4]


def test_a_segment_that_was_changed_is_not_merged_and_stays(life: Life) -> None:
    for number in range(4):
        life.seal(b"%d" % number)
    life.clock.at_ns = MIDNIGHT + DAY
    bad = life.store.segments()[1]
    path = life.store.folder.locate(bad.path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RefusedError) as refused:
        life.store.compact(10**9)
    assert refused.value.code == "segments.changed"
    assert life.merge() == 1
    assert [one.rows for one in life.store.segments()] == [1, 1, 2]
    assert path.exists()


def test_a_late_record_does_not_have_a_large_file_written_again(life: Life) -> None:
    for number in range(2):
        life.seal(*(shake_256(b"%d-%d" % (number, i)).digest(60_000) for i in range(40)))
    life.clock.at_ns = MIDNIGHT + DAY
    assert life.merge() == 1
    life.seal(b"late")
    assert life.merge() == 0
    life.seal(b"later")
    assert life.merge() == 1, "the two small ones"


def test_records_are_found_while_their_segments_are_merged(life: Life) -> None:
    for number in range(40):
        life.seal(b"%d" % (number + 1), at_ns=MIDNIGHT + number % 4 * HOUR)
    life.clock.at_ns = MIDNIGHT + DAY
    found: list[bytes] = []
    done = Event()

    def look() -> None:
        while not done.is_set() or len(found) < 40:
            seq = len(found) % 40 + 1
            found.append(life.store.record(seq)[1]["raw"][0].as_py())

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        for upto in range(1, 41):
            life.store.compact(upto)
        done.set()
        looking.result()
    assert found == [b"%d" % (at % 40 + 1) for at in range(len(found))]
    life.checked()


# --- holds and deletion --------------------------------------------------------------------------


def day_of(offset: int) -> date:
    return datetime.fromtimestamp(MIDNIGHT // SECOND + offset * 86_400, UTC).date()


def kept(days: int, *holds: LegalHold, budget: int | None = None) -> ArchivePolicy:
    return ArchivePolicy((RetentionClass("a", days), RetentionClass("b")), (), (), holds, budget)


def test_whole_days_of_a_class_go_and_the_proof_stays(life: Life) -> None:
    for day in range(3):
        life.seal(b"first", at_ns=MIDNIGHT + day * DAY)
        life.seal(b"last", at_ns=MIDNIGHT + (day + 1) * DAY - 1)
        life.seal(b"b", at_ns=MIDNIGHT + day * DAY, retention="b")
        life.clock.at_ns = MIDNIGHT + (day + 1) * DAY - 1
    assert life.store.retire(kept(2)).deletions == ()
    life.clock.at_ns += 1
    (deletion,) = life.store.retire(kept(2)).deletions
    assert (deletion.day, deletion.retention, deletion.reason) == (day_of(0), "a", "expired")
    assert (deletion.segments, deletion.rows) == (2, 2)
    assert (deletion.first_seq, deletion.last_seq) == (1, 2)
    assert life.store.retire(kept(2)).deletions == ()
    assert sorted(stored(life.store)) == [3, 4, 5, 6, 7, 8, 9]
    life.checked()
    lines = list(read_manifests(life.folder, SENSOR))
    assert [one.deletion for one in lines if one.kind is ManifestKind.DELETE] == [deletion]
    assert [one.number for one in lines] == list(range(10)), "nothing was taken out of the chain"


def test_a_hold_keeps_its_days_until_it_is_released(life: Life) -> None:
    for day in range(4):
        life.seal(b"x", at_ns=MIDNIGHT + day * DAY)
        life.clock.at_ns = MIDNIGHT + day * DAY
    life.store.seal(records([]), {})
    hold = LegalHold("case", day_of(1), day_of(2), "a")
    days = [one.day for one in life.store.retire(kept(0, hold, budget=0)).deletions]
    assert days == [day_of(0)]
    life.store.close()
    life.open()
    assert [one.name for one in life.store.look(lambda each: each.holds.values())] == ["case"]
    assert life.store.hold([hold]) == ()
    assert life.store.retire(kept(0, hold, budget=0)).deletions == ()
    released = life.store.retire(kept(0)).deletions
    assert [one.day for one in released] == [day_of(1), day_of(2)]
    kinds = [one.kind for one in read_manifests(life.folder, SENSOR)][5:]
    assert kinds == ["hold", "delete", "release", "delete", "delete"]


def test_a_hold_that_changes_is_released_and_set_again(life: Life) -> None:
    life.store.hold([LegalHold("case", day_of(0), day_of(1))])
    changed = life.store.hold([LegalHold("case", day_of(0), day_of(9))])
    assert [one.kind for one in changed] == ["release", "hold"]
    (hold,) = read_catalogue(life.folder, SENSOR).holds.values()
    assert hold.last == day_of(9)


def test_over_budget_the_oldest_day_goes_and_what_must_stay_is_said(life: Life) -> None:
    for day in range(3):
        life.seal(b"x", at_ns=MIDNIGHT + day * DAY, retention="b")
        life.clock.at_ns = MIDNIGHT + day * DAY
    life.store.seal(records([]), {})
    total = life.store.status().bytes
    retired = life.store.retire(kept(9, budget=total - 1))
    assert [(one.day, one.reason) for one in retired.deletions] == [(day_of(0), "budget")]
    retired = life.store.retire(kept(9, budget=10), index_bytes=life.store.status().bytes)
    assert [one.day for one in retired.deletions] == [day_of(1)]
    assert retired.excess_bytes == 2 * life.store.status().bytes - 10


def test_a_clock_that_jumps_ahead_deletes_nothing_for_a_day(life: Life) -> None:
    life.seal(b"x")
    assert not life.store.clock_jumped
    life.clock.at_ns = MIDNIGHT + 400 * DAY
    assert life.store.retire(kept(30)).deletions == ()
    assert life.store.clock_jumped
    life.clock.at_ns += 23 * HOUR
    assert life.store.retire(kept(30)).deletions == ()
    life.clock.at_ns += HOUR
    assert len(life.store.retire(kept(30)).deletions) == 1
    assert not life.store.clock_jumped


def test_what_was_sealed_under_a_clock_that_jumped_vouches_for_no_day(life: Life) -> None:
    """A restart forgets what the steady clock showed, and finds records of next year."""
    life.seal(b"x")
    ahead = MIDNIGHT + 400 * DAY
    for hours in (0, 5, 23):
        life.clock.at_ns = ahead + hours * HOUR
        life.seal(b"later", at_ns=life.clock.at_ns)
        life.store.close()
        life.open()
        assert life.store.retire(kept(30)).deletions == ()
        assert life.store.clock_jumped
    # Set right, all is as it was; and what came with dates of next year stays.
    life.clock.at_ns = MIDNIGHT + DAY
    assert life.store.retire(kept(30)).deletions == ()
    assert not life.store.clock_jumped
    # Or it was no mistake.
    life.clock.at_ns = ahead + 25 * HOUR
    life.seal(b"still", at_ns=life.clock.at_ns)
    life.store.close()
    life.open()
    (gone,) = life.store.retire(kept(30)).deletions
    assert gone.day == day_of(0)


# --- export --------------------------------------------------------------------------------------


@pytest.fixture
def busy(life: Life) -> Life:
    """Hours of merged segments, a deleted day, two classes."""
    for hour in range(-3, 4):
        for _ in range(2):
            life.seal(b"%d" % hour, at_ns=MIDNIGHT + hour * HOUR + 5)
    life.seal(b"\xff b", at_ns=MIDNIGHT + HOUR, retention="b")
    life.clock.at_ns = MIDNIGHT + DAY
    assert life.merge() == 7
    assert len(life.store.retire(kept(1)).deletions) == 1
    life.checked()
    return life


def test_an_export_holds_the_range_as_it_is_and_proves_itself(busy: Life, tmp_path: Path) -> None:
    target = tmp_path / "out" / "export"
    wanted = Range(MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR)
    export_folder(busy.folder, SENSOR, wanted, target, busy.clock)
    listing, verified = verify_export(target)
    assert verified.damages == ()
    assert (verified.segments, verified.rows) == (3, 5)
    whole = verify_segments(busy.folder, SENSOR)
    assert (verified.head, verified.manifests) == (whole.head, whole.manifests)
    assert listing.manifests == whole.manifests
    for group in listing.groups:
        for path in group.segments:
            assert (target / path).read_bytes() == (busy.folder / path).read_bytes()
    with pytest.raises(FileExistsError):
        export_folder(busy.folder, SENSOR, wanted, target, busy.clock)


def test_the_manual_has_a_check_that_needs_nothing_of_ours(busy: Life, tmp_path: Path) -> None:
    manual = (Path(__file__).resolve().parents[2] / "docs/segments.md").read_text(encoding="utf-8")
    program = tmp_path / "check.py"
    program.write_text(manual.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    export_folder(busy.folder, SENSOR, EVERYTHING, tmp_path / "export", busy.clock)
    head = verify_segments(busy.folder, SENSOR).head

    def check(folder: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", program, folder]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert check(tmp_path / "export").stdout.endswith(f"as they were sealed; head {head}\n")
    path = tmp_path / "export" / busy.store.segments()[0].path
    path.write_bytes(path.read_bytes() + b"x")
    assert "was changed" in check(tmp_path / "export").stderr


def test_a_tar_export_is_the_same(busy: Life, tmp_path: Path) -> None:
    data = b"".join(export_tar(busy.folder, SENSOR, EVERYTHING, busy.clock))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "tar", filter="data")
    assert verify_export(tmp_path / "tar")[1].damages == ()
    one_class = Range(0, EVERYTHING.until_ns, "b")
    export_folder(busy.folder, SENSOR, one_class, tmp_path / "b", busy.clock)
    assert verify_export(tmp_path / "b")[1].rows == 1


def test_an_empty_range_exports_the_chain(busy: Life, tmp_path: Path) -> None:
    export_folder(busy.folder, SENSOR, Range(1, 2), tmp_path / "e", busy.clock)
    verified = verify_export(tmp_path / "e")[1]
    assert (verified.segments, verified.damages) == (0, ())
    assert verified.manifests > 20


def test_whatever_is_changed_in_an_export_is_found(busy: Life, tmp_path: Path) -> None:
    target = tmp_path / "export"
    export_folder(busy.folder, SENSOR, EVERYTHING, target, busy.clock)
    for path in sorted(target.rglob("*")):
        if path.is_file() and path.name != "export.json":
            content = path.read_bytes()
            for spoilt in (content[:-1], content[1:], bytes([content[0] ^ 1]) + content[1:]):
                path.write_bytes(spoilt)
                assert verify_export(target)[1].damages, path
            path.unlink()
            assert verify_export(target)[1].damages, path
            path.write_bytes(content)
    assert verify_export(target)[1].damages == ()
    stray = target / busy.store.segments()[0].path
    stray.with_name("sensor-1-000000009999.parquet").write_bytes(b"x")
    assert [one.kind for one in verify_export(target)[1].damages] == [DamageKind.STRAY]


def test_a_listing_that_leaves_something_out_is_found(busy: Life, tmp_path: Path) -> None:
    target = tmp_path / "export"
    export_folder(busy.folder, SENSOR, EVERYTHING, target, busy.clock)
    listing = json.loads((target / "export.json").read_bytes())
    dropped = listing["groups"].pop()
    for path in dropped["segments"]:
        (target / path).unlink()
    (target / "export.json").write_text(json.dumps(listing))
    found = verify_export(target)[1].damages
    assert [(one.kind, one.path) for one in found] == [(DamageKind.MISSING, dropped["hour"])]
    for spoilt in ("", "[]", "{}", json.dumps({**listing, "version": 2}), '{"version":1}'):
        (target / "export.json").write_text(spoilt)
        with pytest.raises(RefusedError):
            verify_export(target)


def test_an_export_beside_merging_and_deleting_is_whole(life: Life, tmp_path: Path) -> None:
    for number in range(12):
        life.seal(b"%d" % number, at_ns=MIDNIGHT + number % 3 * HOUR)
    life.seal(b"doomed", at_ns=MIDNIGHT - DAY, retention="a")
    target = tmp_path / "export"
    life.clock.at_ns = MIDNIGHT + DAY
    files = export_files(life.folder, SENSOR, EVERYTHING, life.clock)
    for seen, file in enumerate(files):
        path = target / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(file.content))
        if seen == 2:
            # The first hour is on its way; the others change under its feet.
            life.merge()
            life.seal(b"new", at_ns=MIDNIGHT + 2 * HOUR)
            assert len(life.store.retire(kept(1)).deletions) == 1
    listing, verified = verify_export(target)
    assert verified.damages == ()
    assert verified.rows == 14
    assert len({one.as_of for one in listing.groups}) == 2


def test_an_export_of_a_lost_segment_says_so(busy: Life) -> None:
    busy.store.folder.locate(busy.store.segments()[0].path).unlink()
    with pytest.raises(ConflictError):
        list(export_files(busy.folder, SENSOR, EVERYTHING, busy.clock))


def test_records_come_out_as_json_lines(busy: Life) -> None:
    wanted = Range(MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR)
    lines = [json.loads(line) for line in record_lines(busy.folder, SENSOR, wanted)]
    assert [one["message"] for one in lines] == ["1", "1", "\ufffd b"]
    first, _, last = lines
    assert first["raw"] == "1"
    assert (last["raw_base64"], last["raw"]) == ("/yBi", "\ufffd b")
    assert first["received"] == "2026-11-19T01:00:00.000000Z"
    assert (first["framing"], first["grade"], first["flags"]) == ("octets", "strict", [])
    assert (first["address"], first["listener"]) == ("192.0.2.1", 6514)
    assert list(record_lines(busy.folder, SENSOR, Range(1, 2))) == []


# --- any life ------------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("seal"),
            st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ab")), max_size=6),
        ),
        st.tuples(st.just("merge"), st.integers(0, 40)),
        st.tuples(st.just("retire"), st.integers(0, 4)),
        st.tuples(st.just("restart"), st.none()),
    ),
    min_size=3,
    max_size=14,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_in_any_order_no_record_is_lost_doubled_or_changed(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder))
        life.clock.at_ns = MIDNIGHT + 3 * DAY
        model: list[tuple[bytes, str, date]] = []
        for kind, value in steps:
            if kind == "seal":
                assert isinstance(value, list)
                rows = [
                    (b"%d" % (len(model) + at), name, MIDNIGHT + hour * HOUR)
                    for at, (hour, name) in enumerate(value)
                ]
                table = records(
                    [row[0] for row in rows], [row[2] for row in rows], [row[1] for row in rows]
                )
                life.store.seal(table, {0: Position(1, len(model) + len(rows))})
                model += [(raw, name, day_of((at - MIDNIGHT) // DAY)) for raw, name, at in rows]
            elif kind == "merge":
                assert isinstance(value, int)
                life.store.compact(value)
            elif kind == "retire":
                assert isinstance(value, int)
                hold = LegalHold("case", day_of(1), day_of(1), "a")
                for one in life.store.retire(kept(value, hold)).deletions:
                    gone = [row for row in model if (row[1], row[2]) == (one.retention, one.day)]
                    assert one.rows == len([row for row in gone if row[0]])
                    model = [row if row not in gone else (b"", "", row[2]) for row in model]
            else:
                life.store.close()
                life.open()
            assert sorted(stored(life.store).values()) == sorted(row[0] for row in model if row[0])
        life.checked()
        life.store.close()
