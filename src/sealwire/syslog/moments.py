"""Times of many messages at once: RFC 5424 section 6.2.3, to microseconds since 1970 UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sealwire.syslog.timestamps import DAY_US, MONTH_NAMES, SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sealwire.syslog.rows import Bytes, Mask, Positions, Rows

_DAY: Final = DAY_US // SECOND_US
# Years beyond these are left to the reader of single messages.
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2199

_ZERO: Final = np.uint8(ord("0"))
_DATE_TIME: Final = 19  # 2026-03-01T14:45:24
_ZULU: Final = 1  # Z
_OFFSET: Final = 6  # +01:00
_LONGEST_FRACTION: Final = 6
LONGEST: Final = _DATE_TIME + 1 + _LONGEST_FRACTION + _OFFSET

_DIGITS: Final = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_SEPARATORS: Final = ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"))

_BSD_DIGITS: Final = (4, 5, 7, 8, 10, 11, 13, 14)
_BSD_SEPARATORS: Final = ((3, " "), (6, " "), (9, ":"), (12, ":"))
_MONTH_CODES: Final = np.array([int.from_bytes(name) for name in MONTH_NAMES])
_MONTH_NAMES: Final = np.sort(_MONTH_CODES)
_MONTH_ORDER: Final = np.argsort(_MONTH_CODES) + 1


def _first_days() -> NDArray[np.int64]:
    """Day, counted from 1970, on which each month since year 0 begins; one month more."""
    months = np.arange(-1970 * 12, (_LAST_YEAR + 1 - 1970) * 12 + 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64)


_FIRST_DAY: Final = _first_days()


class Moments(NamedTuple):
    """``valid`` where the text is a time; elsewhere ``microseconds`` means nothing."""

    microseconds: Positions
    valid: Mask


def digits_of(window: Bytes, columns: tuple[int, ...]) -> tuple[list[Positions], Mask]:
    """The digits that stand in ``columns`` of each line, and where all of them are digits."""
    values = [window[:, column] - _ZERO for column in columns]
    worst = values[0]
    for value in values[1:]:
        worst = np.maximum(worst, value)
    return [value.astype(np.int64) for value in values], worst <= np.uint8(9)


def days_of(year: Positions, month: Positions, day: Positions) -> tuple[Positions, Mask]:
    """Days since 1970, and where there is such a day."""
    valid = (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12)  # noqa: PLR2004 - months
    place = np.where(valid, year * 12 + month - 1, 0)
    first = _FIRST_DAY[place]
    valid &= (day >= 1) & (day <= _FIRST_DAY[place + 1] - first)
    return first + day - 1, valid


def seconds_of(hour: Positions, minute: Positions, second: Positions) -> tuple[Positions, Mask]:
    """Seconds since midnight, and where there is such a time. There are no leap seconds."""
    valid = (hour <= 23) & (minute <= 59) & (second <= 59)  # noqa: PLR2004 - a clock's face
    return (hour * 60 + minute) * 60 + second, valid


def rfc3339(rows: Rows, starts: Positions, window: Bytes, lengths: Positions) -> Moments:
    """TIMESTAMP of RFC 5424: ``lengths`` bytes from ``starts`` on, which ``window`` holds too.

    What follows a time within its window does not matter.
    """
    values, valid = digits_of(window, _DIGITS)
    for column, separator in _SEPARATORS:
        valid &= window[:, column] == ord(separator)
    y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2 = values
    days, possible = days_of(y1 * 1000 + y2 * 100 + y3 * 10 + y4, m1 * 10 + m2, d1 * 10 + d2)
    seconds, exists = seconds_of(h1 * 10 + h2, n1 * 10 + n2, s1 * 10 + s2)
    valid &= possible & exists & (lengths <= LONGEST) & (lengths > _DATE_TIME)
    zulu = rows.buffer[starts + lengths - 1] == ord("Z")
    zones = np.where(zulu, lengths - _ZULU, lengths - _OFFSET)
    fraction, known = _fractions(window, zones - _DATE_TIME)
    valid &= known
    microseconds = (days * _DAY + seconds) * SECOND_US + fraction
    offset = np.flatnonzero(valid & ~zulu)
    if offset.size:
        away, sound = _zones(rows, (starts + zones)[offset])
        microseconds[offset] -= away * SECOND_US
        valid[offset] = sound
    return Moments(microseconds, valid)


def _fractions(window: Bytes, lengths: Positions) -> tuple[Positions, Mask]:
    """Microseconds of ``.1`` to ``.123456`` behind the seconds; ``lengths`` count the point."""
    point = window[:, _DATE_TIME] == ord(".")
    valid = (lengths == 0) | (point & (lengths > 1) & (lengths <= _LONGEST_FRACTION + 1))
    total = np.zeros(len(lengths), np.int64)
    weight = 100_000
    for place in range(1, _LONGEST_FRACTION + 1):
        within = lengths > place
        digit = window[:, _DATE_TIME + place] - _ZERO
        valid &= ~within | (digit <= np.uint8(9))
        total += np.where(within, digit, np.uint8(0)).astype(np.int64) * weight
        weight //= 10
    return total, valid


def _zones(rows: Rows, positions: Positions) -> tuple[Positions, Mask]:
    """Seconds east of UTC of ``+01:00``."""
    window = rows.window(positions, _OFFSET)
    (h1, h2, m1, m2), valid = digits_of(window, (1, 2, 4, 5))
    hours, minutes = h1 * 10 + h2, m1 * 10 + m2
    west = window[:, 0] == ord("-")
    valid &= (west | (window[:, 0] == ord("+"))) & (window[:, 3] == ord(":"))
    seconds, exists = seconds_of(hours, minutes, np.zeros_like(hours))
    return np.where(west, -seconds, seconds), valid & exists


def bsd_time(window: Bytes, received_us: Positions) -> tuple[Moments, Mask]:
    """TIMESTAMP of RFC 3164 section 4.1.2, whose year is the last that is not after receipt.

    "Not after receipt" allows a day. The zone is taken for UTC. The mask says where a day is
    padded with 0 instead of the RFC's space.
    """
    month, day, seconds, valid, padded = _bsd_parts(window)
    days, possible = _last_day(month, day, seconds, received_us)
    return Moments((days * _DAY + seconds) * SECOND_US, valid & possible), padded


def bsd_moments(window: Bytes, received_us: Positions, years: Bytes, said: Mask) -> Moments:
    """The same, of the year that is ``said`` in four digits of ``years``, where it is."""
    month, day, seconds, valid, _ = _bsd_parts(window)
    days, possible = _last_day(month, day, seconds, received_us)
    (y1, y2, y3, y4), digits = digits_of(years, (0, 1, 2, 3))
    sure, exists = days_of(y1 * 1000 + y2 * 100 + y3 * 10 + y4, month, day)
    days = np.where(said, sure, days)
    valid &= np.where(said, exists & digits, possible)
    return Moments((days * _DAY + seconds) * SECOND_US, valid)


def fraction_at(rows: Rows, at: Positions, lengths: Positions) -> Positions:
    """Microseconds of the digits that follow a point at ``at``; what is finer is cut off."""
    total = np.zeros(len(at), np.int64)
    weight = 100_000
    for place in range(_LONGEST_FRACTION):
        digit = rows.buffer[np.maximum(at, 0) + place].astype(np.int64) - int(_ZERO)
        total += np.where(lengths > place, digit, 0) * weight
        weight //= 10
    return total


def _bsd_parts(window: Bytes) -> tuple[Positions, Positions, Positions, Mask, Mask]:
    """Month, day, seconds since midnight, where all this is one, and where the day has a 0."""
    padded = window.copy()
    blank = padded[:, 4] == ord(" ")
    padded[:, 4] |= np.uint8(0x10)  # a space becomes 0
    (d1, d2, h1, h2, n1, n2, s1, s2), valid = digits_of(padded, _BSD_DIGITS)
    for column, separator in _BSD_SEPARATORS:
        valid &= window[:, column] == ord(separator)
    name = (window[:, 0].astype(np.int64) << 16) | (window[:, 1].astype(np.int64) << 8)
    name |= window[:, 2]
    month = _MONTH_ORDER[np.minimum(np.searchsorted(_MONTH_NAMES, name), 11)]
    valid &= name == _MONTH_CODES[month - 1]
    seconds, exists = seconds_of(h1 * 10 + h2, n1 * 10 + n2, s1 * 10 + s2)
    return month, d1 * 10 + d2, seconds, valid & exists, ~blank & (d1 == 0)


def _last_day(
    month: Positions, day: Positions, seconds: Positions, received_us: Positions
) -> tuple[Positions, Mask]:
    """The last such day that begins, ``seconds`` later, at most a day after receipt."""
    latest = received_us // SECOND_US + _DAY
    year = (latest // _DAY).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    days, valid = days_of(year, month, day)
    early = days * _DAY + seconds > latest
    before, possible = days_of(year - 1, month, day)
    # February 29 may be years back: that is for the reader of single messages.
    return np.where(early, before, days), valid & (possible | ~early)
