"""What Store promises: all or nothing, committed state for readers, safe from any thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sealwire.ca.ports import RequestStatus
from sealwire.errors import ConflictError, RefusedError
from sealwire.stores.promises import TransactionMisuseError
from tests.contract import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.ca.ports import CaTx
    from tests.contract.conftest import AnyStore, AnyTx, Opener


DURABLE = ["postgresql", "sqlite"]


class OwnError(Exception):
    """A use case's own."""


def test_run_gives_the_result(store: AnyStore) -> None:
    assert store.run(lambda _: "done") == "done"
    assert store.read(lambda _: 7) == 7


def test_what_was_run_is_read(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_user(rows.user()))
    assert store.read(lambda tx: tx.user("caadmin")) == rows.user()


def test_a_use_case_sees_its_own_changes(store: AnyStore) -> None:
    def use_case(tx: CaTx) -> object:
        tx.put_user(rows.user())
        return tx.user("caadmin")

    assert store.run(use_case) == rows.user()


def test_a_use_case_that_raises_leaves_no_trace(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_setting("a", "1"))

    def use_case(tx: AnyTx) -> None:
        tx.put_user(rows.user())
        tx.insert_request(rows.request())
        tx.insert_certificate(rows.certificate())
        tx.put_ca_certificates(rows.CA_CERTIFICATES)
        tx.lock_trail("ca")
        tx.append_record(rows.record(), rows.heads(1)[1])
        tx.add_pending_csr(rows.pending())
        tx.install_identity(rows.installed())
        tx.put_setting("a", "2")
        tx.put_destination(rows.destination())
        tx.put_cursor("siem", "ca", 3)
        tx.put_input(rows.source())
        raise OwnError

    with pytest.raises(OwnError):
        store.run(use_case)

    def nothing(tx: AnyTx) -> None:
        assert tx.users() == []
        assert tx.count_requests(status=None) == 0
        assert tx.find_certificates(start=0, limit=9) == []
        assert tx.ca_certificates() is None
        assert tx.trail_head("ca").size == 0
        assert tx.trail_names() == []
        assert tx.trail_records("ca", start=0, limit=9) == []
        assert tx.pending_csrs("sensor:main") == []
        assert tx.installed_identity("sensor:main") is None
        assert tx.setting("a") == "1"
        assert tx.destinations() == []
        assert tx.cursor("siem", "ca") == 0
        assert tx.inputs() == []

    store.read(nothing)


def test_the_same_work_succeeds_after_it_failed(store: AnyStore) -> None:
    def append(tx: CaTx, *, fail: bool) -> None:
        head = tx.lock_trail("ca")
        tx.append_record(rows.record(idx=head.size), rows.heads(head.size + 1)[-1])
        if fail:
            raise OwnError

    for fail in (True, False, True, False):
        try:
            store.run(lambda tx, fail=fail: append(tx, fail=fail))
        except OwnError:
            assert fail
    records = store.read(lambda tx: tx.trail_records("ca", start=0, limit=9))
    assert records == [rows.record(idx=0), rows.record(idx=1)]
    assert store.read(lambda tx: tx.trail_head("ca")) == rows.heads(2)[2]


def test_a_conflict_that_is_caught_harms_nothing_else(store: AnyStore) -> None:
    store.run(lambda tx: tx.insert_request(rows.request(1)))

    def use_case(tx: CaTx) -> None:
        with pytest.raises(ConflictError):
            tx.insert_request(rows.request(1, subject="CN=other"))
        tx.insert_request(rows.request(2))

    store.run(use_case)
    assert store.read(lambda tx: tx.count_requests(status=None)) == 2
    assert store.read(lambda tx: tx.request(1)) == rows.request(1)


@pytest.mark.parametrize(
    "write",
    [
        lambda tx: tx.put_user(rows.user()),
        lambda tx: tx.next_request_id(),
        lambda tx: tx.insert_request(rows.request()),
        lambda tx: tx.lock_request(1),
        lambda tx: tx.update_request(rows.request(), expected=RequestStatus.PENDING),
        lambda tx: tx.insert_certificate(rows.certificate()),
        lambda tx: tx.put_ca_certificates(rows.CA_CERTIFICATES),
        lambda tx: tx.lock_trail("ca"),
        lambda tx: tx.append_record(rows.record(), rows.heads(1)[1]),
        lambda tx: tx.add_pending_csr(rows.pending()),
        lambda tx: tx.remove_pending_csr("a", "b"),
        lambda tx: tx.install_identity(rows.installed()),
        lambda tx: tx.put_setting("a", "b"),
        lambda tx: tx.put_destination(rows.destination()),
        lambda tx: tx.remove_destination("siem"),
        lambda tx: tx.put_cursor("siem", "ca", 1),
        lambda tx: tx.put_input(rows.source()),
        lambda tx: tx.remove_input("messages"),
    ],
)
def test_a_read_does_not_write(store: AnyStore, write: Callable[[AnyTx], object]) -> None:
    with pytest.raises(TransactionMisuseError):
        store.read(write)


def test_a_transaction_ends_with_its_use_case(store: AnyStore) -> None:
    kept = store.run(lambda tx: tx)
    with pytest.raises(TransactionMisuseError):
        kept.users()
    with pytest.raises(TransactionMisuseError):
        kept.put_user(rows.user())
    kept = store.read(lambda tx: tx)
    with pytest.raises(TransactionMisuseError):
        kept.users()


