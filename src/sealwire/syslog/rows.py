"""Many messages as one buffer of bytes and positions in it, for numpy and Arrow.

All positions are absolute in the buffer. A part of a message that is not there starts at -1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from sealwire.syslog.message import ENDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]
    Mask = NDArray[np.bool_]
    Bytes = NDArray[np.uint8]

# So many bytes may be looked at behind any message without leaving the buffer.
MARGIN: Final = 512
ABSENT: Final = -1
FOREIGN: Final = 0x80
"""The lowest byte that is no ASCII."""

_DEL: Final = 0x7F
# CR LF NUL, and one that should not be there; rows with more are few.
_MOST_ENDS: Final = 4


class Rows(NamedTuple):
    """``buffer`` holds the messages one behind another, then ``MARGIN`` zeros."""

    buffer: Bytes
    starts: Positions
    ends: Positions

    def window(self, positions: Positions, width: int) -> Bytes:
        """``width`` bytes from each position on: a matrix of its own, one line a position."""
        view = np.lib.stride_tricks.sliding_window_view(self.buffer, width)
        return view[positions]


def without_ends(rows: Rows) -> Rows:
    """The messages without what senders put behind them (``message.ENDS``)."""
    ends = rows.ends.copy()
    is_end = np.isin(np.arange(256), list(ENDS))
    places = np.flatnonzero(ends > rows.starts)
    for _ in range(_MOST_ENDS):
        places = places[is_end[rows.buffer[ends[places] - 1]]]
        ends[places] -= 1
        places = places[ends[places] > rows.starts[places]]
    for place in places.tolist():
        start, end = rows.starts[place], ends[place]
        ends[place] = start + len(rows.buffer[start:end].tobytes().rstrip(ENDS))
    return Rows(rows.buffer, rows.starts, ends)


class Spans(NamedTuple):
    """A part of each message: from ``starts`` up to ``ends``, absent where it starts at -1."""

    starts: Positions
    ends: Positions


def rows_of(raw: Any) -> Rows:  # noqa: ANN401 - Arrow has no types of its own
    """The messages of an Arrow binary array without nulls, sliced or not."""
    wide = pa.types.is_large_binary(raw.type)
    count = len(raw)
    _, offsets, data = raw.buffers()
    if not count or data is None:
        nothing = np.zeros(count, np.int64)
        return Rows(np.zeros(MARGIN, np.uint8), nothing, nothing)
    stored = np.frombuffer(offsets, np.int64 if wide else np.int32)
    edges: Positions = stored[raw.offset : raw.offset + count + 1].astype(np.int64)
    first, last = int(edges[0]), int(edges[-1])
    buffer = np.zeros(last - first + MARGIN, np.uint8)
    buffer[: last - first] = np.frombuffer(data, np.uint8)[first:last]
    edges -= first
    return Rows(buffer, edges[:-1], edges[1:])


def cut(buffer: Bytes, spans: Spans) -> Any:  # noqa: ANN401 - Arrow has no types of its own
    """The bytes of each span as an Arrow string array; null where it is absent.

    The spans must follow one another in the buffer. Nothing checks that they are UTF-8.
    """
    present = spans.starts >= 0
    whole = bool(present.all())
    starts, ends = (spans.starts, spans.ends) if whole else _without_gaps(spans)
    edges = np.empty(2 * len(starts), np.int32)
    edges[0::2] = starts
    edges[1::2] = ends
    pieces = max(len(edges) - 1, 0)
    cuts = pa.StringArray.from_buffers(pieces, pa.py_buffer(edges), pa.py_buffer(buffer))
    places = np.arange(0, pieces, 2, dtype=np.int32)
    return cuts.take(pa.array(places, mask=None if whole else ~present))


def _without_gaps(spans: Spans) -> tuple[Positions, Positions]:
    """An absent span becomes an empty one where the one before it ended."""
    ends = np.maximum.accumulate(np.where(spans.starts >= 0, spans.ends, 0))
    return np.where(spans.starts >= 0, spans.starts, ends), ends


def first_not_graphic(window: Bytes) -> Positions:
    """Where in each line the first byte that is no visible ASCII stands; 0 also if none does."""
    foreign: Mask = (window - np.uint8(0x21)) > np.uint8(_DEL - 0x22)
    places: Positions = foreign.argmax(axis=1)
    return places


def cut_pairs(rows: Rows, names: Spans, values: Spans) -> tuple[Any, Any]:
    """The bytes of ``names`` and of ``values`` as two Arrow string arrays.

    Each name must precede its value in the buffer, and each value the next name; none is absent.
    Nothing checks that they are UTF-8.
    """
    edges = np.empty(4 * len(names.starts), np.int32)
    edges[0::4], edges[1::4] = names
    edges[2::4], edges[3::4] = values
    pieces = max(len(edges) - 1, 0)
    cuts = pa.StringArray.from_buffers(pieces, pa.py_buffer(edges), pa.py_buffer(rows.buffer))
    places = np.arange(0, pieces, 4, dtype=np.int32)
    return cuts.take(pa.array(places)), cuts.take(pa.array(places + 2))


def places_of(strings: Any, octets: tuple[int, ...]) -> Positions:  # noqa: ANN401 - Arrow
    """Which of ``strings`` hold one of ``octets``; ``FOREIGN`` stands for all that is no ASCII."""
    inside = rows_of(strings)
    used = inside.buffer[: len(inside.buffer) - MARGIN]
    found = used >= FOREIGN if FOREIGN in octets else np.zeros(len(used), np.bool_)
    for octet in octets:
        found |= used == octet
    return np.searchsorted(inside.ends, np.flatnonzero(found), side="right")


def words_of(encoded: Any) -> list[bytes]:  # noqa: ANN401 - Arrow has no types of its own
    """The distinct strings of a dictionary array, whatever their bytes are."""
    words: list[bytes] = encoded.dictionary.view(pa.binary()).to_pylist()
    return words
