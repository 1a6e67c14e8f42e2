"""Answers to questions: pages of records, how many there are, and how many when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.errors import NotFoundError, RefusedError
from sealwire.sensor.archive import Bucket, Page
from sealwire.sensor.query import Cursor, Matches
from sealwire.sensor.query_rules import check_search, leaves
from sealwire.stores.archive import answers
from sealwire.stores.archive.conditions import safe_pattern
from sealwire.stores.archive.limits import Budget
from sealwire.stores.archive.questions import (
    LAST_HOUR_US,
    MINUTE_US,
    SECOND_US,
    Place,
    Question,
    Span,
    counted_by_minute,
    first_reach,
    first_records,
    further,
    window,
)
from sealwire.stores.archive.shown import shown_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from sealwire.clock import Clock
    from sealwire.sensor.archive import StoredRecord
    from sealwire.sensor.query import Condition, Search
    from sealwire.stores.archive.engine import Parameter
    from sealwire.stores.archive.ledger import Ledger
    from sealwire.stores.archive.shown import ParseOne
    from sealwire.stores.archive.tables import Tables

AT_ONCE: Final = 1_000
"""Whole records read in one statement."""
READING_S: Final = 1.0
"""Kept back, of the time for a question, for reading what was found."""
PAGE_BYTES: Final = 16 << 20
"""A page ends before its limit when the records on it are as large as this."""
MOST_BARS: Final = 10_000
MINUTE_S: Final = 60


class Searching:
    """Questions about the records of one sensor. Safe to call from any thread."""

    def __init__(
        self, tables: Tables, ledger: Ledger, clock: Clock, parse: ParseOne, at_once: int
    ) -> None:
        self._parse = parse
        self._at_once = at_once
        self._tables = tables
        self._ledger = ledger
        self._clock = clock

    def search(self, search: Search) -> Page:
        """See RecordArchive. A page may end early when its records are large or time runs out."""
        self._check(search)
        budget = Budget(self._clock)
        keys, more = self._keys(search, budget.earlier(READING_S))
        question = self._question(search.condition)
        found: list[StoredRecord] = []
        size = 0
        for start in range(0, len(keys), AT_ONCE):
            if size >= PAGE_BYTES:
                return _page(found, more=True)
            piece = self._records(question, keys[start : start + AT_ONCE], budget)
            found += piece
            size += sum(len(record.raw) for record in piece)
        return _page(found, more=more)

    def count(self, search: Search) -> int:
        """See RecordArchive."""
        return sum(sum(bars.values()) for bars in self._counted(search, 0).values())

    def chart(self, search: Search, step_s: int) -> Sequence[Bucket]:
        """See RecordArchive. Raises RefusedError beyond 10,000 bars."""
        span = Span(search.since_us, search.until_us).within(self._ledger.span)
        if step_s < 1 or (span.until_us - span.since_us) // (step_s * SECOND_US) > MOST_BARS:
            raise RefusedError(
                "search.step", f"A chart has at most {MOST_BARS} bars.", hint="Take a longer step."
            )
        bars = self._counted(search, step_s)
        return [Bucket(start * SECOND_US, bars[start]) for start in sorted(bars)]

    def record(self, seq: int) -> StoredRecord:
        """One record. Raises NotFoundError ``record.unknown``."""
        sql, parameters = self._question(None).records(self._ledger.span, [seq])
        table = self._tables.ask(sql, parameters, Budget(self._clock))
        if not table.num_rows:
            raise NotFoundError("record.unknown", f"There is no record {seq} in the index.")
        received_us = {seq: table["received_us"][0].as_py()}
        return next(shown_records(table, received_us, self._parse))

    def _check(self, search: Search) -> None:
        check_search(search)
        for leaf in leaves(search.condition) if search.condition is not None else ():
            if isinstance(leaf, Matches):
                pattern = safe_pattern(leaf.pattern)
                self._tables.ask("SELECT match('', {pattern:String})", {"pattern": pattern})

    def _question(self, condition: Condition | None, *, redelivered: bool = True) -> Question:
        tables, sensor = self._tables, self._ledger.sensor
        return Question(tables.dialect, sensor, condition, redelivered=redelivered)

    def _keys(self, search: Search, budget: Budget) -> tuple[list[Place], bool]:
        """Where the records of the page are, in its order, and whether there may be more."""
        question = self._question(search.condition, redelivered=search.redelivered)
        found: list[Place] = []
        span, covered, wanted = self._reach(search), 0, search.limit + 1
        first = first_reach(
            self._ledger.span,
            self._ledger.upto,
            first_records(search.condition, self._at_once),
        )
        while covered < span.until_us - span.since_us:
            far = further(covered, len(found), wanted, first)
            piece = window(span, covered, far, oldest_first=search.oldest_first)
            sql, parameters = question.keys(
                piece, search.after, wanted - len(found), oldest_first=search.oldest_first
            )
            try:
                keys = self._tables.ask(sql, parameters, budget)
            except RefusedError:
                # What was found is worth more than to be told that there may be more.
                if not found:
                    raise
                return found, True
            found += answers.places(keys)
            if len(found) > search.limit:
                return found[: search.limit], True
            covered = far
        return found, False

    def _reach(self, search: Search) -> Span:
        """Where records can be that are on this page."""
        span = Span(search.since_us, search.until_us).within(self._ledger.span)
        if search.after is None:
            return span
        moment = search.after.received_us
        if search.oldest_first:
            return replace(span, since_us=max(span.since_us, moment))
        return replace(span, until_us=min(span.until_us, moment + 1))

    def _records(
        self, question: Question, places: Sequence[Place], budget: Budget
    ) -> list[StoredRecord]:
        """Whole records, in the order of ``places``."""
        found: dict[int, StoredRecord] = {}
        received_us = {place.cursor.seq: place.cursor.received_us for place in places}
        if places[0].part:
            found = self._read(question.records_at(places), received_us, budget)
        moved = [place.cursor for place in places if place.cursor.seq not in found]
        if moved:
            moments = [cursor.received_us for cursor in moved]
            span = Span(min(moments), max(moments) + 1)
            statement = question.records(span, [at.seq for at in moved])
            found |= self._read(statement, received_us, budget)
        numbers = [place.cursor.seq for place in places]
        return [found[number] for number in numbers if number in found]

    def _read(
        self,
        statement: tuple[str, Mapping[str, Parameter]],
        received_us: Mapping[int, int],
        budget: Budget,
    ) -> dict[int, StoredRecord]:
        table = self._tables.ask(*statement, budget)
        return {record.seq: record for record in shown_records(table, received_us, self._parse)}

    def _counted(self, search: Search, step_s: int) -> dict[int, dict[int | None, int]]:
        """Records by beginning of bar and severity."""
        self._check(search)
        question = self._question(search.condition, redelivered=search.redelivered)
        span = Span(search.since_us, search.until_us).within(_minutes_around(self._ledger.span))
        whole = Span(
            -(-span.since_us // MINUTE_US) * MINUTE_US, span.until_us // MINUTE_US * MINUTE_US
        )
        by_minute = counted_by_minute(search.condition) and whole.until_us < LAST_HOUR_US
        if whole.empty or step_s % MINUTE_S or not by_minute:
            parts = [(question.counts, span)]
        else:
            parts = [
                (question.counts, replace(span, until_us=whole.since_us)),
                (question.minute_counts, whole),
                (question.counts, replace(span, since_us=whole.until_us)),
            ]
        budget = Budget(self._clock)
        bars: dict[int, dict[int | None, int]] = {}
        for write, part in parts:
            if not part.empty:
                _add(bars, self._tables.ask(*write(part, step_s), budget))
        return bars


def _minutes_around(span: Span) -> Span:
    """Whole minutes, so that the first and last one need not be counted by record."""
    return Span(span.since_us // MINUTE_US * MINUTE_US, -(-span.until_us // MINUTE_US) * MINUTE_US)


def _page(found: list[StoredRecord], *, more: bool) -> Page:
    return Page(tuple(found), _cursor(found[-1]) if more and found else None)


def _cursor(last: StoredRecord) -> Cursor:
    return Cursor(last.received_ns // 1000, last.seq)


def _add(bars: dict[int, dict[int | None, int]], counted: pa.Table) -> None:
    for row in counted.to_pylist():
        counts = bars.setdefault(row["start"], {})
        severity = answers.number(row["severity"])
        counts[severity] = counts.get(severity, 0) + row["records"]
