"""Texts of many messages at once: which hold fields of their own, and Dogtag's events.

An event is a run of ``[NAME=VALUE]``, perhaps behind what Dogtag's own file begins lines with.
Where a value makes it doubtful where it ends, the message is left to the reader of single messages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sealwire.syslog.audit_text import read_event_prefix
from sealwire.syslog.event_formats import HOLDS_FIELDS, read_text_fields
from sealwire.syslog.found import entries_of, named_entries
from sealwire.syslog.hypervisors import are_originators, read_originators
from sealwire.syslog.rows import (
    FOREIGN,
    Rows,
    Spans,
    cut,
    cut_pairs,
    places_of,
    rows_of,
)

if TYPE_CHECKING:
    from sealwire.syslog.found import Entries, Header
    from sealwire.syslog.rows import Mask, Positions
    from sealwire.syslog.structured_data import Fields

_EVENT: Final = np.frombuffer(b"[AuditEvent=", np.uint8)
# What a text that holds fields begins with.
_BEGINS: Final = np.zeros(256, np.bool_)
_BEGINS[list(b"[<CL0123456789")] = True

_OPEN: Final = ord("[")
_CLOSE: Final = ord("]")
_EQUALS: Final = ord("=")
_SPACE: Final = ord(" ")
_LONGEST_NAME: Final = 47
_NAME: Final = re.compile(rb"\[([A-Za-z][A-Za-z0-9_.-]{0,63})\Z")


class _Attributes(NamedTuple):
    """Of each attribute: its message, and where it, its value and its end are."""

    rows: Positions
    opens: Positions
    equals: Positions
    closes: Positions


def read_texts(rows: Rows, header: Header) -> None:
    """Add the fields that texts hold; give up events that are doubtful."""
    ends = rows.ends[header.rows]
    at = np.minimum(header.text, ends)
    maybe = np.flatnonzero(header.valid & (at < ends) & _BEGINS[rows.buffer[at]])
    if not maybe.size:
        return
    event = (rows.window(at[maybe], len(_EVENT)) == _EVENT).all(axis=1)
    event &= ends[maybe] - at[maybe] >= len(_EVENT)
    others = maybe[~event]
    theirs = are_originators(rows, at[others], ends[others])
    _read_originators(rows, header, others[theirs])
    behind = _read_prefixes(rows, header, at, others[~theirs])
    events = np.sort(np.concatenate((maybe[event], behind)))
    if events.size:
        valid, entries = _read_events(rows, at[events], ends[events])
        header.valid[events] = valid
        header.entries.append(entries._replace(rows=header.rows[events][entries.rows]))


def _read_prefixes(rows: Rows, header: Header, at: Positions, places: Positions) -> Positions:
    """The texts that are an event behind a prefix; ``at`` then says where the event begins.

    What others hold is read too.
    """
    ends = rows.ends[header.rows]
    behind: list[int] = []
    owners: list[int] = []
    pairs: Fields = []
    for place in places.tolist():
        text = rows.buffer[at[place] : ends[place]].tobytes()
        before = len(pairs)
        if prefix := read_event_prefix(text):
            length, fields = prefix
            pairs += fields
            behind.append(place)
            at[place] += length
        elif HOLDS_FIELDS.match(text):
            read_text_fields(text, 0, pairs)
        owners += [place] * (len(pairs) - before)
    if pairs:
        header.entries.append(entries_of(header.rows[np.array(owners, np.int64)], pairs))
    return np.array(behind, np.int64)


def _read_originators(rows: Rows, header: Header, places: Positions) -> None:
    if places.size:
        ends = rows.ends[header.rows[places]]
        valid, entries = read_originators(rows, header.text[places], ends)
        header.valid[places] = valid
        header.entries.append(entries._replace(rows=header.rows[places][entries.rows]))


def _read_events(rows: Rows, starts: Positions, ends: Positions) -> tuple[Mask, Entries]:
    rest = rows_of(cut(rows.buffer, Spans(starts, ends)))
    valid, attributes = _attributes(rest)
    names, values = cut_pairs(
        rest,
        Spans(attributes.opens, attributes.equals),
        Spans(attributes.equals + 1, attributes.closes),
    )
    entries, known = named_entries(attributes.rows, names, values, _read_name)
    valid[attributes.rows[~known]] = False
    valid[attributes.rows[places_of(values, (FOREIGN,))]] = False
    return valid, entries


def _attributes(rest: Rows) -> tuple[Mask, _Attributes]:
    """The attributes of the messages in which each bracket ends one, up to the free text."""
    closes = np.flatnonzero(rest.buffer == _CLOSE)
    edges = np.searchsorted(closes, np.append(rest.starts, rest.ends[-1:]))
    row = np.repeat(np.arange(len(rest.starts)), np.diff(edges))
    after = rest.buffer[closes + 1]
    last = (closes + 1 == rest.ends[row]) | (after == _SPACE)
    places = np.flatnonzero(last)
    terminal = np.full(len(rest.starts), -1)
    # The first of each message: written last, as later writes win.
    terminal[row[places[::-1]]] = places[::-1]
    kept = np.arange(len(closes)) <= terminal[row]
    valid = terminal >= 0
    valid[row[kept & ~last & (after != _OPEN)]] = False
    kept &= valid[row]
    owner, ends = row[kept], closes[kept]
    first = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
    opens = np.where(first, rest.starts[owner], np.append(0, ends + 1)[: len(owner)])
    found = rest.window(opens, _LONGEST_NAME + 2) == _EQUALS
    equals = opens + found.argmax(axis=1)
    valid[owner[(rest.buffer[equals] != _EQUALS) | (equals > ends)]] = False
    kept = valid[owner]
    return valid, _Attributes(owner[kept], opens[kept], equals[kept], ends[kept])


@lru_cache(maxsize=4096)
def _read_name(lead: bytes) -> str | None:
    match = _NAME.match(lead)
    return "dogtag." + match[1].decode("ascii") if match else None