def test_a_use_case_does_not_run_inside_another(store: AnyStore) -> None:
    with pytest.raises(TransactionMisuseError):
        store.run(lambda _: store.run(lambda _: None))
    assert store.run(lambda _: "still alive") == "still alive"


def test_readers_neither_wait_for_the_writer_nor_see_what_is_not_committed(
    store: AnyStore,
) -> None:
    written, go_on = threading.Event(), threading.Event()

    def slow(tx: CaTx) -> None:
        tx.put_user(rows.user("late"))
        written.set()
        assert go_on.wait(10)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(store.run, slow)
        assert written.wait(10)
        assert store.read(lambda tx: tx.users()) == []
        go_on.set()
        running.result(10)
    assert [user.name for user in store.read(lambda tx: tx.users())] == ["late"]


def test_a_reader_sees_one_state_to_its_end(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_setting("a", "1"))
    began, go_on = threading.Event(), threading.Event()

    def slow(tx: AnyTx) -> tuple[str | None, str | None]:
        first = tx.setting("a")
        began.set()
        assert go_on.wait(10)
        return first, tx.setting("a")

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(store.read, slow)
        assert began.wait(10)
        store.run(lambda tx: tx.put_setting("a", "2"))
        go_on.set()
        assert reading.result(10) == ("1", "1")


def test_use_cases_from_many_threads_lose_only_their_own(store: AnyStore) -> None:
    barrier = threading.Barrier(8)

    def use_case(tx: AnyTx, thread: int, step: int) -> None:
        tx.put_setting(f"{thread}-{step}", "kept")
        if step % 5 == 4:
            raise OwnError

    def each(thread: int) -> int:
        failures = 0
        barrier.wait(10)
        for step in range(25):
            try:
                store.run(lambda tx, step=step: use_case(tx, thread, step))
            except OwnError:
                failures += 1
        return failures

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(each, range(8))) == [5] * 8
    for thread in range(8):
        for step in range(25):
            found = store.read(lambda tx, name=f"{thread}-{step}": tx.setting(name))
            assert found == (None if step % 5 == 4 else "kept")


def test_many_together_lose_only_those_that_fail(store: AnyStore) -> None:
    def step(tx: AnyTx, number: int) -> str:
        tx.put_setting(f"n{number}", "kept")
        if number % 100 == 7:
            raise ConflictError("own", f"number {number}")
        return f"did {number}"

    outcomes = store.run_each([partial(step, number=number) for number in range(300)])
    for number, outcome in enumerate(outcomes):
        kept = store.read(lambda tx, name=f"n{number}": tx.setting(name))
        if number % 100 == 7:
            assert isinstance(outcome, ConflictError)
            assert (outcome.message, kept) == (f"number {number}", None)
        else:
            assert (outcome, kept) == (f"did {number}", "kept")
    assert store.run_each([]) == []


def test_a_fault_of_the_program_is_raised_after_all_of_them_have_run(store: AnyStore) -> None:
    def fault(_tx: AnyTx) -> None:
        raise OwnError

    with pytest.raises(OwnError):
        store.run_each([lambda tx: tx.put_setting("a", "1"), fault])
    assert store.read(lambda tx: tx.setting("a")) == "1"


def test_many_do_not_run_inside_another(store: AnyStore) -> None:
    with pytest.raises(TransactionMisuseError):
        store.run(lambda _: store.run_each([lambda _: None]))


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_texts_that_not_every_engine_keeps_are_refused(store: AnyStore, text: str) -> None:
    for write in (
        lambda tx: tx.put_setting("a", text),
        lambda tx: tx.put_user(rows.user(text)),
        lambda tx: tx.put_user(rows.user("a", roles=(text,))),
        lambda tx: tx.insert_request(rows.request(subject=text)),
        lambda tx: (
            tx.lock_trail("ca"),
            tx.append_record(rows.record(text=text), rows.heads(1)[1]),
        ),
    ):
        with pytest.raises(RefusedError) as refused:
            store.run(write)
        assert refused.value.code == "store.text"


@pytest.mark.parametrize("opener", DURABLE, indirect=True)
def test_what_was_answered_survives_closing(opener: Opener) -> None:
    assert opener.durable
    first = opener()

    def fill(tx: AnyTx) -> None:
        tx.put_user(rows.user("caadmin", "ff"))
        tx.insert_request(rows.request())
        tx.insert_certificate(rows.certificate())
        tx.lock_trail("ca")
        tx.append_record(rows.record(), rows.heads(1)[1])

    first.run(fill)
    first.close()
    second = opener()
    try:
        assert second.read(lambda tx: tx.user_by_certificate("ff")) == rows.user("caadmin", "ff")
        assert second.read(lambda tx: tx.request(1)) == rows.request()
        assert second.read(lambda tx: tx.certificate(7)) == rows.certificate()
        assert second.read(lambda tx: tx.trail_records("ca", start=0, limit=9)) == [rows.record()]
        assert second.read(lambda tx: tx.trail_head("ca")) == rows.heads(1)[1]
    finally:
        second.close()
