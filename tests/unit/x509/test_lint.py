"""pkilint's word on certificates, CRLs and OCSP answers."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sealwire.errors import Severity
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.lint import (
    FAILED,
    known_findings,
    lint_certificate,
    lint_crl,
    lint_ocsp_response,
)

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
KEY = generate_key(KeyType.P256)
CA = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])
KEY_ID = x509.AuthorityKeyIdentifier.from_issuer_public_key(KEY.public_key())


def certificate(*extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .issuer_name(CA)
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example.com")]))
        .serial_number(1 << 150)
        .public_key(KEY.public_key())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=90))
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(KEY, hashes.SHA256())


def usage(*, key_encipherment: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


SOUND = (
    (KEY_ID, False),
    (x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()), False),
    (x509.SubjectAlternativeName([x509.DNSName("a.example.com")]), False),
)


def test_a_sound_certificate() -> None:
    sound = certificate(*SOUND, (usage(key_encipherment=False), True))
    assert lint_certificate(sound.public_bytes(Encoding.DER)) == ()


def test_encipherment_on_an_ec_key() -> None:
    """The first profile that comes to mind has it."""
    naive = certificate(*SOUND, (usage(key_encipherment=True), True))
    (found, *_) = lint_certificate(naive.public_bytes(Encoding.DER))
    assert (found.code, found.severity) == (
        "pkix.key_usage_value_prohibited_for_ec",
        Severity.ERROR,
    )
    assert "keyUsage" in (found.subject or "")
    assert found.code in known_findings()


@pytest.mark.parametrize("data", [b"", b"0", b"0\x03abc", b"nonsense", b"0\x82\xff\xff"])
def test_what_cannot_be_read_does_not_pass(data: bytes) -> None:
    for lint in (lint_certificate, lint_crl, lint_ocsp_response):
        (found,) = lint(data)
        assert (found.code, found.severity) == (FAILED, Severity.ERROR)
        assert found.message.isprintable()


def test_messages_are_printable() -> None:
    odd = certificate(
        *SOUND[:2],
        (x509.UnrecognizedExtension(x509.ExtensionOID.SUBJECT_ALTERNATIVE_NAME, SAN), False),
    )
    found = lint_certificate(odd.public_bytes(Encoding.DER))
    assert any(each.severity is Severity.ERROR for each in found)
    assert all(each.message.isprintable() for each in found)


# A dNSName with a line end and an escape character in it.
SAN = b"\x30\x0d\x82\x0ba\n\x1b[2J.b.com"


def revocations(*extensions: tuple[x509.ExtensionType, bool]) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(CA)
        .last_update(NOW)
        .next_update(NOW + timedelta(days=1))
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def test_crls() -> None:
    assert lint_crl(revocations((KEY_ID, False), (x509.CRLNumber(1), False))) == ()
    found = lint_crl(revocations((KEY_ID, False)))
    assert Severity.ERROR in {each.severity for each in found}


def test_ocsp_answers() -> None:
    answered = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=certificate(),
            issuer=certificate(),
            algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=NOW,
            next_update=NOW + timedelta(hours=1),
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, certificate())
        .sign(KEY, hashes.SHA256())
    )
    assert lint_ocsp_response(answered.public_bytes(Encoding.DER)) == ()


def test_the_linter_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, sealwire.ca.service, sealwire.bootstrap.roles;"
        "sys.exit(any(name.split('.')[0] == 'pkilint' for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
