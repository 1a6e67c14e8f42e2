"""What UserTx, RequestTx and CertificateTx promise."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from sealwire.ca.ports import RequestStatus
from sealwire.errors import ConflictError, RefusedError
from tests.contract import rows

if TYPE_CHECKING:
    from sealwire.ca.ports import CaTx
    from tests.contract.conftest import AnyStore


def test_users_are_kept_whole_and_sorted_by_code_point(store: AnyStore) -> None:
    people = [
        rows.user("zoë", "11", "22"),
        rows.user("Bob", roles=()),
        rows.user("émile", "33", roles=("agent", "auditor")),
        replace(rows.user("alice"), must_change_password=False, enabled=False),
    ]
    for person in people:
        store.run(lambda tx, person=person: tx.put_user(person))
    by_name = sorted(people, key=lambda person: person.name)
    assert store.read(lambda tx: tx.users()) == by_name
    for person in people:
        assert store.read(lambda tx, name=person.name: tx.user(name)) == person
    assert store.read(lambda tx: tx.user("bob")) is None


def test_a_user_is_replaced_with_the_certificates(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_user(rows.user("a", "11", "22")))
    store.run(lambda tx: tx.put_user(rows.user("a", "22", "33", roles=("auditor",))))
    assert store.read(lambda tx: tx.users()) == [rows.user("a", "22", "33", roles=("auditor",))]
    assert store.read(lambda tx: tx.user_by_certificate("11")) is None
    for sha256 in ("22", "33"):
        found = store.read(lambda tx, sha256=sha256: tx.user_by_certificate(sha256))
        assert found == rows.user("a", "22", "33", roles=("auditor",))


def test_a_certificate_logs_one_user_in(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_user(rows.user("a", "11")))
    with pytest.raises(ConflictError) as conflict:
        store.run(lambda tx: tx.put_user(rows.user("b", "11", "22")))
    assert conflict.value.code == "user.certificate_taken"
    assert store.read(lambda tx: tx.users()) == [rows.user("a", "11")]


def test_request_ids_begin_at_one_and_never_repeat(store: AnyStore) -> None:
    def two(tx: CaTx) -> tuple[int, int]:
        return tx.next_request_id(), tx.next_request_id()

    assert store.run(two) == (1, 2)
    assert store.run(two) == (3, 4)


def test_requests_are_kept_whole(store: AnyStore) -> None:
    full = rows.request(
        1, decided_by="caadmin", reason="b\nx", error_message="", requestor_phone="+1"
    )
    bare = rows.request(2, tbs_der=None, tbs_sha256=None, tbs_created=None, serial=None)
    store.run(lambda tx: (tx.insert_request(full), tx.insert_request(bare)))
    assert store.read(lambda tx: tx.request(1)) == full
    assert store.read(lambda tx: tx.request(2)) == bare
    assert store.read(lambda tx: tx.request(3)) is None
    assert store.run(lambda tx: tx.lock_request(1)) == full
    assert store.run(lambda tx: tx.lock_request(3)) is None


@pytest.mark.parametrize(
    "time",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=-8))),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
def test_times_are_kept_to_the_microsecond(store: AnyStore, time: datetime) -> None:
    store.run(lambda tx: tx.insert_request(rows.request(created=time)))
    found = store.read(lambda tx: tx.request(1))
    assert found is not None
    assert found.created == time
    assert found.created.utcoffset() is not None


def test_a_request_is_inserted_once(store: AnyStore) -> None:
    store.run(lambda tx: tx.insert_request(rows.request()))
    with pytest.raises(ConflictError) as conflict:
        store.run(lambda tx: tx.insert_request(rows.request()))
    assert conflict.value.code == "request.taken"


@pytest.mark.parametrize("expected", RequestStatus)
def test_a_request_changes_only_from_the_expected_state(
    store: AnyStore, expected: RequestStatus
) -> None:
    store.run(lambda tx: tx.insert_request(rows.request()))
    changed = rows.request(status=RequestStatus.REJECTED, reason="no", decided_by="caadmin")

    def use_case(tx: CaTx) -> None:
        tx.update_request(changed, expected=expected)

    if expected is RequestStatus.PENDING:
        store.run(use_case)
        assert store.read(lambda tx: tx.request(1)) == changed
        return
    with pytest.raises(ConflictError) as conflict:
        store.run(use_case)
    assert conflict.value.code == "request.changed"
    assert store.read(lambda tx: tx.request(1)) == rows.request()


def test_a_request_that_is_not_there_does_not_change(store: AnyStore) -> None:
    with pytest.raises(ConflictError):
        store.run(lambda tx: tx.update_request(rows.request(), expected=RequestStatus.PENDING))


def test_of_many_approvals_at_once_one_succeeds(store: AnyStore) -> None:
    store.run(lambda tx: tx.insert_request(rows.request()))
    barrier = threading.Barrier(16)

    def approve(agent: int) -> bool:
        def use_case(tx: CaTx) -> None:
            found = tx.lock_request(1)
            assert found is not None
            done = replace(found, status=RequestStatus.COMPLETE, decided_by=str(agent))
            tx.update_request(done, expected=RequestStatus.PENDING)
            tx.insert_certificate(rows.certificate(serial=agent + 1))

        barrier.wait(10)
        try:
            store.run(use_case)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(approve, range(16))) == 1
    assert len(store.read(lambda tx: tx.find_certificates(start=0, limit=99))) == 1


def test_requests_are_found_by_state_and_id(store: AnyStore) -> None:
    states = list(RequestStatus)

    def use_case(tx: CaTx) -> None:
        for request_id in (12, 3, 8, 1, 10, 5):
            tx.insert_request(rows.request(request_id, states[request_id % 4]))

    store.run(use_case)

    def ids(status: RequestStatus | None, start: int, limit: int) -> list[int]:
        found = store.read(lambda tx: tx.find_requests(status=status, start=start, limit=limit))
        return [request.request_id for request in found]

    assert ids(None, 0, 99) == [1, 3, 5, 8, 10, 12]
    assert ids(None, 4, 2) == [5, 8]
    assert ids(states[0], 0, 99) == [8, 12]
    assert ids(states[0], 9, 99) == [12]
    assert ids(states[1], 0, 1) == [1]
    assert ids(None, 13, 99) == []
    assert store.read(lambda tx: tx.count_requests(status=None)) == 6
    counts = [store.read(lambda tx, s=status: tx.count_requests(status=s)) for status in states]
    assert counts == [2, 2, 1, 1]


def test_certificates_are_kept_whole_in_order_of_issue(store: AnyStore) -> None:
    serials = [2**159 - 1, 1, 2**63, 7, 2**64]

    def issue(tx: CaTx) -> None:
        for number, serial in enumerate(serials, 1):
            tx.insert_request(rows.request(number))
            tx.insert_certificate(rows.certificate(serial, number))

    store.run(issue)
    expected = [rows.certificate(serial, number) for number, serial in enumerate(serials, 1)]
    assert store.read(lambda tx: tx.find_certificates(start=0, limit=99)) == expected
    assert store.read(lambda tx: tx.find_certificates(start=1, limit=2)) == expected[1:3]
    assert store.read(lambda tx: tx.find_certificates(start=5, limit=2)) == []
    assert store.read(lambda tx: tx.certificate(2**63)) == expected[2]
    assert store.read(lambda tx: tx.certificate(2)) is None


def test_serial_and_request_have_one_certificate(store: AnyStore) -> None:
    def first(tx: CaTx) -> None:
        tx.insert_request(rows.request(1))
        tx.insert_request(rows.request(2))
        tx.insert_certificate(rows.certificate(7, 1))

    store.run(first)
    for serial, request_id in ((7, 2), (8, 1)):
        with pytest.raises(ConflictError) as conflict:
            store.run(
                lambda tx, s=serial, r=request_id: tx.insert_certificate(rows.certificate(s, r))
            )
        assert conflict.value.code == "certificate.taken"
    assert store.read(lambda tx: tx.find_certificates(start=0, limit=9)) == [rows.certificate(7, 1)]


def test_no_certificate_without_a_request(store: AnyStore) -> None:
    with pytest.raises(ConflictError) as conflict:
        store.run(lambda tx: tx.insert_certificate(rows.certificate()))
    assert conflict.value.code == "certificate.request_unknown"


@pytest.mark.parametrize("serial", [0, -1, 2**159, 2**160])
def test_serials_are_positive_and_short_enough(store: AnyStore, serial: int) -> None:
    store.run(lambda tx: tx.insert_request(rows.request(1)))
    with pytest.raises(RefusedError):
        store.run(lambda tx: tx.insert_certificate(rows.certificate(serial)))
    with pytest.raises(RefusedError):
        store.run(lambda tx: tx.insert_request(rows.request(2, serial=serial)))


def test_the_cas_own_certificates_are_replaced(store: AnyStore) -> None:
    assert store.read(lambda tx: tx.ca_certificates()) is None
    store.run(lambda tx: tx.put_ca_certificates(rows.CA_CERTIFICATES))
    assert store.read(lambda tx: tx.ca_certificates()) == rows.CA_CERTIFICATES
    renewed = replace(rows.CA_CERTIFICATES, issuing_pem="new", root_key_id="key-2")
    store.run(lambda tx: tx.put_ca_certificates(renewed))
    assert store.read(lambda tx: tx.ca_certificates()) == renewed
