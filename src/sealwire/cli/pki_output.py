"""What Dogtag's words on stdout are made of: boxes, lists, numbers, dates.

Pure: values in, text out (every text ends with a line end, a prompt excepted). Numbers are decimal
in the audit formats up to 10.4.5 and ``0x`` hexadecimal in 11.4; both forms are read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_DECIMAL_FORMATS: Final = frozenset({"10.4.4", "10.4.5"})
_HEXADECIMAL_FORMATS: Final = frozenset({"11.4"})
_NUMBER: Final = re.compile(r"0[xX](?P<hex>[0-9a-fA-F]{1,40})|(?P<decimal>[0-9]{1,49})")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
_MONTHS_REST: Final = ("Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NULL: Final = "null"


def parse_number(text: str, *, what: str = "certificate request ID") -> int:
    """A request or serial number, decimal or ``0x`` hexadecimal.

    Raises UsageError ``pki.number``.
    """
    found = _NUMBER.fullmatch(text.strip()) if text.isascii() else None
    if found is None:
        raise UsageError("pki.number", f"Invalid {what}: {visible(text)}")
    return int(found["hex"], 16) if found["hex"] else int(found["decimal"])


def format_number(number: int, audit_format: str) -> str:
    """``7`` or ``0x7``. Raises ValueError for a format that nobody knows."""
    if audit_format in _DECIMAL_FORMATS:
        return str(number)
    if audit_format in _HEXADECIMAL_FORMATS:
        return hex(number)
    message = f"unknown audit format {audit_format!r}"
    raise ValueError(message)


def visible(text: str) -> str:
    """``text`` with everything escaped that could move a terminal's cursor or forge a line."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def visible_lines(text: str) -> str:
    """The same, its line breaks kept; each line ends with one."""
    return "".join(f"{visible(line)}\n" for line in text.splitlines())


def said(value: object) -> str:
    """A value as Java prints it after a colon: nothing is ``null``."""
    match value:
        case None:
            return _NULL
        case bool():
            return str(value).lower()
        case _:
            return visible(str(value))


def boxed(message: str) -> str:
    """The message between two lines of dashes of its own length."""
    rule = "-" * len(message)
    return f"{rule}\n{message}\n{rule}\n"


def listing(blocks: Sequence[str], total: int | None, *, word: str = "matched") -> str:
    """One page of ``total`` entries (None: not known), a blank line between two blocks."""
    head = "" if total is None else boxed(f"{total} entries {word}")
    if total == 0:
        return head
    return head + "\n".join(blocks) + boxed(f"Number of entries returned {len(blocks)}")


def java_date(value: Any) -> str:  # noqa: ANN401 - JSON
    """A moment as ``java.util.Date`` prints it, in the local time zone.

    The server gives milliseconds since 1970, or the text itself, which passes.
    """
    if value is None or isinstance(value, str):
        return said(value)
    moment = datetime.fromtimestamp(int(value) // 1000, UTC).astimezone()
    month = (*_MONTHS, *_MONTHS_REST)[moment.month - 1]
    day = f"{_DAYS[moment.weekday()]} {month} {moment.day:02}"
    return f"{day} {moment:%H:%M:%S} {moment.tzname()} {moment.year}"
