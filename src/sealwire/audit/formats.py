"""How events are worded: one text per event and format.

Formats are named after the Dogtag release whose wording they keep. Values are made safe, which
Dogtag does not do: whatever could end a value, a line, or turn a reader's eye is written as
percent and two hex digits per UTF-8 byte (``]`` becomes ``%5D``, LF becomes ``%0A``). A percent
sign is written ``%25`` only where it would otherwise read as such an escape, so that harmless text
passes unchanged and ``read_value`` gets back exactly what was written. Escaped are: square
brackets, control and format characters (with them the bidirectional ones), line and paragraph
separators and unpaired surrogates. A text that is itself ``<null>`` begins with ``%3C``. A value
that names ``AUDIT_LOG_SIGNING``, by which verifiers tell a signature line, has ``%5F`` in it.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sealwire.audit.catalogue import CATALOGUE, Outcome
from sealwire.audit.events import Decision, Event, Parameters, Resolution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealwire.audit.events import AttributeValue

NULL: Final = "<null>"
MAX_VALUE_BYTES: Final = 8192

_SIGNING: Final = "AUDIT_LOG_SIGNING"
_NOT_SIGNING: Final = "AUDIT%5FLOG_SIGNING"

_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLAIN = re.compile(r"[ -$&-Z\\^-~]*\Z")
_HEX_PAIR = re.compile(r"[0-9A-Fa-f]{2}")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_TORN_ESCAPE = re.compile(rb"%[0-9A-Fa-f]?\Z")


class AuditFormat(StrEnum):
    """Whose wording is used; the default of a node is ``10.4.5``."""

    V10_4_4 = "10.4.4"
    V10_4_5 = "10.4.5"
    V11_4 = "11.4"


@dataclass(frozen=True, slots=True)
class Wording:
    """An event as one format prints it. ``subject_id`` and ``outcome`` are as printed.

    ``attributes`` are all that are printed, by name.
    """

    subject_id: str
    outcome: Outcome
    text: str
    attributes: Mapping[str, str]


def word_event(event: Event, audit_format: AuditFormat) -> Wording:
    """The text after the syslog header; one line, whatever the values hold.

    A value of more than 8,192 bytes is cut there and says so, except a certificate.
    """
    outcome, attributes, closing = _matter(event, audit_format)
    values = {"SubjectID": safe_value(event.subject_id), "Outcome": outcome.value}
    values |= {name: _print(value, audit_format) for name, value in attributes}
    order = (name.removesuffix("?") for name in CATALOGUE[event.name].attributes)
    printed = "".join(f"[{name}={values[name]}]" for name in order if name in values)
    text = f"[AuditEvent={event.name.value}]{printed} {closing}"
    return Wording(values["SubjectID"], outcome, text, values)


_Attributes = tuple[tuple[str, "AttributeValue | _Verbatim"], ...]


@dataclass(frozen=True, slots=True)
class _Verbatim:
    """Text of our own making that is printed whole, however long."""

    text: str


def _matter(event: Event, audit_format: AuditFormat) -> tuple[Outcome, _Attributes, str]:
    if event.decision is None:
        closing = CATALOGUE[event.name].closing(event.outcome)
        return event.outcome, event.attributes, closing
    form = _PROCESSED[audit_format, event.decision.resolution]
    return form.outcome, (*event.attributes, *form.attributes(event.decision)), form.closing


@dataclass(frozen=True, slots=True)
class _ProcessedForm:
    """CERT_REQUEST_PROCESSED after ReqID. ``info_name`` None: the serial number stands there."""

    outcome: Outcome
    info_name: str | None
    closing: str = "certificate request processed"

    def attributes(self, decision: Decision) -> _Attributes:
        if self.info_name is None:
            return (("CertSerialNum", decision.serial),)
        value: str | _Verbatim | None = decision.reason
        if decision.certificate_der is not None:
            value = _Verbatim(base64.b64encode(decision.certificate_der).decode("ascii"))
        return (("InfoName", self.info_name), ("InfoValue", value))


_REJECT = "rejectReason"
_CANCEL = "cancelReason"
_INVALID = _ProcessedForm(Outcome.FAILURE, _REJECT)
_NOT_ISSUED = _ProcessedForm(Outcome.FAILURE, "certificate")

_PROCESSED: Final[Mapping[tuple[AuditFormat, Resolution], _ProcessedForm]] = {
    (AuditFormat.V10_4_4, Resolution.APPROVED): _ProcessedForm(Outcome.SUCCESS, "certificate"),
    (AuditFormat.V10_4_4, Resolution.REJECTED): _ProcessedForm(Outcome.SUCCESS, _REJECT),
    (AuditFormat.V10_4_4, Resolution.CANCELED): _ProcessedForm(Outcome.SUCCESS, _CANCEL),
    (AuditFormat.V10_4_4, Resolution.INVALID): _INVALID,
    (AuditFormat.V10_4_4, Resolution.NOT_ISSUED): _NOT_ISSUED,
    (AuditFormat.V10_4_5, Resolution.APPROVED): _ProcessedForm(
        Outcome.SUCCESS, None, "certificate request succeeded"
    ),
    (AuditFormat.V10_4_5, Resolution.REJECTED): _ProcessedForm(Outcome.FAILURE, _REJECT),
    (AuditFormat.V10_4_5, Resolution.CANCELED): _ProcessedForm(Outcome.FAILURE, _CANCEL),
    (AuditFormat.V10_4_5, Resolution.INVALID): _INVALID,
    (AuditFormat.V10_4_5, Resolution.NOT_ISSUED): _NOT_ISSUED,
    (AuditFormat.V11_4, Resolution.APPROVED): _ProcessedForm(Outcome.SUCCESS, None),
    (AuditFormat.V11_4, Resolution.REJECTED): _ProcessedForm(Outcome.FAILURE, _REJECT),
    (AuditFormat.V11_4, Resolution.CANCELED): _ProcessedForm(Outcome.FAILURE, _CANCEL),
    (AuditFormat.V11_4, Resolution.INVALID): _INVALID,
    (AuditFormat.V11_4, Resolution.NOT_ISSUED): _NOT_ISSUED,
}


def _print(value: AttributeValue | _Verbatim, audit_format: AuditFormat) -> str:
    match value:
        case None:
            return NULL
        case _Verbatim(text):
            return text
        case int():
            return print_number(value, audit_format)
        case Parameters(pairs):
            return _cut("+".join(f"{_part(name)};;{_part(text)}" for name, text in pairs))
        case str():
            return safe_value(value)


def print_number(number: int, audit_format: AuditFormat) -> str:
    """A request or serial number: decimal up to 10.4.5, ``0x`` and hex from 11.4 on."""
    return f"{number:#x}" if audit_format is AuditFormat.V11_4 else str(number)


def _part(text: str | None) -> str:
    # The separators of ParamNameValPairs are escaped too, so that the pairs can be told apart.
    return escape_value(text, also="+;") if text else NULL


def safe_value(text: str) -> str:
    """``text`` escaped, and cut when it is too long; see the module's text."""
    return _cut(escape_value(text))


