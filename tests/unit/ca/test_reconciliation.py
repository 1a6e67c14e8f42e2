"""Certificates, requests and audit records are compared both ways."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from sealwire.audit.events import request_approved
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.ca.ports import RequestStatus
from sealwire.errors import ConflictError
from sealwire.x509.keys import KeyType
from tests.unit.ca.scene import csr_for, founded, subscriber_key
from tests.unit.ca.test_evidence import OTHERS, TWO, changed_profile, submitted

if TYPE_CHECKING:
    from sealwire.ca.reconciliation import Reconciliation
    from tests.unit.ca.scene import Scene

SUBJECT = "CN=www.example.com,O=Example"


def issued(audit_format: AuditFormat = AuditFormat.V10_4_5) -> tuple[Scene, int]:
    """A CA that approved one request, rejected one, canceled one, and has one waiting."""
    scene = founded(audit_format=audit_format)
    first, second, third, _ = (scene.submit(csr_for(SUBJECT)).request_id for _ in range(4))
    scene.ca.approve(first, actor="caadmin")
    scene.ca.reject(second, "no [ReqID=1][CertSerialNum=1]", actor="caadmin")
    scene.ca.cancel(third, actor="caadmin")
    return scene, first


def codes(found: Reconciliation) -> set[tuple[str, str | None]]:
    assert not found.holds
    return {
        (finding.code.removeprefix("reconcile."), finding.subject) for finding in found.findings
    }


@pytest.mark.parametrize("audit_format", list(AuditFormat))
def test_what_was_done_in_good_order_fits(audit_format: AuditFormat) -> None:
    scene, _ = issued(audit_format)
    found = scene.ca.reconcile()
    assert (found.holds, found.findings) == (True, [])
    # The agent's own certificate, and the one approved.
    assert (found.certificates, found.complete_requests, found.approvals) == (2, 2, 2)


def test_a_change_of_the_format_is_no_fault() -> None:
    scene, _ = issued(AuditFormat.V10_4_4)
    for audit_format in (AuditFormat.V11_4, AuditFormat.V10_4_5):
        scene.audit_format = audit_format
        request = scene.submit(csr_for(SUBJECT))
        scene.ca.approve(request.request_id, actor="caadmin")
    assert scene.ca.reconcile().approvals == 4


def test_a_certificate_that_was_taken_away() -> None:
    scene, number = issued()
    serial = scene.ca.request(number).serial
    assert serial is not None
    del scene.store._tables.certificates[serial]
    assert codes(scene.ca.reconcile()) == {
        ("request_without_certificate", str(number)),
        ("record_without_certificate", str(number)),
    }


def test_a_certificate_nobody_recorded_nor_asked_for() -> None:
    scene, number = issued()
    row = scene.ca.certificates()[-1]
    waiting = number + 3
    scene.store._tables.certificates[7] = replace(row, serial=7, request_id=waiting)
    assert codes(scene.ca.reconcile()) == {
        ("certificate_without_request", str(waiting)),
        ("certificate_without_record", str(waiting)),
        ("certificate_altered", str(waiting)),
    }


def test_a_request_that_was_reopened_or_renumbered() -> None:
    scene, number = issued()
    request = scene.ca.request(number)
    requests = scene.store._tables.requests
    requests[number] = replace(request, status=RequestStatus.PENDING)
    assert codes(scene.ca.reconcile()) == {("certificate_without_request", str(number))}
    requests[number] = replace(request, serial=7)
    assert codes(scene.ca.reconcile()) == {("serial_differs", str(number))}


@pytest.mark.parametrize("audit_format", list(AuditFormat))
def test_an_approval_recorded_twice_or_for_nothing(audit_format: AuditFormat) -> None:
    scene, number = issued(audit_format)
    recorder = Recorder(scene.clock, "ca.example.com", audit_format, "0.1.0")
    for request_id in (number, number + 3):
        event = request_approved("caadmin", request_id, serial=7, certificate_der=b"0")
        scene.store.run(lambda tx, event=event: recorder.record(tx, "ca", event))
    expected = {("recorded_twice", str(number)), ("record_without_certificate", str(number + 3))}
    if audit_format is not AuditFormat.V10_4_4:
        expected.add(("serial_differs", str(number)))
    assert codes(scene.ca.reconcile()) == expected


def with_two_approvers(scene: Scene) -> int:
    changed_profile(scene, TWO)
    number = submitted(scene).request_id
    scene.ca.approve(number, actor="bob")
    scene.ca.approve(number, actor="eve")
    return number


def test_every_certificate_has_as_many_approvals_as_its_profile_asked_for() -> None:
    scene = founded()
    number = with_two_approvers(scene)
    # Changed afterwards: what was issued is judged by the version it was issued under.
    changed_profile(scene, TWO.replace("2", "3"))
    assert scene.ca.reconcile().holds
    tables = scene.store._tables
    kept = tables.approvals
    tables.approvals = tuple(each for each in kept if each.approver != "eve")
    assert codes(scene.ca.reconcile()) == {
        ("approvals_missing", str(number)),
        ("approver_differs", str(number)),
    }
    other = tuple(replace(each, tbs_sha256="0" * 64) for each in kept if each.approver == "bob")
    tables.approvals = (*(each for each in kept if each.approver != "bob"), *other)
    assert codes(scene.ca.reconcile()) == {("approvals_missing", str(number))}


def test_an_approval_by_somebody_else_than_the_record_says() -> None:
    scene, number = issued()
    tables = scene.store._tables
    tables.approvals = tuple(
        replace(each, approver="mallory") if each.request_id == number else each
        for each in tables.approvals
    )
    assert codes(scene.ca.reconcile()) == {
        ("approver_differs", str(number)),
        ("approval_without_record", str(number)),
    }


def test_who_submitted_did_not_approve() -> None:
    scene = founded()
    changed_profile(scene, OTHERS)
    number = submitted(scene).request_id
    scene.ca.approve(number, actor="bob")
    requests = scene.store._tables.requests
    requests[number] = replace(requests[number], submitted_by="bob")
    assert codes(scene.ca.reconcile()) == {
        ("own_approval", str(number)),
        ("submission_differs", str(number)),
    }


@pytest.mark.parametrize("audit_format", list(AuditFormat))
@pytest.mark.parametrize(
    "altered", [{"submitted_by": "mallory"}, {"subject": "CN=evil"}, {"subject": "CN=[%41]"}]
)
def test_a_request_is_the_one_that_came_in(
    audit_format: AuditFormat, altered: dict[str, str]
) -> None:
    scene, number = issued(audit_format)
    requests = scene.store._tables.requests
    requests[number] = replace(requests[number], **altered)  # type: ignore[arg-type]
    assert codes(scene.ca.reconcile()) == {("submission_differs", str(number))}


def test_a_subject_that_the_trail_escapes_fits() -> None:
    scene = founded()
    request = scene.submit(csr_for("CN=www.example.com,O=[x=y] %41"))
    scene.ca.approve(request.request_id, actor="caadmin")
    assert scene.ca.reconcile().findings == []


def test_a_request_turned_to_another_profile_before_it_was_looked_at() -> None:
    scene = founded()
    request = scene.submit(csr_for("CN=www.example.com"))
    requests, number = scene.store._tables.requests, request.request_id
    requests[number] = replace(requests[number], profile_id="caCACert")
    for decide in (scene.ca.review, partial(scene.ca.approve, actor="caadmin")):
        with pytest.raises(ConflictError, match="not submitted under this profile"):
            decide(number)
    assert f"[Outcome=Failure][ReqID={number}]" in scene.texts()[-1]
    # Who makes the row fit is told by the trail.
    requests = scene.store._tables.requests
    digest = scene.ca.profile_register.get("caCACert").digest
    requests[number] = replace(requests[number], profile_digest=digest, tbs_created=None)
    requests[number] = replace(requests[number], issuer_digest="")
    scene.ca.review(number)
    scene.ca.approve(number, actor="caadmin")
    assert codes(scene.ca.reconcile()) == {("submission_differs", str(number))}


def test_an_approval_that_nobody_gave() -> None:
    scene = founded()
    changed_profile(scene, TWO)
    number = submitted(scene).request_id
    scene.ca.approve(number, actor="bob")
    tables = scene.store._tables
    (given,) = scene.ca.approvals(number)
    tables.approvals = (*tables.approvals, replace(given, approver="carol"))
    tables.approvals = tuple(each for each in tables.approvals if each.approver != "bob")
    scene.ca.approve(number, actor="dave")
    assert codes(scene.ca.reconcile()) == {("approval_without_record", str(number))}


def test_a_certificate_swapped_for_another_of_the_same_number() -> None:
    scene, number = issued()
    serial = scene.ca.request(number).serial or 0
    certificates = scene.store._tables.certificates
    row = certificates[serial]
    key = subscriber_key(KeyType.P256)
    forged = (
        x509.CertificateBuilder()
        .issuer_name(x509.Name([]))
        .subject_name(x509.Name([]))
        .serial_number(serial)
        .public_key(key.public_key())
        .not_valid_before(row.not_before)
        .not_valid_after(row.not_after)
        .sign(key, hashes.SHA256())
    )
    certificates[serial] = replace(row, der=forged.public_bytes(Encoding.DER))
    assert codes(scene.ca.reconcile()) == {("certificate_altered", str(number))}


def test_a_request_or_a_profile_that_was_altered() -> None:
    scene, number = issued()
    tables = scene.store._tables
    request = tables.requests[number]
    tables.requests[number] = replace(request, csr_der=request.csr_der + b"0")
    assert codes(scene.ca.reconcile()) == {("request_altered", str(number))}
    tables.requests[number] = replace(request, profile_version=7)
    assert codes(scene.ca.reconcile()) == {("profile_unknown", str(number))}


def test_what_was_issued_before_there_was_evidence_has_none() -> None:
    scene, number = issued()
    tables = scene.store._tables
    tables.approvals = ()
    for each, row in tables.requests.items():
        tables.requests[each] = replace(row, profile_version=0, profile_digest="")
    assert scene.ca.reconcile().holds
    # But nobody can say so of what was decided afterwards.
    later = scene.clock.now() + timedelta(seconds=1)
    tables.requests[number] = replace(tables.requests[number], modified=later)
    assert codes(scene.ca.reconcile()) == {("profile_unknown", str(number))}
