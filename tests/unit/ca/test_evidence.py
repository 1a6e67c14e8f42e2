"""An approval is a yes to exact bytes: counted by person, void when they change, never bypassed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealwire.audit.events import SYSTEM
from sealwire.ca.addresses import Addresses
from sealwire.ca.ports import RequestStatus
from sealwire.ca.profiles import parse_profile, profile_document, shipped_profiles
from sealwire.ca.service import CertificateAuthority
from sealwire.ca.setup import SetupPlan
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.errors import ConflictError, ForbiddenError, RefusedError, UnauthorizedError
from sealwire.x509.keys import KeyType
from tests.unit.ca.scene import ANYBODY, Scene, csr_for, founded
from tests.unit.ca.test_hostile_csr import ASKED, asking_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.ca.ports import Request

PROFILE = "caAuditServerCert"
NAME = "www.example.com"


def changed_profile(scene: Scene, changes: str, profile_id: str = PROFILE) -> None:
    """An administrator changes the profile, an agent enables it again."""
    register = scene.ca.profile_register
    document = profile_document(shipped_profiles().get(profile_id)) + changes
    register.disable(profile_id, actor="agent")
    register.put(document.encode(), actor="admin")
    register.enable(profile_id, actor="agent")


def submitted(scene: Scene, actor: str = "ada") -> Request:
    csr = csr_for(f"CN={NAME}", key_type=KeyType.P256)
    return scene.ca.submit(PROFILE, csr, actor=actor, remote_address="192.0.2.9")


TWO = "\n[approval]\napprovers = 2\n"
OTHERS = "\n[approval]\nseparate_submitter = true\n"


def test_one_approval_is_kept_with_all_it_vouches_for() -> None:
    scene = founded()
    request = submitted(scene)
    seen = scene.ca.review(request.request_id)
    scene.ca.approve(
        request.request_id, actor="bob", tbs_sha256=seen.tbs_sha256, credential="password"
    )
    (approval,) = scene.ca.approvals(request.request_id)
    rules = scene.ca.profile_register.get(PROFILE)
    issued = x509.load_der_x509_certificate(scene.ca.certificate(request.serial or 0).der)
    assert (approval.approver, approval.credential) == ("bob", "password")
    assert approval.time == scene.clock.now()
    assert approval.csr_sha256 == hashlib.sha256(request.csr_der).hexdigest()
    assert (approval.profile_version, approval.profile_digest) == (1, rules.digest)
    assert approval.tbs_sha256 == hashlib.sha256(issued.tbs_certificate_bytes).hexdigest()
    assert scene.ca.reconcile().findings == []


def test_two_approvers_are_two_people() -> None:
    scene = founded()
    changed_profile(scene, TWO)
    number = submitted(scene).request_id
    first = scene.ca.approve(number, actor="bob")
    assert first.status is RequestStatus.PENDING
    review = scene.ca.review(number)
    assert ([a.approver for a in review.approvals], review.approvals_needed) == (["bob"], 2)
    assert scene.texts()[-1] == (
        f"[AuditEvent=CERT_REQUEST_APPROVAL][SubjectID=bob][Outcome=Success][ReqID={number}]"
        f"[Info=approval 1 of 2, to-be-signed SHA-256 {review.tbs_sha256}]"
        " certificate request approval"
    )
    with pytest.raises(ConflictError) as repeated:
        scene.ca.approve(number, actor="bob")
    assert repeated.value.code == "approval.repeated"
    assert len(scene.ca.approvals(number)) == 1
    done = scene.ca.approve(number, actor="eve", tbs_sha256=review.tbs_sha256)
    assert (done.status, done.decided_by) == (RequestStatus.COMPLETE, "eve")
    assert scene.ca.reconcile().findings == []


def test_new_bytes_void_the_approvals_before() -> None:
    scene = founded()
    changed_profile(scene, TWO)
    number = submitted(scene).request_id
    scene.ca.approve(number, actor="bob")
    scene.ca.update(number, actor="bob")
    assert scene.ca.review(number).approvals == ()
    assert scene.ca.approve(number, actor="eve").status is RequestStatus.PENDING
    assert scene.ca.approve(number, actor="bob").status is RequestStatus.COMPLETE
    assert len(scene.ca.approvals(number)) == 3
    assert scene.ca.reconcile().findings == []


@pytest.mark.parametrize("who", ["ada", SYSTEM, "root"])
def test_nobody_approves_their_own_request(who: str) -> None:
    scene = founded()
    changed_profile(scene, OTHERS)
    number = submitted(scene, actor=who).request_id
    with pytest.raises(ForbiddenError) as refused:
        scene.ca.approve(number, actor=who)
    assert refused.value.code == "approval.own_request"
    assert "[AuditEvent=CERT_REQUEST_APPROVAL]" in scene.texts()[-1]
    assert "[Outcome=Failure]" in scene.texts()[-1]
    assert scene.ca.approvals(number) == []
    assert scene.ca.approve(number, actor="bob").status is RequestStatus.COMPLETE


def test_who_is_not_named_cannot_be_told_from_who_approves() -> None:
    scene = founded()
    before = submitted(scene, actor=ANYBODY).request_id
    changed_profile(scene, OTHERS)
    with pytest.raises(UnauthorizedError) as refused:
        submitted(scene, actor=ANYBODY)
    assert refused.value.code == "profile.login_required"
    scene.ca.review(before)
    with pytest.raises(ForbiddenError):
        scene.ca.approve(before, actor="bob")


@pytest.mark.parametrize("changes", [TWO, OTHERS])
def test_the_node_itself_gets_no_exception(changes: str) -> None:
    scene = founded()
    changed_profile(scene, changes)
    before = scene.texts()
    with pytest.raises((ForbiddenError, RefusedError)):
        scene.ca.issue_for_node(csr_for("CN=node.example.com", key_type=KeyType.P256))
    assert scene.texts() == before
    assert len(scene.ca.certificates()) == 1


def _csr(scene: Scene, request: Request) -> Request:
    other = csr_for("CN=evil.example.com", key_type=KeyType.P256)
    return replace(request, csr_der=x509.load_pem_x509_csr(other).public_bytes(_DER))


def _csr_and_digest(scene: Scene, request: Request) -> Request:
    changed = _csr(scene, request)
    return replace(changed, csr_sha256=hashlib.sha256(changed.csr_der).hexdigest())


def _bytes(scene: Scene, request: Request) -> Request:
    return replace(request, tbs_der=(request.tbs_der or b"").replace(b"www.", b"evi."))


def _bytes_and_digest(scene: Scene, request: Request) -> Request:
    changed = _bytes(scene, request)
    digest = hashlib.sha256(changed.tbs_der or b"").hexdigest()
    return replace(changed, tbs_sha256=digest)


def _serial(scene: Scene, request: Request) -> Request:
    return replace(request, serial=(request.serial or 0) ^ 1)


def _time(scene: Scene, request: Request) -> Request:
    return replace(request, tbs_created=scene.clock.now() - timedelta(hours=1))


def _profile(scene: Scene, request: Request) -> Request:
    versions = scene.store._tables.profile_versions
    key = request.profile_id, request.profile_version
    stored = versions[key]
    wide = stored.document.replace('["dns", "ip"]', '["dns"]')
    assert wide != stored.document
    versions[key] = replace(stored, document=wide)
    return request


_DER = Encoding.DER
TAMPERING: dict[str, Callable[[Scene, Request], Request]] = {
    "the CSR": _csr,
    "the CSR and its digest": _csr_and_digest,
    "the bytes": _bytes,
    "the bytes and their digest": _bytes_and_digest,
    "the serial number": _serial,
    "the time": _time,
    "the profile": _profile,
}


@pytest.mark.parametrize("approvers", [1, 2])
@pytest.mark.parametrize("what", list(TAMPERING))
def test_whoever_writes_to_the_store_gets_no_certificate(what: str, approvers: int) -> None:
    scene = founded()
    scene.clock.advance(timedelta(hours=2))
    if approvers > 1:
        changed_profile(scene, TWO)
    request = submitted(scene)
    scene.store._tables.requests[request.request_id] = TAMPERING[what](scene, request)
    with pytest.raises(ConflictError) as refused:
        scene.ca.approve(request.request_id, actor="bob")
    assert refused.value.code in {"request.altered", "profile.altered"}
    assert len(scene.ca.certificates()) == 1
    assert scene.ca.approvals(request.request_id) == []
    assert scene.texts()[-1] == (
        f"[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=bob][Outcome=Failure]"
        f"[ReqID={request.request_id}][InfoName=certificate][InfoValue=<null>]"
        " certificate request processed"
    )


def _new_version(scene: Scene, request: Request) -> CertificateAuthority:
    changed_profile(scene, TWO.replace("2", "1") + "separate_submitter = true\n")
    return scene.ca


def _renewed_ca(scene: Scene, request: Request) -> CertificateAuthority:
    other = Scene(keys=scene.keys)
    other.ca.initialise(SetupPlan(organization="Renewed"))
    scene.store._tables.ca_certificates = other.store._tables.ca_certificates
    return scene.ca


def _moved_ca(scene: Scene, request: Request) -> CertificateAuthority:
    return CertificateAuthority(
        scene.store,
        SoftwareKeys(scene.keys),
        scene.ca._recorder,
        profiles=scene.profiles,
        clock=scene.clock,
        random=scene.random,
        addresses=Addresses("http://ca.example.com"),
    )


def _serial_given_away(scene: Scene, request: Request) -> CertificateAuthority:
    other = submitted(scene)
    scene.ca.approve(other.request_id, actor="bob")
    certificates = scene.store._tables.certificates
    taken = certificates.pop(other.serial or 0)
    certificates[request.serial or 0] = replace(taken, serial=request.serial or 0)
    return scene.ca


def _a_day_passed(scene: Scene, request: Request) -> CertificateAuthority:
    scene.clock.advance(timedelta(hours=24, seconds=1))
    return scene.ca


@pytest.mark.parametrize(
    "change", [_new_version, _renewed_ca, _moved_ca, _serial_given_away, _a_day_passed]
)
def test_what_changes_in_good_order_needs_a_new_look(
    change: Callable[[Scene, Request], CertificateAuthority],
) -> None:
    scene = founded()
    request = submitted(scene)
    ca = change(scene, request)
    issued = len(ca.certificates())
    with pytest.raises(ConflictError) as refused:
        ca.approve(request.request_id, actor="bob")
    assert refused.value.code == "request.stale"
    assert len(ca.certificates()) == issued
    last = scene.texts()[-1]
    assert last.startswith("[AuditEvent=CERT_REQUEST_APPROVAL][SubjectID=bob][Outcome=Failure]")
    assert "[Info=request.stale: " in last
    seen = ca.review(request.request_id)
    assert seen.tbs_sha256 not in {None, request.tbs_sha256}
    done = ca.approve(request.request_id, actor="bob", tbs_sha256=seen.tbs_sha256)
    assert done.status is RequestStatus.COMPLETE


def test_a_disabled_profile_approves_nothing() -> None:
    scene = founded()
    number = submitted(scene).request_id
    scene.ca.profile_register.disable(PROFILE, actor="agent")
    with pytest.raises(RefusedError, match=f"^Profile {PROFILE} not enabled$") as refused:
        scene.ca.approve(number, actor="bob")
    assert refused.value.code == "profile.disabled"
    assert "[Info=profile.disabled: " in scene.texts()[-1]
    with pytest.raises(RefusedError):
        submitted(scene)
    scene.ca.profile_register.enable(PROFILE, actor="agent")
    assert scene.ca.approve(number, actor="bob").status is RequestStatus.COMPLETE


def test_policy_holds_on_the_way_through_approval_too() -> None:
    """keyCertSign without BasicConstraints, the request put into the queue past submit's checks."""
    scene = founded()
    good = submitted(scene)
    wish = asking_for(ASKED["keyCertSign without BasicConstraints"])
    bad = scene.ca.submit(PROFILE, wish, actor="ada", remote_address="")
    done = scene.ca.approve(bad.request_id, actor="bob")
    usage = x509.load_der_x509_certificate(
        scene.ca.certificate(done.serial or 0).der
    ).extensions.get_extension_for_class(x509.KeyUsage)
    assert not usage.value.key_cert_sign
    # Now somebody stores bytes that do have it, digests and all.
    tbs = good.tbs_der or b""
    own = b"\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02"
    at = tbs.index(own) + len(own)
    evil = tbs[:at] + b"\x02\x84" + tbs[at + 2 :]
    assert len(evil) == len(tbs)
    forged = replace(good, tbs_der=evil, tbs_sha256=hashlib.sha256(evil).hexdigest())
    scene.store._tables.requests[good.request_id] = forged
    for attempt in (
        lambda: scene.ca.review(good.request_id),
        lambda: approve_forged(scene, forged),
    ):
        with pytest.raises(ConflictError) as refused:
            attempt()
        assert refused.value.code == "request.altered"


