from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from sealwire.errors import RefusedError, Severity
from sealwire.x509.keys import (
    KeyType,
    generate_key,
    key_id,
    key_label,
    load_private_key,
    private_key_pem,
    signature_hash,
    weak_key_findings,
)
from tests import pki


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        (KeyType.RSA2048, "RSA 2048"),
        (KeyType.P256, "EC P-256"),
        (KeyType.P384, "EC P-384"),
    ],
)
def test_a_made_key_is_what_was_asked_for_and_survives_its_pem(kind: KeyType, label: str) -> None:
    key = generate_key(kind)
    assert key_label(key.public_key()) == label
    assert weak_key_findings(key.public_key()) == []
    again = load_private_key(private_key_pem(key))
    assert key_id(again.public_key()) == key_id(key.public_key())


def test_every_rsa_kind_has_its_length() -> None:
    for kind, bits in ((KeyType.RSA3072, 3072), (KeyType.RSA4096, 4096)):
        key = generate_key(kind)
        assert isinstance(key, rsa.RSAPrivateKey)
        assert key.key_size == bits


def test_the_key_id_is_sha256_of_the_public_key_info() -> None:
    key = generate_key(KeyType.P256).public_key()
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert key_id(key) == hashlib.sha256(der).hexdigest()


def test_hashes_follow_the_key() -> None:
    assert isinstance(signature_hash(generate_key(KeyType.P256)), hashes.SHA256)
    assert isinstance(signature_hash(generate_key(KeyType.P384)), hashes.SHA384)


def _codes(key: object) -> list[tuple[str, str]]:
    found = weak_key_findings(key.public_key())  # type: ignore[attr-defined]
    return [(finding.code, finding.severity.value) for finding in found]


def test_weak_keys_are_named() -> None:
    assert _codes(pki.key("weak", "rsa1024")) == [("weak_key", "error")]
    assert _codes(ec.generate_private_key(ec.SECP256K1())) == [("weak_key", "error")]
    assert _codes(dsa.generate_private_key(2048)) == [("weak_key", "error")]
    assert _codes(ed25519.Ed25519PrivateKey.generate()) == [("weak_key", "warning")]
    assert _codes(ec.generate_private_key(ec.SECP521R1())) == []


def test_exponent_three_is_remarked_and_an_even_one_refused() -> None:
    small = rsa.generate_private_key(3, 2048)
    assert _codes(small) == [("key_exponent", "warning")]
    even = rsa.RSAPublicNumbers(65536, small.public_key().public_numbers().n)
    try:
        found = weak_key_findings(even.public_key())
    except ValueError:
        return  # the library itself refuses it
    assert any(finding.severity is Severity.ERROR for finding in found)


@pytest.mark.parametrize(
    ("form", "encoding"),
    [
        (serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM),
        (serialization.PrivateFormat.TraditionalOpenSSL, serialization.Encoding.PEM),
        (serialization.PrivateFormat.PKCS8, serialization.Encoding.DER),
        (serialization.PrivateFormat.TraditionalOpenSSL, serialization.Encoding.DER),
    ],
)
@pytest.mark.parametrize("kind", [KeyType.RSA2048, KeyType.P256])
def test_every_usual_form_is_read(
    kind: KeyType, form: serialization.PrivateFormat, encoding: serialization.Encoding
) -> None:
    key = generate_key(kind)
    data = key.private_bytes(encoding, form, serialization.NoEncryption())
    assert key_id(load_private_key(data).public_key()) == key_id(key.public_key())


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
def test_an_encrypted_key_wants_its_password(form: serialization.PrivateFormat) -> None:
    key = generate_key(KeyType.P256)
    lock = serialization.BestAvailableEncryption(b"sesame")
    data = key.private_bytes(serialization.Encoding.PEM, form, lock)
    assert key_id(load_private_key(data, b"sesame").public_key()) == key_id(key.public_key())
    with pytest.raises(RefusedError) as none:
        load_private_key(data)
    assert none.value.code == "key.password_needed"
    with pytest.raises(RefusedError) as wrong:
        load_private_key(data, b"other")
    assert wrong.value.code == "key.unreadable"


def test_a_password_for_an_open_key_does_no_harm() -> None:
    data = private_key_pem(generate_key(KeyType.P256))
    load_private_key(data, b"not needed")


def test_a_weak_private_key_is_refused() -> None:
    key = pki.key("weak", "rsa1024")
    with pytest.raises(RefusedError) as refused:
        load_private_key(private_key_pem(key))
    assert refused.value.code == "key.weak"


@pytest.mark.parametrize("data", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAA\n"])
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        load_private_key(data)
    assert refused.value.code == "key.unreadable"
