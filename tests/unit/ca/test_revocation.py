"""Revoke, hold, release: every cell of the table, every reason, and what is kept of each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.ca.ports import CertificateStatus, RequestStatus, RequestType, RevocationReason
from sealwire.ca.revocation import (
    CHANGES_SETTING,
    REASON_WORDS,
    TRANSITIONS,
    Change,
    Revocations,
    Standing,
    reason_named,
    standing,
)
from sealwire.errors import ConflictError, ForbiddenError, NotFoundError, RefusedError
from tests.unit.ca.scene import csr_for, founded

if TYPE_CHECKING:
    from sealwire.ca.ports import Request
    from tests.unit.ca.scene import Scene

AGENT = "caadmin"
FINAL_REASONS = [
    reason
    for reason in RevocationReason
    if reason not in {RevocationReason.CERTIFICATE_HOLD, RevocationReason.REMOVE_FROM_CRL}
]


def revocations(scene: Scene) -> Revocations:
    recorder = Recorder(scene.clock, "ca.example.com", scene.audit_format, "0.1.0")
    return Revocations(scene.store, recorder, clock=scene.clock)


def issued(scene: Scene) -> int:
    """Serial number of a certificate just issued."""
    request = scene.submit(csr_for("CN=www.example.com,O=Example"))
    serial = scene.ca.approve(request.request_id, actor=AGENT).serial
    assert serial is not None
    return serial


def stand(scene: Scene, serial: int, wanted: Standing) -> None:
    """Bring a certificate from ``valid`` to ``wanted``."""
    if wanted is Standing.ON_HOLD:
        revocations(scene).hold(serial, actor=AGENT)
    elif wanted is Standing.REVOKED:
        revocations(scene).revoke(serial, RevocationReason.SUPERSEDED, actor=AGENT)


def change(scene: Scene, serial: int, asked: Change) -> Request:
    use_cases = revocations(scene)
    match asked:
        case Change.REVOKE:
            return use_cases.revoke(serial, RevocationReason.KEY_COMPROMISE, actor=AGENT)
        case Change.HOLD:
            return use_cases.hold(serial, actor=AGENT)
        case Change.RELEASE:
            return use_cases.release(serial, actor=AGENT)


@pytest.mark.parametrize("asked", Change)
@pytest.mark.parametrize("before", Standing)
def test_every_cell_of_the_table(before: Standing, asked: Change) -> None:
    scene = founded()
    serial = issued(scene)
    stand(scene, serial, before)
    row = scene.ca.certificate(serial)
    after = TRANSITIONS.get((before, asked))
    if after is None:
        with pytest.raises(ConflictError):
            change(scene, serial, asked)
        assert scene.ca.certificate(serial) == row
        return
    made = change(scene, serial, asked)
    assert standing(scene.ca.certificate(serial)) is after
    assert (made.status, made.serial) == (RequestStatus.COMPLETE, serial)


def test_the_table_is_the_one_that_was_decided() -> None:
    assert {
        (before.name, asked.name, after.name) for (before, asked), after in TRANSITIONS.items()
    } == {
        ("VALID", "REVOKE", "REVOKED"),
        ("VALID", "HOLD", "ON_HOLD"),
        ("ON_HOLD", "REVOKE", "REVOKED"),
        ("ON_HOLD", "RELEASE", "VALID"),
    }


@pytest.mark.parametrize("reason", FINAL_REASONS)
def test_every_reason_that_is_final(reason: RevocationReason) -> None:
    scene = founded()
    serial, since = issued(scene), scene.clock.now() - timedelta(days=3)
    made = revocations(scene).revoke(
        serial, reason, actor=AGENT, comments=" it was lost ", invalidity=since
    )
    row = scene.ca.certificate(serial)
    assert (row.revoked, row.revoked_by) == (scene.clock.now(), AGENT)
    assert (row.revocation_reason, row.invalidity) == (reason, since)
    assert (made.request_type, made.reason) == (RequestType.REVOCATION, "it was lost")
    assert scene.ca.request(made.request_id) == made
    assert f"[RevokeReasonNum={int(reason)}][Approval=complete]" in scene.texts()[-1]
    with pytest.raises(ConflictError) as final:
        revocations(scene).release(serial, actor=AGENT)
    assert final.value.code == "certificate.revoked"


def test_a_hold_is_taken_back_as_if_it_never_had_been() -> None:
    scene = founded()
    serial = issued(scene)
    row = scene.ca.certificate(serial)
    use_cases = revocations(scene)
    held = use_cases.revoke(serial, RevocationReason.CERTIFICATE_HOLD, actor=AGENT)
    assert held.request_type is RequestType.REVOCATION
    assert use_cases.status(serial) is CertificateStatus.REVOKED
    released = use_cases.revoke(serial, RevocationReason.REMOVE_FROM_CRL, actor=AGENT)
    assert released.request_type is RequestType.UNREVOCATION
    assert use_cases.status(serial) is CertificateStatus.VALID
    assert scene.ca.certificate(serial) == row


@pytest.mark.parametrize(
    ("audit_format", "number"),
    [(AuditFormat.V10_4_4, "3"), (AuditFormat.V10_4_5, "3"), (AuditFormat.V11_4, "0x3")],
)
def test_each_change_has_its_two_records(audit_format: AuditFormat, number: str) -> None:
    scene = founded(audit_format=audit_format)
    serial = issued(scene)
    revocations(scene).hold(serial, actor=AGENT)
    asked, processed = scene.texts()[-2:]
    named = f"[SubjectID=caadmin][Outcome=Success][ReqID={number}][CertSerialNum={serial:#x}]"
    assert asked == (
        f"[AuditEvent=CERT_STATUS_CHANGE_REQUEST]{named}[RequestType=on-hold]"
        " certificate revocation/unrevocation request made"
    )
    assert processed == (
        f"[AuditEvent=CERT_STATUS_CHANGE_REQUEST_PROCESSED]{named}[RequestType=on-hold]"
        "[RevokeReasonNum=6][Approval=complete] certificate status change request processed"
    )
    revocations(scene).release(serial, actor=AGENT)
    assert "[RequestType=off-hold]" in scene.texts()[-1]


def test_what_is_refused_is_kept_and_recorded_too() -> None:
    scene = founded()
    serial = issued(scene)
    with pytest.raises(ConflictError) as refused:
        revocations(scene).release(serial, actor="agent7", comments="please")
    assert refused.value.code == "certificate.not_on_hold"
    last = scene.ca.find(start=0, limit=99).entries[-1]
    assert (last.status, last.request_type) == (RequestStatus.REJECTED, RequestType.UNREVOCATION)
    assert (last.serial, last.submitted_by, last.reason) == (serial, "agent7", "please")
    assert last.error_message == "The certificate is not on hold."
    asked, processed = scene.texts()[-2:]
    assert "CERT_STATUS_CHANGE_REQUEST]" in asked
    assert "[Outcome=Failure]" in processed
    assert "[Approval=rejected][Info=The certificate is not on hold.]" in processed
    assert scene.store.read(lambda tx: tx.setting(CHANGES_SETTING)) is None


def test_a_review_shows_the_certificate_that_it_is_about() -> None:
    scene = founded()
    serial = issued(scene)
    made = revocations(scene).hold(serial, actor=AGENT)
    seen = scene.ca.review(made.request_id)
    assert seen.request == made
    assert f"Serial number: {serial:#x}" in seen.certificate_text
    assert (seen.inputs, seen.differences, seen.tbs_sha256) == ((), (), None)
    with pytest.raises(ConflictError) as done:
        scene.ca.approve(made.request_id, actor=AGENT)
    assert done.value.code == "request.not_pending"
    with pytest.raises(NotFoundError):
        revocations(scene).hold(5, actor=AGENT)
    refused = scene.ca.find(start=0, limit=99).entries[-1]
    assert scene.ca.review(refused.request_id).certificate_text == ""


@pytest.mark.parametrize("serial", [1, 2**159 - 1, 2**159, 2**400, 0, -5])
def test_a_number_that_no_certificate_has(serial: int) -> None:
    scene = founded()
    records = len(scene.texts())
    with pytest.raises(NotFoundError) as unknown:
        revocations(scene).revoke(serial, RevocationReason.UNSPECIFIED, actor=AGENT)
    assert unknown.value.code == "certificate.unknown"
    assert len(scene.texts()) == records + 2
    assert f"[CertSerialNum={serial:#x}]" in scene.texts()[-1]
    with pytest.raises(NotFoundError):
        revocations(scene).status(1)


def test_the_cas_own_certificates_are_not_its_to_revoke() -> None:
    scene = founded()
    rows = scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    for pem in (rows.issuing_pem, rows.root_pem):
        serial = x509.load_pem_x509_certificate(pem.encode()).serial_number
        with pytest.raises(ForbiddenError) as own:
            revocations(scene).revoke(
                serial, RevocationReason.CA_COMPROMISE, actor=AGENT, authority=True
            )
        assert own.value.code == "certificate.own"


def test_an_expired_certificate_can_be_revoked() -> None:
    scene = founded()
    serial = issued(scene)
    scene.clock.advance(timedelta(days=721))
    use_cases = revocations(scene)
    assert use_cases.status(serial) is CertificateStatus.EXPIRED
    use_cases.revoke(serial, RevocationReason.KEY_COMPROMISE, actor=AGENT)
    assert use_cases.status(serial) is CertificateStatus.REVOKED_EXPIRED


@pytest.mark.parametrize("comments", ["a\nb", "\x1b[31m", "x" * 1025])
def test_comments_that_cannot_be_kept(comments: str) -> None:
    scene = founded()
    serial = issued(scene)
    before = scene.texts()
    with pytest.raises(RefusedError) as refused:
        revocations(scene).hold(serial, actor=AGENT, comments=comments)
    assert refused.value.code == "reason.invalid"
    assert scene.texts() == before


def test_a_change_that_is_not_durable_has_not_happened() -> None:
    scene = founded()
    serial = issued(scene)
    before = scene.texts()
    scene.store.fail_before_commit()
    with pytest.raises(Exception, match="commit failed"):
        revocations(scene).hold(serial, actor=AGENT)
    assert revocations(scene).status(serial) is CertificateStatus.VALID
    assert scene.texts() == before


@pytest.mark.parametrize("reason", RevocationReason)
def test_reasons_by_dogtags_word_and_by_number(reason: RevocationReason) -> None:
    word = REASON_WORDS[reason]
    for text in (word, word.lower(), word.replace("_", "-"), f" {int(reason)} "):
        assert reason_named(text) is reason


@pytest.mark.parametrize("text", ["", "7", "11", "-1", "key", "Key__Compromise"])
def test_words_that_are_no_reason(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        reason_named(text)
    assert refused.value.code == "revocation.reason"
