"""Many messages taken apart at once, into Arrow columns: the same as ``parse`` row by row.

What nearly everything is (RFC 5424 or RFC 3164 to the letter, an audit line, or a near miss that
many send) is read with numpy for all messages together; every other message goes through ``parse``
alone. Imports numpy and Arrow: for the store process only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from sealwire.syslog.assembly import SCHEMA, Found, assemble
from sealwire.syslog.bsd_headers import read_bsd_headers
from sealwire.syslog.cisco_headers import read_cisco_headers
from sealwire.syslog.headers import (
    Priorities,
    read_priorities,
    read_rfc5424,
    without_priorities,
)
from sealwire.syslog.loose_headers import (
    ISO,
    PADDED,
    SPACED,
    UNMARKED,
    UNMARKED_ISO,
    read_iso_headers,
)
from sealwire.syslog.message import Grade
from sealwire.syslog.pairs_headers import read_pairs_headers
from sealwire.syslog.parser import parse
from sealwire.syslog.rows import Rows, rows_of, without_ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sealwire.syslog.loose_headers import Form
    from sealwire.syslog.rows import Positions

__all__ = ["SCHEMA", "parse_batch"]

# What is taken apart in one go, so that the memory it takes (some five times the messages' own)
# is bounded, and the processor's caches hold most of it.
MOST_ROWS: Final = 1 << 16
MOST_BYTES: Final = 1 << 25


def parse_batch(
    raw: Any,  # noqa: ANN401 - Arrow has no types of its own
    received_us: NDArray[np.int64],
    *,
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> Any:  # noqa: ANN401 - same
    """Take the messages of ``raw`` apart; a record batch of ``SCHEMA``, row for row.

    Args:
        raw: Arrow array of binary or large binary without nulls, or chunked; a message a row.
        received_us: when each was received, microseconds since 1970 UTC.
        most_rows: taken apart in one go.
        most_bytes: same; a single message may be longer.

    Raises:
        ValueError: not as many times as messages, or a null.
        TypeError: ``raw`` is no binary array.

    """
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    if not (pa.types.is_binary(raw.type) or pa.types.is_large_binary(raw.type)):
        raise TypeError(f"messages must be binary, not {raw.type}")
    if raw.null_count or len(raw) != len(received_us):
        raise ValueError("each message needs its bytes and its time of receipt")
    times = np.asarray(received_us, np.int64)
    parts = []
    waiting = [slice(0, len(raw))]
    while waiting:
        part = waiting.pop()
        size = part.stop - part.start
        if size > 1 and (size > most_rows or raw[part].nbytes > most_bytes):
            middle = part.start + size // 2
            waiting += [slice(middle, part.stop), slice(part.start, middle)]
        else:
            parts.append(_take_apart(rows_of(raw[part]), times[part]))
    return pa.concat_batches(parts) if len(parts) > 1 else parts[0]


def _take_apart(rows: Rows, received_us: Positions) -> Any:  # noqa: ANN401 - Arrow
    rows = without_ends(rows)
    found = Found(rows)
    if len(received_us):
        priorities = read_priorities(rows)
        _read_rfc5424(found, priorities)
        _read_dated(found, priorities, received_us)
        _read_dated(found, _behind_space(rows, priorities), received_us, SPACED)
        _read_iso(found, priorities)
        _read_cisco(found, priorities, received_us)
        _read_pairs(found, priorities)
        # Such as lines that were written to a file before they were sent.
        unmarked = without_priorities(rows)
        _read_dated(found, unmarked, received_us, UNMARKED)
        _read_iso(found, unmarked, UNMARKED_ISO)
    _read_one_by_one(found, received_us)
    return assemble(found)


def _read_rfc5424(found: Found, priorities: Priorities) -> None:
    buffer, ends = found.rows.buffer, priorities.ends
    version = (buffer[ends] == ord("1")) & (buffer[ends + 1] == ord(" "))
    which = np.flatnonzero(priorities.valid & version)
    if which.size:
        found.take("rfc5424", read_rfc5424(found.rows, which, priorities))


def _read_dated(
    found: Found, priorities: Priorities, received_us: Positions, form: Form = PADDED
) -> None:
    """What begins, behind a PRI or without one, with a month's name."""
    first = found.rows.buffer[priorities.ends]
    capital = (first >= ord("A")) & (first <= ord("S"))
    which = np.flatnonzero(priorities.valid & capital)
    if not which.size:
        return
    headers = read_bsd_headers(found.rows, which, priorities, received_us[which], form)
    for rule, header, grade in (
        ("rfc3164", headers.tagged, Grade.STRICT),
        ("rfc3164", headers.untagged, Grade.STRICT),
        ("fmc_audit", headers.audit, Grade.VARIANT),
        (form.rule, headers.loose, form.grade),
    ):
        if len(header.rows):
            found.take(rule, header, grade=grade, guessed=True)


def _behind_space(rows: Rows, priorities: Priorities) -> Priorities:
    """Those with a space behind the PRI, as some write it."""
    spaced = priorities.valid & (rows.buffer[priorities.ends] == ord(" "))
    return Priorities(priorities.values, priorities.ends + 1, spaced)


def _read_iso(found: Found, priorities: Priorities, form: Form = ISO) -> None:
    buffer, ends = found.rows.buffer, priorities.ends
    year = (buffer[ends] == ord("1")) | (buffer[ends] == ord("2"))
    which = np.flatnonzero(priorities.valid & year & (buffer[ends + 4] == ord("-")))
    if which.size:
        header = read_iso_headers(found.rows, which, priorities, form)
        found.take(form.rule, header, grade=form.grade)


def _read_cisco(found: Found, priorities: Priorities, received_us: Positions) -> None:
    unread = found.unread()
    which = unread[priorities.valid[unread]]
    if which.size:
        header, guessed = read_cisco_headers(found.rows, which, priorities, received_us)
        if len(header.rows):
            found.take("cisco", header, grade=Grade.VARIANT, guessed=guessed)


def _read_pairs(found: Found, priorities: Priorities) -> None:
    unread = found.unread()
    first = found.rows.buffer[priorities.ends[unread]]
    which = unread[priorities.valid[unread] & (first == ord("d"))]
    if which.size:
        header, guessed = read_pairs_headers(found.rows, which, priorities)
        found.take("dated_pairs", header, grade=Grade.VARIANT, guessed=guessed)


def _read_one_by_one(found: Found, received_us: Positions) -> None:
    """The exact reader for every message that is not read yet."""
    buffer = found.rows.buffer
    places = found.unread()
    starts, ends = found.rows.starts[places].tolist(), found.rows.ends[places].tolist()
    times = received_us[places].tolist()
    parsed = [
        parse(buffer[start:end].tobytes(), time)
        for start, end, time in zip(starts, ends, times, strict=True)
    ]
    found.take_parsed(places, parsed)
