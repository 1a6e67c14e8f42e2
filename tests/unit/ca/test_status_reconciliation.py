"""Revocations, their requests and their records are compared both ways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sealwire.audit.ca_events import status_change_processed
from sealwire.audit.formats import AuditFormat
from sealwire.ca.ports import RequestStatus, RequestType, RevocationReason
from sealwire.errors import ConflictError
from tests.unit.ca.publishing import AGENT, issued, publisher, recorder, revocations
from tests.unit.ca.scene import Scene, founded


def changed(audit_format: AuditFormat = AuditFormat.V10_4_5) -> tuple[Scene, int, int]:
    """A CA with a certificate off hold, one revoked, one refused; the last two serials."""
    scene = founded(audit_format=audit_format)
    released, revoked, untouched = (issued(scene, f"{name}.example.com") for name in "abc")
    use_cases = revocations(scene)
    use_cases.hold(released, actor=AGENT)
    use_cases.release(released, actor=AGENT)
    use_cases.hold(revoked, actor=AGENT)
    use_cases.revoke(revoked, RevocationReason.KEY_COMPROMISE, actor=AGENT)
    with pytest.raises(ConflictError):
        use_cases.release(untouched, actor=AGENT)
    return scene, revoked, untouched


def codes(scene: Scene) -> set[tuple[str, str | None]]:
    found = scene.ca.reconcile()
    assert found.holds == (not found.findings)
    return {(each.code.removeprefix("reconcile."), each.subject) for each in found.findings}


def last_change(scene: Scene) -> int:
    """The request that revoked."""
    rows = scene.store._tables.requests.values()
    return max(
        each.request_id
        for each in rows
        if (each.request_type, each.status) == (RequestType.REVOCATION, RequestStatus.COMPLETE)
    )


@pytest.mark.parametrize("audit_format", AuditFormat)
def test_what_was_done_in_good_order_fits(audit_format: AuditFormat) -> None:
    scene, _, _ = changed(audit_format)
    publisher(scene).tend()
    assert codes(scene) == set()
    assert scene.ca.reconcile().status_changes == 5


def test_a_revocation_that_nobody_asked_for() -> None:
    scene, revoked, untouched = changed()
    tables = scene.store._tables
    tables.certificates[untouched] = replace(
        tables.certificates[revoked],
        **{
            name: getattr(tables.certificates[untouched], name)
            for name in ("serial", "request_id", "der", "subject", "key_id")
        },
    )
    assert codes(scene) == {("revoked_without_change", hex(untouched))}


def test_a_revocation_that_was_taken_back_behind_the_cas_back() -> None:
    scene, revoked, _ = changed()
    tables = scene.store._tables
    tables.certificates[revoked] = replace(
        tables.certificates[revoked], revoked=None, revoked_by=None, revocation_reason=None
    )
    assert codes(scene) == {("change_without_effect", str(last_change(scene)))}


def test_a_reason_that_was_changed() -> None:
    scene, revoked, _ = changed()
    tables = scene.store._tables
    tables.certificates[revoked] = replace(
        tables.certificates[revoked], revocation_reason=RevocationReason.SUPERSEDED
    )
    assert codes(scene) == {("reason_differs", str(last_change(scene)))}


def test_a_request_that_is_gone() -> None:
    scene, revoked, _ = changed()
    number = last_change(scene)
    del scene.store._tables.requests[number]
    # What is left says that it is on hold.
    assert codes(scene) == {
        ("record_without_change", str(number)),
        ("reason_differs", str(number - 1)),
    }
    assert revoked


def test_a_request_that_was_altered() -> None:
    scene, _, untouched = changed()
    tables, number = scene.store._tables, last_change(scene)
    tables.requests[number] = replace(tables.requests[number], serial=untouched)
    assert ("change_differs", str(number)) in codes(scene)
    assert ("change_without_effect", str(number)) in codes(scene)


def test_records_that_are_not_there_or_there_twice() -> None:
    scene, revoked, _ = changed()
    number = last_change(scene)
    tables = scene.store._tables
    tables.requests[99] = replace(tables.requests[number], request_id=99)
    assert codes(scene) == {("change_without_record", "99")}
    event = status_change_processed(AGENT, number, revoked, "revoke", reason=1, approval="complete")
    scene.store.run(lambda tx: recorder(scene).record(tx, "ca", event))
    assert codes(scene) == {
        ("change_without_record", "99"),
        ("change_recorded_twice", str(number)),
    }
