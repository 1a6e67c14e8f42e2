import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sealwire.ca.issuance import LONGEST_WAIT
from sealwire.ca.ports import Request, RequestStatus
from sealwire.ca.profiles import ProfileCatalogue
from sealwire.ca.requests import Requestor
from sealwire.errors import (
    ConflictError,
    RefusedError,
    SealwireError,
    UnavailableError,
)
from tests.unit.ca.scene import ANYBODY, Scene, csr_for, founded

SERVER = "CN=www.example.com,O=Example"


def test_review_shows_what_would_be_signed() -> None:
    scene = founded()
    request = scene.ca.submit(
        "caServerCert",
        csr_for(SERVER, "b.example.com"),
        Requestor("Alice", "alice@example.com", "+1 555"),
        actor=ANYBODY,
        remote_address="192.0.2.9",
    )
    review = scene.ca.review(request.request_id)
    assert review.profile_name == "Manual Server Certificate Enrollment"
    assert [block.name for block in review.inputs] == [
        "Certificate Request Input",
        "Requestor Information",
    ]
    assert review.inputs[1].attributes == (
        ("requestor_name", "Alice"),
        ("requestor_email", "alice@example.com"),
        ("requestor_phone", "+1 555"),
    )
    assert review.tbs_sha256 == request.tbs_sha256
    lines = review.certificate_text.splitlines()
    assert f"Serial number: {request.serial:#x}" in lines
    assert f"Subject: {SERVER}" in lines
    assert "subjectAltName: DNS:www.example.com, DNS:b.example.com" in lines
    assert "extendedKeyUsage: serverAuth, clientAuth" in lines
    assert review.differences == ()
    scene.ca.approve(request.request_id, actor="caadmin", tbs_sha256=review.tbs_sha256)
    # Afterwards review shows what was signed.
    assert scene.ca.review(request.request_id).certificate_text == review.certificate_text


def test_review_of_a_user_request_splits_the_subject() -> None:
    scene = founded()
    request = scene.submit(csr_for("UID=alice,O=Example"), "caUserCert")
    names = [block.name for block in scene.ca.review(request.request_id).inputs]
    assert names == ["Key Generation", "Subject Name", "Requestor Information"]
    subject = dict(scene.ca.review(request.request_id).inputs[1].attributes)
    assert (subject["sn_uid"], subject["sn_o"], subject["sn_cn"]) == ("alice", "Example", "")


def test_review_of_a_rejected_request_has_nothing_to_sign() -> None:
    scene = founded()
    review = scene.ca.review(scene.submit(csr_for("UID=testuser")).request_id)
    assert (review.certificate_text, review.tbs_sha256) == ("", None)


def test_old_bytes_are_fixed_anew_and_need_a_new_look() -> None:
    scene = founded()
    request = scene.submit(csr_for(SERVER))
    scene.clock.advance(LONGEST_WAIT + timedelta(minutes=1))
    with pytest.raises(ConflictError, match="needs a new look"):
        scene.ca.approve(request.request_id, actor="caadmin")
    renewed = scene.ca.request(request.request_id)
    assert renewed.status is RequestStatus.PENDING
    assert renewed.tbs_sha256 != request.tbs_sha256
    assert renewed.serial != request.serial
    with pytest.raises(ConflictError, match="not what was looked at"):
        scene.ca.approve(request.request_id, actor="caadmin", tbs_sha256=request.tbs_sha256)
    review = scene.ca.review(request.request_id)
    done = scene.ca.approve(request.request_id, actor="caadmin", tbs_sha256=review.tbs_sha256)
    assert done.serial == renewed.serial
    assert len(scene.ca.certificates()) == 2


def test_review_itself_renews_old_bytes() -> None:
    scene = founded()
    request = scene.submit(csr_for(SERVER))
    scene.clock.advance(LONGEST_WAIT + timedelta(minutes=1))
    review = scene.ca.review(request.request_id)
    assert review.tbs_sha256 != request.tbs_sha256
    scene.ca.approve(request.request_id, actor="caadmin", tbs_sha256=review.tbs_sha256)


