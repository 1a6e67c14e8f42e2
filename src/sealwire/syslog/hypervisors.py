"""What ESXi's services write before their texts, in many messages at once.

``info hostd[2100598] [Originator@6876 sub=Vimsvc opID=5d0d7d15] text``: a level and a thread behind
the tag, then what is nearly STRUCTURED-DATA. What is not so plain is left to the reader of single
messages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from sealwire.syslog.found import named_entries
from sealwire.syslog.rows import Rows, Spans, cut, cut_pairs, rows_of, words_of
from sealwire.syslog.strict import HYPERVISOR_LEVEL

if TYPE_CHECKING:
    from sealwire.syslog.found import Entries, Header
    from sealwire.syslog.rows import Mask, Positions

_ID: Final = b"Originator@6876"
_BEGINS: Final = np.frombuffer(b"[%b " % _ID, np.uint8)
_OPEN: Final = ord("[")
_CLOSE: Final = ord("]")
_SPACE: Final = ord(" ")
_EQUALS: Final = ord("=")
_DEL: Final = 0x7F

# How long the parts may be here; one byte more is looked at.
_LONGEST_LEVEL: Final = 63
_LONGEST_THREAD: Final = 31

_LEVEL: Final = re.compile(HYPERVISOR_LEVEL + rb"\Z")
_NAME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")
_ALPHANUMERIC: Final = np.zeros(256, np.bool_)
_ALPHANUMERIC[[octet for octet in range(128) if chr(octet).isalnum()]] = True


def read_levels(rows: Rows, header: Header, ends: Positions, maybe: Mask) -> Mask:
    """Where ``maybe`` a level and a thread stand behind a tag without a process, take them.

    Returns where they do.
    """
    found = np.zeros(len(header.rows), np.bool_)
    places = np.flatnonzero(header.valid & maybe & (header.procid.starts < 0))
    if not places.size:
        return found
    buffer, at = rows.buffer, header.text[places]
    opening = at + (rows.window(at, _LONGEST_LEVEL + 1) == _OPEN).argmax(axis=1)
    words = cut(buffer, Spans(at, opening + 1)).dictionary_encode()
    levels = np.array([_is_level(word) for word in words_of(words)], np.bool_)
    thread = rows.window(opening + 1, _LONGEST_THREAD + 1)
    closing = opening + 1 + (~_ALPHANUMERIC[thread]).argmax(axis=1)
    good = levels[words.indices.to_numpy()] & (closing > opening + 1) & (closing + 2 < ends[places])
    for distance, octet in enumerate((_CLOSE, _SPACE, _OPEN)):
        good &= buffer[closing + distance] == octet
    places, opening, closing = places[good], opening[good], closing[good]
    found[places] = True
    header.procid.starts[places] = opening + 1
    header.procid.ends[places] = closing
    header.text[places] = closing + 2
    return found


@lru_cache(maxsize=4096)
def _is_level(words: bytes) -> bool:
    return _LEVEL.match(words) is not None


def are_originators(rows: Rows, at: Positions, ends: Positions) -> Mask:
    """Which of the texts begin with ``[Originator@6876 ``."""
    begins: Mask = (rows.window(at, len(_BEGINS)) == _BEGINS).all(axis=1)
    return begins & (ends - at > len(_BEGINS))


def read_originators(rows: Rows, at: Positions, ends: Positions) -> tuple[Mask, Entries]:
    """What stands in the brackets of texts that begin so, and where that is sure."""
    rest = rows_of(cut(rows.buffer, Spans(at + len(_BEGINS), ends)))
    closes = np.flatnonzero(rest.buffer == _CLOSE)
    places = np.searchsorted(closes, rest.starts)
    close = np.append(closes, len(rest.buffer) - 2)[places]
    valid = (close < rest.ends) & (close > rest.starts) & (rest.buffer[close + 1] != _OPEN)
    close = np.where(valid, close, rest.starts)
    inner = rows_of(cut(rest.buffer, Spans(rest.starts, close)))
    _give_up_odd(inner, valid)
    tokens, equals, owners = _pairs(inner)
    whole = (equals > tokens.starts) & (equals < tokens.ends)
    valid[owners[~whole]] = False
    kept = valid[owners]
    tokens = Spans(tokens.starts[kept], tokens.ends[kept])
    equals, owners = equals[kept], owners[kept]
    names, values = cut_pairs(inner, Spans(tokens.starts, equals), Spans(equals + 1, tokens.ends))
    entries, known = named_entries(owners, names, values, _read_name)
    valid[owners[~known]] = False
    return valid, entries


@lru_cache(maxsize=4096)
def _read_name(word: bytes) -> str | None:
    return f"{_ID.decode()}.{word.decode('ascii')}" if _NAME.match(word) else None


def _give_up_odd(inner: Rows, valid: Mask) -> None:
    """Quotes, further brackets, other blanks and what is perhaps no UTF-8."""
    used = inner.buffer[: int(inner.ends[-1])]
    odd = (used < _SPACE) | (used >= _DEL) | (used == ord('"')) | (used == _OPEN)
    valid[np.searchsorted(inner.ends, np.flatnonzero(odd), side="right")] = False


def _pairs(inner: Rows) -> tuple[Spans, Positions, Positions]:
    """What blanks divide, where the first ``=`` in each stands or behind, and whose it is."""
    used = inner.buffer[: int(inner.ends[-1])]
    blanks = np.flatnonzero(used == _SPACE)
    filled = inner.ends > inner.starts
    starts = np.sort(np.concatenate((inner.starts[filled], blanks + 1)))
    ends = np.sort(np.concatenate((inner.ends[filled], blanks)))
    owners = np.searchsorted(inner.ends, ends, side="left")
    equals = np.append(np.flatnonzero(used == _EQUALS), len(inner.buffer))
    return Spans(starts, ends), equals[np.searchsorted(equals, starts)], owners
