"""A distinguished name from its DER alone, as TLS hands them out (RFC 8446 4.2.4)."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from sealwire.x509.der import SEQUENCE, elements, first_element

_SET: Final = 0x31
_OID: Final = 0x06
_BMP: Final = 0x1E
_UNIVERSAL: Final = 0x1C
_ENCODINGS: Final = {_BMP: "utf-16-be", _UNIVERSAL: "utf-32-be"}


def name_from_der(der: bytes) -> x509.Name:
    """The name; string types are taken as text, whichever they are. Raises ValueError."""
    outer = first_element(der)
    if outer.tag != SEQUENCE or outer.whole != der:
        raise ValueError("that is no distinguished name")
    parts = []
    for part in elements(outer.content):
        if part.tag != _SET:
            raise ValueError("that is no distinguished name")
        parts.append(
            x509.RelativeDistinguishedName(
                _attribute(pair.content) for pair in elements(part.content)
            )
        )
    return x509.Name(parts)


def _attribute(content: bytes) -> x509.NameAttribute[str]:
    kind, value, *more = elements(content)
    if kind.tag != _OID or more:
        raise ValueError("that is no attribute of a name")
    text = value.content.decode(_ENCODINGS.get(value.tag, "utf-8"), "replace")
    # The upper bounds of RFC 5280 are no concern here: the name is only shown and compared.
    return x509.NameAttribute(x509.ObjectIdentifier(_dotted(kind.content)), text, _validate=False)


def _dotted(content: bytes) -> str:
    """X.690 8.19."""
    numbers, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    if not numbers or content[-1] & 0x80:
        raise ValueError("the object identifier is cut")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))
