"""Words about retention as checked values: classes, rules, holds, budget. Every fault at once."""

from __future__ import annotations

import re
from datetime import date
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sealwire.errors import Finding, RefusedError, Severity, UsageError
from sealwire.sensor.admission import san_name
from sealwire.sensor.policy import ClassRule, LegalHold, RetentionClass, SourcePattern

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

LONGEST_KEPT_DAYS: Final = 36_500
LEAST_BUDGET: Final = 1024 * 1024
LONGEST_REASON: Final = 1000
MOST_CLASSES: Final = 100
MOST_RULES: Final = 1000
MOST_HOLDS: Final = 1000

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST: Final = re.compile(r"(\*\.)?[!-)+-~]{1,255}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SIZE: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))? ?([KMGTP]i?)?B?", re.IGNORECASE)
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}

_Value = TypeVar("_Value")


class Reading:
    """Reads fields one after another and keeps what is wrong with each."""

    def __init__(self, code: str) -> None:
        self._code = code
        self.faults: list[Finding] = []

    def read(self, field: str, value: _Value, reader: Callable[[_Value], Any]) -> Any:  # noqa: ANN401 - what the reader gives
        """What ``reader`` makes of ``value``; a ValueError of it becomes a fault, and None."""
        try:
            return reader(value)
        except ValueError as fault:
            self.fault(field, str(fault))
            return None

    def fault(self, field: str, message: str) -> None:
        """Keep one more."""
        text = f"{field}: {message}"
        self.faults.append(Finding(self._code, Severity.ERROR, text, field))

    def settle(self) -> None:
        """Raise RefusedError with all faults, if there are any."""
        if self.faults:
            words = "; ".join(fault.message for fault in self.faults)
            raise RefusedError(self._code, words, findings=self.faults)


def checked_class(name: str, days: int | None) -> RetentionClass:
    """A class from what a person typed. Raises RefusedError ``retention.class``."""
    reading = Reading("retention.class")
    given = reading.read("name", name, class_name)
    kept = reading.read("days", days, _days)
    reading.settle()
    return RetentionClass(given, kept)


def checked_rule(
    retention: str,
    *,
    classes: Collection[str],
    network: str | None = None,
    certificate_sha256: str | None = None,
    san: str | None = None,
    host: str | None = None,
) -> ClassRule:
    """A rule from what a person typed. Raises RefusedError ``retention.rule``."""
    reading = Reading("retention.rule")
    if retention not in classes:
        reading.fault("class", _no_class(retention, classes))
    pattern = SourcePattern(
        network=reading.read("network", network, _optional(ip_network)),
        certificate_sha256=reading.read("certificate", certificate_sha256, _optional(_sha256)),
        host=reading.read("host", host, _optional(_host)),
        san=reading.read("san", san, _optional(san_name)),
    )
    if not reading.faults and pattern == SourcePattern():
        reading.fault(
            "source", "nothing says which records: give a network, certificate, SAN or host"
        )
    reading.settle()
    return ClassRule(pattern, retention)


def checked_hold(
    name: str,
    first: str,
    last: str,
    reason: str,
    *,
    classes: Collection[str],
    retention: str | None = None,
) -> tuple[LegalHold, str]:
    """A hold and its reason from what a person typed. Raises RefusedError ``hold.invalid``."""
    reading = Reading("hold.invalid")
    given = reading.read("name", name, class_name)
    begins, ends = reading.read("first", first, _day), reading.read("last", last, _day)
    why = reading.read("reason", reason, _reason)
    if begins is not None and ends is not None and begins > ends:
        reading.fault("last", f"{ends} is before the first day, {begins}")
    if retention and retention not in classes:
        reading.fault("class", _no_class(retention, classes))
    reading.settle()
    return LegalHold(given, begins, ends, retention or None), why


def checked_release(reason: str) -> str:
    """Why a hold ends. Raises RefusedError ``hold.invalid``."""
    reading = Reading("hold.invalid")
    why: str = reading.read("reason", reason, _reason)
    reading.settle()
    return why


def checked_budget(size: int | None) -> int | None:
    """Bytes, or None for all of the disk. Raises RefusedError ``retention.budget``."""
    if size is not None and size < LEAST_BUDGET:
        text = f"a budget of {size} bytes: at least {LEAST_BUDGET} are needed"
        raise RefusedError("retention.budget", text, hint="such as 50GiB, or none")
    return size


def size_of(words: str) -> int | None:
    """Bytes of ``50GiB``, ``1.5 TB`` (powers of 1024 and of 1000) or ``1000``; None of ``none``.

    Raises UsageError ``retention.budget``.
    """
    text = words.strip()
    if text.lower() == "none":
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        hint = "such as 50GiB, 1.5TB, 1000000000, or none"
        raise UsageError("retention.budget", f"no size: {words}", hint=hint)
    whole, part, unit = found[1], found[2] or "", (found[3] or "").upper()
    base = 1024 if unit.endswith("I") else 1000
    scale: int = base ** _POWERS[unit.removesuffix("I")]
    tens: int = 10 ** len(part)
    return int(whole + part) * scale // tens


def rule_words(rule: ClassRule) -> dict[str, str | None]:
    """What a rule names, as a person gave it."""
    pattern = rule.pattern
    return {
        "network": None if pattern.network is None else str(pattern.network),
        "certificate_sha256": pattern.certificate_sha256,
        "san": pattern.san,
        "host": pattern.host,
    }


def class_name(text: str) -> str:
    """A name of a class or a hold. Raises ValueError."""
    if not _NAME.fullmatch(text):
        raise ValueError("letters, digits, '.', '_' and '-', at most 63, are a name")
    return text


def _days(days: int | None) -> int | None:
    if days is not None and not 1 <= days <= LONGEST_KEPT_DAYS:
        raise ValueError(f"1 to {LONGEST_KEPT_DAYS} whole days, or for ever")
    return days


def _optional(reader: Callable[[str], Any]) -> Callable[[str | None], Any]:
    return lambda text: reader(text.strip()) if text and text.strip() else None


def _sha256(text: str) -> str:
    digits = text.lower().removeprefix("sha-256:").replace(":", "").replace(" ", "")
    if not _SHA256.fullmatch(digits):
        raise ValueError("64 hexadecimal digits of a SHA-256 fingerprint are wanted")
    return digits


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(f"{text!r} is no HOSTNAME; '*.' may stand before one")
    return text.lower()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no day such as 2026-11-22") from None


def _reason(text: str) -> str:
    why = text.strip()
    if not why:
        raise ValueError("a reason must be given; it stands in the audit trail")
    if len(why) > LONGEST_REASON:
        raise ValueError(f"at most {LONGEST_REASON} characters")
    return why


def _no_class(name: str, classes: Collection[str]) -> str:
    return f"there is no class {name!r}; there are {', '.join(classes)}"
