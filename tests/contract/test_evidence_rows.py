"""What RequestTx promises of approvals, and ProfileTx of versions and states."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sealwire.ca.ports import Approval, ProfileState, RequestStatus, RequestType, StoredProfile
from sealwire.errors import ConflictError, NotFoundError, RefusedError
from tests.contract import rows

if TYPE_CHECKING:
    from sealwire.ca.ports import CaTx
    from tests.contract.conftest import AnyStore


def approval(request_id: int = 1, approver: str = "bob", tbs: str = "cc") -> Approval:
    return Approval(
        request_id=request_id,
        approver=approver,
        time=rows.NOW,
        credential="certificate 00ff",
        csr_sha256="bb",
        profile_version=2,
        profile_digest="aa",
        tbs_sha256=tbs,
    )


def version(number: int, profile_id: str = "caOurs", **columns: str) -> StoredProfile:
    made = StoredProfile(profile_id, number, "a = 1\nb = 'ü'\n", "dd", rows.NOW, "admin")
    return replace(made, **columns)  # type: ignore[arg-type] # checked by the dataclass


def state(number: int = 1, profile_id: str = "caOurs", *, enabled: bool = True) -> ProfileState:
    return ProfileState(profile_id, number, enabled, rows.NOW, "agent")


def requests(store: AnyStore, *numbers: int) -> None:
    def insert(tx: CaTx) -> None:
        for number in numbers:
            tx.insert_request(rows.request(number))

    store.run(insert)


def test_approvals_are_kept_whole_and_in_order(store: AnyStore) -> None:
    requests(store, 1, 2)
    later = replace(approval(approver="amy"), time=rows.NOW + timedelta(microseconds=1))
    for each in (later, approval(), approval(2)):
        store.run(lambda tx, each=each: tx.add_approval(each))
    assert list(store.read(lambda tx: tx.approvals(1))) == [approval(), later]
    assert list(store.read(lambda tx: tx.approvals(3))) == []
    assert list(store.read(lambda tx: tx.approvals_between(1, 2))) == [
        approval(),
        later,
        approval(2),
    ]
    assert list(store.read(lambda tx: tx.approvals_between(2, 9))) == [approval(2)]


def test_one_person_approves_the_same_bytes_once(store: AnyStore) -> None:
    requests(store, 1)
    store.run(lambda tx: tx.add_approval(approval()))
    with pytest.raises(ConflictError) as refused:
        store.run(lambda tx: tx.add_approval(replace(approval(), credential="password")))
    assert refused.value.code == "approval.repeated"
    store.run(lambda tx: tx.add_approval(approval(tbs="other")))
    store.run(lambda tx: tx.add_approval(approval(approver="Bob")))
    assert len(store.read(lambda tx: tx.approvals(1))) == 3


def test_no_approval_without_its_request(store: AnyStore) -> None:
    with pytest.raises(ConflictError):
        store.run(lambda tx: tx.add_approval(approval(7)))
    assert list(store.read(lambda tx: tx.approvals(7))) == []


def test_an_approval_goes_with_its_transaction(store: AnyStore) -> None:
    requests(store, 1)

    def approve_and_fail(tx: CaTx) -> None:
        tx.add_approval(approval())
        raise RefusedError("test", "no")

    with pytest.raises(RefusedError):
        store.run(approve_and_fail)
    assert list(store.read(lambda tx: tx.approvals(1))) == []


def test_requests_are_skipped_and_of_one_type(store: AnyStore) -> None:
    requests(store, 1, 2, 3, 4)
    changed = rows.request(5, RequestStatus.COMPLETE, request_type=RequestType.REVOCATION)
    store.run(lambda tx: tx.insert_request(changed))

    def found(tx: CaTx) -> list[int]:
        page = tx.find_requests(
            status=None, request_type=RequestType.ENROLLMENT, start=2, skip=1, limit=9
        )
        return [each.request_id for each in page]

    assert store.read(found) == [3, 4]


def test_versions_of_a_profile_count_from_one_without_gaps(store: AnyStore) -> None:
    for number in (1, 2):
        store.run(lambda tx, number=number: tx.add_profile_version(version(number)))
    for number in (2, 4, 0):
        with pytest.raises(ConflictError) as refused:
            store.run(lambda tx, number=number: tx.add_profile_version(version(number)))
        assert refused.value.code == "profile.version"
    with pytest.raises(ConflictError):
        store.run(lambda tx: tx.add_profile_version(version(2, "caOther")))
    assert list(store.read(lambda tx: tx.profile_versions("caOurs"))) == [version(2), version(1)]
    assert store.read(lambda tx: tx.profile_version("caOurs", 1)) == version(1)
    assert store.read(lambda tx: tx.profile_version("caOurs", 3)) is None
    assert list(store.read(lambda tx: tx.profile_versions("caNone"))) == []


def test_the_state_of_a_profile(store: AnyStore) -> None:
    def add(tx: CaTx) -> None:
        for profile_id in ("caOurs", "caB"):
            tx.add_profile_version(version(1, profile_id))
            tx.put_profile_state(state(profile_id=profile_id))

    store.run(add)
    off = replace(state(enabled=False), changed=rows.NOW + timedelta(days=1))
    store.run(lambda tx: tx.put_profile_state(off))
    assert store.read(lambda tx: tx.profile_state("caOurs")) == off
    assert list(store.read(lambda tx: tx.profile_states())) == [state(profile_id="caB"), off]
    for unknown in (state(2), state(profile_id="caNone")):
        with pytest.raises(NotFoundError, match="Not Found"):
            store.run(lambda tx, unknown=unknown: tx.put_profile_state(unknown))
    store.run(lambda tx: tx.remove_profile_state("caOurs"))
    assert store.read(lambda tx: tx.profile_state("caOurs")) is None
    assert list(store.read(lambda tx: tx.profile_versions("caOurs"))) == [version(1)]


def test_texts_that_no_engine_keeps(store: AnyStore) -> None:
    requests(store, 1)
    with pytest.raises(RefusedError):
        store.run(lambda tx: tx.add_approval(approval(approver="b\0b")))
    with pytest.raises(RefusedError):
        store.run(lambda tx: tx.add_profile_version(version(1, document="\ud800")))