def _with_profile(scene: Scene, **changes: object) -> None:
    profiles = {profile.profile_id: profile for profile in scene.profiles.all()}
    server = profiles["caServerCert"]
    profiles["caServerCert"] = server.model_copy(update=changes)
    scene.profiles = ProfileCatalogue(profiles)


def test_a_newer_profile_needs_a_new_look() -> None:
    scene = founded()
    request = scene.submit(csr_for(SERVER))
    _with_profile(scene, description="Another.")
    with pytest.raises(ConflictError, match="profile was changed"):
        scene.ca.approve(request.request_id, actor="caadmin")
    scene.ca.approve(request.request_id, actor="caadmin")


def test_a_newer_profile_that_refuses_leaves_the_request_pending() -> None:
    scene = founded()
    request = scene.submit(csr_for(SERVER))
    constraints = scene.profiles.get("caServerCert").constraints
    subject = constraints.subject.model_copy(update={"pattern": "CN=only.example.com"})
    _with_profile(scene, constraints=constraints.model_copy(update={"subject": subject}))
    with pytest.raises(RefusedError, match="Subject Name Not Matched CN=www"):
        scene.ca.approve(request.request_id, actor="caadmin")
    assert scene.ca.request(request.request_id) == request


def _tamper(scene: Scene, request: Request) -> None:
    def overwrite(tx: object) -> None:
        tx.update_request(request, expected=RequestStatus.PENDING)  # type: ignore[attr-defined]

    scene.store.run(overwrite)


def test_a_changed_request_is_not_issued_and_that_is_recorded() -> None:
    scene = founded()
    request = scene.submit(csr_for(SERVER))
    evil = x509.load_pem_x509_csr(csr_for("CN=evil.example.com")).public_bytes(
        serialization.Encoding.DER
    )
    digest = hashlib.sha256(evil).hexdigest()
    _tamper(scene, replace(request, csr_der=evil, csr_sha256=digest))
    with pytest.raises(ConflictError) as refused:
        scene.ca.approve(request.request_id, actor="caadmin")
    assert refused.value.code == "request.altered"
    assert scene.texts()[-1] == (
        "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure]"
        f"[ReqID={request.request_id}][InfoName=certificate][InfoValue=<null>]"
        " certificate request processed"
    )
    with pytest.raises(ConflictError):
        scene.ca.review(request.request_id)
    # Who only looks, as every client does before it approves, leaves a record too.
    assert scene.texts()[-1].startswith(
        "[AuditEvent=CERT_REQUEST_APPROVAL][SubjectID=$System$][Outcome=Failure]"
        f"[ReqID={request.request_id}][Info=request.altered: "
    )
    assert len(scene.ca.certificates()) == 1
    assert scene.ca.reject(request.request_id, actor="caadmin").status is RequestStatus.REJECTED


def test_waiting_does_not_launder_a_changed_request() -> None:
    scene = founded()
    request = scene.submit(csr_for(SERVER))
    evil = x509.load_pem_x509_csr(csr_for("CN=evil.example.com")).public_bytes(
        serialization.Encoding.DER
    )
    _tamper(scene, replace(request, csr_der=evil))
    scene.clock.advance(LONGEST_WAIT * 2)
    with pytest.raises(ConflictError) as refused:
        scene.ca.approve(request.request_id, actor="caadmin")
    assert refused.value.code == "request.altered"


def test_a_ca_with_the_wrong_key_issues_nothing() -> None:
    scene = founded()
    request = scene.submit(csr_for(SERVER))
    rows = scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    scene.keys.keys[rows.issuing_key_id] = scene.keys.load_key(rows.root_key_id or "")
    with pytest.raises(UnavailableError) as failed:
        scene.ca.approve(request.request_id, actor="caadmin")
    assert failed.value.code == "issuance.failed"
    assert "[InfoName=certificate][InfoValue=<null>]" in scene.texts()[-1]
    assert scene.ca.request(request.request_id).status is RequestStatus.PENDING


def test_every_error_has_a_code_and_words() -> None:
    scene = founded()
    with pytest.raises(SealwireError) as refused:
        scene.ca.approve(1, actor="caadmin")
    assert refused.value.code
    assert refused.value.hint
