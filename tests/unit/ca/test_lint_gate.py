"""Nothing that the linter objects to is signed, under any profile, by any kind of CA key."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealwire.ca.addresses import Addresses
from sealwire.ca.ports import RequestStatus
from sealwire.ca.profiles import LintRules, profile_document, shipped_profiles
from sealwire.ca.requests import Requestor
from sealwire.ca.service import CertificateAuthority
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.errors import Finding, RefusedError, Severity
from sealwire.x509.keys import KeyType
from sealwire.x509.lint import lint_certificate
from tests.unit.ca.scene import ANYBODY, Scene, csr_for, founded

SUBJECTS = {
    "caUserCert": "UID=ada,E=ada@example.com,O=Example",
    "caServerCert": "CN=www.example.com,OU=Web,O=Example,L=Austin,ST=TX,C=US",
}
KINDS = [
    (profile.profile_id, key_type)
    for profile in shipped_profiles().all()
    for key_type in (KeyType.RSA2048, KeyType.P256, KeyType.P384)
    if key_type is KeyType.RSA2048 or profile.constraints.key.ec
]


def public(scene: Scene, **changes: object) -> CertificateAuthority:
    """The scene's CA, whose address everybody knows."""
    values = {
        "profiles": scene.profiles,
        "clock": scene.clock,
        "random": scene.random,
        "addresses": Addresses("http://ca.example.com"),
    }
    return CertificateAuthority(
        scene.store,
        SoftwareKeys(scene.keys),
        scene.ca._recorder,
        **{**values, **changes},  # type: ignore[arg-type] # named as the parameters are
    )


@pytest.mark.parametrize("ca_key", [KeyType.P256, KeyType.RSA2048, KeyType.P384])
@pytest.mark.parametrize(("profile_id", "key_type"), KINDS)
def test_every_profile_issues_without_an_error(
    profile_id: str, key_type: KeyType, ca_key: KeyType
) -> None:
    scene = founded(ca_key)
    subject = SUBJECTS.get(profile_id, "CN=a.example.com,O=Example")
    for ca in (scene.ca, public(scene)):
        names = ("b.example.com", "192.0.2.1")
        request = ca.submit(
            profile_id,
            csr_for(subject, *names, key_type=key_type),
            Requestor(email="grace@example.com"),
            actor=ANYBODY,
            remote_address="",
        )
        assert request.status is RequestStatus.PENDING, request.error_message
        assert json.loads(request.lint) == []
        ca.approve(request.request_id, actor="bob")
        assert lint_certificate(ca.certificate(request.serial or 0).der) == ()


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.RSA2048, KeyType.P384])
def test_the_cas_own_certificates(key_type: KeyType) -> None:
    for certificate in x509.load_pem_x509_certificates(founded(key_type).ca.chain_pem().encode()):
        assert lint_certificate(certificate.public_bytes(Encoding.DER)) == ()


def test_an_error_rejects_at_submit() -> None:
    scene = founded()
    csr = csr_for("CN=a.example.com,DC=nodots", key_type=KeyType.P256)
    request = scene.submit(csr, "caAuditServerCert")
    assert request.status is RequestStatus.REJECTED
    why = (
        "Lint pkix.name_domain_components_invalid_domain_name"
        ' Invalid domain name in domainComponents: "nodots"'
    )
    assert request.error_message == why
    assert scene.texts()[-1].endswith(
        f"[InfoValue=Request {request.request_id} Rejected - {why}] certificate request processed"
    )


def with_waiver(scene: Scene, waiver: str) -> None:
    register = scene.ca.profile_register
    shipped = shipped_profiles().get("caAuditServerCert")
    changed = shipped.model_copy(update={"lint": LintRules(waivers=(waiver,))})
    register.disable("caAuditServerCert", actor="agent")
    register.put(profile_document(changed).encode(), actor="admin")
    register.enable("caAuditServerCert", actor="agent")


def test_a_waived_error_is_shown_and_does_not_reject() -> None:
    scene = founded()
    with_waiver(scene, "pkix.name_domain_components_invalid_domain_name")
    csr = csr_for("CN=a.example.com,DC=nodots", key_type=KeyType.P256)
    request = scene.submit(csr, "caAuditServerCert")
    (found,) = scene.ca.review(request.request_id).lint
    assert found.severity is Severity.WARNING
    assert found.message.startswith("waived by the profile: ")
    assert scene.ca.approve(request.request_id, actor="bob").status is RequestStatus.COMPLETE


def test_a_waiver_that_the_linter_does_not_know() -> None:
    scene = founded()
    with pytest.raises(RefusedError, match=r"the linter has no finding pkix\.typing_error"):
        with_waiver(scene, "pkix.typing_error")


def test_warnings_are_stored_and_shown() -> None:
    scene = founded()
    remark = Finding("pkix.remark", Severity.WARNING, "unusual", "certificate")
    ca = public(scene, linter=lambda _der: (remark,))
    csr = csr_for("CN=a.example.com", key_type=KeyType.P256)
    request = ca.submit("caAuditServerCert", csr, actor=ANYBODY, remote_address="")
    assert request.status is RequestStatus.PENDING
    assert ca.review(request.request_id).lint == (remark,)


def test_what_is_linted_is_what_is_signed() -> None:
    scene = founded()
    seen: list[bytes] = []

    def linter(der: bytes) -> tuple[Finding, ...]:
        seen.append(der)
        return ()

    ca = public(scene, linter=linter)
    csr = csr_for("CN=a.example.com", key_type=KeyType.P256)
    request = ca.submit("caAuditServerCert", csr, actor=ANYBODY, remote_address="")
    ca.approve(request.request_id, actor="bob")
    (linted,) = (x509.load_der_x509_certificate(der) for der in seen)
    issued = x509.load_der_x509_certificate(ca.certificate(request.serial or 0).der)
    assert linted.tbs_certificate_bytes == issued.tbs_certificate_bytes
    assert linted.signature != issued.signature
