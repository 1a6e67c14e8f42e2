"""PKCS#7 and PKCS#12, opened within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from sealwire.x509.certificate import certificate_der
from sealwire.x509.der import (
    MAX_ITERATIONS,
    UNDECODABLE,
    elements,
    first_element,
    most_iterations,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_OID_KEY_BAGS: Final = (
    bytes.fromhex("060b2a864886f70d010c0a0101"),
    bytes.fromhex("060b2a864886f70d010c0a0102"),
)
_CONTEXT_0: Final = 0xA0
# An RSA key of 4096 bits, encrypted. The library proves longer ones for seconds.
_MAX_KEY_BAG: Final = 3_000


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
