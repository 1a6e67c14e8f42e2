"""The fault switches: what a failed and an unanswered commit do."""

import pytest

from sealwire.access.ports import User
from sealwire.audit.events import auth_success
from sealwire.audit.formats import AuditFormat
from sealwire.audit.ports import TrailRecord
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemClock
from sealwire.errors import UnavailableError
from sealwire.stores.memory import MemoryStore
from sealwire.stores.memory_transaction import MemoryTransaction

RECORDER = Recorder(SystemClock(), "ca1.example.com", AuditFormat.V10_4_5, "0.1.0")
ALICE = User(
    "alice", "", frozenset(), "", must_change_password=False, certificate_sha256=frozenset()
)


def add_alice(tx: MemoryTransaction) -> TrailRecord:
    tx.put_user(ALICE)
    return RECORDER.record(tx, "ca", auth_success("alice", "m"))


def kept(store: MemoryStore) -> tuple[int, int]:
    return store.read(lambda tx: (len(tx.users()), tx.trail_head("ca").size))


def test_a_failed_commit_keeps_nothing() -> None:
    store = MemoryStore()
    store.fail_before_commit()
    with pytest.raises(UnavailableError) as failed:
        store.run(add_alice)
    assert failed.value.code == "store.unavailable"
    assert (kept(store), store.commits) == ((0, 0), 0)
    store.run(add_alice)
    assert (kept(store), store.commits) == ((1, 1), 1)


def test_an_unanswered_commit_keeps_everything() -> None:
    store = MemoryStore()
    store.fail_after_commit()
    with pytest.raises(UnavailableError):
        store.run(add_alice)
    assert (kept(store), store.commits) == ((1, 1), 1)


def test_the_nth_commit_fails() -> None:
    store = MemoryStore()
    store.fail_before_commit(nth=3)
    store.run(add_alice)
    store.run(add_alice)
    with pytest.raises(UnavailableError):
        store.run(add_alice)
    store.run(add_alice)
    assert kept(store) == (1, 3)


def test_a_use_case_that_raises_is_no_commit() -> None:
    store = MemoryStore()
    store.fail_before_commit()
    with pytest.raises(ZeroDivisionError):
        store.run(lambda _: 1 // 0)
    with pytest.raises(UnavailableError):
        store.run(add_alice)


def test_a_record_of_a_failed_commit_does_not_come_back() -> None:
    store = MemoryStore()
    first = store.run(add_alice)
    store.fail_before_commit()
    with pytest.raises(UnavailableError):
        store.run(add_alice)
    assert store.read(lambda tx: tx.trail_records("ca", start=0, limit=9)) == [first]
    second = store.run(add_alice)
    assert store.read(lambda tx: tx.trail_records("ca", start=0, limit=9)) == [first, second]
