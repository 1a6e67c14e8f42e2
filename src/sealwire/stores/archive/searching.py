"""Answers to questions: pages of records, how many there are, and how many when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.errors import NotFoundError, RefusedError
from sealwire.sensor.archive import Bucket, Page
from sealwire.sensor.query import Cursor, Matches
from sealwire.sensor.query_rules import check_search, leaves
from sealwire.stores.archive.conditions import safe_pattern
from sealwire.stores.archive.limits import Budget
from sealwire.stores.archive.questions import (
    LAST_HOUR_US,
    MINUTE_US,
    SECOND_US,
    Question,
    Span,
    counted_by_minute,
    first_reach,
    first_records,
    further,
    window,
)
from sealwire.stores.archive.schema import NO_NUMBER
from sealwire.stores.archive.shown import shown_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        found = _Found(search.limit)
        try:
            for statement in self._passages(search, found):
                table = self._tables.ask(*statement, budget)
                found.take(shown_records(table, self._parse))
        except RefusedError:
            # What was found is worth more than to be told that there may be more.
            if not found.records:
                raise
            found.ended = True
        return found.page()

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
        statement = self._question(None).record(self._ledger.span, seq)
        table = self._tables.ask(*statement, Budget(self._clock))
        if not table.num_rows:
            raise NotFoundError("record.unknown", f"There is no record {seq} in the index.")
        return next(shown_records(table, self._parse))

    def _check(self, search: Search) -> None:
        check_search(search)
        for leaf in leaves(search.condition) if search.condition is not None else ():
            if isinstance(leaf, Matches):
                pattern = safe_pattern(leaf.pattern)
                self._tables.ask("SELECT match('', {pattern:String})", {"pattern": pattern})

    def _question(self, condition: Condition | None, *, redelivered: bool = True) -> Question:
        tables, sensor = self._tables, self._ledger.sensor
        return Question(tables.dialect, sensor, condition, redelivered=redelivered)

    def _passages(
        self, search: Search, found: _Found
    ) -> Iterator[tuple[str, Mapping[str, Parameter]]]:
        """Statements that ask for the records of the page, as long as it is not full."""
        question = self._question(search.condition, redelivered=search.redelivered)
        span, covered, after = self._reach(search), 0, search.after
        first = first_reach(
            self._ledger.span, self._ledger.upto, first_records(search.condition, self._at_once)
        )
        while covered < span.until_us - span.since_us and not found.ended:
            far = further(covered, len(found.records), found.wanted, first)
            piece = window(span, covered, far, oldest_first=search.oldest_first)
            limit = min(found.wanted - len(found.records), AT_ONCE)
            yield question.page(piece, after, limit, oldest_first=search.oldest_first)
            if found.taken < limit:
                covered = far
            else:
                after = _cursor(found.records[-1])

    def _reach(self, search: Search) -> Span:
        """Where records can be that are on this page."""
        span = Span(search.since_us, search.until_us).within(self._ledger.span)
        if search.after is None:
            return span
        moment = search.after.received_us
        if search.oldest_first:
            return replace(span, since_us=max(span.since_us, moment))
        return replace(span, until_us=min(span.until_us, moment + 1))

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


class _Found:
    """Records of one page, and one more if there is one: then there is a next page."""

    def __init__(self, limit: int) -> None:
        self.records: list[StoredRecord] = []
        self.wanted = limit + 1
        self.taken = 0
        self.ended = False
        self._bytes = 0

    def take(self, records: Iterable[StoredRecord]) -> None:
        """Those that one statement brought, which come next; the page may be full then."""
        before = len(self.records)
        self.records += records
        self.taken = len(self.records) - before
        self._bytes += sum(len(record.raw) for record in self.records[before:])
        self.ended = len(self.records) >= self.wanted or self._bytes >= PAGE_BYTES

    def page(self) -> Page:
        """What is shown; there may be more where looking for it was ended."""
        shown = self.records[: self.wanted - 1]
        return Page(tuple(shown), _cursor(shown[-1]) if self.ended and shown else None)


def _cursor(last: StoredRecord) -> Cursor:
    return Cursor(last.received_ns // 1000, last.seq)


def _number(value: int) -> int | None:
    """Facility or severity as stored."""
    return None if value == NO_NUMBER else value


def _add(bars: dict[int, dict[int | None, int]], counted: pa.Table) -> None:
    for row in counted.to_pylist():
        counts = bars.setdefault(row["start"], {})
        severity = _number(row["severity"])
        counts[severity] = counts.get(severity, 0) + row["records"]
