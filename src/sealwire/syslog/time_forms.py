"""The forms in which devices write times, read at a place in a message.

What is said decides: a year or a zone that is not said is guessed (year: the last one that is not
a day in the future; zone: UTC). A zone's name counts only where it can mean one offset alone.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sealwire.syslog.timestamps import (
    ANY_MONTH,
    HOUR_US,
    MINUTE_US,
    MONTHS,
    SECOND_US,
    clock_us,
    fraction_us,
    midnight_us,
    moment_us,
    yearless_us,
)


class Moment(NamedTuple):
    """A time that stands in a message.

    Attributes:
        us: microseconds since 1970 UTC; None when the form is a time's and there is no such time.
        guessed: its year or its zone is not said.
        end: offset behind it.
        zoned: it has the whole of RFC 3339: date, time and offset.
        form: of one that begins with a month: ``bsd_year`` and ``bsd_zone`` when it says more.
    """

    us: int | None
    guessed: bool
    end: int
    zoned: bool = False
    form: str = "bsd"


# Hours east of UTC. The four American zones as RFC 5322 section 4.3 has them; None: known as a
# name, but of more than one zone (China and Central, Israel and India, Bangladesh and Britain).
ZONES: Final[dict[bytes, float | None]] = {
    b"UTC": 0, b"GMT": 0, b"UT": 0, b"WET": 0, b"WEST": 1, b"CET": 1, b"CEST": 2, b"MET": 1,
    b"MEST": 2, b"EET": 2, b"EEST": 3, b"MSK": 3, b"SAST": 2, b"JST": 9, b"KST": 9, b"HKT": 8,
    b"SGT": 8, b"NZST": 12, b"NZDT": 13, b"AEST": 10, b"AEDT": 11, b"ACST": 9.5, b"ACDT": 10.5,
    b"AWST": 8, b"EST": -5, b"EDT": -4, b"CDT": -5, b"MST": -7, b"MDT": -6, b"PST": -8, b"PDT": -7,
    b"AKST": -9, b"AKDT": -8, b"HST": -10, b"BRT": -3, b"NST": -3.5, b"NDT": -2.5,
    b"CST": None, b"IST": None, b"BST": None, b"AST": None, b"GST": None, b"SST": None,
}  # fmt: skip

_MONTH: Final = rb"(?P<month>(?i:" + ANY_MONTH + rb"))"
_WEEKDAY: Final = rb"(?:(?i:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? {1,2})?"
_SECONDS: Final = rb":(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))?"
_CLOCK: Final = (
    rb"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    + _SECONDS
    + rb"(?: ?(?P<half>[AaPp][Mm])(?:[.,](?P<late>[0-9]{1,12}))?)?"
)
_OFFSET: Final = rb"(?P<offset>[Zz]|[+-][0-9]{2}:?[0-9]{2}[Zz]?|[+-][0-9]{2})"
_ZONE: Final = (
    rb"(?: {0,2}"
    + _OFFSET
    + rb"(?![0-9A-Za-z])| ?(?:UTC|GMT)(?P<away>[+-][0-9]{1,2}(?::?[0-9]{2})?)(?![0-9A-Za-z])"
    + rb"| ?(?P<zone>"
    + rb"|".join(ZONES)
    + rb")(?=[ :\]\t]|\Z))?"
)
_END: Final = rb"(?![0-9A-Za-z])"

_BSD = re.compile(
    _WEEKDAY + _MONTH + rb"[a-z]{0,6} {1,3}(?P<day>[0-9]{1,2})"
    rb"(?:,? {1,2}(?P<year>[0-9]{4}))?,? {1,2}" + _CLOCK + _ZONE
    + rb"(?: {1,2}(?P<last>(?:19|20)[0-9]{2})(?= |: |\Z))?" + _END
)  # fmt: skip
_DAY_MONTH_YEAR = re.compile(
    _WEEKDAY + rb"(?P<day>[0-9]{1,2})(?P<mark>[ /-])" + _MONTH
    + rb"[a-z]{0,6}(?P=mark)(?P<year>[0-9]{4})[ :T]" + _CLOCK + _ZONE + _END
)  # fmt: skip
_ISO = re.compile(
    rb"(?P<year>[0-9]{4})(?P<mark>[-/.:])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})"
    rb"(?:[Tt_:-]| {1,2})(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?:" + _SECONDS
    + rb"(?:\.[0-9](?= ))?)?"
    + _ZONE + _END
)  # fmt: skip
_COMPACT = re.compile(
    rb"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})T(?P<hour>[0-9]{2})"
    rb"(?P<minute>[0-9]{2})(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))?"
    + _ZONE + _END
)  # fmt: skip
_YEAR_MONTH_DAY = re.compile(
    rb"(?P<year>[0-9]{4}) " + _MONTH + rb" {1,2}(?P<day>[0-9]{1,2}) {1,2}" + _CLOCK + _ZONE + _END
)
_MONTH_DAY_YEAR = re.compile(
    rb"(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{4})(?:[: T]| - )"
    + _CLOCK + _ZONE + _END
)  # fmt: skip
_SINCE_EPOCH = re.compile(rb"([0-9]{10,13}|[0-9]{9}(?=\.))(?:\.([0-9]{1,12}))?(?=[ \t]|\Z)")

_LETTERS: Final = (_BSD, _DAY_MONTH_YEAR)
_DIGITS: Final = (_ISO, _YEAR_MONTH_DAY, _DAY_MONTH_YEAR, _MONTH_DAY_YEAR, _COMPACT)
_BEGINNINGS: Final = frozenset(MONTHS) | frozenset(b"mon tue wed thu fri sat sun".split())
_DECEMBER: Final = 12
_NOON: Final = 12
_SECONDS_DIGITS: Final = 10
_MILLISECONDS_DIGITS: Final = 13


def read_time(raw: bytes, at: int, received_us: int) -> Moment | None:
    """The time that stands at ``at``; None when none does."""
    first = raw[at : at + 1]
    if first.isdigit():
        for form in _DIGITS:
            if found := form.match(raw, at):
                return _moment(found, received_us)
        found = _SINCE_EPOCH.match(raw, at)
        return _since_epoch(found) if found else None
    if raw[at : at + 3].lower() in _BEGINNINGS:
        for form in _LETTERS:
            if found := form.match(raw, at):
                return _moment(found, received_us)
    return None


def read_bsd_time(raw: bytes, at: int, received_us: int) -> Moment | None:
    """The time that begins with a month's name at ``at``; None when none does."""
    found = _BSD.match(raw, at)
    return _moment(found, received_us) if found else None


