"""A page is looked for near the end that is asked for first, then further, leaving nothing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.sensor.query import And, Equals, Field, HasWord, Or
from sealwire.stores.archive.questions import (
    FIRST_REACH_US,
    FIRST_RECORDS,
    Span,
    first_reach,
    first_records,
    further,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

YEAR_US = 365 * 86_400_000_000


def windows(span: Span, found: Callable[[int], int], *, oldest_first: bool) -> Iterator[Span]:
    covered = 0
    while covered < span.until_us - span.since_us:
        far = further(covered, found(covered), 101)
        yield window(span, covered, far, oldest_first=oldest_first)
        covered = far


@pytest.mark.parametrize("length", [1, FIRST_REACH_US, FIRST_REACH_US + 1, YEAR_US])
@pytest.mark.parametrize("found", [0, 1, 50, 100])
def test_windows_join_and_are_few(length: int, found: int) -> None:
    span = Span(7, 7 + length)
    forth = list(windows(span, lambda _: found, oldest_first=True))
    back = list(windows(span, lambda _: found, oldest_first=False))
    assert [at.since_us for at in forth] == [7, *(at.until_us for at in forth[:-1])]
    assert [at.until_us for at in back] == [7 + length, *(at.since_us for at in back[:-1])]
    assert forth[-1].until_us == 7 + length
    assert back[-1].since_us == 7
    assert not any(at.empty for at in (*forth, *back))
    assert len(forth) == len(back) <= 18


def test_few_records_are_looked_through_at_once() -> None:
    year = Span(0, YEAR_US)
    assert first_reach(year, FIRST_RECORDS // 2) >= YEAR_US
    assert first_reach(year, 2 * FIRST_RECORDS) == YEAR_US // 2
    assert first_reach(year, 1 << 50) == FIRST_REACH_US
    assert first_reach(Span(0, 0), 0) == FIRST_REACH_US


def test_an_even_flow_is_followed_no_further_than_needed() -> None:
    """A record each minute: 101 of them are 101 minutes away."""
    minute = 60_000_000

    def found(covered: int) -> int:
        return covered // minute

    reached = 0
    while found(reached) < 101:
        reached = further(reached, found(reached), 101)
    assert reached <= 160 * minute


def test_what_is_asked_says_how_many_to_look_through_first() -> None:
    word, host = HasWord("alice"), Equals(Field.HOST, "fmc")
    assert first_records(None, 1600) == 100
    assert first_records(host, 1600) == first_records(And((word, host)), 1600) == 1600
    assert first_records(word, 1600) == first_records(Or((word, word)), 1600) == 2400
