"""What messages that begin with a time, a host and a tag have in common, for many at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sealwire.syslog.found import Header, no_spans
from sealwire.syslog.rows import ABSENT, FOREIGN, Rows, Spans, cut, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.syslog.rows import Mask, Positions

_SPACE: Final = ord(" ")
_COLON: Final = ord(":")
_OPEN: Final = ord("[")
_CLOSE: Final = ord("]")

# How long the parts may be here; one byte more is looked at.
_LONGEST_HOST: Final = 63
_LONGEST_TAG: Final = 47
_LONGEST_PROCESS: Final = 31

HOST: Final = re.compile(rb"[0-9A-Za-z][0-9A-Za-z._-]*:?\Z")
# A tag that is a number may be something else; CEF: and LEEF: are formats, no tags.
_TAG: Final = re.compile(rb"(?![0-9])[^\s:\[\]\"{}=<>,|\x80-\xff]+(?<!EF)\Z")


class Dated(NamedTuple):
    """Messages with a time; ``host`` goes up to a space, ``at`` is behind that space."""

    rows: Positions
    ends: Positions
    valid: Mask
    padded: Mask
    microseconds: Positions
    host: Spans
    at: Positions


def some_of(dated: Dated, places: Positions) -> Dated:
    """Those of the messages that stand at ``places``."""
    host = Spans(dated.host.starts[places], dated.host.ends[places])
    rows, ends, valid, padded, microseconds, _, at = dated
    return Dated(
        rows[places],
        ends[places],
        valid[places],
        padded[places],
        microseconds[places],
        host,
        at[places],
    )


def find_host(rows: Rows, at: Positions) -> tuple[Spans, Mask]:
    """What stands at ``at`` up to a space, and where that is short enough to be seen."""
    lengths = (rows.window(at, _LONGEST_HOST + 1) == _SPACE).argmax(axis=1)
    return Spans(at, at + lengths), (rows.buffer[at + lengths] == _SPACE) & (lengths > 0)


def header_of(dated: Dated, priorities: Positions) -> Header:
    """A header without tag, its text behind the host."""
    count = len(dated.rows)
    nowhere = no_spans(count)
    return Header(
        dated.rows,
        dated.valid,
        priorities,
        dated.microseconds,
        np.ones(count, np.bool_),
        dated.host,
        nowhere,
        nowhere,
        nowhere,
        text=np.minimum(dated.at, dated.ends),
    )


def judge(rows: Rows, header: Header, spans: Spans, verdict: Callable[[bytes], bool]) -> None:
    """Give up the messages whose part is not as it must be. Each text there is is judged once."""
    kept = np.flatnonzero(header.valid)
    parts = cut(rows.buffer, Spans(spans.starts[kept], spans.ends[kept])).dictionary_encode()
    verdicts = np.array([verdict(text) for text in words_of(parts)], np.bool_)
    header.valid[kept] = verdicts[parts.indices.to_numpy()]


def is_tag(app: bytes) -> bool:
    """Whether this is a tag beyond doubt."""
    return _TAG.match(app) is not None


def read_tag(rows: Rows, header: Header, ends: Positions) -> None:
    """``NAME: ``, ``NAME[PROCESS]: `` or ``NAME[PROCESS] `` where the text begins."""
    buffer, at = rows.buffer, header.text
    window = rows.window(at, _LONGEST_TAG + 1)
    stop = at + ((window == _COLON) | (window == _OPEN)).argmax(axis=1)
    bracket = buffer[stop] == _OPEN
    window = rows.window(stop + 1, _LONGEST_PROCESS + 1)
    # Blanks are among what is left to the reader of single messages here.
    odd = (window == _CLOSE) | (window <= _SPACE) | (window >= FOREIGN)
    closing = stop + 1 + odd.argmax(axis=1)
    header.valid &= (stop > at) & (stop < ends)
    header.valid &= ~bracket | ((buffer[closing] == _CLOSE) & (closing < ends))
    behind = np.where(bracket, closing + 1, stop)
    colon = (behind < ends) & (buffer[behind] == _COLON)
    behind = behind + colon
    blank = (behind >= ends) | (buffer[behind] == _SPACE)
    header.valid &= np.where(bracket, colon | blank, colon & blank)
    behind = behind + ((behind < ends) & (buffer[behind] == _SPACE))
    process = bracket & (closing > stop + 1)
    header.app = Spans(at, stop)
    header.procid = Spans(np.where(process, stop + 1, ABSENT), closing)
    header.text = behind
