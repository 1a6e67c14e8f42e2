"""PKCS#7, PKCS#12 and bare DER: told apart by shape, opened within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from sealwire.x509.certificate import certificate_der
from sealwire.x509.der import (
    MAX_ITERATIONS,
    SEQUENCE,
    UNDECODABLE,
    elements,
    first_element,
    most_iterations,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_OID_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_OID_DATA: Final = bytes.fromhex("06092a864886f70d010701")
_OID_KEY_BAGS: Final = (
    bytes.fromhex("060b2a864886f70d010c0a0101"),
    bytes.fromhex("060b2a864886f70d010c0a0102"),
)
_KEY_VERSIONS: Final = {b"\x02\x01\x00", b"\x02\x01\x01"}
_CONTEXT_0: Final = 0xA0
# An RSA key of 4096 bits, encrypted. The library proves longer ones for seconds.
_MAX_KEY_BAG: Final = 3_000


def der_kind(data: bytes) -> str:
    """``pkcs7``, ``pkcs12``, ``certificate``, ``request``, ``key`` or ``unknown``.

    Told by shape: SEQUENCE { SEQUENCE { ... } ... } is signed, an INTEGER first is a key.
    """
    if _OID_SIGNED_DATA in data[:32]:
        return "pkcs7"
    if _is_pkcs12(data):
        return "pkcs12"
    try:
        inner = first_element(first_element(data).content)
        if inner.tag != SEQUENCE:
            return "key" if inner.whole in _KEY_VERSIONS else "unknown"
        return _kind_of_sequences(inner.content)
    except ValueError:
        return "unknown"


def _kind_of_sequences(inner: bytes) -> str:
    if inner.startswith(b"\x06"):
        return "key"  # EncryptedPrivateKeyInfo starts with its AlgorithmIdentifier
    if first_element(inner).whole == b"\x02\x01\x00" and not _has_validity(inner):
        return "request"
    return "certificate"


def _is_pkcs12(data: bytes) -> bool:
    # PFX ::= SEQUENCE { version INTEGER (3), authSafe ContentInfo, ... } (RFC 7292 section 4)
    try:
        content = first_element(data).content
    except ValueError:
        content = data[2:]
    return content.startswith(b"\x02\x01\x03\x30") and _OID_DATA in content[:32]


def _has_validity(tbs: bytes) -> bool:
    # A v1 certificate with serial number 0 begins as a request does; its second element differs:
    # an AlgorithmIdentifier (SEQUENCE of an OID) in place of a Name (SEQUENCE of SETs).
    try:
        second = list(elements(tbs))[1]
    except (ValueError, IndexError):
        return False
    return second.content.startswith(b"\x06")


def pkcs7_certificates(der: bytes) -> list[bytes]:
    """DER of each certificate, readable or not. Raises ValueError when the wrapping is damaged."""
    try:
        whole = pkcs7.load_der_pkcs7_certificates(der)
        return [certificate_der(certificate) for certificate in whole]
    except UNDECODABLE:
        # One bad certificate spoils the library's reading of all: take them one by one.
        return list(_pkcs7_elements(der))


def _pkcs7_elements(der: bytes) -> Iterator[bytes]:
    # ContentInfo { OID, [0] SignedData { version, digests, content, [0] certificates, ... } }
    wrapper = list(elements(first_element(der).content))
    if len(wrapper) < 2:  # noqa: PLR2004 - both fields of ContentInfo
        raise ValueError("no content")
    signed_data = first_element(wrapper[1].content)
    for element in elements(signed_data.content):
        if element.tag == _CONTEXT_0:
            for certificate in elements(element.content):
                yield certificate.whole


def pkcs12_objection(der: bytes) -> str:
    """Why a PKCS#12 file is not opened at all, or nothing."""
    if most_iterations(der) > MAX_ITERATIONS:
        return f"its password is hashed more than {MAX_ITERATIONS} times"
    for oid in _OID_KEY_BAGS:
        at = der.find(oid)
        while at >= 0:
            bag = der[at + len(oid) : at + len(oid) + 6]
            if int.from_bytes(bag[2:4], "big") > _MAX_KEY_BAG and bag[:2] == b"\xa0\x82":
                return "its RSA key is longer than 4096 bits; take the key out: openssl pkcs12"
            at = der.find(oid, at + 1)
    return ""


def open_pkcs12(der: bytes, password: bytes | None) -> pkcs12.PKCS12KeyAndCertificates | None:
    """What it holds; None when neither the password nor the empty one opens it."""
    for attempt in dict.fromkeys((password, None, b"")):
        try:
            return pkcs12.load_pkcs12(der, attempt)
        except UNDECODABLE:
            continue
    return None