def approve_forged(scene: Scene, forged: Request) -> None:
    scene.ca.approve(forged.request_id, actor="bob", tbs_sha256=forged.tbs_sha256)


def test_a_subject_that_must_be_unique() -> None:
    scene = founded()
    document = profile_document(shipped_profiles().get(PROFILE))
    unique = document.replace("[constraints.subject]\n", "[constraints.subject]\nunique = true\n")
    register = scene.ca.profile_register
    register.disable(PROFILE, actor="agent")
    register.put(unique.encode(), actor="admin")
    register.enable(PROFILE, actor="agent")
    first, second = submitted(scene), submitted(scene)
    scene.ca.approve(first.request_id, actor="bob")
    with pytest.raises(RefusedError, match=f"^Subject Name Not Unique CN={NAME}$"):
        scene.ca.approve(second.request_id, actor="bob")
    assert scene.ca.request(second.request_id).status is RequestStatus.PENDING
    third = submitted(scene)
    assert (third.status, third.error_message) == (
        RequestStatus.REJECTED,
        f"Subject Name Not Unique CN={NAME}",
    )
    scene.clock.advance(timedelta(days=399))
    assert submitted(scene).status is RequestStatus.PENDING


def test_a_key_that_must_be_unique() -> None:
    scene = founded()
    document = profile_document(shipped_profiles().get(PROFILE))
    profile = document.replace("[constraints.key]\n", "[constraints.key]\nunique = true\n")
    assert parse_profile(profile.encode(), source="x").constraints.key.unique
    register = scene.ca.profile_register
    register.disable(PROFILE, actor="agent")
    register.put(profile.encode(), actor="admin")
    register.enable(PROFILE, actor="agent")
    scene.ca.approve(submitted(scene).request_id, actor="bob")
    scene.clock.advance(timedelta(days=399))
    assert submitted(scene).error_message == "Public key duplication detected"


