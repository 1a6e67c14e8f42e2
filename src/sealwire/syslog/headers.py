"""Headers of many messages at once, where they are RFC 5424 to the letter.

What these readers call valid is what ``strict`` reads from the single message; what they do not
may be valid all the same, only longer or rarer than is worth a vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sealwire.syslog.found import Header
from sealwire.syslog.moments import LONGEST, rfc3339
from sealwire.syslog.rfc5424 import BOM, MAX_PRIORITY, is_msg
from sealwire.syslog.rows import ABSENT, Rows, Spans, first_not_graphic
from sealwire.syslog.structured import read_structured

if TYPE_CHECKING:
    from sealwire.syslog.rows import Mask, Positions

_SPACE: Final = ord(" ")
_NIL: Final = ord("-")
_OPEN: Final = ord("[")

# How long the header's fields may be here; one byte more is looked at.
_LONGEST_FIELDS: Final = {"host": 63, "app": 48, "procid": 31, "msgid": 32}


class Priorities(NamedTuple):
    """``values``: PRI; ``ends``: positions behind ``>``; ``valid``: where there is a PRI."""

    values: Positions
    ends: Positions
    valid: Mask


def read_priorities(rows: Rows) -> Priorities:
    """PRI of every message (RFC 5424 section 6.2.1)."""
    window = rows.window(rows.starts, 5)
    digits = window - np.uint8(ord("0"))
    is_digit = digits <= np.uint8(9)
    closing = window == ord(">")
    first, second, third = (digits[:, column].astype(np.int64) for column in (1, 2, 3))
    two = is_digit[:, 2] & (first > 0)
    one = closing[:, 2]
    two_only = two & closing[:, 3]
    three = two & is_digit[:, 3] & closing[:, 4]
    tens = first * 10 + second
    values = np.where(one, first, np.where(two_only, tens, tens * 10 + third))
    valid = (window[:, 0] == ord("<")) & is_digit[:, 1] & (one | two_only | three)
    valid &= values <= MAX_PRIORITY
    ends = rows.starts + np.where(one, 3, np.where(two_only, 4, 5))
    return Priorities(values, ends, valid)


def without_priorities(rows: Rows) -> Priorities:
    """The same where there is no PRI: what follows it begins with the message."""
    nowhere = np.full(len(rows.starts), ABSENT, np.int64)
    return Priorities(nowhere, rows.starts, rows.buffer[rows.starts] != ord("<"))


def read_rfc5424(rows: Rows, which: Positions, priorities: Priorities) -> Header:
    """The messages ``which``, behind whose PRI ``1`` and a space stand."""
    at = priorities.ends[which] + 2
    ends = rows.ends[which]
    window = rows.window(at, LONGEST + 1)
    lengths = first_not_graphic(window)
    valid = rows.buffer[at + lengths] == _SPACE
    untimed = (lengths == 1) & (window[:, 0] == _NIL)
    microseconds, dated = rfc3339(rows, at, window, lengths)
    valid &= untimed | dated
    at = at + lengths + 1
    parts: dict[str, Spans] = {}
    for part, longest in _LONGEST_FIELDS.items():
        lengths = first_not_graphic(rows.window(at, longest + 1))
        valid &= (lengths > 0) & (rows.buffer[at + lengths] == _SPACE)
        nil = (lengths == 1) & (rows.buffer[at] == _NIL)
        parts[part] = Spans(np.where(nil, ABSENT, at), at + lengths)
        at = at + lengths + 1
    valid &= at < ends
    header = Header(
        which,
        valid,
        priorities.values[which],
        microseconds,
        ~untimed,
        parts["host"],
        parts["app"],
        parts["procid"],
        parts["msgid"],
        text=at,
    )
    _read_behind_header(rows, header, ends)
    return header


def _read_behind_header(rows: Rows, header: Header, ends: Positions) -> None:
    """STRUCTURED-DATA, which begins where ``header.text`` says, and where the text begins."""
    at = header.text
    first = rows.buffer[np.where(header.valid, at, 0)]
    after = at + 1
    header.valid &= (first == _NIL) | (first == _OPEN)
    elements = np.flatnonzero(header.valid & (first == _OPEN))
    if elements.size:
        found = read_structured(rows, at[elements], ends[elements])
        after[elements] = found.ends
        header.valid[elements] = found.valid
        owners = header.rows[elements]
        header.entries.append(found.entries._replace(rows=owners[found.entries.rows]))
    bare = after == ends
    header.valid &= bare | (rows.buffer[np.where(header.valid, after, 0)] == _SPACE)
    header.text = np.where(bare, after, after + 1)
    _skip_mark(rows, header, ends)


def _skip_mark(rows: Rows, header: Header, ends: Positions) -> None:
    """A byte order mark before the text promises that the text is UTF-8."""
    marks = np.flatnonzero(header.valid & (rows.buffer[header.text * header.valid] == BOM[0]))
    for place in marks.tolist():
        text = rows.buffer[header.text[place] : ends[place]].tobytes()
        if text.startswith(BOM):
            header.text[place] += len(BOM)
            header.valid[place] = is_msg(text)
