"""SQL for what is asked of the index: which rows, which whole records, how many, how many when.

The newest records are looked for in the last minutes first, then as much further back as the rest
is likely to take, so that what is recent is found without reading what is old. The engine finds
rows by few columns, and reads the wide ones of those that are shown alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.query import HasWord, InNetwork
from sealwire.sensor.query_rules import leaves
from sealwire.stores.archive.conditions import IN_MINUTES, Written

if TYPE_CHECKING:
    from sealwire.sensor.query import Condition, Cursor
    from sealwire.stores.archive.dialect import Dialect
    from sealwire.stores.archive.engine import Parameter

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
FIRST_REACH_US: Final = 5 * MINUTE_US
"""How far from the end of the time range to look first, at least."""
FIRST_RECORDS: Final = 100_000
"""So many are looked through at once as soon as fewer are."""
FIRST_OF_ALL: Final = 16
"""Where each record is one that is asked for, by so much less."""
FIRST_BY_WORD: Final = 1.5
"""Where the word index tells which they are, by so much more: what it passes over costs little."""
BY_HOURS_US: Final = 6 * 60 * MINUTE_US
"""From so long a time on, whole hours are looked through: records are in order of these first, and
to find the moments in each hour and source takes longer than to pass over what is too much."""
LAST_HOUR_US: Final = (1 << 32) * SECOND_US
"""The engine counts hours and minutes up to here, in 2106."""
LEAST_FURTHER: Final = 2.0
MOST_FURTHER: Final = 24.0
SPARE: Final = 1.5
"""Records do not come evenly: look so many times further than an even flow would need."""

SHOWN: Final = (
    "seq, toUnixTimestamp64Micro(received) AS received_us, origin, particulars, head, msg"
)
_MOMENT: Final = "fromUnixTimestamp64Micro({value}, 'UTC')"


@dataclass(frozen=True, slots=True)
class Span:
    """Times of receipt, microseconds: ``since_us`` inclusive, ``until_us`` exclusive."""

    since_us: int
    until_us: int

    def within(self, other: Span) -> Span:
        """What both have in common; nothing has ``until_us`` <= ``since_us``."""
        return Span(max(self.since_us, other.since_us), min(self.until_us, other.until_us))

    def around(self, other: Span) -> Span:
        """Both, and what is between them."""
        return Span(min(self.since_us, other.since_us), max(self.until_us, other.until_us))

    @property
    def empty(self) -> bool:
        """It has no moment in it."""
        return self.until_us <= self.since_us


def first_reach(span: Span, records: int, at_once: int = FIRST_RECORDS) -> int:
    """How far to look first, when there are about ``records`` in the ``span`` of the whole index.

    About ``at_once`` are looked through then: where little comes, each step further costs more than
    all that it looks at.
    """
    return max(FIRST_REACH_US, (span.until_us - span.since_us) * at_once // max(records, 1))


def first_records(condition: Condition | None, at_once: int) -> int:
    """How many to look through first for ``condition``, where ``at_once`` are for most."""
    if condition is None:
        return at_once // FIRST_OF_ALL
    by_word = all(isinstance(leaf, HasWord) for leaf in leaves(condition))
    return int(at_once * FIRST_BY_WORD) if by_word else at_once


def further(covered_us: int, found: int, wanted: int, first_us: int = FIRST_REACH_US) -> int:
    """How far to look, when ``covered_us`` of the time range had only ``found`` of ``wanted``.

    At least twice as far, so that few statements get to the end whatever is found.
    """
    if not covered_us:
        return first_us
    times = SPARE * wanted / found if found else MOST_FURTHER
    return int(covered_us * min(max(times, LEAST_FURTHER), MOST_FURTHER))


def window(span: Span, near_us: int, far_us: int, *, oldest_first: bool) -> Span:
    """What lies from ``near_us`` to ``far_us`` behind the end of ``span`` that is asked first."""
    if oldest_first:
        return Span(span.since_us + near_us, min(span.since_us + far_us, span.until_us))
    return Span(max(span.until_us - far_us, span.since_us), span.until_us - near_us)


class Question:
    """SQL about the records of one sensor that answer one condition."""

    def __init__(
        self, dialect: Dialect, sensor: str, condition: Condition | None, *, redelivered: bool
    ) -> None:
        self._dialect = dialect
        self._sensor = sensor
        self._condition = condition
        self._redelivered = redelivered

    def page(
        self, span: Span, after: Cursor | None, limit: int, *, oldest_first: bool
    ) -> tuple[str, dict[str, Parameter]]:
        """``SHOWN`` of the first ``limit`` records."""
        written = Written()
        where = self._where(written, span)
        if after is not None:
            where += " AND " + _behind(written, after, oldest_first=oldest_first)
        order = "ASC" if oldest_first else "DESC"
        return (
            f"SELECT {SHOWN} FROM log{self._dialect.read_suffix} WHERE {where}"  # noqa: S608 - values are bound
            f" ORDER BY received {order}, seq {order} LIMIT {limit:d}"
        ), written.parameters

    def record(self, span: Span, number: int) -> tuple[str, dict[str, Parameter]]:
        """``SHOWN`` of the record with this number, received within ``span``."""
        written = Written()
        where = f"{self._span(written, span)} AND seq = {written.bound(number, 'UInt64')}"
        where += self._own(written)
        return (
            f"SELECT {SHOWN} FROM log{self._dialect.read_suffix} WHERE {where}"  # noqa: S608 - values are bound
        ), written.parameters

    def counts(self, span: Span, step_s: int) -> tuple[str, dict[str, Parameter]]:
        """``start``, ``severity`` and ``records`` for each ``step_s`` seconds; 0: all together."""
        written = Written()
        where = self._where(written, span)
        start = _start("toUnixTimestamp(received)", step_s)
        return (
            f"SELECT {start} AS start, severity, count() AS records"  # noqa: S608 - values are bound
            f" FROM log{self._dialect.read_suffix} WHERE {where} GROUP BY start, severity"
        ), written.parameters

    def minute_counts(self, span: Span, step_s: int) -> tuple[str, dict[str, Parameter]]:
        """The same from the counts of whole minutes."""
        written = Written()
        low = written.bound(span.since_us // SECOND_US, "Int64")
        high = written.bound(span.until_us // SECOND_US, "Int64")
        where = f"minute >= toDateTime({low}, 'UTC') AND minute < toDateTime({high}, 'UTC')"
        if not self._redelivered:
            where += " AND redelivered = 0"
        if self._condition is not None:
            where += f" AND {written.condition(self._condition)}"
        where += self._own(written)
        start = _start("toUnixTimestamp(minute)", step_s)
        return (
            f"SELECT {start} AS start, severity, sum(records) AS records"  # noqa: S608 - values are bound
            f" FROM minutes{self._dialect.read_suffix} WHERE {where} GROUP BY start, severity"
        ), written.parameters

    def _where(self, written: Written, span: Span) -> str:
        where = self._passage(written, span)
        if not self._redelivered:
            where += f" AND bitAnd(flags, {int(RecordFlag.REDELIVERED)}) = 0"
        if self._condition is not None:
            where += f" AND {written.condition(self._condition)}"
        return where + self._own(written)

    @staticmethod
    def _span(written: Written, span: Span, received: str = "received") -> str:
        low = _MOMENT.format(value=written.bound(span.since_us, "Int64"))
        high = _MOMENT.format(value=written.bound(span.until_us, "Int64"))
        return f"{received} >= {low} AND {received} < {high}"

    def _passage(self, written: Written, span: Span) -> str:
        """The same, told so that the engine soon knows where in its order it has to look."""
        if span.until_us >= LAST_HOUR_US:
            return self._span(written, span)
        low = written.bound(span.since_us // SECOND_US, "Int64")
        high = written.bound(span.until_us // SECOND_US, "Int64")
        hours = (
            f"toStartOfHour(received) >= toStartOfHour(toDateTime({low}, 'UTC'))"
            f" AND toStartOfHour(received) <= toStartOfHour(toDateTime({high}, 'UTC'))"
        )
        # The engine does not see through ``identity``, and so goes by the hours alone.
        long = span.until_us - span.since_us >= BY_HOURS_US
        moments = self._span(written, span, "identity(received)" if long else "received")
        return f"{hours} AND {moments}"

    def _own(self, written: Written) -> str:
        if not self._dialect.shared:
            return ""
        return f" AND sensor = {written.bound(self._sensor, 'String')}"


def counted_by_minute(condition: Condition | None) -> bool:
    """The counts of each minute are enough to tell how many records answer ``condition``."""
    if condition is None:
        return True
    return all(
        isinstance(leaf, InNetwork) or (not isinstance(leaf, HasWord) and leaf.field in IN_MINUTES)
        for leaf in leaves(condition)
    )


def _behind(written: Written, after: Cursor, *, oldest_first: bool) -> str:
    sign = ">" if oldest_first else "<"
    moment = _MOMENT.format(value=written.bound(after.received_us, "Int64"))
    number = written.bound(after.seq, "UInt64")
    return f"(received {sign} {moment} OR (received = {moment} AND seq {sign} {number}))"


def _start(seconds: str, step_s: int) -> str:
    return f"toInt64(intDiv({seconds}, {step_s:d}) * {step_s:d})" if step_s else "toInt64(0)"
