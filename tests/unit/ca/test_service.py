import base64
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sealwire.audit.formats import AuditFormat
from sealwire.audit.ports import TrailHead
from sealwire.audit.trail import append_leaf
from sealwire.ca.ports import RequestStatus
from sealwire.ca.requests import Requestor
from sealwire.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
)
from sealwire.x509.certificate import names_match
from sealwire.x509.keys import KeyType
from tests.unit.ca.scene import ANYBODY, csr_for, founded

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER = "CN=www.example.com,O=Example"
FORMATS = list(AuditFormat)


def number(value: int, audit_format: AuditFormat) -> str:
    return hex(value) if audit_format is AuditFormat.V11_4 else str(value)


@pytest.mark.parametrize("audit_format", FORMATS)
def test_approved(audit_format: AuditFormat) -> None:
    scene = founded(audit_format=audit_format)
    request = scene.submit(csr_for(SERVER))
    assert request.status is RequestStatus.PENDING
    done = scene.ca.approve(request.request_id, actor="caadmin")
    assert (done.status, done.decided_by) == (RequestStatus.COMPLETE, "caadmin")
    issued = scene.ca.certificate(done.serial or 0)
    assert (issued.request_id, issued.issued_by) == (done.request_id, "caadmin")
    req, serial = number(done.request_id, audit_format), number(issued.serial, audit_format)
    encoded = base64.b64encode(issued.der).decode()
    middle, closing = {
        AuditFormat.V10_4_4: (f"[InfoName=certificate][InfoValue={encoded}]", "processed"),
        AuditFormat.V10_4_5: (f"[CertSerialNum={serial}]", "succeeded"),
        AuditFormat.V11_4: (f"[CertSerialNum={serial}]", "processed"),
    }[audit_format]
    assert scene.texts()[-2:] == [
        (
            f"[AuditEvent=PROFILE_CERT_REQUEST][SubjectID=$NonRoleUser$][Outcome=Success][ReqID={req}]"
            f"[ProfileID=caServerCert][CertSubject={SERVER}]"
            " certificate request made with certificate profiles"
        ),
        (
            f"[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success][ReqID={req}]"
            f"{middle} certificate request {closing}"
        ),
    ]


@pytest.mark.parametrize("reason", [None, "no such host"])
@pytest.mark.parametrize("action", ["reject", "cancel"])
@pytest.mark.parametrize("audit_format", FORMATS)
def test_rejected_and_canceled(audit_format: AuditFormat, action: str, reason: str | None) -> None:
    scene = founded(audit_format=audit_format)
    request_id = scene.submit(csr_for(SERVER)).request_id
    decide = getattr(scene.ca, action)
    decided = decide(request_id, reason, actor="caadmin")
    expected = {"reject": RequestStatus.REJECTED, "cancel": RequestStatus.CANCELED}[action]
    assert (decided.status, decided.reason) == (expected, reason)
    assert scene.ca.request(request_id) == decided
    outcome = "Success" if audit_format is AuditFormat.V10_4_4 else "Failure"
    assert scene.texts()[-1] == (
        f"[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome={outcome}]"
        f"[ReqID={number(request_id, audit_format)}][InfoName={action}Reason]"
        f"[InfoValue={reason or '<null>'}] certificate request processed"
    )
    assert len(scene.ca.certificates()) == 1  # the agent's


@pytest.mark.parametrize("audit_format", FORMATS)
def test_invalid_at_submit(audit_format: AuditFormat) -> None:
    scene = founded(audit_format=audit_format)
    request = scene.submit(csr_for("UID=testuser"))
    assert request.status is RequestStatus.REJECTED
    assert request.error_message == "Subject Name Not Matched UID=testuser"
    assert request.tbs_der is None
    req = number(request.request_id, audit_format)
    assert scene.texts()[-2:] == [
        (
            f"[AuditEvent=PROFILE_CERT_REQUEST][SubjectID=$NonRoleUser$][Outcome=Success][ReqID={req}]"
            "[ProfileID=caServerCert][CertSubject=UID=testuser]"
            " certificate request made with certificate profiles"
        ),
        (
            "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=$NonRoleUser$][Outcome=Failure]"
            f"[ReqID={req}][InfoName=rejectReason]"
            f"[InfoValue=Request {request.request_id} Rejected - "
            "Subject Name Not Matched UID=testuser] certificate request processed"
        ),
    ]


def test_every_record_is_in_the_tree() -> None:
    scene = founded()
    scene.submit(csr_for("UID=testuser"))
    head = TrailHead(0, ())
    for idx, record in enumerate(scene.trail()):
        assert record.idx == idx
        head = append_leaf(head, record.leaf)
    assert scene.store.read(lambda tx: tx.trail_head("ca")) == head


