"""Names of severities and facilities (RFC 5424 section 6.2.1, as syslog.conf spells them)."""

from __future__ import annotations

from typing import Final

SEVERITIES: Final = {
    "emerg": 0,
    "alert": 1,
    "crit": 2,
    "err": 3,
    "error": 3,
    "warning": 4,
    "warn": 4,
    "notice": 5,
    "info": 6,
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
