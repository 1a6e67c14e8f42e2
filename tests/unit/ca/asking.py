"""OCSP requests: made by the library, or put together by hand where it makes none like them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

if TYPE_CHECKING:
    from collections.abc import Iterable

SHA1: Final = bytes.fromhex("300906052b0e03021a0500")
SHA256: Final = bytes.fromhex("300b0609608648016503040201")
NONCE: Final = bytes.fromhex("06092b0601050507300102")
OTHER: Final = bytes.fromhex("06032a0304")
TRUE: Final = b"\x01\x01\xff"


def tagged(tag: int, *content: bytes) -> bytes:
    """DER of one element."""
    data = b"".join(content)
    if len(data) < 128:
        return bytes((tag, len(data))) + data
    length = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + data


def integer(number: int) -> bytes:
    return tagged(2, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def key_bits(issuer: x509.Certificate) -> bytes:
    return issuer.public_key().public_bytes(
        *(
            (Encoding.DER, PublicFormat.PKCS1)
            if issuer.public_key().__class__.__name__.startswith("RSA")
            else (Encoding.X962, PublicFormat.UncompressedPoint)
        )
    )


def cert_id(issuer: x509.Certificate, serial: int, *, algorithm: bytes = SHA1) -> bytes:
    """A CertID. Hashes are SHA-1's unless ``algorithm`` is SHA-256."""
    name = "sha256" if algorithm == SHA256 else "sha1"
    digests = [
        hashlib.new(name, data).digest()
        for data in (issuer.subject.public_bytes(), key_bits(issuer))
    ]
    return tagged(0x30, algorithm, *(tagged(4, each) for each in digests), integer(serial))


def extension(oid: bytes, value: bytes, *, critical: bytes = b"") -> bytes:
    return tagged(0x30, oid, critical, tagged(4, value))


def nonce(octets: bytes) -> bytes:
    return extension(NONCE, tagged(4, octets))


def request(
    cert_ids: Iterable[bytes],
    *,
    version: bytes = b"",
    requestor: bytes = b"",
    single: bytes = b"",
    extensions: bytes = b"",
    signature: bytes = b"",
) -> bytes:
    """An OCSPRequest; each optional part as its finished DER."""
    listed = tagged(0x30, *(tagged(0x30, each, single) for each in cert_ids))
    wrapped = tagged(0xA2, tagged(0x30, extensions)) if extensions else b""
    return tagged(0x30, tagged(0x30, version, requestor, listed, wrapped), signature)


def asked(
    certificate_serial: int,
    issuer: x509.Certificate,
    algorithm: hashes.HashAlgorithm | None = None,
    *,
    octets: bytes | None = None,
) -> bytes:
    """The library's request for one certificate."""
    algorithm = algorithm or hashes.SHA1()  # noqa: S303 - what most clients name certificates by
    name, key = hashes.Hash(algorithm), hashes.Hash(algorithm)
    name.update(issuer.subject.public_bytes())
    key.update(key_bits(issuer))
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        name.finalize(), key.finalize(), certificate_serial, algorithm
    )
    if octets is not None:
        builder = builder.add_extension(x509.OCSPNonce(octets), critical=False)
    return builder.build().public_bytes(Encoding.DER)