def test_what_cannot_be_read_is_not_stored_but_recorded() -> None:
    scene = founded()
    texts, total = scene.texts(), scene.ca.find().total
    broken = bytearray(
        x509.load_pem_x509_csr(csr_for(SERVER)).public_bytes(serialization.Encoding.DER)
    )
    broken[-1] ^= 1
    with pytest.raises(RefusedError) as refused:
        scene.submit(bytes(broken))
    assert refused.value.code == "csr.invalid"
    with pytest.raises(NotFoundError, match="Profile caNoSuch Not Found"):
        scene.submit(csr_for(SERVER), "caNoSuch")
    with pytest.raises(RefusedError) as refused:
        scene.ca.submit(
            "caServerCert",
            csr_for(SERVER),
            Requestor(name="a\nb"),
            actor=ANYBODY,
            remote_address="",
        )
    assert refused.value.code == "requestor.invalid"
    assert scene.ca.find().total == total
    assert scene.texts()[len(texts) :] == [
        (
            "[AuditEvent=PROFILE_CERT_REQUEST][SubjectID=$NonRoleUser$][Outcome=Failure]"
            f"[ReqID=<null>][ProfileID={profile}][CertSubject=<null>][Info=from {address}: {code}]"
            " certificate request made with certificate profiles"
        )
        for profile, address, code in [
            ("caServerCert", "192.0.2.9", "csr.invalid"),
            ("caNoSuch", "192.0.2.9", "profile.unknown"),
            ("caServerCert", "", "requestor.invalid"),
        ]
    ]


def test_many_failed_submissions_are_one_record_with_a_count() -> None:
    scene = founded()
    before, ca = len(scene.texts()), scene.ca
    for _ in range(100):
        with pytest.raises(RefusedError):
            ca.submit("caServerCert", b"x", actor=ANYBODY, remote_address="192.0.2.9")
    assert len(scene.texts()) == before + 10
    ca.settle()
    assert len(scene.texts()) == before + 10
    scene.clock.advance(timedelta(minutes=1))
    ca.settle()
    assert len(scene.texts()) == before + 11
    assert "[Info=from 192.0.2.9: csr.invalid (90 more within a minute)]" in scene.texts()[-1]


@pytest.mark.parametrize("first", ["approve", "reject", "cancel"])
@pytest.mark.parametrize("second", ["approve", "reject", "cancel"])
def test_nothing_is_decided_twice(first: str, second: str) -> None:
    scene = founded()
    request_id = scene.submit(csr_for(SERVER)).request_id
    getattr(scene.ca, first)(request_id, actor="caadmin")
    before = scene.texts()
    with pytest.raises(ConflictError, match=r"^Request Not In Pending State$"):
        getattr(scene.ca, second)(request_id, actor="caadmin")
    assert scene.texts() == before


def test_unknown_numbers() -> None:
    scene = founded()
    calls: list[Callable[[], object]] = [
        lambda: scene.ca.request(99),
        lambda: scene.ca.approve(99, actor="x"),
        lambda: scene.ca.reject(99, actor="x"),
        lambda: scene.ca.review(99),
    ]
    for call in calls:
        with pytest.raises(NotFoundError, match="Request ID 0x63 not found"):
            call()
    with pytest.raises(NotFoundError, match="Certificate ID 0x63 not found"):
        scene.ca.certificate(99)


def test_finding() -> None:
    scene = founded()
    ids = [scene.submit(csr_for(SERVER)).request_id for _ in range(3)]
    scene.ca.cancel(ids[1], actor="caadmin")
    page = scene.ca.find(status=RequestStatus.PENDING, start=ids[0], limit=1)
    assert ([each.request_id for each in page.entries], page.total) == ([ids[0]], 2)
    assert [each.request_id for each in scene.ca.find(start=ids[1]).entries] == ids[1:]


def test_the_node_gets_its_certificate_at_once() -> None:
    scene = founded()
    csr = csr_for("CN=node.example.com", "127.0.0.1", key_type=KeyType.P256)
    issued = scene.ca.issue_for_node(csr)
    certificate = x509.load_der_x509_certificate(issued.der)
    assert names_match(certificate, "node.example.com")
    assert names_match(certificate, "127.0.0.1")
    assert [record.subject_id for record in scene.trail()[-2:]] == ["$System$", "$System$"]
    before = scene.texts()
    with pytest.raises(RefusedError, match="Subject Name Not Matched UID=x"):
        scene.ca.issue_for_node(csr_for("UID=x"))
    assert scene.texts() == before
