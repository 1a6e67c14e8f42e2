"""Vendors' ways without any header: pairs with date= and time=, Palo Alto's CSV, JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sealwire.syslog.message import Grade
from sealwire.syslog.time_forms import Moment, read_time
from sealwire.syslog.timestamps import HOUR_US, MINUTE_US

if TYPE_CHECKING:
    from sealwire.syslog.draft import Draft
    from sealwire.syslog.message import ParsedMessage

# How far into the text its pairs are looked at.
_WITHIN = 4096

_PAIRS = re.compile(rb"[A-Za-z_][\w.-]{0,31}=")
_DATE = re.compile(
    rb"(?:^|(?<=[ ,:>]))date=\"?([0-9]{4}-[0-9]{2}-[0-9]{2})\"?[ ,]+"
    rb"time=\"?([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)\"?"
)
_TIME = re.compile(
    rb"(?<= )time=\"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?: UTC)?)\""
)
_OFFSET = re.compile(
    rb"[ ,](?:tz|timezone)=\"?"
    rb"(?:(?:UTC)?([+-])([0-9]{1,2}):?([0-9]{2})|([A-Z]{3,5}))(?![0-9A-Za-z+-])"
)
_EPOCH_PAIRS = re.compile(rb"time=([0-9]{10})\|hostname=([^|]{1,255})\|")
_NAME = re.compile(
    rb"(?:^|(?<=[ ,:>]))(?:devname|device_name)=(?:\"([^\"]{1,255})\"|([^\s,\"]{1,255}))"
)
_PANW = re.compile(
    rb"[0-9]{1,3},([0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}),[0-9A-Za-z]"
)
_JSON_TIME = re.compile(rb"\{\s{0,16}\"(?:LogTimestamp|datetime)\"\s{0,4}:\s{0,4}\"([^\"]{8,64})\"")


def read_dated_pairs(draft: Draft, rule: str = "pairs") -> ParsedMessage | None:
    """``date=2015-08-11 time=19:19:43 devname=...``: FortiGate's and Sophos' way.

    Their time and name count where no header said them.
    """
    raw, at = draft.raw, draft.at
    if not _PAIRS.match(raw, at):
        return None
    end = at + _WITHIN
    date = _DATE.search(raw, at, end)
    if date is None and not draft.moment:
        return _read_timed_pairs(draft)
    if date is None:
        return None
    if draft.moment is None:
        zone = _zone(_OFFSET.search(raw, at, end))
        draft.moment = _moment(draft, date[1] + b" " + date[2] + zone)
        rule = "dated_pairs"
    name = _NAME.search(raw, at, end)
    if name and draft.host is None:
        draft.name(name[1] or name[2])
    return draft.done(Grade.VARIANT if rule == "dated_pairs" else Grade.NEAR_MISS, rule)


def find_zone(text: bytes) -> tuple[int, bool] | None:
    """Microseconds east of UTC that a pair in ``text`` says, and whether none does.

    None: it names its zone.
    """
    begin = _first(text, b"tz=", b"timezone=")
    found = _OFFSET.search(text, max(begin - 1, 0), _WITHIN) if begin >= 0 else None
    if found is None:
        return 0, True
    sign, hours, minutes, name = found.groups()
    if name:
        return None
    size = int(hours) * HOUR_US + int(minutes) * MINUTE_US
    return (-size if sign == b"-" else size), False


def find_name(text: bytes) -> tuple[int, int] | None:
    """Where in ``text`` the device's name stands; None: nowhere."""
    begin = _first(text, b"devname=", b"device_name=")
    found = _NAME.search(text, begin, _WITHIN) if begin >= 0 else None
    return found.span(found.lastindex or 0) if found else None


def _first(text: bytes, word: bytes, other: bytes) -> int:
    """Where the first of both stands, from where a pattern need only be tried; or -1."""
    place, second = text.find(word), text.find(other)
    if place < 0 or -1 < second < place:
        return second
    return place


def _zone(found: re.Match[bytes] | None) -> bytes:
    """As it stands behind a time."""
    if found is None:
        return b""
    sign, hours, minutes, name = found.groups()
    return b" " + name if name else sign + hours.rjust(2, b"0") + minutes


def _read_timed_pairs(draft: Draft) -> ParsedMessage | None:
    """SonicWall's ``time="..."`` among its pairs; Check Point's ``time=EPOCH|hostname=NAME|``."""
    if named := _EPOCH_PAIRS.match(draft.raw, draft.at):
        draft.moment = _moment(draft, named[1])
        draft.name(named[2])
        return draft.done(Grade.VARIANT, "dated_pairs")
    found = _TIME.search(draft.raw, draft.at, draft.at + _WITHIN)
    if found is None:
        return None
    draft.moment = _moment(draft, found[1])
    return draft.done(Grade.VARIANT, "dated_pairs")


def read_panw(draft: Draft) -> ParsedMessage | None:
    """``1,2024/02/29 16:59:40,SERIAL,TYPE,...``: Palo Alto's record without a header."""
    found = _PANW.match(draft.raw, draft.at)
    if found is None:
        return None
    draft.moment = _moment(draft, found[1])
    return draft.done(Grade.VARIANT, "panw_csv")


def read_markup(draft: Draft) -> ParsedMessage | None:
    """JSON or XML behind a PRI or alone. Only Zscaler's own time, which comes first, is taken."""
    first = draft.raw[draft.at : draft.at + 2]
    if first[:1] == b"{" and first != b"{{":
        if found := _JSON_TIME.match(draft.raw, draft.at):
            draft.moment = _moment(draft, found[1])
        return draft.done(Grade.NEAR_MISS, "json")
    if first[:1] == b"<" and (first[1:].isalpha() or first[1:] in {b"?", b"!"}):
        return draft.done(Grade.NEAR_MISS, "xml")
    return None


def _moment(draft: Draft, text: bytes) -> Moment | None:
    return read_time(text, 0, draft.received_us)
