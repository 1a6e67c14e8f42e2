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
_VERSION = 0xA0
_LONG_FORM = 0x80
_INTEGER, _OCTET_STRING, _CONSTRUCTED = 0x02, 0x04, 0x20
_MAX_COUNT_OCTETS = 8
_MAX_NESTING = 24
_MAX_STEPS = 50_000
# A second's work, and more than any program writes.
MAX_ITERATIONS: Final = 1_000_000
_MAX_LENGTH_OCTETS = 4
_BLANK: Final = b"\0\t\n\r \x1a"


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


def parts_in_a_row(data: bytes) -> Iterator[bytes]:
    """The SEQUENCEs that stand one behind the other in a file, as ``cat *.der`` makes them.

    White space and zeros behind the last one are left out; any other rest comes as a last part,
    as does a file that is no DER from its beginning (BER of indefinite length).
    """
    at = 0
    while at < len(data):
        try:
            tag, _, end = _bounds(data, at)
        except ValueError:
            tag, end = 0, at
        if tag != SEQUENCE:
            if at == 0 or data[at:].strip(_BLANK):
                yield data[at:]
            return
        yield data[at:end]
        at = end


class Anatomy(NamedTuple):
    """The parts of a certificate that link it to others, each as its DER stands in it."""

    issuer: bytes
    subject: bytes
    spki: bytes


def anatomy(certificate: bytes) -> Anatomy:
    """Cut the names and the key out of the DER of a certificate that was read (RFC 5280 4.1).

    Names are compared as bytes by every verifier, so that nothing needs decoding here.
    """
    at = _content(certificate, _content(certificate, 0))
    if certificate[at] == _VERSION:
        at = _after(certificate, at)
    # Serial number, signature algorithm; issuer, validity, subject, key.
    issuer = _after(certificate, _after(certificate, at))
    validity = _after(certificate, issuer)
    subject = _after(certificate, validity)
    spki = _after(certificate, subject)
    end = _after(certificate, spki)
    return Anatomy(certificate[issuer:validity], certificate[subject:spki], certificate[spki:end])


def _content(data: bytes, at: int) -> int:
    length = data[at + 1]
    return at + 2 if length < _LONG_FORM else at + 2 + length - _LONG_FORM


def _after(data: bytes, at: int) -> int:
    length = data[at + 1]
    if length < _LONG_FORM:
        return at + 2 + length
    start = at + 2 + length - _LONG_FORM
    return start + int.from_bytes(data[at + 2 : start], "big")


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


def most_iterations(data: bytes) -> int:
    """The largest iteration count that a password-encrypted structure asks for; 0 when none.

    Every scheme writes it as an INTEGER right behind the salt, an OCTET STRING (RFC 8018 appendix
    A, RFC 7292 section 4). Anything may stand here, also what is no DER: nothing is raised.
    """
    most, waiting, steps = 0, [(data, 0)], 0
    while waiting:
        content, depth = waiting.pop()
        at, after_salt = 0, False
        while at < len(content) and steps < _MAX_STEPS:
            steps += 1
            tag, start, at = _tolerant(content, at)
            value = content[start:at]
            if tag == _INTEGER and after_salt:
                most = max(most, int.from_bytes(value[:_MAX_COUNT_OCTETS], "big"))
            after_salt = tag == _OCTET_STRING
            nested = tag & _CONSTRUCTED or (tag == _OCTET_STRING and value[:1] == b"\x30")
            if nested and depth < _MAX_NESTING:
                waiting.append((value, depth + 1))
    return most


def _tolerant(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start of the content, its end; an indefinite length is entered as if it ended at once.

    What stands inside it then follows as if it stood beside it, which is near enough to look at.
    """
    try:
        return _bounds(data, at)
    except ValueError:
        indefinite = data[at + 1 : at + 2] == b"\x80"
        end = at + 2 if indefinite else len(data)
        return data[at], end, end
