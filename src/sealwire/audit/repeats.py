"""Keeps strangers from filling the trail: what repeats within a minute is counted, not recorded.

Pure. The first few of a kind are recorded each; the rest of the minute becomes one record with a
count. Kinds are bounded too: beyond them, everything shares one count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sealwire.audit.events import Event

WINDOW: Final = timedelta(minutes=1)
MOST_KINDS: Final = 1024
OTHERS: Final = "others"


@dataclass(slots=True)
class _Kind:
    """One minute of one kind; ``make`` builds its record from how many more there were."""

    since: datetime
    recorded: int
    counted: int
    make: Callable[[int], Event]


class Repeats:
    """``free`` of each kind a minute are recorded one by one.

    Safe to share between threads of CPython: a race miscounts by one at worst.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._kinds: dict[str, _Kind] = {}

    def note(self, kind: str, now: datetime, make: Callable[[int], Event]) -> Sequence[Event]:
        """What to record now: this one, nothing, or what an earlier minute still owes as well.

        ``make(0)`` is the event itself, ``make(n)`` the one that stands for ``n`` more.
        """
        owed = self._settled(kind, now)
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            kind = OTHERS
        entry = self._kinds.setdefault(kind, _Kind(now, 0, 0, make))
        if entry.recorded < self._free:
            entry.recorded += 1
            return [*owed, make(0)]
        entry.counted += 1
        entry.make = make
        return owed

    def due(self, now: datetime) -> Sequence[Event]:
        """The records of minutes that are over. To be asked now and then."""
        return [event for kind in list(self._kinds) for event in self._settled(kind, now)]

    def _settled(self, kind: str, now: datetime) -> Sequence[Event]:
        entry = self._kinds.get(kind)
        # A clock that was put back must not keep a minute open for years.
        if entry is None or timedelta(0) <= now - entry.since < WINDOW:
            return []
        self._kinds.pop(kind, None)
        return [entry.make(entry.counted)] if entry.counted else []


def neighbourhood(address: str) -> str:
    """Whose doing it is taken to be: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped is not None else f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def more(info: str, count: int) -> str:
    """``info`` as the record of ``count`` more words it."""
    return f"{info} ({count} more within a minute)" if count else info
