"""What the readers of many messages found in some of them, before it becomes Arrow columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from sealwire.syslog.rows import ABSENT, Spans, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sealwire.syslog.rows import Mask, Positions

# Up to so many codes are told apart by a table instead of by sorting.
_TABLE: Final = 1 << 16


class Entries(NamedTuple):
    """Some named values of some messages, in the order in which the messages show them.

    ``rows`` ascend. ``names`` are places in ``vocabulary``. ``values`` is an Arrow string array.
    """

    rows: Positions
    names: NDArray[np.int64]
    vocabulary: Sequence[str]
    values: Any

    def of(self, wanted: Mask) -> Entries:
        """Those of the messages that ``wanted`` has."""
        kept = wanted[self.rows]
        if kept.all():
            return self
        places = np.flatnonzero(kept)
        values = self.values.take(places)
        return Entries(self.rows[places], self.names[places], self.vocabulary, values)


@dataclass(slots=True)
class Header:
    """The header of some messages (``rows``, ascending), where ``valid``; one place a message.

    ``priorities``: PRI, -1 where there is none. ``timed``: it has a time. ``text``: position in the
    buffer where the text begins.
    """

    rows: Positions
    valid: Mask
    priorities: Positions
    microseconds: Positions
    timed: Mask
    host: Spans
    app: Spans
    procid: Spans
    msgid: Spans
    text: Positions
    entries: list[Entries] = field(default_factory=list)


def no_spans(count: int) -> Spans:
    """A part that none of ``count`` messages has."""
    nowhere = np.full(count, ABSENT, np.int64)
    return Spans(nowhere, nowhere)


def entries_of(rows: Positions, pairs: Sequence[tuple[str, str]]) -> Entries:
    """Names and values that were found one by one, in the message of each (``rows``, ascending)."""
    vocabulary: dict[str, int] = {}
    names = [vocabulary.setdefault(name, len(vocabulary)) for name, _ in pairs]
    values = pa.array([value for _, value in pairs], pa.string())
    return Entries(rows, np.array(names, np.int64), tuple(vocabulary), values)


def named_entries(
    rows: Positions,
    names: Any,  # noqa: ANN401 - Arrow has no types of its own
    values: Any,  # noqa: ANN401 - same
    read: Callable[[bytes], str | None],
) -> tuple[Entries, Mask]:
    """Values by what ``read`` makes of the bytes that name each, and which it knows.

    Few bytes name many: each is read once.
    """
    encoded = names.dictionary_encode()
    known = [read(word) for word in words_of(encoded)]
    codes = encoded.indices.to_numpy().astype(np.int64)
    is_known = np.array([name is not None for name in known], np.bool_)[codes]
    return Entries(rows, codes, [name or "" for name in known], values), is_known


def distinct(codes: Positions, bound: int) -> tuple[Positions, Positions]:
    """The distinct ``codes`` (below ``bound``), ascending, and the place of each among them."""
    if bound > _TABLE:
        return np.unique(codes, return_inverse=True)
    there = np.zeros(bound, np.bool_)
    there[codes] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]
