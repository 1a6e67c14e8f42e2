from __future__ import annotations

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealwire.errors import RefusedError
from sealwire.net.client_tls import ClientIdentity, client_context
from sealwire.x509.certificate import self_signed_certificate
from tests.unit.appliance.test_service import NOW, TRUST


def pem_key(encryption: serialization.KeySerializationEncryption) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def test_it_trusts_only_what_was_named_and_never_the_common_name() -> None:
    context = client_context(TRUST)
    (anchor,) = context.get_ca_certs(binary_form=True)
    assert x509.load_der_x509_certificate(anchor).fingerprint(
        hashes.SHA256()
    ) == x509.load_pem_x509_certificate(TRUST.encode()).fingerprint(hashes.SHA256())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.hostname_checks_common_name
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_TICKET


def test_ecdhe_is_offered_first_and_nothing_without_authenticated_encryption() -> None:
    offered = [
        cipher["name"]
        for cipher in client_context(TRUST).get_ciphers()
        if cipher["protocol"] != "TLSv1.3"
    ]
    assert offered[0].startswith("ECDHE-")
    assert all("GCM" in name or "CHACHA20" in name for name in offered)


@pytest.mark.parametrize("trust", ["", "junk", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_unreadable_trust_is_refused(trust: str) -> None:
    with pytest.raises(RefusedError) as caught:
        client_context(trust)
    assert caught.value.code == "trust.unreadable"


def test_a_key_that_is_anothers_or_locked_is_refused_without_a_question_asked() -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    leaf = self_signed_certificate(
        own, ["unit.example.com"], not_before=NOW, not_after=NOW, serial=1
    )
    chain = leaf.public_bytes(serialization.Encoding.PEM).decode()
    keys = [
        pem_key(serialization.NoEncryption()),
        pem_key(serialization.BestAvailableEncryption(b"secret")),
        b"junk",
    ]
    for key in keys:
        with pytest.raises(RefusedError) as caught:
            client_context(TRUST, ClientIdentity(chain, key))
        assert caught.value.code == "identity.unreadable"
