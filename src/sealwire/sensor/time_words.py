"""Points in time as people type them: ``15m``, ``2h``, ``now``, ``2026-11-22``, RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from sealwire.errors import UsageError

LAST_US: Final = 253_402_300_799_000_000
"""The end of the year 9999."""

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"-?([0-9]{1,9})([smhdw])")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment_us(text: str, now_us: int) -> int:
    """Microseconds since 1970 UTC that ``text`` means at ``now_us``; without zone it is UTC.

    ``15m`` is 15 minutes before now; s, m, h, d and w are known. Raises UsageError
    ``search.time``.
    """
    words = text.strip()
    if words == "now":
        return now_us
    ago = _AGO.fullmatch(words)
    if ago:
        return max(0, now_us - int(ago[1]) * _UNITS_S[ago[2]] * 1_000_000)
    if _MOMENT.fullmatch(words):
        try:
            return max(0, _micros(datetime.fromisoformat(words.upper())))
        except (ValueError, OverflowError):
            pass
    raise UsageError(
        "search.time",
        f"{text[:60]!r} is no point in time.",
        hint="Write 15m, 2h, 7d, now, 2026-11-22 or 2026-11-22T10:20:30Z.",
    )


def _micros(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
