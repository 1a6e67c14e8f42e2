import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st

from sealwire.ca.addresses import Addresses
from sealwire.ca.birth import BACKDATE, random_serial
from sealwire.ca.blueprint import Issuer, issuer_of
from sealwire.ca.issuance import (
    LONGEST_WAIT,
    IssuanceToken,
    check,
    sign,
)
from sealwire.ca.ports import Request
from sealwire.ca.profile_register import ProfileInForce
from sealwire.ca.profiles import Profile
from sealwire.ca.signing import guarded, placeholder
from sealwire.errors import ConflictError, RefusedError, UnavailableError
from sealwire.x509.certificate import is_ca
from sealwire.x509.keys import KeyType, PrivateKey, generate_key, load_private_key
from tests.unit.ca.scene import Scene, csr_for, founded, subscriber_key


class _Bytes:
    def __init__(self, *chunks: bytes) -> None:
        self._chunks = list(chunks)

    def token_bytes(self, count: int) -> bytes:
        return self._chunks.pop(0).rjust(count, b"\0")


def pending(scene: Scene, profile_id: str = "caAuditClientCert") -> Request:
    csr = csr_for("CN=a.example.com", "b.example.com", key_type=KeyType.P256)
    return scene.submit(csr, profile_id)


def as_issuer(scene: Scene) -> Issuer:
    rows = scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    return issuer_of(rows.issuing_pem, Addresses())


def issuer_certificate(scene: Scene) -> x509.Certificate:
    return as_issuer(scene).certificate


def key_of(scene: Scene) -> PrivateKey:
    rows = scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    return load_private_key(scene.keys.load_key(rows.issuing_key_id))


def rules_of(scene: Scene, request: Request, profile: Profile | None = None) -> ProfileInForce:
    rules = scene.ca.profile_register.get(request.profile_id)
    return replace(rules, profile=profile, digest=profile.digest) if profile else rules


def leave(scene: Scene, request: Request, profile: Profile | None = None) -> IssuanceToken:
    rules = rules_of(scene, request, profile)
    return check(request, rules, as_issuer(scene), scene.clock.now())


def test_what_was_fixed_at_submit_is_what_is_signed() -> None:
    scene = founded()
    request = pending(scene)
    certificate = sign(leave(scene, request), key_of(scene))
    assert certificate.tbs_certificate_bytes == request.tbs_der
    assert certificate.serial_number == request.serial
    certificate.verify_directly_issued_by(issuer_certificate(scene))


def test_a_token_signs_once() -> None:
    scene = founded()
    token = leave(scene, pending(scene))
    sign(token, key_of(scene))
    with pytest.raises(ConflictError) as refused:
        sign(token, key_of(scene))
    assert refused.value.code == "issuance.token_used"


def test_a_token_that_failed_is_used_up_too() -> None:
    scene = founded()
    token = leave(scene, pending(scene))
    with pytest.raises(UnavailableError) as failed:
        sign(token, generate_key(KeyType.P256))
    assert failed.value.code == "issuance.failed"
    with pytest.raises(ConflictError):
        sign(token, key_of(scene))


def test_nobody_else_makes_a_token() -> None:
    with pytest.raises(TypeError):
        IssuanceToken(None, proof=object())  # type: ignore[arg-type] # that is the attempt


def test_a_key_of_the_other_type_does_not_sign() -> None:
    scene = founded()
    with pytest.raises(UnavailableError):
        sign(leave(scene, pending(scene)), subscriber_key(KeyType.RSA2048))


def _altered(request: Request) -> list[Request]:
    other = x509.load_pem_x509_csr(csr_for("CN=evil.example.com", key_type=KeyType.P256))
    evil = other.public_bytes(serialization.Encoding.DER)
    tbs = request.tbs_der or b""
    changed = tbs.replace(b"b.example.com", b"x.example.com")
    assert changed != tbs
    return [
        replace(request, csr_der=evil),
        replace(request, csr_der=evil, csr_sha256=hashlib.sha256(evil).hexdigest()),
        replace(request, tbs_der=changed),
        replace(request, tbs_der=changed, tbs_sha256=hashlib.sha256(changed).hexdigest()),
        replace(request, tbs_sha256="0" * 64),
        replace(request, tbs_der=None),
        replace(request, serial=(request.serial or 0) + 1),
        replace(request, serial=None),
    ]


@pytest.mark.parametrize("which", range(8))
def test_any_change_in_the_store_is_noticed(which: int) -> None:
    scene = founded()
    with pytest.raises(ConflictError) as refused:
        sign(leave(scene, _altered(pending(scene))[which]), key_of(scene))
    assert refused.value.code == "request.altered"


