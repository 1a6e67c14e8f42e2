"""From when to when: quick ranges and typed moments, as a search and its addresses hold them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sealwire.errors import UsageError
from sealwire.sensor.time_words import moment_us

if TYPE_CHECKING:
    from collections.abc import Callable

_US: Final = 1_000_000
_LAST_S: Final = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Quick:
    """A range that ends now; ``seconds`` None: all there is."""

    word: str
    label: str
    seconds: int | None


QUICK: Final = (
    Quick("15m", "15 minutes", 900),
    Quick("1h", "1 hour", 3600),
    Quick("24h", "24 hours", 86_400),
    Quick("7d", "7 days", 604_800),
    Quick("30d", "30 days", 2_592_000),
    Quick("all", "All", None),
)
USUAL: Final = "24h"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """``since_us`` (inclusive) to ``until_us`` (exclusive): microseconds since 1970, whole seconds.

    ``quick``: the word of the quick range that it is; empty for one with ends of its own.
    """

    since_us: int
    until_us: int
    quick: str = ""

    @property
    def since(self) -> str:
        """Its beginning as a field for date and time holds it, UTC."""
        return field_text(self.since_us)

    @property
    def until(self) -> str:
        """Its end likewise."""
        return field_text(self.until_us)

    @property
    def address(self) -> dict[str, str]:
        """What stands for it in an address: the quick word, which moves on with time, or ends."""
        if self.quick:
            return {"range": self.quick}
        return {"since": self.since, "until": self.until}


def asked_range(asked: Callable[[str], str], now_us: int, oldest_us: int | None) -> TimeRange:
    """The range that an address asks for.

    ``range``, the button just pressed, goes before ``since`` and ``until``, the fields; those go
    before ``last``, the range of the page that the form stands on. ``oldest_us``: what ``all``
    and an empty beginning go back to.

    Raises UsageError ``search.time`` for a moment or a word that is none, and for an end that is
    not behind its beginning.
    """
    since, until = asked("since").strip(), asked("until").strip()
    pressed = asked("range")
    if not pressed and (since or until):
        return _typed(since, until, now_us, oldest_us)
    word = pressed or asked("last") or USUAL
    quick = next((one for one in QUICK if one.word == word), None)
    if quick is None:
        raise UsageError("search.time", "There is no such quick range.")
    end = _up(now_us)
    if quick.seconds is None:
        return TimeRange(_beginning(oldest_us, end), end, quick.word)
    return TimeRange(max(0, end - quick.seconds * _US), end, quick.word)


def around(moment: int, now_us: int, *, seconds: int = 43_200) -> TimeRange:
    """``seconds`` before and behind a moment (microseconds), but not beyond now."""
    end = min(_up(moment + seconds * _US), max(_up(now_us), _up(moment + 1)))
    return TimeRange(_down(max(0, moment - seconds * _US)), end)


def field_text(us: int) -> str:
    """``2026-11-22T10:00:00``, UTC: what an ``input`` of type ``datetime-local`` takes."""
    return _moment(us).strftime("%Y-%m-%dT%H:%M:%S")


def shown(us: int) -> str:
    """``2026-11-22 10:00:00``, UTC."""
    return _moment(us).strftime("%Y-%m-%d %H:%M:%S")


def _typed(since: str, until: str, now_us: int, oldest_us: int | None) -> TimeRange:
    end = _up(moment_us(until, now_us)) if until else _up(now_us)
    begin = _down(moment_us(since, now_us)) if since else _beginning(oldest_us, end)
    if end <= begin:
        raise UsageError(
            "search.time",
            "The end of the time range is not after its beginning.",
            hint="Times are UTC.",
        )
    return TimeRange(begin, end)


def _beginning(oldest_us: int | None, end: int) -> int:
    """Where everything begins: a second before the end at the latest."""
    day_before = end - 86_400 * _US
    begin = day_before if oldest_us is None else _down(oldest_us)
    return max(0, min(begin, end - _US))


def _moment(us: int) -> datetime:
    return datetime.fromtimestamp(min(us // _US, _LAST_S), UTC)


def _down(us: int) -> int:
    return us // _US * _US


def _up(us: int) -> int:
    return -(-us // _US) * _US
