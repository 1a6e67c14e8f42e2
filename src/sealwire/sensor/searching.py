"""Questions about what arrived, as people and programs put them; the archive answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sealwire.errors import UsageError
from sealwire.sensor.installation import SensorCases
from sealwire.sensor.query import Cursor, Equals, Field, Search
from sealwire.sensor.query_rules import leaves
from sealwire.sensor.query_words import condition_of
from sealwire.sensor.time_words import LAST_US, moment_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.sensor.archive import (
        ArchiveStatus,
        Bucket,
        Evidence,
        Page,
        StoredRecord,
    )
    from sealwire.sensor.query import Condition

MOST_ON_A_PAGE: Final = 1000
_MOST_BUCKETS: Final = 2000
_FITTING_BUCKETS: Final = 120
_STEPS: Final = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400)
_US: Final = 1_000_000
_CHART_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Question:
    """A search in words.

    ``words``: see ``sensor.query_words``. ``since``, ``until``: see ``sensor.time_words``; None:
    from the beginning, up to now and later. ``cursor``: of an earlier page, as text.
    """

    words: str = ""
    since: str | None = None
    until: str | None = None
    limit: int = 100
    oldest_first: bool = False
    cursor: str | None = None
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of ``step_s`` seconds from ``since_us`` to ``until_us``; empty ones are left out."""

    since_us: int
    until_us: int
    step_s: int
    buckets: Sequence[Bucket]


class SearchCases(SensorCases):
    """Search, chart, single records, how far the archive is."""

    def search(self, question: Question) -> Page:
        """One page. Raises UsageError for words that are no question, and what the archive does."""
        return self._archive.search(self._search(question))

    def search_pages(self, question: Question, most: int | None = None) -> Iterator[Page]:
        """All pages, up to ``most`` records; each is asked for when it is wanted."""
        search = self._search(question)
        left = most
        while left is None or left > 0:
            limit = search.limit if left is None else min(left, search.limit)
            page = self._archive.search(replace(search, limit=limit))
            yield page
            if page.next is None:
                return
            left = None if left is None else left - len(page.records)
            search = replace(search, after=page.next)

    def count(self, question: Question) -> int:
        """How many records there are."""
        return self._archive.count(self._search(question))

    def chart(self, question: Question, step_s: int | None = None) -> Chart:
        """How many were received when: of the last day unless the question says otherwise."""
        now_us = self._now_us()
        until = now_us if question.until is None else moment_us(question.until, now_us)
        since = until - _CHART_S * _US
        if question.since is not None:
            since = moment_us(question.since, now_us)
        step = fitting_step(until - since) if step_s is None else step_s
        if (until - since) // (step * _US) > _MOST_BUCKETS:
            raise UsageError(
                "chart.step",
                f"more than {_MOST_BUCKETS} bars",
                hint="take longer steps, or a shorter time",
            )
        search = replace(self._search(question), since_us=since, until_us=until, after=None)
        return Chart(since, until, step, self._archive.chart(search, step))

    def record(self, seq: int) -> tuple[StoredRecord, Evidence]:
        """One record and its evidence. Raises NotFoundError ``record.unknown``."""
        return self._archive.record(seq)

    def archive_status(self) -> ArchiveStatus:
        """How far the archive is. Raises UnavailableError while it is away."""
        return self._archive.status()

    def reindex(self) -> Iterator[ArchiveStatus]:
        """Build the index again from the segments; yields how far it is."""
        return self._archive.reindex()

    def _search(self, question: Question) -> Search:
        if not 1 <= question.limit <= MOST_ON_A_PAGE:
            raise UsageError("search.limit", f"a page has 1 to {MOST_ON_A_PAGE} records")
        now_us = self._now_us()
        condition = condition_of(question.words)
        return Search(
            since_us=0 if question.since is None else moment_us(question.since, now_us),
            until_us=LAST_US if question.until is None else moment_us(question.until, now_us),
            condition=condition,
            limit=question.limit,
            oldest_first=question.oldest_first,
            after=None if question.cursor is None else cursor_from(question.cursor),
            redelivered=question.redelivered or _asks_for_redelivered(condition),
        )

    def _now_us(self) -> int:
        return self._clock.now_ns() // 1000


def _asks_for_redelivered(condition: Condition | None) -> bool:
    """What a question names must not be left out of its answer."""
    wanted = Equals(Field.FLAG, "redelivered")
    return condition is not None and wanted in leaves(condition)


def cursor_text(cursor: Cursor | None) -> str | None:
    """A cursor as text, to be handed back; None at the end."""
    return None if cursor is None else f"{cursor.received_us}-{cursor.seq}"


def cursor_from(text: str) -> Cursor:
    """The cursor that ``cursor_text`` wrote. Raises UsageError ``search.cursor``."""
    received, dash, seq = text.partition("-")
    if not (dash and received.isdecimal() and seq.isdecimal()):
        raise UsageError("search.cursor", "no cursor of an earlier page")
    return Cursor(int(received), int(seq))


def fitting_step(length_us: int) -> int:
    """Seconds of a bar, so that a chart of ``length_us`` has about a hundred."""
    wanted = length_us / _US / _FITTING_BUCKETS
    return next((step for step in _STEPS if step >= wanted), _STEPS[-1])
