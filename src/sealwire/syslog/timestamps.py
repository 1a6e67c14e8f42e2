"""Times as devices write them: microseconds since 1970 UTC, or the finding that there is none.

A date or a clock that does not exist (February 30, 24:00) is never rolled over to one that does.
The one exception is a leap second, 23:59:60 UTC at the end of June or December, which POSIX time
counts as the second after it.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST_DAY: Final = date.max.toordinal() - _EPOCH
_HOURS: Final = 24
_SIXTY: Final = 60

# A date without its year: how far back the year is sought. February 29 comes every four years,
# and every eight around 1900 and 2100.
_YEARS_BACK: Final = 8

MONTH_NAMES: Final = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
MONTHS: Final = {name.lower(): number + 1 for number, name in enumerate(MONTH_NAMES)}
ANY_MONTH: Final = b"|".join(MONTH_NAMES)
"""Pattern of a month's name as RFC 3164 writes it, to be put in a group."""


@lru_cache(maxsize=4096)
def midnight_us(year: int, month: int, day: int) -> int | None:
    """The beginning of that day in UTC, microseconds since 1970; None when there is no such day."""
    try:
        return (date(year, month, day).toordinal() - _EPOCH) * DAY_US
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def iso_midnight_us(text: bytes) -> int | None:
    """The same of ``YYYY-MM-DD``."""
    return midnight_us(int(text[:4]), int(text[5:7]), int(text[8:10]))


def clock_us(hour: int, minute: int, second: int) -> int | None:
    """Microseconds since midnight; None when there is no such time. A second may be 60."""
    if hour >= _HOURS or minute >= _SIXTY or second > _SIXTY:
        return None
    return ((hour * 60 + minute) * 60 + second) * SECOND_US


def fraction_us(digits: bytes | None) -> int:
    """Microseconds of the digits after the point; what is finer is cut off."""
    return int(digits[:6].ljust(6, b"0")) if digits else 0


def moment_us(midnight: int | None, clock: int | None, second: int, offset_us: int) -> int | None:
    """``midnight`` and ``clock`` (with its fraction), less the offset from UTC; None if either is.

    ``second`` is the clock's own; 60 is a moment only where a leap second can be.
    """
    if midnight is None or clock is None:
        return None
    us = midnight + clock - offset_us
    if second == _SIXTY and not _follows_leap_second(us):
        return None
    return us


def _follows_leap_second(us: int) -> bool:
    days, rest = divmod(us, DAY_US)
    if rest >= SECOND_US or not -_EPOCH < days <= _LAST_DAY:
        return False
    day = date.fromordinal(days + _EPOCH)
    return (day.month, day.day) in {(1, 1), (7, 1)}


@lru_cache(maxsize=64)
def _year_of(day: int) -> int:
    return date.fromordinal(min(max(day, 0), _LAST_DAY - 366) + _EPOCH).year


@lru_cache(maxsize=4096)
def _nearest_midnight(month: int, day: int, clock: int, latest: int) -> int | None:
    newest = _year_of(latest // DAY_US)
    # East of UTC a new year comes earlier.
    for year in range(newest + 1, newest - _YEARS_BACK - 1, -1):
        midnight = midnight_us(year, month, day) if year > 0 else None
        if midnight is not None and midnight + clock <= latest:
            return midnight
    return None


def yearless_us(
    month: int, day: int, clock: int | None, second: int, offset_us: int, received_us: int
) -> int | None:
    """The last such moment that is not more than a day after receipt; None when there is none."""
    if clock is None:
        return None
    # Whole seconds, so that the cache is of use; a fraction does not decide on a year.
    latest = received_us // SECOND_US * SECOND_US + DAY_US
    whole = clock // SECOND_US * SECOND_US - offset_us
    return moment_us(_nearest_midnight(month, day, whole, latest), clock, second, offset_us)