def _since_epoch(found: re.Match[bytes]) -> Moment:
    whole, fraction = found.groups()
    us = None
    if len(whole) <= _SECONDS_DIGITS:
        us = int(whole) * SECOND_US + fraction_us(fraction)
    elif len(whole) == _MILLISECONDS_DIGITS:
        us = int(whole) * 1000 + fraction_us(fraction) // 1000
    return Moment(us, guessed=False, end=found.end())


def _moment(found: re.Match[bytes], received_us: int) -> Moment:
    parts = found.groupdict()
    said = parts["offset"] or parts["away"] or parts["zone"]
    offset = _offset_us(parts) if said else None
    second = int(parts["second"] or 0)
    clock = clock_us(_hour(parts), int(parts["minute"]), second)
    if clock is not None:
        clock += fraction_us(parts["fraction"] or parts.get("late"))
    month, day = _month_and_day(parts)
    year = parts.get("year") or parts.get("last")
    known = offset or 0
    if year:
        us = moment_us(midnight_us(int(year), month, day), clock, second, known)
    else:
        us = yearless_us(month, day, clock, second, known, received_us)
    zoned = parts["offset"] is not None and found.re is _ISO
    guessed = us is not None and (offset is None or year is None)
    form = "bsd_year" if year else "bsd_zone" if _says_more(parts) else "bsd"
    return Moment(us, guessed, found.end(), zoned, form)


def _says_more(parts: dict[str, bytes]) -> bool:
    more = (parts["offset"], parts["away"], parts["zone"], parts["fraction"], parts.get("half"))
    return any(more)


def _hour(parts: dict[str, bytes]) -> int:
    hour = int(parts["hour"])
    half = (parts.get("half") or b"").lower()
    if half == b"pm" and hour < _NOON:
        return hour + _NOON
    return 0 if half == b"am" and hour == _NOON else hour


def _month_and_day(parts: dict[str, bytes]) -> tuple[int, int]:
    month, day = parts["month"], int(parts["day"])
    if month.isalpha():
        return MONTHS[month.lower()], day
    number = int(month)
    # Some are set to write the day first, which shows where no month has that number.
    if number > _DECEMBER >= day and parts.get("mark") is None:
        return day, number
    return number, day


def _offset_us(parts: dict[str, bytes]) -> int | None:
    """None: not said, or by a name that says nothing."""
    if text := parts["offset"] or parts["away"]:
        digits = text.strip(b"Zz").replace(b":", b"")
        if not digits:
            return 0
        if len(digits) % 2 == 0:  # +1, +130
            digits = digits[:1] + b"0" + digits[1:]
        size = int(digits[1:3]) * HOUR_US + int(digits[3:5] or 0) * MINUTE_US
        return -size if digits.startswith(b"-") else size
    hours = ZONES.get(parts["zone"])
    return None if hours is None else int(hours * HOUR_US)
