"""Certificates, requests and audit records are compared both ways."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sealwire.audit.events import request_approved
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.ca.ports import RequestStatus
from tests.unit.ca.scene import csr_for, founded

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
