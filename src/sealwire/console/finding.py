"""What a page is asked to find, read from its address: bounded, and told what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sealwire.ca.ports import CertificateSearch, CertificateStatus, TimeRange
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from sealwire.console.visit import Visit

STATUSES: Final = tuple(status.value for status in CertificateStatus)

_LONGEST: Final = 256
_MOST_DIGITS: Final = 60
_FIELDS: Final = (
    *("cn", "o", "ou", "uid", "e", "serial", "status", "issued_by"),
    *("issued_from", "issued_to", "ends_from", "ends_to"),
)
_SUBJECT: Final = ("cn", "o", "ou", "uid", "e")
_LAST_OF_DAY: Final = timedelta(days=1) - timedelta(microseconds=1)


def entry_point(text: str) -> int:
    """Where a listing starts; 0 for what is no number that a store can count to."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0  # noqa: PLR2004 - fits 63 bits


def search_words(visit: Visit) -> Mapping[str, str]:
    """What stands in the fields of the search, by their names."""
    return {name: visit.query(name).strip()[:_LONGEST] for name in _FIELDS}


def asked_search(visit: Visit) -> CertificateSearch:
    """What certificates to find.

    Raises UsageError ``search.serial``, ``search.status`` or ``date.invalid``.
    """
    words = search_words(visit)
    serial = _serial(words["serial"])
    return CertificateSearch(
        serial_from=serial,
        serial_to=serial,
        subject={name: words[name] for name in _SUBJECT if words[name]},
        status=_status(words["status"]),
        issued_by=words["issued_by"] or None,
        issued=_days(words, "issued", "Issued"),
        not_after=_days(words, "ends", "Ends"),
    )


def _serial(text: str) -> int | None:
    """``0x1f`` or ``1F:2A`` is hexadecimal, digits alone are decimal."""
    if not text:
        return None
    digits = text.lower().removeprefix("0x").replace(":", "").replace(" ", "")
    base = 16 if text.lower().startswith("0x") or not digits.isdecimal() else 10
    try:
        if not digits.isascii() or len(digits) > _MOST_DIGITS or not digits.isalnum():
            raise ValueError  # noqa: TRY301 - one message for both
        return int(digits, base)
    except ValueError:
        raise UsageError(
            "search.serial",
            "That is no serial number.",
            hint="Hexadecimal as 0x1f2a or 1F:2A, or decimal.",
        ) from None


def _status(text: str) -> CertificateStatus | None:
    if not text:
        return None
    if text not in STATUSES:
        raise UsageError(
            "search.status", "There is no such status.", hint=f"One of {', '.join(STATUSES)}."
        )
    return CertificateStatus(text)


def _days(words: Mapping[str, str], name: str, label: str) -> TimeRange:
    """Whole days, both included."""
    last = moment_given(words[f"{name}_to"], label)
    return TimeRange(
        moment_given(words[f"{name}_from"], label), None if last is None else last + _LAST_OF_DAY
    )


def moment_given(text: str, label: str) -> datetime | None:
    """``2026-11-22`` or ``2026-11-22T10:30``, UTC; None for nothing.

    Raises UsageError ``date.invalid``.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if not 1950 <= moment.year < 9999:  # noqa: PLR2004 - what a certificate can say
            raise ValueError  # noqa: TRY301 - one message for both
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            "date.invalid", f"{label}: that is no date.", hint="As 2026-11-22, in UTC."
        ) from None