def test_bytes_grow_stale() -> None:
    scene = founded()
    request = pending(scene)
    scene.clock.advance(LONGEST_WAIT)
    leave(scene, request)
    scene.clock.advance(timedelta(seconds=1))
    with pytest.raises(ConflictError, match="needs a new look") as refused:
        leave(scene, request)
    assert refused.value.code == "request.stale"


def test_bytes_from_the_future_are_stale() -> None:
    scene = founded()
    request = pending(scene)
    scene.clock.advance(timedelta(seconds=-1))
    with pytest.raises(ConflictError) as refused:
        leave(scene, request)
    assert refused.value.code == "request.stale"


def test_a_changed_profile_makes_them_stale() -> None:
    scene = founded()
    request = pending(scene)
    profile = scene.profiles.get(request.profile_id)
    newer = profile.model_copy(update={"description": "Another."})
    with pytest.raises(ConflictError) as refused:
        leave(scene, request, newer)
    assert refused.value.code == "request.stale"


def test_the_profile_judges_again_at_issue() -> None:
    scene = founded()
    request = pending(scene)
    profile = scene.profiles.get(request.profile_id)
    strict = profile.model_copy(
        update={
            "constraints": profile.constraints.model_copy(
                update={"key": profile.constraints.key.model_copy(update={"ec": ()})}
            )
        }
    )
    with pytest.raises(RefusedError, match="Key Type RSA Not Matched"):
        leave(scene, replace(request, profile_digest=strict.digest), strict)


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384, KeyType.RSA2048])
def test_a_ca_of_every_key_type_issues(key_type: KeyType) -> None:
    scene = founded(key_type)
    certificate = sign(leave(scene, pending(scene)), key_of(scene))
    certificate.verify_directly_issued_by(issuer_certificate(scene))
    wide = key_type is KeyType.P384
    expected = hashes.SHA384 if wide else hashes.SHA256
    assert isinstance(certificate.signature_hash_algorithm, expected)


@pytest.mark.parametrize("profile_id", ["caAuditClientCert", "caAuditServerCert"])
def test_no_encipherment_on_an_ec_key(profile_id: str) -> None:
    scene = founded()
    certificate = sign(leave(scene, pending(scene, profile_id)), key_of(scene))
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_encipherment
    assert not usage.value.data_encipherment
    assert not usage.value.key_cert_sign
    assert not is_ca(certificate)


def test_dates() -> None:
    scene = founded()
    certificate = sign(leave(scene, pending(scene)), key_of(scene))
    # The CA was made at the same moment, and no certificate begins before its issuer's.
    assert certificate.not_valid_before_utc == scene.clock.now() - BACKDATE
    assert certificate.not_valid_after_utc == scene.clock.now() - BACKDATE + timedelta(days=398)


def test_validity_is_cut_to_the_issuers() -> None:
    scene = founded()
    scene.clock.time = issuer_certificate(scene).not_valid_after_utc - timedelta(days=30)
    certificate = sign(leave(scene, pending(scene)), key_of(scene))
    assert certificate.not_valid_after_utc == issuer_certificate(scene).not_valid_after_utc


def test_an_expired_ca_takes_nothing_in() -> None:
    scene = founded()
    scene.clock.time = issuer_certificate(scene).not_valid_after_utc
    with pytest.raises(ConflictError) as refused:
        pending(scene)
    assert refused.value.code == "ca.expired"


@given(st.binary(min_size=20, max_size=20).filter(any))
def test_serial_numbers_fit_twenty_octets(octets: bytes) -> None:
    serial = random_serial(_Bytes(octets, b"\x01"))
    assert 0 < serial < 1 << 159


def test_a_serial_of_zero_is_drawn_again() -> None:
    assert random_serial(_Bytes(b"", b"\x80" + bytes(19), b"\x07")) == 7


def test_a_guarded_key_signs_nothing_else() -> None:
    for key in (subscriber_key(KeyType.P256), subscriber_key(KeyType.RSA2048)):
        guard = guarded(key, b"approved")
        with pytest.raises(ValueError, match="not the approved bytes"):
            _sign_with(guard, b"approvee")
        assert _sign_with(guard, b"approved")


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.RSA2048])
def test_a_stand_in_gives_nothing_away(key_type: KeyType) -> None:
    stand_in = placeholder(subscriber_key(key_type).public_key())
    assert stand_in.key_size == subscriber_key(key_type).key_size
    with pytest.raises(TypeError):
        stand_in.private_numbers()
    with pytest.raises(TypeError):
        stand_in.private_bytes(None, None, None)  # type: ignore[arg-type] # never reached


def test_a_ca_cannot_have_any_key() -> None:
    with pytest.raises(TypeError):
        placeholder(x25519.X25519PrivateKey.generate().public_key())


def _sign_with(key: object, data: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
