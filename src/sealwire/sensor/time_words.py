"""Moments as people write them: ``15m`` (ago), ``now``, a date, or RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from sealwire.errors import UsageError

_AGO: Final = re.compile(r"([0-9]{1,9})(s|m|h|d|w)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_US: Final = 1_000_000
LAST_US: Final = 253_402_300_799_000_000
"""The end of the year 9999."""


def moment_us(words: str, now_us: int) -> int:
    """Microseconds since 1970 UTC; without a zone it is UTC. Raises UsageError ``search.time``."""
    text = words.strip()
    if text == "now":
        return now_us
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0, now_us - int(ago[1]) * _SECONDS[ago[2]] * _US)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "search.time",
            f"no moment: {words}",
            hint="such as 15m, 2h, 7d, 2026-11-22, 2026-11-22T10:00:00Z",
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since_1970 = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return max(0, (since_1970.days * 86_400 + since_1970.seconds) * _US + since_1970.microseconds)
