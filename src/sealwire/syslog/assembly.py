"""Arrow columns from what was found in messages read together, and in messages read alone."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from sealwire.syslog.found import Entries, Header, entries_of
from sealwire.syslog.message import Grade
from sealwire.syslog.rows import ABSENT, Rows, Spans, cut
from sealwire.syslog.texts import read_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.syslog.message import ParsedMessage
    from sealwire.syslog.rows import Mask, Positions

_WORD: Final = pa.dictionary(pa.int32(), pa.string())

SCHEMA: Final = pa.schema(
    [
        pa.field("grade", pa.uint8(), nullable=False),
        pa.field("rule", _WORD, nullable=False),
        pa.field("facility", pa.uint8()),
        pa.field("severity", pa.uint8()),
        pa.field("ts", pa.timestamp("us", tz="UTC")),
        pa.field("time_guessed", pa.bool_(), nullable=False),
        pa.field("host", _WORD),
        pa.field("app", _WORD),
        pa.field("procid", pa.string()),
        pa.field("msgid", _WORD),
        pa.field("message_start", pa.uint32(), nullable=False),
        pa.field("fields", pa.map_(pa.string(), pa.string()), nullable=False),
    ]
)
"""Columns of a batch: each says what the field of ``ParsedMessage`` says; ``ts`` is its time."""

_PARTS: Final = ("host", "app", "procid", "msgid")
_UNREAD: Final = -1


class Found:
    """What was found in the messages of one batch so far; one place a message."""

    def __init__(self, rows: Rows) -> None:
        count = len(rows.starts)
        self.rows = rows
        self.count = count
        self.rule_names: dict[str, int] = {}
        self.rules = np.full(count, _UNREAD, np.int32)
        self.grades = np.zeros(count, np.uint8)
        self.facilities = np.full(count, ABSENT, np.int16)
        self.severities = np.full(count, ABSENT, np.int16)
        self.microseconds = np.zeros(count, np.int64)
        self.timed = np.zeros(count, np.bool_)
        self.guessed = np.zeros(count, np.bool_)
        self.text = np.zeros(count, np.uint32)
        self.spans = {
            name: Spans(np.full(count, ABSENT, np.int64), np.zeros(count, np.int64))
            for name in _PARTS
        }
        self.entries: list[Entries] = []
        # Messages read alone: where they stand, and what was found.
        self.alone = np.zeros(0, np.int64)
        self.parsed: Sequence[ParsedMessage] = ()

    def unread(self) -> Positions:
        """Where the messages stand that nothing was found in."""
        return np.flatnonzero(self.rules == _UNREAD)

    def take(
        self,
        rule: str,
        header: Header,
        *,
        grade: Grade = Grade.STRICT,
        guessed: Mask | bool = False,
    ) -> None:
        """Keep what a reader of many is sure of, and what their texts hold.

        ``guessed``: so are all their times, or those of the messages it has.
        """
        read_texts(self.rows, header)
        kept = header.valid
        rows = header.rows[kept]
        self.rules[rows] = self._rule(rule)
        self.grades[rows] = grade
        self.facilities[rows] = header.priorities[kept] >> 3
        marked = header.priorities[kept] >= 0
        self.severities[rows] = np.where(marked, header.priorities[kept] & 7, ABSENT)
        self.microseconds[rows] = header.microseconds[kept]
        self.timed[rows] = header.timed[kept]
        self.guessed[rows] = guessed if isinstance(guessed, bool) else guessed[kept]
        self.text[rows] = header.text[kept] - self.rows.starts[rows]
        for name, to in self.spans.items():
            part: Spans = getattr(header, name)
            to.starts[rows] = part.starts[kept]
            to.ends[rows] = part.ends[kept]
        sure = np.zeros(self.count, np.bool_)
        sure[rows] = True
        self.entries += [entries.of(sure) for entries in header.entries]

    def take_parsed(self, places: Positions, parsed: Sequence[ParsedMessage]) -> None:
        """Keep what was found in the messages at ``places``, each read alone. Called once."""
        self.alone, self.parsed = places, parsed
        if not parsed:
            return
        self.rules[places] = [self._rule(one.rule) for one in parsed]
        self.grades[places] = [one.grade for one in parsed]
        self.facilities[places] = [_or_absent(one.facility) for one in parsed]
        self.severities[places] = [_or_absent(one.severity) for one in parsed]
        self.microseconds[places] = [one.timestamp_us or 0 for one in parsed]
        self.timed[places] = [one.timestamp_us is not None for one in parsed]
        self.guessed[places] = [one.timestamp_guessed for one in parsed]
        self.text[places] = [one.message_start for one in parsed]
        self.entries.append(_entries(places, parsed))

    def _rule(self, name: str) -> int:
        return self.rule_names.setdefault(name, len(self.rule_names))


def assemble(found: Found) -> Any:  # noqa: ANN401 - Arrow has no types of its own
    """The record batch of ``SCHEMA``."""
    rules = pa.array(list(found.rule_names), pa.string())
    columns = [
        pa.array(found.grades),
        pa.DictionaryArray.from_arrays(pa.array(found.rules), rules),
        pa.array(found.facilities.astype(np.uint8), mask=found.facilities < 0),
        pa.array(found.severities.astype(np.uint8), mask=found.severities < 0),
        pa.array(found.microseconds, SCHEMA.field("ts").type, mask=~found.timed),
        pa.array(found.guessed),
        *(_strings(found, name, encoded=name != "procid") for name in _PARTS),
        pa.array(found.text),
        _fields(found),
    ]
    return pa.record_batch(columns, schema=SCHEMA)


def _or_absent(number: int | None) -> int:
    return ABSENT if number is None else number


def _entries(places: Positions, parsed: Sequence[ParsedMessage]) -> Entries:
    counts = [len(one.fields) for one in parsed]
    pairs = list(chain.from_iterable(one.fields for one in parsed))
    return entries_of(np.repeat(places, counts), pairs)


def _strings(found: Found, name: str, *, encoded: bool) -> Any:  # noqa: ANN401 - Arrow
    strings = cut(found.rows.buffer, found.spans[name])
    others = [getattr(one, name) for one in found.parsed]
    if any(other is not None for other in others):
        order = np.arange(found.count)
        order[found.alone] = found.count + np.arange(len(others))
        strings = pa.concat_arrays([strings, pa.array(others, pa.string())]).take(order)
    return strings.dictionary_encode() if encoded else strings


def _fields(found: Found) -> Any:  # noqa: ANN401 - Arrow has no types of its own
    """All entries, brought into the order of the messages, as a map."""
    parts = [part for part in found.entries if len(part.rows)]
    rows = np.concatenate([found.alone[:0], *(part.rows for part in parts)])
    words = pa.array(list(chain.from_iterable(part.vocabulary for part in parts)), pa.string())
    shifts = np.cumsum([0, *(len(part.vocabulary) for part in parts)])
    shifted = (part.names + shift for part, shift in zip(parts, shifts, strict=False))
    names = np.concatenate([found.alone[:0], *shifted])
    values = pa.concat_arrays([pa.array([], pa.string()), *(part.values for part in parts)])
    if len(parts) > 1:
        order = np.argsort(rows, kind="stable")
        names, values = names[order], values.take(order)
    offsets = np.zeros(found.count + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=found.count), out=offsets[1:])
    return pa.MapArray.from_arrays(pa.array(offsets), words.take(names), values)
