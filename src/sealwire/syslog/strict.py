"""The two RFCs to the letter: what is exactly as RFC 5424 or RFC 3164 writes it, quickly.

RFC 3164 is taken at its header (section 4.1); what follows it may be any octets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.syslog.message import Grade, ParsedMessage
from sealwire.syslog.rfc5424 import BOM, MAX_PRIORITY
from sealwire.syslog.structured_data import read_structured_data
from sealwire.syslog.time_forms import ZONES
from sealwire.syslog.timestamps import (
    HOUR_US,
    MINUTE_US,
    MONTHS,
    clock_us,
    fraction_us,
    iso_midnight_us,
    yearless_us,
)

if TYPE_CHECKING:
    from sealwire.syslog.structured_data import Fields

_SPACE: Final = 0x20
_PRI: Final = rb"<(0|[1-9][0-9]{0,2})>"
_HEADER = re.compile(
    _PRI + rb"1 "
    rb"(?:-|([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
    rb"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9])))"
    rb" ([!-~]{1,255}+) ([!-~]{1,48}+) ([!-~]{1,128}+) ([!-~]{1,32}+) (?:(-)|(?=\[))"
)
_BSD_HEADER = re.compile(
    _PRI + rb"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ( [1-9]|[12][0-9]|3[01]) "
    rb"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) "
    rb"([0-9A-Za-z](?:[0-9A-Za-z._:-]{0,253}[0-9A-Za-z._-])?+|::[0-9A-Fa-f:.]{0,40}+) "
)

TAG = re.compile(
    rb"(?!CEF:|LEEF:)([^\s:\[\]\"{}=<>,|]{1,128}+)"
    rb"(?:\[([^\]\s]{0,128}+)\](?::|(?=[\s])|\Z)|:(?=[\s])|:\Z) ?"
)
"""A BSD tag, with or without a process id, and the space behind it."""


ODD_TEXT: Final = re.compile(
    rb"(?:verbose|info|warning|error|trivia|panic) [A-Za-z][\w.-]{0,47}\[|[^\s,@]{1,255}@"
)
"""Matches the text behind a tag without a process id where that may be a vendor's own way."""


def may_be_other(raw: bytes, parsed: ParsedMessage) -> bool:
    """Whether what ``parse_3164`` found may be a vendor's way under that header after all."""
    host, app = parsed.host or "", parsed.app
    return (
        app is None
        or app.isdigit()
        or host.isdigit()
        or host.encode() in ZONES
        or (parsed.procid is None and ODD_TEXT.match(raw, parsed.message_start) is not None)
    )


def parse_5424(raw: bytes) -> ParsedMessage | None:
    """``raw`` taken apart when it is RFC 5424 to the letter; else None."""
    head = _HEADER.match(raw)
    if head is None:
        return None
    pri, day, hour, minute, second, fraction, sign, hours, minutes, *names, nil = head.groups()
    priority = int(pri)
    timestamp = None
    if day is not None:
        offset = int(hours) * HOUR_US + int(minutes) * MINUTE_US if sign else 0
        clock = clock_us(int(hour), int(minute), int(second))
        if clock is None or second == b"60" or (midnight := iso_midnight_us(day)) is None:
            return None
        timestamp = midnight + clock + fraction_us(fraction)
        timestamp -= -offset if sign == b"-" else offset
    fields: Fields = []
    end = head.end() if nil else read_structured_data(raw, head.end(), fields)
    start = _message_start(raw, end)
    if priority > MAX_PRIORITY or start < 0:
        return None
    host, app, procid, msgid = [None if n == b"-" else n.decode("ascii") for n in names]
    return ParsedMessage(
        Grade.STRICT,
        "rfc5424",
        priority >> 3,
        priority & 7,
        timestamp,
        host=host,
        app=app,
        procid=procid,
        msgid=msgid,
        message_start=start,
        fields=tuple(fields),
    )


def _message_start(raw: bytes, end: int) -> int:
    """Where MSG begins; -1 when what follows STRUCTURED-DATA is not as the RFC has it."""
    if end < 0 or end == len(raw):
        return end
    if raw[end] != _SPACE:
        return -1
    if not raw.startswith(BOM, end + 1):
        return end + 1
    try:
        raw[end + 4 :].decode("utf-8")
    except UnicodeDecodeError:
        return -1
    return end + 4


def parse_3164(raw: bytes, received_us: int) -> ParsedMessage | None:
    """``raw`` taken apart when it has the header of RFC 3164 to the letter; else None.

    A text without a tag leaves ``app`` None.
    """
    head = _BSD_HEADER.match(raw)
    if head is None:
        return None
    pri, month, day, hour, minute, second, host = head.groups()
    priority = int(pri)
    number = int(second)
    clock = clock_us(int(hour), int(minute), number)
    timestamp = yearless_us(MONTHS[month.lower()], int(day), clock, number, 0, received_us)
    if priority > MAX_PRIORITY or timestamp is None:
        return None
    tag = TAG.match(raw, head.end())
    app, procid = tag.groups() if tag else (None, None)
    return ParsedMessage(
        Grade.STRICT,
        "rfc3164",
        priority >> 3,
        priority & 7,
        timestamp,
        timestamp_guessed=True,
        host=host.decode("ascii"),
        app=app.decode("utf-8", "replace") if app else None,
        procid=procid.decode("utf-8", "replace") if procid else None,
        message_start=tag.end() if tag else head.end(),
    )
