"""What UnitTx promises, and that a trail keeps its name whoever writes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.appliance.ports import Lease, UnitRow
from sealwire.audit.events import auth_success
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.audit.trail import head_of
from sealwire.clock import SystemClock
from sealwire.errors import ConflictError
from sealwire.stores.promises import TransactionMisuseError

if TYPE_CHECKING:
    from tests.contract.conftest import AnyStore

FIRST = UnitRow("unit-1", "one.example.com", "https://one.example.com:8443", 0)


def test_units_are_kept_by_name(store: AnyStore) -> None:
    assert store.read(lambda tx: tx.units()) == []
    second = UnitRow("unit-2", "zwei.example.com", "", 2**40)
    for unit in (second, FIRST):
        store.run(lambda tx, unit=unit: tx.put_unit(unit))
    assert store.read(lambda tx: tx.units()) == [FIRST, second]
    moved = UnitRow("unit-1", "one.example.com", "https://one.example.com:9443", 1)
    store.run(lambda tx: tx.put_unit(moved))
    assert store.read(lambda tx: tx.units()) == [moved, second]


def test_the_lease_changes_hands_one_term_after_the_other(store: AnyStore) -> None:
    assert store.read(lambda tx: tx.lease()) is None
    leases = [Lease(holder, term) for term, holder in enumerate(("unit-1", "", "unit-2"), 1)]
    for lease in leases:
        store.run(lambda tx, lease=lease: tx.put_lease(lease))
        assert store.read(lambda tx: tx.lease()) == lease


@pytest.mark.parametrize("term", [-1, 0, 1, 3, 4])
def test_a_lease_of_another_term_is_a_conflict(store: AnyStore, term: int) -> None:
    store.run(lambda tx: tx.put_lease(Lease("unit-1", 1)))
    with pytest.raises(ConflictError) as refused:
        store.run(lambda tx: tx.put_lease(Lease("unit-2", term)))
    assert refused.value.code == "lease.changed"
    assert store.read(lambda tx: tx.lease()) == Lease("unit-1", 1)


def test_a_first_lease_has_term_1(store: AnyStore) -> None:
    with pytest.raises(ConflictError):
        store.run(lambda tx: tx.put_lease(Lease("unit-1", 2)))
    assert store.read(lambda tx: tx.lease()) is None


def test_a_read_writes_neither(store: AnyStore) -> None:
    with pytest.raises(TransactionMisuseError):
        store.read(lambda tx: tx.put_unit(FIRST))
    with pytest.raises(TransactionMisuseError):
        store.read(lambda tx: tx.put_lease(Lease("unit-1", 1)))


def test_a_trail_keeps_the_name_that_its_first_record_gave_it(store: AnyStore) -> None:
    clock = SystemClock()
    recorders = [
        Recorder(clock, host, AuditFormat.V10_4_5, "0.1.0")
        for host in ("one.example.com", "two.example.com")
    ]
    for turn in range(5):
        recorder = recorders[turn % 2]
        event = auth_success("caadmin", "m")
        store.run(lambda tx, r=recorder, e=event: r.record(tx, "appliance", e))
    records = store.read(lambda tx: tx.trail_records("appliance", start=0, limit=10))
    for idx, record in enumerate(records):
        host = (b"one", b"two")[idx % 2]
        assert host + b".example.com sealwire-appliance" in record.message
        assert b'log="one.example.com/appliance" idx="%d"' % idx in record.message
    head = store.read(lambda tx: tx.trail_head("appliance"))
    assert head.log == "one.example.com/appliance"
    assert head == head_of(record.leaf for record in records)
