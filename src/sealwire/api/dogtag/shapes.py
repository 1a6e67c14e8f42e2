"""Numbers and times as Dogtag writes them, and as its clients may write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JsonObject = dict[str, "Json"]
Json = JsonObject | list["Json"] | str | int | float | bool | None

_NUMBER: Final = re.compile(r"0[xX](?P<hex>[0-9a-fA-F]{1,40})|(?P<decimal>[0-9]{1,49})")
_LARGEST_SERIAL: Final = 2**160 - 1
LARGEST_REQUEST: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""

NO_ATTRIBUTES: Final[JsonObject] = {"Attribute": []}


def read_number(text: str, what: str, largest: int = _LARGEST_SERIAL) -> int:
    """A request or serial number, decimal or ``0x`` hex. Raises UsageError ``input.number``."""
    matched = _NUMBER.fullmatch(text.strip())
    if matched is None:
        raise UsageError("input.number", f"Invalid {what}: decimal digits or 0x and hex digits")
    value = int(matched["hex"], 16) if matched["hex"] else int(matched["decimal"])
    if value > largest:
        raise UsageError("input.number", f"Invalid {what}: too large")
    return value


def java_date(time: datetime) -> str:
    """``Wed Nov 19 10:00:00 UTC 2025``, as ``java.util.Date`` prints a time."""
    return f"{time.astimezone(UTC):%a %b %d %H:%M:%S UTC %Y}"


def epoch_ms(time: datetime) -> int:
    """Milliseconds since 1970."""
    return (time - _EPOCH) // timedelta(milliseconds=1)


def time_of_ms(value: object, what: str) -> datetime | None:
    """The time of milliseconds since 1970, a number or its digits; None for none.

    Raises UsageError ``input.time``.
    """
    if value is None or value == "":
        return None
    digits = str(value).strip() if isinstance(value, int | str) and value is not True else "?"
    if not re.fullmatch(r"[0-9]{1,15}", digits) or int(digits) > _LATEST_MS:
        raise UsageError("input.time", f"{what} is no time in milliseconds since 1970")
    return _EPOCH + timedelta(milliseconds=int(digits))


def attributes(pairs: Mapping[str, str]) -> JsonObject:
    """Dogtag's list of names and values."""
    return {"Attribute": [{"name": name, "value": value} for name, value in pairs.items()]}


def without_nulls(entries: Iterable[tuple[str, Json]]) -> JsonObject:
    """An object of what there is: Dogtag leaves out what is null."""
    return {name: value for name, value in entries if value is not None}
