"""Just enough of DER to cut an element out of its surroundings; decoding stays the library's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the library raises for input that it cannot decode.
UNDECODABLE: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
SEQUENCE = 0x30
_VERSION = b"\xa0"
_LONG_FORM = 0x80
_MAX_LENGTH_OCTETS = 4


class Element(NamedTuple):
    """One element: its tag octet, its whole encoding, its content."""

    tag: int
    whole: bytes
    content: bytes


def first_element(data: bytes) -> Element:
    """The element that ``data`` starts with; what follows it is ignored.

    Raises ValueError when it is cut, or uses what DER forbids (X.690 10.1).
    """
    tag, start, end = _bounds(data, 0)
    return Element(tag, data[:end], data[start:end])


def elements(content: bytes) -> Iterator[Element]:
    """The elements inside ``content``. Raises ValueError at the first broken one."""
    at = 0
    while at < len(content):
        tag, start, end = _bounds(content, at)
        yield Element(tag, content[at:end], content[start:end])
        at = end


class Anatomy(NamedTuple):
    """The parts of a certificate that link it to others, each as its DER stands in it."""

    issuer: bytes
    subject: bytes
    spki: bytes


def anatomy(certificate: bytes) -> Anatomy:
    """Cut the names and the key out of a certificate's DER (RFC 5280 4.1).

    Names are compared as bytes by every verifier, so that nothing needs decoding here.
    Raises ValueError when it is not shaped like a certificate.
    """
    tbs = first_element(first_element(certificate).content).content
    # The version is optional; then: serial, signature, issuer, validity, subject, key.
    ends = [_bounds(tbs, 0)[2] if tbs[:1] == _VERSION else 0]
    for _ in range(6):
        ends.append(_bounds(tbs, ends[-1])[2])
    _, _, signature, issuer, validity, subject, spki = ends
    return Anatomy(tbs[signature:issuer], tbs[validity:subject], tbs[subject:spki])


def _bounds(data: bytes, at: int) -> tuple[int, int, int]:
    if len(data) < at + 2:
        raise ValueError("the element is cut")
    length, start = data[at + 1], at + 2
    if length >= _LONG_FORM:
        octets = length - _LONG_FORM
        if not 1 <= octets <= _MAX_LENGTH_OCTETS or len(data) < start + octets:
            raise ValueError("the element's length is not DER")
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if len(data) < start + length:
        raise ValueError("the element is cut")
    return data[at], start, start + length
