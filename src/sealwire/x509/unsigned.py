"""A certificate that is not signed yet, read from its to-be-signed bytes."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from sealwire.x509.der import SEQUENCE, elements, first_element

_NO_SIGNATURE: Final = bytes.fromhex("030100")
"""An empty BIT STRING."""

_SHORT: Final = 0x80
_ALGORITHM: Final = 2
"""Version and serial number stand before it (RFC 5280, 4.1)."""


def unsigned_certificate(tbs: bytes) -> x509.Certificate:
    """What these to-be-signed bytes (of version 3) say; its signature is empty.

    Raises ValueError when they are no such bytes.
    """
    parts = list(elements(first_element(tbs).content))
    if len(parts) <= _ALGORITHM:
        raise ValueError("no to-be-signed certificate")
    content = tbs + parts[_ALGORITHM].whole + _NO_SIGNATURE
    return x509.load_der_x509_certificate(bytes([SEQUENCE]) + _length(len(content)) + content)


def _length(count: int) -> bytes:
    if count < _SHORT:
        return bytes([count])
    octets = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes([_SHORT | len(octets)]) + octets
