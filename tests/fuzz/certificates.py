"""Readers of certificates, requests, keys and revocation lists, and of questions about them."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)

from sealwire.ca.ocsp import is_about, read_inquiry
from sealwire.errors import SealwireError, Severity
from sealwire.x509.bundle import read_bundle
from sealwire.x509.chain import build_chain
from sealwire.x509.csr import build_csr, describe_csr, read_csr
from sealwire.x509.der import most_iterations
from sealwire.x509.keys import load_private_key
from sealwire.x509.pem import pem_blocks
from sealwire.x509.remarks import certificate_remarks
from sealwire.x509.revocation import (
    StalePolicy,
    guard_of,
    issuer_among,
    look_up_path,
    read_revocation_lists,
)
from sealwire.x509.served import check_chain
from sealwire.x509.subject import parse_dn
from tests import pki
from tests.unit.ca import asking
from tests.unit.x509.test_revocation import crl, der, pem

PASSWORD: Final = b"sesame"
NAME: Final = b"CN=gw.example.com,O=Example\\, Inc.,C=US"
_LOCK: Final = BestAvailableEncryption(PASSWORD)
_PLAIN: Final = NoEncryption()


def bundle(data: bytes) -> None:
    """Read as a file, with and without a password; then build, check and remark."""
    read_bundle([("fuzz", data)])
    found = read_bundle([("fuzz", data)], PASSWORD)
    for certificate in found.certificates:
        certificate_remarks(certificate, pki.NOW)
    for judge in (build_chain, check_chain):
        for strict in (False, True):
            with suppress(SealwireError):
                judge(found.certificates, at=pki.NOW, host="gw.example.com", strict=strict)


def request(data: bytes) -> None:
    """Read as a certificate request, to be told of and to be submitted."""
    described = describe_csr(data)
    with suppress(SealwireError):
        read_csr(data)
        assert not any(one.severity is Severity.ERROR for one in described.findings)


def key(data: bytes) -> None:
    """Read as a private key, with and without a password."""
    for password in (None, PASSWORD):
        with suppress(SealwireError):
            load_private_key(data, password)


def text(data: bytes) -> None:
    """Cut into blocks, look for iteration counts, read as a distinguished name."""
    list(pem_blocks(data))
    most_iterations(data)
    with suppress(SealwireError):
        parse_dn(data.decode("utf-8", "replace"))


def revocation_list(data: bytes) -> None:
    """Read as revocation lists, and ask them about a path."""
    path = pki.family().certificates
    for one in read_revocation_lists(data):
        look_up_path(path, [one], pki.NOW)
        issuer_among(one, path)
    for policy in StalePolicy:
        guard_of([(data, policy.value)]).objection(path, pki.NOW)


def inquiry(data: bytes) -> None:
    """Read as a question about a certificate's standing (OCSP)."""
    asked = read_inquiry(data)
    for question in asked.questions:
        is_about(question, pki.family().issuing.certificate)


def seeds() -> list[bytes]:
    """Good input of every kind."""
    return [*bundle_seeds(), *request_seeds(), *key_seeds(), NAME]


def bundle_seeds() -> list[bytes]:
    """The same certificates in every kind of file."""
    tree = pki.family()
    certificates = tree.certificates
    together = b"".join(one.pem for one in tree.all)
    identity = (b"gw", tree.leaf.key, tree.leaf.certificate, certificates[1:])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("chain.pem", together)
        file.writestr("leaf.der", tree.leaf.der)
    return [
        together,
        together.replace(b"\n", b"\r\n"),
        together.decode().encode("utf-16"),
        tree.leaf.der,
        tree.issuing.der,
        pkcs7.serialize_certificates(certificates, Encoding.DER),
        pkcs7.serialize_certificates(certificates, Encoding.PEM),
        pkcs12.serialize_key_and_certificates(*identity, _LOCK),
        pkcs12.serialize_key_and_certificates(*identity, _PLAIN),
        archive.getvalue(),
    ]


def request_seeds() -> list[bytes]:
    """A certificate request as PEM and as DER."""
    signed = build_csr(pki.family().leaf.key, parse_dn(NAME.decode()), ["10.0.0.1"])
    return [signed, next(block.der for block in pem_blocks(signed) if block.der)]


def key_seeds() -> list[bytes]:
    """Keys in every form."""
    forms = [
        (Encoding.PEM, PrivateFormat.PKCS8, _LOCK),
        (Encoding.DER, PrivateFormat.PKCS8, _LOCK),
        (Encoding.DER, PrivateFormat.PKCS8, _PLAIN),
        (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, _LOCK),
        (Encoding.DER, PrivateFormat.TraditionalOpenSSL, _PLAIN),
    ]
    rsa = pki.key("fuzz", "rsa2048")
    return [
        *(pki.family().leaf.key.private_bytes(*form) for form in forms),
        rsa.private_bytes(*forms[2]),
        rsa.private_bytes(*forms[4]),
    ]


def list_seeds() -> list[bytes]:
    """Revocation lists as PEM and as DER, empty, with entries and with extensions."""
    tree = pki.family()
    number = (x509.CRLNumber(7), False)
    long = crl(
        tree.issuing, [tree.leaf], extensions=[number], reason=x509.ReasonFlags.key_compromise
    )
    return [der(crl(tree.issuing)), der(long), pem(long) + pem(crl(tree.root, [tree.issuing]))]


def inquiry_seeds() -> list[bytes]:
    """OCSP requests, short and with everything."""
    tree = pki.family()
    issuer, serial = tree.issuing.certificate, tree.leaf.certificate.serial_number
    ids = [asking.cert_id(issuer, serial), asking.cert_id(issuer, 7, algorithm=asking.SHA256)]
    full = asking.request(
        ids,
        version=asking.tagged(0xA0, asking.integer(0)),
        requestor=asking.tagged(0xA1, b"\x82\x01x"),
        extensions=asking.nonce(b"n" * 32),
        signature=asking.tagged(0xA0, asking.tagged(0x30)),
    )
    return [asking.asked(serial, issuer, octets=b"n" * 16), asking.request(ids[:1]), full]
