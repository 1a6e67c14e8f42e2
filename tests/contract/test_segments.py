"""Segments on real files: sealed once, chained, found by number, recovered after any stop."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from sealwire.sensor.journal import Position
from sealwire.stores.segments.damage import DamageKind
from sealwire.stores.segments.reading import read_catalogue
from sealwire.stores.segments.schema import SCHEMA
from sealwire.stores.segments.store import SegmentStore
from tests.contract.records import DAY, HOUR, MIDNIGHT, SECOND, SetClock, records, stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def opened(folder: Path) -> SegmentStore:
    store = SegmentStore(folder, "sensor-1", SetClock())
    store.recover()
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SegmentStore]:
    one = opened(tmp_path)
    yield one
    one.close()


def at(offset: int) -> dict[int, Position]:
    return {0: Position(1, offset)}


# Written down once: what is sealed has to stay readable for years.
GOLDEN = """
seq: uint64 not null
received: timestamp[ns, tz=UTC] not null
listener: uint16 not null
transport: dictionary<values=string, indices=int32, ordered=0> not null
peer_address: dictionary<values=string, indices=int32, ordered=0> not null
peer_port: uint16 not null
certificate_sha256: dictionary<values=string, indices=int32, ordered=0>
certificate_subject: dictionary<values=string, indices=int32, ordered=0>
tls_version: dictionary<values=string, indices=int32, ordered=0> not null
cipher: dictionary<values=string, indices=int32, ordered=0> not null
framing: uint8 not null
flags: uint16 not null
retention: dictionary<values=string, indices=int32, ordered=0> not null
grade: uint8 not null
rule: dictionary<values=string, indices=int32, ordered=0> not null
facility: uint8
severity: uint8
ts: timestamp[us, tz=UTC]
host: dictionary<values=string, indices=int32, ordered=0>
app: dictionary<values=string, indices=int32, ordered=0>
procid: string
msgid: dictionary<values=string, indices=int32, ordered=0>
message_start: uint32 not null
raw: binary not null
"""


def test_the_schema_is_the_one_that_was_written_down(store: SegmentStore) -> None:
    assert SCHEMA.to_string(show_schema_metadata=False).strip() == GOLDEN.strip()
    (segment,) = store.seal(records([b"a"]), at(1)).segments
    path = store.folder.locate(segment.path)
    assert pq.read_schema(path).remove_metadata().equals(SCHEMA)
    assert pq.read_schema(path).metadata[b"sealwire.segment"] == b"1"


def test_what_was_sealed_is_read_as_it_was(store: SegmentStore) -> None:
    table = records([b"<13>a", b"\xff\0\n", b""], [MIDNIGHT, MIDNIGHT + 5, MIDNIGHT + 7])
    seal = store.seal(table, at(10))
    (segment,) = seal.segments
    assert (seal.first_seq, seal.next_seq, segment.rows) == (1, 4, 3)
    assert (segment.first_ns, segment.last_ns) == (MIDNIGHT, MIDNIGHT + 7)
    assert segment.path == "sensor-1/2026/11/19/00/sensor-1-000000000001.parquet"
    content = store.folder.locate(segment.path).read_bytes()
    assert (sha256(content).hexdigest(), len(content)) == (segment.sha256, segment.bytes)
    found = store.read(segment)
    assert found.schema.equals(SCHEMA)
    assert found.drop_columns(["seq"]).equals(table)
    assert found["seq"].to_pylist() == [1, 2, 3]
    assert store.read(segment, ["raw"])["raw"].to_pylist() == [b"<13>a", b"\xff\0\n", b""]


def test_each_hour_and_class_has_its_segment(store: SegmentStore) -> None:
    times = [MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + HOUR - 1, MIDNIGHT + HOUR, MIDNIGHT]
    classes = ["b", "b", "b", "a", "a"]
    seal = store.seal(records([b"0", b"1", b"2", b"3", b"4"], times, classes), at(1))
    kept = [(one.hour[-13:], one.retention, one.rows) for one in seal.segments]
    assert kept == [
        ("2026/11/18/23", "b", 1),
        ("2026/11/19/00", "a", 1),
        ("2026/11/19/00", "b", 2),
        ("2026/11/19/01", "a", 1),
    ]
    assert stored(store) == {1: b"0", 2: b"4", 3: b"1", 4: b"2", 5: b"3"}
    assert [str(one.day) for one in seal.segments] == ["2026-11-18"] + ["2026-11-19"] * 3


def test_plain_text_and_narrow_numbers_are_taken_too(store: SegmentStore) -> None:
    table = records([b"a", b"b"])
    plain = pa.table(
        {
            name: table[name].cast(pa.string()) if pa.types.is_dictionary(kind) else table[name]
            for name, kind in zip(table.column_names, table.schema.types, strict=True)
        }
    )
    (segment,) = store.seal(plain, at(1)).segments
    assert store.read(segment).drop_columns(["seq"]).equals(table)


def test_a_table_with_other_columns_is_refused_and_nothing_happens(store: SegmentStore) -> None:
    table = records([b"a"])
    with pytest.raises(ValueError, match="seq"):
        store.seal(table.append_column("seq", [[1]]), at(1))
    with pytest.raises(ValueError, match="raw"):
        store.seal(table.drop_columns(["raw"]), at(1))
    nothing = pa.array([None], table.schema.field("rule").type)
    with pytest.raises(ValueError, match="rule has nulls"):
        store.seal(table.set_column(table.column_names.index("rule"), "rule", nothing), at(1))
    assert store.segments() == ()
    assert store.seal(table, at(1)).first_seq == 1


def test_positions_come_back_and_never_go_backwards(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.seal(records([b"a"]), {0: Position(1, 50), 1: Position(3, 7)})
    seal = store.seal(records([]), {1: Position(4, 0)})
    assert seal.segments == ()
    assert seal.positions == {0: Position(1, 50), 1: Position(4, 0)}
    with pytest.raises(RefusedError):
        store.seal(records([b"b"]), {0: Position(1, 49)})
    store.close()
    again = SegmentStore(tmp_path, "sensor-1", SetClock())
    recovered = again.recover()
    assert recovered.positions == seal.positions
    assert (recovered.next_seq, recovered.damages, recovered.removed) == (2, (), ())
    again.close()


def test_one_process_owns_the_segments(store: SegmentStore, tmp_path: Path) -> None:
    with pytest.raises(ConflictError):
        SegmentStore(tmp_path, "sensor-1", SetClock())
    SegmentStore(tmp_path, "sensor-2", SetClock()).close()
    for name in ("..", "a/b", "", "-x", "a" * 65):
        with pytest.raises(RefusedError):
            SegmentStore(tmp_path, name, SetClock())


def test_nothing_is_done_before_the_chain_was_read(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path, "sensor-1", SetClock())
    with pytest.raises(UnavailableError):
        store.seal(records([b"a"]), at(1))
    store.close()


def test_every_record_is_located(store: SegmentStore) -> None:
    hours = [MIDNIGHT + (number % 3) * HOUR for number in range(12)]
    for batch in range(3):
        messages = [b"%d-%d" % (batch, number) for number in range(12)]
        store.seal(records(messages, hours, ["a", "b"] * 6), at(batch))
    by_path = {one.path: one for one in store.segments()}
    for seq, raw in stored(store).items():
        evidence, row = store.record(seq)
        assert evidence == store.locate(seq)
        segment = by_path[evidence.segment]
        assert (evidence.sha256, evidence.manifest) == (segment.sha256, segment.manifest)
        assert row["raw"].to_pylist() == [raw]
        assert store.read(segment)["raw"][evidence.row].as_py() == raw
    for unknown in (0, 37, 10**12):
        with pytest.raises(NotFoundError):
            store.locate(unknown)


def test_a_large_segment_is_read_in_parts(store: SegmentStore) -> None:
    messages = [b"%d" % number for number in range(70_000)]
    store.seal(records(messages, list(range(MIDNIGHT, MIDNIGHT + 70_000))), at(1))
    for seq in (1, 16_384, 16_385, 65_537, 70_000):
        evidence, row = store.record(seq)
        assert (evidence.row, row["raw"][0].as_py()) == (seq - 1, b"%d" % (seq - 1))


def test_segments_are_found_by_number_and_time(store: SegmentStore) -> None:
    for hour in range(5):
        store.seal(records([b"a", b"b"], MIDNIGHT + hour * HOUR), at(hour))
    assert [one.first_seq for one in store.segments_after(4)] == [5, 7, 9]
    assert [one.first_seq for one in store.segments_after(5)] == [5, 7, 9]
    between = store.look(lambda one: one.between(MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR))
    assert [one.first_seq for one in between] == [3, 5]
    assert store.look(lambda one: one.between(MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)) == []
    status = store.look(lambda one: one.status())
    assert (status.segments, status.rows, status.next_seq, status.manifests) == (5, 10, 11, 5)
    assert (status.oldest_ns, status.newest_ns) == (MIDNIGHT, MIDNIGHT + 4 * HOUR)
    assert sum(store.look(lambda one: one.bytes_by_day()).values()) == status.bytes


def test_each_line_names_the_one_before(store: SegmentStore, tmp_path: Path) -> None:
    for number in range(4):
        store.seal(records([b"a"], MIDNIGHT + number * SECOND), at(number))
    (chain,) = (tmp_path / "sensor-1" / "chain").iterdir()
    lines = chain.read_bytes().splitlines()
    prev = "0" * 64
    for number, line in enumerate(lines):
        document = json.loads(line)
        assert (document["number"], document["prev"], document["kind"]) == (number, prev, "seal")
        prev = sha256(line).hexdigest()
    assert len(lines) == 4


def test_a_seal_of_very_many_segments_takes_several_lines(tmp_path: Path) -> None:
    store = opened(tmp_path)
    times = [MIDNIGHT + hour * HOUR for hour in range(100)]
    seal = store.seal(records([b"x"] * 100, times), at(9))
    assert len(seal.segments) == 100
    assert seal.manifest == 1
    store.close()
    (chain,) = (tmp_path / "sensor-1" / "chain").iterdir()
    assert max(map(len, chain.read_bytes().splitlines())) < 65_536
    again = SegmentStore(tmp_path, "sensor-1", SetClock())
    assert again.recover().damages == ()
    assert len(again.segments()) == 100
    again.close()
    # Without its last line nothing of it was sealed.
    chain.write_bytes(b"".join(chain.read_bytes().splitlines(keepends=True)[:1]))
    again = SegmentStore(tmp_path, "sensor-1", SetClock())
    recovered = again.recover()
    assert (recovered.positions, recovered.next_seq) == ({}, 1)
    assert recovered.damages[0].kind is DamageKind.TORN
    again.close()


def test_another_process_sees_what_is_sealed(store: SegmentStore, tmp_path: Path) -> None:
    store.seal(records([b"a"]), at(1))
    assert list(read_catalogue(tmp_path, "sensor-1").in_order()) == list(store.segments())
