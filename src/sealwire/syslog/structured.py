"""STRUCTURED-DATA of many messages at once (RFC 5424 section 6.3), where it is plain.

Quotes alone say how it is built: they open and close in turn, and what stands before an opening
one (its lead) is one of few texts, each of which is judged once. A value that needs a backslash
is left to the reader of single messages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sealwire.syslog.found import Entries, distinct
from sealwire.syslog.rows import (
    FOREIGN,
    Rows,
    Spans,
    cut,
    cut_pairs,
    places_of,
    rows_of,
    words_of,
)

if TYPE_CHECKING:
    from sealwire.syslog.rows import Mask, Positions

_NAME: Final = rb"[!#-<>-\\^-~]{1,32}"
# The lead of an element's first parameter, behind another element or not, or of a later one.
_LEAD: Final = re.compile(
    rb"(?:(?P<before>\]?)\[(?P<id>" + _NAME + rb"))? (?P<name>" + _NAME + rb")=\Z"
)

_QUOTE: Final = ord('"')
_OPEN: Final = ord("[")
_CLOSE: Final = ord("]")
_SPACE: Final = ord(" ")
_UNCLEAR: Final = (ord("\\"), _CLOSE, FOREIGN)
# SD-ELEMENTs of a message; one with more is left to the reader of single messages.
_MOST_ELEMENTS: Final = 16


class Lead(NamedTuple):
    """What one lead says.

    ``place``: first in its message (0), a later parameter (1), first of a later element (2), or
    none of these (3).
    """

    place: int
    sd_id: str
    name: str


class Structured(NamedTuple):
    """``ends``: position behind it in the buffer; ``valid``: where it was taken apart."""

    ends: Positions
    valid: Mask
    entries: Entries


class _Parameters(NamedTuple):
    """Of each parameter: its message, its two quotes and where its lead begins."""

    rows: Positions
    opens: Positions
    closes: Positions
    leads: Positions
    first: Mask


@lru_cache(maxsize=4096)
def _read_lead(lead: bytes) -> Lead:
    match = _LEAD.match(lead)
    if match is None:
        return Lead(3, "", "")
    if match["id"] is None:
        return Lead(1, "", match["name"].decode("ascii"))
    sd_id, name = match["id"].decode("ascii"), match["name"].decode("ascii")
    return Lead(2 if match["before"] else 0, sd_id, name)


def read_structured(rows: Rows, starts: Positions, ends: Positions) -> Structured:
    """Take apart the messages' rest from ``starts``, where ``[`` stands, up to ``ends``."""
    rest = rows_of(cut(rows.buffer, Spans(starts, ends)))
    terminal, parameters = _parameters(rest)
    valid = terminal >= 0
    leads, values = cut_pairs(
        rest,
        Spans(parameters.leads, parameters.opens),
        Spans(parameters.opens + 1, parameters.closes),
    )
    encoded = leads.dictionary_encode()
    known = [_read_lead(lead) for lead in words_of(encoded)]
    codes = encoded.indices.to_numpy()
    valid[parameters.rows[_misplaced(known, codes, parameters.first)]] = False
    valid[parameters.rows[_unclear(values)]] = False
    names, vocabulary, again = _names(known, codes, parameters.rows)
    valid[again] = False
    entries = Entries(parameters.rows, names, vocabulary, values)
    return Structured(starts + (terminal + 2 - rest.starts), valid, entries)


def _parameters(rest: Rows) -> tuple[Positions, _Parameters]:
    """Position of each message's last quote in STRUCTURED-DATA (or -1), and the parameters."""
    quotes = np.flatnonzero(rest.buffer == _QUOTE)
    edges = np.searchsorted(quotes, np.append(rest.starts, rest.ends[-1:]))
    counts = np.diff(edges)
    row = np.repeat(np.arange(len(counts)), counts)
    closing = ((np.arange(len(quotes)) - edges[row]) & 1).astype(np.bool_)
    after = rest.ends[row] - quotes
    next_one = rest.buffer[quotes + 1]
    next_two = rest.buffer[quotes + 2]
    last = closing & (next_one == _CLOSE) & (after >= 2)  # noqa: PLR2004 - a quote, a bracket
    last &= (after == 2) | (next_two != _OPEN)  # noqa: PLR2004 - same
    places = np.flatnonzero(last)
    owners = row[places]
    places = places[np.append(True, owners[1:] != owners[:-1])[: len(owners)]]
    sound = (after[places] == 2) | (next_two[places] == _SPACE)  # noqa: PLR2004 - same
    terminal = np.full(len(counts), -1)
    terminal[row[places]] = np.where(sound, places, -1)
    kept = np.arange(len(quotes)) <= terminal[row]
    pairs, owner = quotes[kept], row[kept][0::2]
    first = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
    behind = np.append(0, pairs[1::2] + 1)[: len(owner)]
    leads = np.where(first, rest.starts[owner], behind)
    found = _Parameters(owner, pairs[0::2], pairs[1::2], leads, first)
    return np.where(terminal >= 0, quotes[terminal] if len(quotes) else -1, -1), found


def _misplaced(known: list[Lead], codes: Positions, first: Mask) -> Mask:
    """Which parameters cannot stand where they stand."""
    place = np.array([lead.place for lead in known], np.int64)[codes]
    misplaced: Mask = np.where(first, place != 0, (place != 1) & (place != 2))  # noqa: PLR2004 - see Lead
    return misplaced


def _unclear(values: Any) -> Positions:  # noqa: ANN401 - Arrow has no types of its own
    """Which values hold an escape, a bracket, or what is perhaps no UTF-8."""
    return places_of(values, _UNCLEAR)


def _names(
    known: list[Lead], codes: Positions, rows: Positions
) -> tuple[Positions, tuple[str, ...], Positions]:
    """Names as codes and words; and the messages in which an SD-ID stands twice."""
    ids = sorted({lead.sd_id for lead in known})
    code_of = {sd_id: code for code, sd_id in enumerate(ids)}
    named = np.array([code_of[lead.sd_id] for lead in known], np.int64)
    begins = np.array([lead.place != 1 for lead in known], np.bool_)[codes]
    elements = np.flatnonzero(begins)
    owners, owned = rows[elements], named[codes[elements]]
    current = owned[np.cumsum(begins) - 1] if len(elements) else named[codes]
    combined, places = distinct(current * len(known) + codes, len(ids) * len(known))
    vocabulary = tuple(
        f"{ids[code // len(known)]}.{known[code % len(known)].name}" for code in combined.tolist()
    )
    return places, vocabulary, _owners_of_twins(owners, owned)


def _owners_of_twins(owners: Positions, owned: Positions) -> Positions:
    """The messages that have one of ``owned`` twice, or too many to look. ``owners`` ascend."""
    twice = [owners[_MOST_ELEMENTS:][owners[_MOST_ELEMENTS:] == owners[:-_MOST_ELEMENTS]]]
    for distance in range(1, _MOST_ELEMENTS):
        same = owners[distance:] == owners[:-distance]
        if not same.any():
            break
        twice.append(owners[distance:][same & (owned[distance:] == owned[:-distance])])
    return np.concatenate(twice)
