"""RFC 5424 messages: built once, and read strictly.

The builder writes UTC with six fraction digits, no BOM, and MSG exactly as given (MSG-ANY), so
that UTF-8 text goes out as UTF-8 and foreign bytes stay what they were. The parser takes what the
ABNF of section 6 allows and nothing else. It is the builder's counterpart and what the tests hold
the other readers against; what is received is taken apart by ``syslog.parser``, quickly.
One thing the ABNF allows is refused: the year 0000, which no calendar type here can hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from sealwire.errors import Finding, RefusedError, Severity

NIL: Final = "-"
BOM: Final = b"\xef\xbb\xbf"
MAX_PRIORITY: Final = 191
MAX_SEVERITY: Final = 7
MAX_FACILITY: Final = 23

_HEADER_LIMITS: Final = (
    ("hostname", "HOSTNAME", 255),
    ("app_name", "APP-NAME", 48),
    ("process_id", "PROCID", 128),
    ("message_id", "MSGID", 32),
)
_PRINTABLE = re.compile(r"[!-~]+\Z")
_SD_NAME = re.compile(r"[!#-<>-\\^-~]{1,32}\Z")
_ESCAPED = re.compile(r'(["\\\]])')
_UNESCAPE = re.compile(r'\\(["\\\]])')

_HEADER = re.compile(
    rb"<(?P<priority>0|[1-9][0-9]{0,2})>(?P<version>[1-9][0-9]{0,2})"
    rb" (?P<timestamp>[!-~]+)"
    rb" (?P<hostname>[!-~]{1,255})"
    rb" (?P<app_name>[!-~]{1,48})"
    rb" (?P<process_id>[!-~]{1,128})"
    rb" (?P<message_id>[!-~]{1,32}) "
)
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))\Z"
)
_SD_ID = re.compile(rb"\[([!#-<>-\\^-~]{1,32})")
_SD_PARAM = re.compile(rb' ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class StructuredElement:
    """One SD-ELEMENT (section 6.3): its SD-ID and its parameters in order, values unescaped."""

    sd_id: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SyslogMessage:
    """One SYSLOG-MSG (section 6). A header field that is absent is None (NILVALUE on the wire).

    ``timestamp`` is timezone-aware. ``message`` is MSG as bytes, a BOM included when there is one;
    None means that there is no MSG, not even the space before it.
    """

    facility: int
    severity: int
    timestamp: datetime | None
    hostname: str | None
    app_name: str | None
    process_id: str | None
    message_id: str | None
    structured_data: tuple[StructuredElement, ...] = ()
    message: bytes | None = None


def build_message(message: SyslogMessage) -> bytes:
    """The bytes of ``message``.

    Raises RefusedError ``syslog.unbuildable`` with every field that the RFC does not allow.
    """
    faults = _faults(message)
    if faults:
        raise RefusedError(
            "syslog.unbuildable",
            "These values do not make an RFC 5424 message.",
            findings=[Finding("syslog.field", Severity.ERROR, fault) for fault in faults],
        )
    head = (
        f"<{message.facility * 8 + message.severity}>1 {format_timestamp(message.timestamp)}"
        f" {message.hostname or NIL} {message.app_name or NIL} {message.process_id or NIL}"
        f" {message.message_id or NIL} {format_structured_data(message.structured_data)}"
    ).encode()
    return head if message.message is None else head + b" " + message.message


def format_timestamp(timestamp: datetime | None) -> str:
    """TIMESTAMP in UTC with microseconds (section 6.2.3), or NILVALUE."""
    if timestamp is None:
        return NIL
    text = timestamp.astimezone(UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"


def format_structured_data(elements: tuple[StructuredElement, ...]) -> str:
    r"""STRUCTURED-DATA with ``"``, ``\`` and ``]`` escaped (section 6.3.3), or NILVALUE."""
    return "".join(map(_format_element, elements)) or NIL


def _format_element(element: StructuredElement) -> str:
    escaped = ((name, _ESCAPED.sub(r"\\\1", value)) for name, value in element.parameters)
    parameters = "".join(f' {name}="{value}"' for name, value in escaped)
    return f"[{element.sd_id}{parameters}]"


def _faults(message: SyslogMessage) -> list[str]:
    faults = []
    if not 0 <= message.facility <= MAX_FACILITY:
        faults.append(f"The facility must be 0 to {MAX_FACILITY}.")
    if not 0 <= message.severity <= MAX_SEVERITY:
        faults.append(f"The severity must be 0 to {MAX_SEVERITY}.")
    if message.timestamp is not None and message.timestamp.utcoffset() is None:
        faults.append("The time stamp must say its time zone.")
    faults += _field_faults(message)
    faults += _structured_faults(message.structured_data)
    if message.message is not None and not is_msg(message.message):
        faults.append("A MSG that starts with a BOM must be UTF-8.")
    return faults


def _field_faults(message: SyslogMessage) -> list[str]:
    return [
        f"{label} must be 1 to {limit} printable ASCII characters, and not {NIL!r}."
        for field, label, limit in _HEADER_LIMITS
        if (value := getattr(message, field)) is not None
        and (len(value) > limit or value == NIL or not _PRINTABLE.match(value))
    ]


