"""Alarms of a sensor: which are over, and when. By a clock that nobody sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sealwire.sensor.statistics import time_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.clock import Clock

HOLDS_S: Final[Mapping[str, float]] = {
    # Who raises these does so again and again while they hold: in silence they are over.
    "accepting_paused": 10.0,
    "handshakes_crowded": 30.0,
    "buffers_full": 30.0,
    "datagrams_lost": 60.0,
    "segments_unavailable": 30.0,
    "store_restarted": 60.0,
    "archive_over_budget": 180.0,
    "clock_jumped": 180.0,
    "housekeeping_failed": 180.0,
    # What was done, and is to be known for a while.
    "records_deleted": 24 * 3600.0,
    "index_differs": 24 * 3600.0,
    "index_stuck": 24 * 3600.0,
    "segments_put_back": 24 * 3600.0,
}
"""For how many seconds after it was raised last an alarm holds; others hold until the next start.

Those others tell of damage: it stays.
"""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm, as it was raised last: ``at_ns`` since 1970 for people, ``at_s`` to judge by."""

    text: str
    at_ns: int
    at_s: float


def raised(text: str, clock: Clock) -> Raised:
    """One that is raised now."""
    return Raised(text, clock.now_ns(), clock.monotonic())


def alarm_documents(alarms: Mapping[str, Raised], now_s: float) -> list[dict[str, Any]]:
    """``code``, ``text``, ``last_seen`` (RFC 3339), and whether it is ``over``; by code."""
    return [
        {
            "code": code,
            "text": one.text,
            "last_seen": time_text(one.at_ns),
            "over": now_s - one.at_s > HOLDS_S.get(code, math.inf),
        }
        for code, one in sorted(alarms.items())
    ]