def test_values_cannot_be_edited_in_a_review() -> None:
    scene = founded()
    number = submitted(scene).request_id
    with pytest.raises(RefusedError) as refused:
        scene.ca.update(number, actor="bob", values={"name": "CN=evil.example.com"})
    assert refused.value.code == "request.value_fixed"


def test_assigning_says_whose_work_it_is() -> None:
    scene = founded()
    number = submitted(scene).request_id
    before = scene.texts()
    assert scene.ca.assign(number, actor="bob").owner == "bob"
    assert scene.ca.request(number).owner == "bob"
    assert scene.ca.unassign(number, actor="eve").owner is None
    scene.ca.validate(number, actor="eve")
    assert scene.texts() == before
    scene.ca.approve(number, actor="bob")
    for action in (scene.ca.assign, scene.ca.unassign, scene.ca.validate, scene.ca.update):
        with pytest.raises(ConflictError, match=r"^Request Not In Pending State$"):
            action(number, actor="bob")


def test_validate_says_what_approving_would_find() -> None:
    scene = founded()
    number = submitted(scene).request_id
    document = profile_document(shipped_profiles().get(PROFILE))
    register = scene.ca.profile_register
    register.disable(PROFILE, actor="agent")
    register.put(document.replace('".*CN=.*"', '"UID=.*"').encode(), actor="admin")
    register.enable(PROFILE, actor="agent")
    before = scene.ca.request(number)
    for refused in (scene.ca.validate, scene.ca.update, scene.ca.approve):
        with pytest.raises(RefusedError, match=f"^Subject Name Not Matched CN={NAME}$"):
            refused(number, actor="bob")
    assert scene.ca.request(number) == before