def _structured_faults(elements: tuple[StructuredElement, ...]) -> list[str]:
    faults = []
    seen = set()
    for element in elements:
        if element.sd_id in seen:
            faults.append(f"SD-ID {element.sd_id!r} stands there twice.")
        seen.add(element.sd_id)
        names = (element.sd_id, *(name for name, _ in element.parameters))
        faults += [f"{name!r} is no SD-NAME." for name in names if not _SD_NAME.match(name)]
        for name, value in element.parameters:
            if not is_utf8(value):
                faults.append(f"The value of {name!r} cannot be written as UTF-8.")
    return faults


def is_utf8(text: str) -> bool:
    """Whether ``text`` can be written as UTF-8: it holds no unpaired surrogate."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def parse_message(data: bytes) -> SyslogMessage:
    """Read one SYSLOG-MSG (without any framing).

    Raises RefusedError ``syslog.malformed`` whose message says what the RFC does not allow.
    """
    header = _HEADER.match(data)
    if header is None:
        raise _malformed("the header is not PRI, version and five fields, each within its length")
    priority = int(header["priority"])
    if priority > MAX_PRIORITY:
        raise _malformed(f"PRI is above {MAX_PRIORITY}")
    if header["version"] != b"1":
        raise _malformed("the version is not 1")
    elements, end = _parse_structured_data(data, header.end())
    return SyslogMessage(
        facility=priority >> 3,
        severity=priority & 7,
        timestamp=_parse_timestamp(header["timestamp"].decode("ascii")),
        hostname=_field(header["hostname"]),
        app_name=_field(header["app_name"]),
        process_id=_field(header["process_id"]),
        message_id=_field(header["message_id"]),
        structured_data=elements,
        message=_parse_rest(data, end),
    )


def _malformed(reason: str) -> RefusedError:
    return RefusedError("syslog.malformed", f"This is no RFC 5424 message: {reason}.")


def _field(value: bytes) -> str | None:
    return None if value == b"-" else value.decode("ascii")


def _parse_timestamp(text: str) -> datetime | None:
    if text == NIL:
        return None
    match = _TIMESTAMP.match(text)
    if match is None:
        raise _malformed("the time stamp is not as section 6.2.3 writes it")
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    microsecond = int((match[7] or "0").ljust(6, "0"))
    try:
        # A second of 60 is refused here too: section 6.2.3 knows no leap seconds.
        return datetime(year, month, day, hour, minute, second, microsecond, _zone(match))
    except ValueError:
        raise _malformed("the time stamp names a moment that does not exist") from None


def _zone(match: re.Match[str]) -> timezone:
    if match[8] is None:
        return UTC
    offset = timedelta(hours=int(match[9]), minutes=int(match[10]))
    return timezone(offset if match[8] == "+" else -offset)


def _parse_structured_data(data: bytes, start: int) -> tuple[tuple[StructuredElement, ...], int]:
    if data[start : start + 1] == b"-":
        return (), start + 1
    elements: dict[str, StructuredElement] = {}
    position = start
    while data[position : position + 1] == b"[":
        element, position = _parse_element(data, position)
        if element.sd_id in elements:
            raise _malformed("an SD-ID stands there twice")
        elements[element.sd_id] = element
    if not elements:
        raise _malformed("STRUCTURED-DATA is missing")
    return tuple(elements.values()), position


def _parse_element(data: bytes, start: int) -> tuple[StructuredElement, int]:
    name = _SD_ID.match(data, start)
    if name is None:
        raise _malformed("an SD-ID is missing or no SD-NAME")
    parameters = []
    position = name.end()
    while parameter := _SD_PARAM.match(data, position):
        parameters.append((parameter[1].decode("ascii"), _parse_value(parameter[2])))
        position = parameter.end()
    if data[position : position + 1] != b"]":
        raise _malformed('an SD-ELEMENT is not closed, or a parameter in it is not NAME="VALUE"')
    return StructuredElement(name[1].decode("ascii"), tuple(parameters)), position + 1


def _parse_value(value: bytes) -> str:
    # A backslash before any other character is itself (section 6.3.3).
    try:
        return _UNESCAPE.sub(r"\1", value.decode("utf-8"))
    except UnicodeDecodeError:
        raise _malformed("a parameter value is not UTF-8") from None


def _parse_rest(data: bytes, start: int) -> bytes | None:
    if start == len(data):
        return None
    if data[start : start + 1] != b" ":
        raise _malformed("something other than a space follows STRUCTURED-DATA")
    rest = data[start + 1 :]
    if not is_msg(rest):
        raise _malformed("MSG starts with a BOM and is not UTF-8")
    return rest


def is_msg(message: bytes) -> bool:
    """Whether ``message`` is a MSG (section 6.4): UTF-8 if it begins with a BOM, else anything."""
    if not message.startswith(BOM):
        return True
    try:
        message.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
