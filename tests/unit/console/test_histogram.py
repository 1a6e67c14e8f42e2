"""Bars: everything counted stands in one, in its place, as high as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.console.histogram import GROUPS, HEIGHT, WIDTH, histogram, step_words
from sealwire.console.time_range import TimeRange
from sealwire.sensor.archive import Bucket
from sealwire.sensor.searching import Chart

if TYPE_CHECKING:
    from sealwire.console.histogram import Histogram

US = 1_000_000
START = 1_700_000_000 * US
HOUR = TimeRange(START, START + 3600 * US)
EVERY_SEVERITY: dict[int | None, int] = {None: 1, **dict.fromkeys(range(8), 1)}


def drawn(*buckets: Bucket, step_s: int = 60, span: TimeRange = HOUR) -> Histogram:
    return histogram(Chart(span.since_us, span.until_us, step_s, buckets), span)


def test_every_severity_has_one_group() -> None:
    members = [severity for group in GROUPS for severity in group.severities]
    assert len(members) == len(set(members)) == 9
    assert set(members) == set(EVERY_SEVERITY)


def test_bars_stand_where_their_time_is() -> None:
    first, last = drawn(Bucket(START, {6: 2}), Bucket(START + 3540 * US, {3: 4})).bars
    assert (first.room_x, last.room_x + last.room_width) == (0, pytest.approx(WIDTH, abs=0.05))
    assert first.room_width == last.room_width == pytest.approx(WIDTH / 60, abs=0.01)
    assert first.room_x < first.x < first.x + first.width < first.room_x + first.room_width
    assert last.span == TimeRange(START + 3540 * US, START + 3600 * US)


def test_parts_are_stacked_on_the_ground_and_make_up_the_bar() -> None:
    (bar,) = drawn(Bucket(START, EVERY_SEVERITY)).bars
    assert [part.count for part in bar.parts] == [4, 1, 2, 1, 1]
    assert bar.total == 9
    ground = HEIGHT
    for part in bar.parts:
        assert part.y + part.height == pytest.approx(ground, abs=0.02)
        ground = part.y
    assert ground == pytest.approx(0, abs=0.02)
    assert [bar.count(group) for group in GROUPS] == [4, 1, 2, 1, 1]


def test_the_highest_bar_fills_the_room_and_the_smallest_is_seen() -> None:
    found = drawn(Bucket(START, {6: 1_000_000}), Bucket(START + 60 * US, {3: 1}))
    high, low = (sum(part.height for part in bar.parts) for bar in found.bars)
    assert (high, found.highest, found.total) == (HEIGHT, 1_000_000, 1_000_001)
    assert low >= 1
    assert [group.word for group in found.groups] == ["error", "info"]


def test_a_bar_at_the_edge_is_about_its_part_of_the_range_alone() -> None:
    inner = TimeRange(START + 30 * US, START + 90 * US)
    buckets = [Bucket(START, {6: 1}), Bucket(START + 60 * US, {6: 2}), Bucket(START - 60 * US, {})]
    first, last = drawn(*buckets, span=inner).bars
    assert (first.span, last.span) == (
        TimeRange(START + 30 * US, START + 60 * US),
        TimeRange(START + 60 * US, START + 90 * US),
    )
    assert drawn(Bucket(START + 7200 * US, {6: 1}), span=inner).bars == []


def test_the_newest_bar_is_as_wide_as_the_others_when_it_has_hardly_begun() -> None:
    day = TimeRange(START, START + 86_401 * US)
    begun = Bucket(START + 86_400 * US, {6: 540})
    found = drawn(Bucket(START, {6: 1}), begun, step_s=900, span=day)
    first, last = found.bars
    assert first.room_width == last.room_width
    assert last.room_x + last.room_width == pytest.approx(WIDTH, abs=0.05)
    assert last.span == TimeRange(START + 86_400 * US, day.until_us)
    assert found.span == TimeRange(START, START + 87_300 * US)


def test_it_is_said_in_words_too() -> None:
    found = drawn(Bucket(START, {6: 2, 3: 1}), Bucket(START + 60 * US, {None: 1}))
    assert found.bars[0].words == (
        "2023-11-14 22:13:20 to 22:14:20 UTC: 3 (1 error or worse, 2 notice, informational)"
    )
    assert found.summary == (
        "4 records in bars of 1 minute, from 2023-11-14 22:13:20 to 2023-11-14 23:13:20 UTC;"
        " the highest bar has 3, at 2023-11-14 22:13:20."
    )
    assert drawn().summary == "No records in this time."
    assert found.ticks[1] == "2023-11-14 22:43:20"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (30, "30 seconds"), (300, "5 minutes"), (3600, "1 hour"), (86_400, "1 day")],
)
def test_steps_in_words(seconds: int, words: str) -> None:
    assert step_words(seconds) == words
