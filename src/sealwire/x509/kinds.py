"""What a DER file is, told by its shape alone."""

from __future__ import annotations

from typing import Final

from sealwire.x509.der import SEQUENCE, elements, first_element

_OID_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_OID_DATA: Final = bytes.fromhex("06092a864886f70d010701")
_KEY_VERSIONS: Final = {b"\x02\x01\x00", b"\x02\x01\x01"}


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
