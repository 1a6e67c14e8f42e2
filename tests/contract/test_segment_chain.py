"""Chains that are damaged, cut or moved back: said, kept, and never taken for new."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from sealwire.sensor.journal import Position
from sealwire.stores.segments.damage import DamageKind
from sealwire.stores.segments.ledger import Pace
from sealwire.stores.segments.manifest import ManifestKind, decode_manifest
from sealwire.stores.segments.reading import read_catalogue
from sealwire.stores.segments.store import SegmentStore
from sealwire.stores.segments.verification import verify_segments
from tests.contract.records import MIDNIGHT, SECOND, SetClock, records, stored

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.stores.segments.recovery import Recovered

SENSOR = "sensor-1"


def sealed(folder: Path, count: int, pace: Pace | None = None) -> None:
    store, _ = opened(folder, pace)
    done = store.look(lambda one: one.next_seq)
    for number in range(done, done + count):
        store.seal(records([b"%d" % number], MIDNIGHT + number * SECOND), at(number))
    store.close()


def at(offset: int) -> dict[int, Position]:
    return {0: Position(1, offset)}


def opened(folder: Path, pace: Pace | None = None) -> tuple[SegmentStore, Recovered]:
    store = SegmentStore(folder, SENSOR, SetClock(), pace=pace)
    return store, store.recover()


def chain_of(folder: Path) -> Path:
    return min((folder / SENSOR / "chain").glob("*.jsonl"))


def kinds(recovered: Recovered) -> list[DamageKind]:
    return [one.kind for one in recovered.damages]


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("five")
    sealed(folder, 5)
    return folder


@pytest.fixture
def folder(five: Path, tmp_path: Path) -> Path:
    shutil.copytree(five, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_torn_line_is_cut_kept_and_reported_and_its_segment_is_kept(folder: Path) -> None:
    chain = chain_of(folder)
    content = chain.read_bytes()
    last = content[:-1].rindex(b"\n") + 1
    for length in (last + 1, (last + len(content)) // 2, len(content) - 1):
        copy = folder / f"at-{length}"
        shutil.copytree(folder / SENSOR, copy / SENSOR)
        chain_of(copy).write_bytes(content[:length])
        assert len(read_catalogue(copy, SENSOR).segments) == 4
        store, recovered = opened(copy)
        assert kinds(recovered) == [DamageKind.TORN, DamageKind.STRAY]
        assert (recovered.next_seq, recovered.positions) == (5, at(4))
        torn, stray = recovered.damages
        assert torn.kept_in is not None
        assert (copy / torn.kept_in).read_bytes() == content[last:length]
        assert chain_of(copy).read_bytes() == content[:last]
        assert stray.kept_in is not None
        assert (copy / stray.kept_in).is_file()
        store.seal(records([b"5"]), at(5))
        assert stored(store) == {number: b"%d" % number for number in range(1, 6)}
        store.close()
        store, recovered = opened(copy)
        assert recovered.damages == (), "it is reported once"
        store.close()
        assert verify_segments(copy, SENSOR).damages == ()


def test_every_changed_byte_of_the_chain_is_found(folder: Path) -> None:
    chain = chain_of(folder)
    content = chain.read_bytes()
    head = verify_segments(folder, SENSOR).head
    last = content[:-1].rindex(b"\n") + 1
    for offset in range(0, len(content), 23):
        changed = bytearray(content)
        changed[offset] ^= 1
        chain.write_bytes(bytes(changed))
        found = verify_segments(folder, SENSOR)
        # The last line has no successor that names it: its change shows in the head.
        assert found.damages or (offset >= last and found.head != head)


def test_a_line_that_cannot_be_read_stays_and_so_does_its_segment(folder: Path) -> None:
    chain = chain_of(folder)
    lines = chain.read_bytes().splitlines(keepends=True)
    path = decode_manifest(lines[2]).segments[0].path
    lines[2] = b"{" + lines[2][:-1] + b"\n"
    chain.write_bytes(b"".join(lines))
    store, recovered = opened(folder)
    assert kinds(recovered) == [DamageKind.LINE, DamageKind.BREAK, DamageKind.STRAY]
    assert (recovered.next_seq, recovered.positions) == (6, at(5))
    assert chain.read_bytes() == b"".join(lines)
    kept = recovered.damages[2].kept_in
    assert kept == f"{SENSOR}/quarantine/{path.rpartition('/')[2]}"
    assert (folder / kept).is_file()
    store.seal(records([b"6"]), at(6))
    assert sorted(stored(store)) == [1, 2, 4, 5, 6]
    store.close()
    assert [one.kind for one in verify_segments(folder, SENSOR).damages] == [
        DamageKind.LINE,
        DamageKind.BREAK,
    ]


@pytest.mark.parametrize("order", [[0, 1, 3, 4], [0, 2, 1, 3, 4], [0, 1, 1, 2, 3, 4], [1, 2, 3, 4]])
def test_lines_that_were_dropped_moved_or_doubled_are_found(folder: Path, order: list[int]) -> None:
    chain = chain_of(folder)
    lines = chain.read_bytes().splitlines(keepends=True)
    chain.write_bytes(b"".join(lines[number] for number in order))
    found = verify_segments(folder, SENSOR)
    assert found.damages
    assert {one.kind for one in found.damages} == {DamageKind.BREAK}


def test_a_lost_chain_does_not_make_its_segments_rubbish(folder: Path) -> None:
    shutil.rmtree(folder / SENSOR / "chain")
    store, recovered = opened(folder)
    assert kinds(recovered) == [DamageKind.STRAY] * 5
    assert len(list((folder / SENSOR / "quarantine").iterdir())) == 5
    store.close()


def test_a_chain_that_was_put_back_to_an_earlier_state_is_noticed(tmp_path: Path) -> None:
    pace = Pace(snapshot_every=2)
    sealed(tmp_path, 2, pace)
    earlier = {path.name: path.read_bytes() for path in (tmp_path / SENSOR / "chain").iterdir()}
    sealed(tmp_path, 4, pace)
    shutil.rmtree(tmp_path / SENSOR / "chain")
    (tmp_path / SENSOR / "chain").mkdir()
    for name, content in earlier.items():
        (tmp_path / SENSOR / "chain" / name).write_bytes(content)
    store, recovered = opened(tmp_path, pace)
    assert kinds(recovered) == [DamageKind.SHORTENED] + [DamageKind.STRAY] * 4
    assert recovered.next_seq == 3
    store.close()


@pytest.mark.parametrize("spoil", ["empty", "flipped", "gone"])
def test_a_spoilt_snapshot_costs_only_time(tmp_path: Path, spoil: str) -> None:
    pace = Pace(snapshot_every=2)
    sealed(tmp_path, 5, pace)
    snapshot = tmp_path / SENSOR / "catalogue.snapshot"
    store, recovered = opened(tmp_path, pace)
    assert recovered.snapshot == 4
    whole = dict(store.look(lambda one: one.segments))
    store.close()
    content = bytearray(snapshot.read_bytes())
    content[200] ^= 1
    snapshot.write_bytes(b"" if spoil == "empty" else bytes(content))
    if spoil == "gone":
        snapshot.unlink()
    store, recovered = opened(tmp_path, pace)
    assert (recovered.snapshot, recovered.damages, recovered.next_seq) == (0, (), 6)
    assert store.look(lambda one: one.segments) == whole
    store.close()


def test_a_chain_of_many_files_is_one_chain(tmp_path: Path) -> None:
    pace = Pace(rotate_at=700, snapshot_every=10**9)
    sealed(tmp_path, 4, pace)
    sealed(tmp_path, 3, pace)
    files = sorted((tmp_path / SENSOR / "chain").iterdir())
    assert [int(one.stem) for one in files] == [0, 2, 4, 6]
    verified = verify_segments(tmp_path, SENSOR)
    assert (verified.manifests, verified.segments, verified.damages) == (7, 7, ())
    files[1].unlink()
    assert [one.kind for one in verify_segments(tmp_path, SENSOR).damages] == [DamageKind.BREAK]


def test_segments_that_are_lost_or_changed_are_reported_and_kept(folder: Path) -> None:
    store, _ = opened(folder)
    one, two, three, *_ = (store.folder.locate(each.path) for each in store.segments())
    store.close()
    one.unlink()
    two.write_bytes(two.read_bytes() + b"x")
    content = bytearray(three.read_bytes())
    content[100] ^= 1
    three.write_bytes(bytes(content))
    store, recovered = opened(folder)
    assert kinds(recovered) == [DamageKind.MISSING, DamageKind.CHANGED]
    assert two.exists()
    store.close()
    found = verify_segments(folder, SENSOR).damages
    assert [each.kind for each in found] == [
        DamageKind.MISSING,
        DamageKind.CHANGED,
        DamageKind.CHANGED,
    ]


def test_a_line_that_leads_out_of_the_folder_is_not_followed(folder: Path) -> None:
    outside = folder / "precious.parquet"
    outside.write_bytes(b"x")
    chain = chain_of(folder)
    lines = chain.read_bytes().splitlines(keepends=True)
    path = decode_manifest(lines[4]).segments[0].path.encode()
    for forged in (b"../precious.parquet", b"/etc/passwd", b"sensor-1/2026/11/19/00/../x.parquet"):
        chain.write_bytes(b"".join([*lines[:4], lines[4].replace(path, forged)]))
        assert len(read_catalogue(folder, SENSOR).segments) == 4
        assert DamageKind.LINE in {one.kind for one in verify_segments(folder, SENSOR).damages}
    assert outside.exists()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"number":0}',
        b'{"number":0,"prev":"","kind":"other","sensor":"s","created":""}',
        b'{"number":0,"prev":"","kind":"seal","sensor":"s","created":"","color":1}',
        b'{"number":0,"prev":"","kind":"seal","sensor":"s","created":"","segments":[{}]}',
        b'{"number":0,"prev":"","kind":"seal","sensor":"s","created":"","positions":{"0":[1,2,3]}}',
        b'{"number":0,"prev":"","kind":"hold","sensor":"s","created":"","hold":{"name":"x"}}',
        b"\xff\xfe",
        b"\0\0\0\0",
    ],
)
def test_what_is_no_manifest_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode_manifest(line)


def test_a_line_is_what_it_was_written_down_as(folder: Path) -> None:
    line = chain_of(folder).read_bytes().splitlines()[1]
    manifest = decode_manifest(line)
    assert manifest.kind is ManifestKind.SEAL
    (segment,) = manifest.segments
    assert line.decode() == (
        f'{{"number":1,"prev":"{manifest.prev}","kind":"seal","sensor":"sensor-1",'
        '"created":"2026-11-19T00:00:00Z","positions":{"0":[1,2]},"segments":['
        '{"path":"sensor-1/2026/11/19/00/sensor-1-000000000002.parquet",'
        f'"sha256":"{segment.sha256}","bytes":{segment.bytes},"rows":1,"first_seq":2,'
        '"last_seq":2,"first_ns":1795046402000000000,"last_ns":1795046402000000000,'
        '"retention":"default","day":"2026-11-19"}]}'
    )
