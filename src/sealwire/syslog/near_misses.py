"""What nearly follows RFC 5424 or RFC 3164, and vendors' ways: tried in turn, the surest first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.syslog.audit_text import read_dogtag_line, read_fmc_line
from sealwire.syslog.bsd import read_after_time, read_epoch_event
from sealwire.syslog.cisco import WITHIN, read_cisco, read_numbered
from sealwire.syslog.draft import begin
from sealwire.syslog.event_formats import HOLDS_FIELDS
from sealwire.syslog.loose5424 import read_loose_5424
from sealwire.syslog.message import Grade
from sealwire.syslog.structured_data import text_of
from sealwire.syslog.time_forms import read_time
from sealwire.syslog.timestamps import ANY_MONTH
from sealwire.syslog.vendors import read_dated_pairs, read_markup, read_panw

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.syslog.draft import Draft
    from sealwire.syslog.message import ParsedMessage

_SPACE = re.compile(rb"[ \t]*+")
_GLUED_VERSION = re.compile(
    rb"1 {0,4}+(?=(?:" + ANY_MONTH + rb")[a-z]{0,6} )"
    rb"|1 {1,4}+(?=[0-9]{9,13}(?:\.[0-9]{1,12})? )"
)
_WITHOUT_PRI = re.compile(rb"1 [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:")
_GUID = re.compile(
    rb"(?:[0-9a-f]{8}-)?[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{3,12}(?:-[0-9a-f]{3,12})?Z? "
)
_BRACKETED = re.compile(rb"\[(?=[0-9A-Za-z])")
_HOST_AND_PROGRAM = re.compile(
    rb"([0-9A-Za-z][0-9A-Za-z._-]{0,254}) "
    rb"([A-Za-z_/][^\s:\[\]\"{}=<>,|]{0,127})\[([^\]\s]{0,128})\]: ?"
)
_PROGRAM = re.compile(rb"([A-Za-z_/(][^\s:\[\]\"{}=<>,|]{0,127})\[([0-9]{1,10})\]: ?")
_NAMED_HOST = re.compile(
    rb"((?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?=[a-z0-9.]{0,63}[.0-9-])[a-z][0-9A-Za-z.-]{0,254})"
    rb":? ([A-Za-z_/][^\s:\[\]\"{}=<>,|]{0,127}): "
)
_NAMED_EVENT = re.compile(rb"([A-Za-z][\w.-]{0,127}): (?=CEF: ?[0-9]|LEEF: ?[0-9])")
_SNARE = re.compile(rb"([0-9A-Za-z][\w.-]{0,254})\t(MSWinEventLog)\t")
# Kiwi puts this before what it forwards.
_ORIGINAL_ADDRESS = re.compile(rb"Original Address=([0-9A-Fa-f.:]{2,45}) ")
_SECONDS: Final = 10


def read_near_miss(raw: bytes, received_us: int) -> ParsedMessage:
    """``raw`` taken apart by the first rule that fits; a PRI and text, or text, when none does."""
    draft = begin(raw, received_us)
    start = draft.at
    if draft.has_pri and (relayed := _ORIGINAL_ADDRESS.match(raw, draft.at)):
        draft.fields.append(("relay.sender", text_of(relayed[1])))
        draft.at = relayed.end()
    is_5424 = draft.has_pri or _WITHOUT_PRI.match(raw, draft.at)
    if found := read_loose_5424(draft) if is_5424 else None:
        return found
    if draft.has_pri and (version := _GLUED_VERSION.match(raw, draft.at)):
        draft.at = version.end()
    draft.at = _after_space(draft)
    return (
        _read_timed(draft)
        or read_panw(draft)
        or read_dogtag_line(draft)
        or read_dated_pairs(draft)
        or read_markup(draft)
        or _read_undated(draft)
        or _read_raw(draft, start)
    )


def _after_space(draft: Draft) -> int:
    found = _SPACE.match(draft.raw, draft.at)
    return found.end() if found else draft.at


def _read_timed(draft: Draft) -> ParsedMessage | None:
    cisco = b"%" in draft.raw[draft.at : draft.at + WITHIN]
    if (cisco and (found := _try(draft, read_cisco))) or (found := _try(draft, read_numbered)):
        return found
    mark = _BRACKETED.match(draft.raw, draft.at)
    moment = read_time(draft.raw, mark.end() if mark else draft.at, draft.received_us)
    if moment is None or (mark and draft.raw[moment.end : moment.end + 1] != b"]"):
        return None
    after = draft.raw[moment.end + bool(mark) : moment.end + bool(mark) + 1]
    if after not in {b"", b" ", b"\t", b":", b","}:
        return None
    begins = draft.raw[draft.at : draft.at + _SECONDS]
    draft.moment, draft.at = moment, moment.end + bool(mark)
    if begins.isdigit():
        return _read_epoch(draft)
    rule, grade = _time_rule(draft, letter=begins[:1].isalpha())
    return read_after_time(draft, rule, grade)


def _try(draft: Draft, read: Callable[[Draft], ParsedMessage | None]) -> ParsedMessage | None:
    kept = draft.at, draft.severity, len(draft.fields)
    if found := read(draft):
        return found
    draft.at, draft.severity, fields = kept
    draft.moment = draft.host = draft.app = draft.procid = None
    del draft.fields[fields:]
    return None


def _time_rule(draft: Draft, *, letter: bool) -> tuple[str, Grade]:
    moment = draft.moment
    if moment is None or moment.us is None:
        return "impossible_time", Grade.NEAR_MISS
    if not draft.has_pri:
        return "no_pri", Grade.NEAR_MISS
    if moment.zoned:
        return "iso", Grade.VARIANT
    return (moment.form if letter else "dated"), Grade.NEAR_MISS


def _read_epoch(draft: Draft) -> ParsedMessage:
    draft.at = _after_space(draft)
    return read_epoch_event(draft, "epoch") or read_after_time(draft, "epoch")


def _read_undated(draft: Draft) -> ParsedMessage | None:
    raw = draft.raw
    if draft.has_pri and (guid := _GUID.match(raw, draft.at)):
        draft.at = guid.end()
        return read_after_time(draft, "guid_as_time")
    if HOLDS_FIELDS.match(raw, draft.at):
        return draft.done(Grade.NEAR_MISS, "no_header")
    if found := read_fmc_line(draft):
        return found
    if not draft.has_pri:
        return None
    return _read_names(draft)


def _read_names(draft: Draft) -> ParsedMessage | None:
    if found := _SNARE.match(draft.raw, draft.at):
        draft.name(found[1])
        draft.tag(found[2])
    elif found := _HOST_AND_PROGRAM.match(draft.raw, draft.at):
        draft.name(found[1])
        draft.tag(found[2], found[3])
    elif found := _NAMED_HOST.match(draft.raw, draft.at):
        draft.name(found[1])
        draft.tag(found[2])
    elif found := _PROGRAM.match(draft.raw, draft.at):
        draft.tag(found[1], found[2])
    elif found := _NAMED_EVENT.match(draft.raw, draft.at):
        draft.tag(found[1])
    else:
        return None
    draft.at = found.end()
    return draft.done(Grade.NEAR_MISS, "no_time")


def _read_raw(draft: Draft, start: int) -> ParsedMessage:
    draft.at = start if draft.facility is not None else 0
    return draft.done(Grade.RAW, "pri" if draft.facility is not None else "raw")
