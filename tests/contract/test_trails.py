"""What TrailTx promises."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sealwire.audit.events import auth_success
from sealwire.audit.formats import AuditFormat
from sealwire.audit.ports import TrailHead
from sealwire.audit.recorder import Recorder
from sealwire.audit.trail import append_leaf, head_of, leaf_hash, root
from sealwire.clock import SystemClock
from sealwire.errors import ConflictError, RefusedError
from sealwire.stores.promises import TransactionMisuseError
from tests.contract import rows

if TYPE_CHECKING:
    from sealwire.audit.ports import TrailTx
    from tests.contract.conftest import AnyStore


def fill(store: AnyStore, trail: str, count: int) -> None:
    def use_case(tx: TrailTx) -> None:
        for idx in range(count):
            head = tx.lock_trail(trail)
            record = rows.record(trail, idx)
            tx.append_record(record, append_leaf(head, record.leaf))

    store.run(use_case)


def test_a_new_trail_is_empty(store: AnyStore) -> None:
    assert store.run(lambda tx: tx.lock_trail("ca")) == TrailHead(0, ())
    assert store.read(lambda tx: tx.trail_head("ca")) == TrailHead(0, ())
    assert store.read(lambda tx: tx.trail_names()) == []
    assert store.read(lambda tx: tx.trail_records("ca", start=0, limit=1)) == []


def test_records_come_back_in_order_and_whole(store: AnyStore) -> None:
    fill(store, "ca", 9)
    expected = [rows.record("ca", idx) for idx in range(9)]
    assert store.read(lambda tx: tx.trail_records("ca", start=0, limit=100)) == expected
    assert store.read(lambda tx: tx.trail_records("ca", start=4, limit=3)) == expected[4:7]
    assert store.read(lambda tx: tx.trail_records("ca", start=8, limit=3)) == expected[8:]
    assert store.read(lambda tx: tx.trail_records("ca", start=9, limit=3)) == []
    assert store.read(lambda tx: tx.trail_head("ca")) == rows.heads(9)[9]


def test_trails_are_apart(store: AnyStore) -> None:
    fill(store, "sensor", 2)
    fill(store, "ca", 3)
    store.run(lambda tx: tx.lock_trail("appliance"))
    assert store.read(lambda tx: tx.trail_names()) == ["ca", "sensor"]
    assert store.read(lambda tx: tx.trail_head("sensor")) == rows.heads(2, "sensor")[2]
    assert store.read(lambda tx: tx.trail_head("ca")) == rows.heads(3)[3]


@pytest.mark.parametrize(("idx", "size"), [(1, 2), (3, 4), (2, 2), (2, 4)])
def test_an_index_that_is_not_the_size_is_a_conflict(store: AnyStore, idx: int, size: int) -> None:
    fill(store, "ca", 2)

    def use_case(tx: TrailTx) -> None:
        tx.lock_trail("ca")
        tx.append_record(rows.record(idx=idx), TrailHead(size, rows.heads(2)[2].frontier))

    with pytest.raises(ConflictError) as conflict:
        store.run(use_case)
    assert conflict.value.code == "trail.index"
    assert store.read(lambda tx: tx.trail_head("ca")) == rows.heads(2)[2]


def test_a_trail_is_locked_before_it_is_appended_to(store: AnyStore) -> None:
    with pytest.raises(TransactionMisuseError):
        store.run(lambda tx: tx.append_record(rows.record(), rows.heads(1)[1]))


def test_an_event_outside_the_catalogue_is_not_stored(store: AnyStore) -> None:
    def use_case(tx: TrailTx) -> None:
        tx.lock_trail("ca")
        tx.append_record(rows.record(event="MADE_UP"), rows.heads(1)[1])

    with pytest.raises(RefusedError) as refused:
        store.run(use_case)
    assert refused.value.code == "audit.event_unknown"


def test_many_writers_leave_no_gap_and_one_tree(store: AnyStore) -> None:
    recorder = Recorder(SystemClock(), "ca1.example.com", AuditFormat.V10_4_5, "0.1.0")
    writers, each = 16, 20
    barrier = threading.Barrier(writers)

    def write(writer: int) -> list[int]:
        barrier.wait(10)
        event = auth_success(f"user{writer}", "certUserDBAuthMgr")
        return [store.run(lambda tx: recorder.record(tx, "ca", event)).idx for _ in range(each)]

    with ThreadPoolExecutor(writers) as pool:
        answered = list(pool.map(write, range(writers)))
    assert sorted(idx for indexes in answered for idx in indexes) == list(range(writers * each))
    assert all(indexes == sorted(indexes) for indexes in answered)
    records = store.read(lambda tx: tx.trail_records("ca", start=0, limit=1000))
    assert [record.idx for record in records] == list(range(writers * each))
    assert all(f'idx="{record.idx}"]'.encode() in record.message for record in records)
    head = store.read(lambda tx: tx.trail_head("ca"))
    assert root(head) == root(head_of(leaf_hash(record.message) for record in records))
    assert [record.leaf for record in records] == [leaf_hash(r.message) for r in records]
