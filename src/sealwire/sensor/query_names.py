"""Names of severities and facilities (RFC 5424 section 6.2.1, as syslog.conf spells them).

And what somebody may have meant whose name for a field is none.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from sealwire.syslog.field_names import FIELD_NAMES

if TYPE_CHECKING:
    from collections.abc import Collection

SEVERITIES: Final = {
    "emerg": 0,
    "emergency": 0,
    "alert": 1,
    "crit": 2,
    "critical": 2,
    "err": 3,
    "error": 3,
    "warning": 4,
    "warn": 4,
    "notice": 5,
    "info": 6,
    "informational": 6,
    "debug": 7,
}
FACILITIES: Final = {
    name: number
    for number, name in enumerate(
        (
            "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
            "authpriv", "ftp", "ntp", "audit", "alert", "clock",
            *(f"local{number}" for number in range(8)),
        )
    )
}  # fmt: skip

_SHORTEST: Final = 3
_ALIKE: Final = 0.75


def meant_fields(name: str, fields: Collection[str]) -> list[str]:
    """Fields that ``name`` may stand for: those that begin so, and those that end in it.

    Else one of ``fields`` that it begins with, or that is alike. Case does not count.
    """
    wanted = name.lower()
    if wanted in fields:
        return [wanted]
    found = [one for one in fields if len(wanted) >= _SHORTEST and one.startswith(wanted)]
    found += [one for one in FIELD_NAMES if one.lower().endswith(f".{wanted}")]
    return (
        found
        or [one for one in fields if wanted.startswith(one)]
        or get_close_matches(wanted, fields, n=1, cutoff=_ALIKE)
    )
