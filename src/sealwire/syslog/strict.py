"""The two RFCs to the letter: what is exactly as RFC 5424 or RFC 3164 writes it, quickly.

RFC 3164 is taken at its header (section 4.1); what follows it may be any octets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.syslog.draft import FACILITY_WORDS, SEVERITY_LETTERS, SEVERITY_WORDS
from sealwire.syslog.message import Grade, ParsedMessage
from sealwire.syslog.rfc5424 import BOM, MAX_PRIORITY, is_msg
from sealwire.syslog.structured_data import read_structured_data
from sealwire.syslog.time_forms import ZONES
from sealwire.syslog.timestamps import (
    ANY_MONTH,
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
    _PRI + rb"(" + ANY_MONTH + rb") ( [1-9]|[12][0-9]|3[01]) "
    rb"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) "
    rb"([0-9A-Za-z](?:[0-9A-Za-z._:-]{0,253}[0-9A-Za-z._-])?+|::[0-9A-Fa-f:.]{0,40}+) "
)

TAG = re.compile(
    rb"(?!CEF:|LEEF:)([^\s:\[\]\"{}=<>,|]{1,128}+)"
    rb"(?:\[([^\]\s]{0,128}+)\](?::|(?=[\s])|\Z)|:(?=[\s])|:\Z) ?"
)
"""A BSD tag, with or without a process id, and the space behind it."""

HYPERVISOR_LEVEL: Final = rb"(?:verbose|info|warning|error|trivia|panic) [A-Za-z][\w.-]{0,47}\["
"""Pattern of what ESXi's own services write behind a tag, up to a thread."""

ODD_TEXT: Final = re.compile(HYPERVISOR_LEVEL + rb"|[^\s,@]{1,255}@")
"""Matches the text behind a tag without a process id where that may be a vendor's own way."""

_ODD_BEGINNING: Final = re.compile(
    rb"[\[<:(\"]|[0-9]{1,3}\.[0-9]|1 [0-9]{9}|[0-9a-f]{12},|[0-9A-Za-z-]{2,32},[0-9a-f]{12},"
    rb"|(?i:" + ANY_MONTH + rb")[a-z]{0,6} |[0-9A-Za-z_-]{1,48}(?:\t| -: )"
    rb"|[0-9A-Z]{8,24} \([0-9]{4}-"
    rb"|(?i:(?:[a-z0-9]{2,8}(?:\|[a-z]{2,8})?[.:])?(?:" + b"|".join(SEVERITY_WORDS) + rb")):? "
    rb"|(?:" + b"|".join(SEVERITY_LETTERS) + rb")\(|forwarded from "
)
_FACILITY_AND_SEVERITY = re.compile(
    b"(?:" + b"|".join(FACILITY_WORDS) + rb")\.(?:" + b"|".join(SEVERITY_WORDS) + b")"
)
# How far Cisco's mnemonic is looked for, a little more than its reader does.
_MNEMONIC_WITHIN: Final = 400
LOOKED_AT: Final = 512
"""How much of a text decides whether it begins with a tag, or may be a vendor's way."""
_ISO_HEADER = re.compile(
    _PRI + rb"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    rb"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9])) "
    rb"([0-9A-Za-z](?:[0-9A-Za-z._:-]{0,253}[0-9A-Za-z._-])?+) "
)


def names_host(word: bytes) -> bool:
    """Whether ``word`` in the host's place is one: no number, no zone, no ``user.info``."""
    return not (word.isdigit() or word in ZONES or _FACILITY_AND_SEVERITY.fullmatch(word))


def may_be_other(raw: bytes, parsed: ParsedMessage) -> bool:
    """Whether what ``parse_3164`` found may be a vendor's way under that header after all."""
    app, start = parsed.app, parsed.message_start
    if not names_host((parsed.host or "").encode()):
        return True
    if app is None:
        return not is_plain_text(raw[start : start + LOOKED_AT])
    return app.isdigit() or (parsed.procid is None and ODD_TEXT.match(raw, start) is not None)


def is_plain_text(text: bytes) -> bool:
    """Whether ``text`` behind a host has no tag and is no vendor's way."""
    return (
        b"%" not in text[:_MNEMONIC_WITHIN]
        and TAG.match(text) is None
        and _ODD_BEGINNING.match(text) is None
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
        timestamp = _iso_us(day, (hour, minute, second), fraction, (sign, hours, minutes))
        if timestamp is None:
            return None
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


def _iso_us(
    day: bytes, clock: tuple[bytes, ...], fraction: bytes | None, offset: tuple[bytes, ...]
) -> int | None:
    hour, minute, second = clock
    midnight, us = iso_midnight_us(day), clock_us(int(hour), int(minute), int(second))
    if midnight is None or us is None or second == b"60":
        return None
    sign, hours, minutes = offset
    east = int(hours) * HOUR_US + int(minutes) * MINUTE_US if sign else 0
    return midnight + us + fraction_us(fraction) - (-east if sign == b"-" else east)


def _message_start(raw: bytes, end: int) -> int:
    """Where MSG begins; -1 when what follows STRUCTURED-DATA is not as the RFC has it."""
    if end < 0 or end == len(raw):
        return end
    if raw[end] != _SPACE:
        return -1
    start = end + 1
    if not raw.startswith(BOM, start):
        return start
    return start + len(BOM) if is_msg(raw[start:]) else -1


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


def parse_iso(raw: bytes) -> ParsedMessage | None:
    """``raw`` taken apart when it is RFC 3164 but for its time, which is RFC 3339's, with a tag.

    Relays and hypervisors write so. None as well where it may be a vendor's own way.
    """
    head = _ISO_HEADER.match(raw)
    tag = TAG.match(raw, head.end()) if head else None
    if head is None or tag is None:
        return None
    pri, day, hour, minute, second, fraction, sign, hours, minutes, host = head.groups()
    priority = int(pri)
    timestamp = _iso_us(day, (hour, minute, second), fraction, (sign, hours, minutes))
    if priority > MAX_PRIORITY or timestamp is None:
        return None
    app, procid = tag.groups()
    parsed = ParsedMessage(
        Grade.VARIANT,
        "iso",
        priority >> 3,
        priority & 7,
        timestamp,
        host=host.decode("ascii"),
        app=app.decode("utf-8", "replace"),
        procid=procid.decode("utf-8", "replace") if procid else None,
        message_start=tag.end(),
    )
    return None if b"%" in app or may_be_other(raw, parsed) else parsed