def escape_value(text: str, also: str = "") -> str:
    """``text`` escaped, never cut; characters of ``also`` are escaped as well."""
    if text == NULL:
        return f"%3C{text[1:]}"
    if _PLAIN.match(text) and not also:
        return text.replace(_SIGNING, _NOT_SIGNING)
    return "".join(_escape_each(text, also)).replace(_SIGNING, _NOT_SIGNING)


def _escape_each(text: str, also: str) -> Iterator[str]:
    for position, character in enumerate(text):
        if character == "%":
            yield "%25" if _HEX_PAIR.match(text, position + 1) else "%"
        elif (
            character in "[]"
            or character in also
            or unicodedata.category(character) in _UNSAFE_CATEGORIES
        ):
            yield "".join(f"%{octet:02X}" for octet in character.encode("utf-8", "surrogatepass"))
        else:
            yield character


def read_value(text: str) -> str:
    """What ``escape_value`` was given. Raises UnicodeDecodeError for text it never wrote."""
    octets = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), text.encode("utf-8"))
    return octets.decode("utf-8", "surrogatepass")


def _cut(text: str) -> str:
    data = text.encode("utf-8")
    if len(data) <= MAX_VALUE_BYTES:
        return text
    kept = _TORN_ESCAPE.sub(b"", data[:MAX_VALUE_BYTES]).decode("utf-8", "ignore")
    return f"{kept}...(cut, {len(data)} bytes)"
