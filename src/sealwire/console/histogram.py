"""Records over time as bars: all that a template needs to draw them, and to say them in a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.console.time_range import TimeRange, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.sensor.archive import Bucket
    from sealwire.sensor.searching import Chart

WIDTH: Final = 1000
HEIGHT: Final = 100
"""Of the drawing, in its own units; it is stretched to what room there is."""
_GAP: Final = 0.12
"""Of a bar's room that stays empty."""
_LEAST: Final = 1.5
"""Height of the smallest bar: one record among millions is still seen."""
_US: Final = 1_000_000
_STEPS: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Group:
    """Severities that are drawn alike: by ``word`` there is a colour and a pattern."""

    word: str
    label: str
    severities: frozenset[int | None]


GROUPS: Final = (
    Group("error", "error or worse", frozenset({0, 1, 2, 3})),
    Group("warning", "warning", frozenset({4})),
    Group("info", "notice, informational", frozenset({5, 6})),
    Group("debug", "debug", frozenset({7})),
    Group("none", "without severity", frozenset({None})),
)
"""From the bottom of a bar to its top: what matters most stands on the ground line."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar."""

    group: Group
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of time. ``room_*``: all of its place, for a click; ``span``: what it is about."""

    span: TimeRange
    total: int
    x: float
    width: float
    room_x: float
    room_width: float
    parts: Sequence[Part]

    @property
    def words(self) -> str:
        """What it says, for who points at it."""
        counts = ", ".join(f"{part.count} {part.group.label}" for part in self.parts)
        ends = f"{shown(self.span.since_us)} to {shown(self.span.until_us)[11:]} UTC"
        return f"{ends}: {self.total} ({counts})"

    def count(self, group: Group) -> int:
        """How many of this group."""
        return sum(part.count for part in self.parts if part.group is group)


@dataclass(frozen=True, slots=True)
class Histogram:
    """``highest``: records of the highest bar. ``groups``: those that occur."""

    span: TimeRange
    step: str
    highest: int
    total: int
    bars: Sequence[Bar]
    groups: Sequence[Group]

    @property
    def ticks(self) -> tuple[str, str, str]:
        """Moments at the left, in the middle and at the right."""
        middle = (self.span.since_us + self.span.until_us) // 2
        return shown(self.span.since_us), shown(middle), shown(self.span.until_us)

    @property
    def summary(self) -> str:
        """All of it in a sentence, for who cannot see it."""
        if not self.bars:
            return "No records in this time."
        top = max(self.bars, key=lambda bar: bar.total)
        return (
            f"{self.total} records in bars of {self.step}, from {self.ticks[0]} to"
            f" {self.ticks[2]} UTC; the highest bar has {top.total}, at {shown(top.span.since_us)}."
        )


def histogram(chart: Chart, span: TimeRange) -> Histogram:
    """``chart`` drawn over ``span``; bars that lie outside are cut off at its ends.

    A step that is only partly within is drawn whole: the newest bar has hardly begun, and would be
    too thin to be seen.
    """
    drawn = _whole_steps(chart, span)
    totals = [sum(bucket.counts.values()) for bucket in chart.buckets]
    highest = max(totals, default=0)
    bars = [
        bar
        for bucket, total in zip(chart.buckets, totals, strict=True)
        if total
        for bar in _bar(bucket, total, chart.step_s, span, drawn, highest)
    ]
    seen = {part.group.word for bar in bars for part in bar.parts}
    return Histogram(
        span=drawn,
        step=step_words(chart.step_s),
        highest=highest,
        total=sum(bar.total for bar in bars),
        bars=bars,
        groups=[group for group in GROUPS if group.word in seen],
    )


def step_words(seconds: int) -> str:
    """``5 minutes``."""
    for length, word in _STEPS:
        if seconds % length == 0:
            count = seconds // length
            return f"{count} {word}{'' if count == 1 else 's'}"
    raise ValueError(f"{seconds} is no number of seconds")


def _whole_steps(chart: Chart, span: TimeRange) -> TimeRange:
    """``span``, longer at its ends by the rest of the steps that have records there."""
    step = chart.step_s * _US
    within = [
        bucket.start_us
        for bucket in chart.buckets
        if bucket.start_us < span.until_us and bucket.start_us + step > span.since_us
    ]
    if not within:
        return span
    return TimeRange(min(span.since_us, *within), max(span.until_us, *within, within[-1] + step))


def _bar(
    bucket: Bucket, total: int, step_s: int, span: TimeRange, drawn: TimeRange, highest: int
) -> Iterator[Bar]:
    begin = max(bucket.start_us, span.since_us)
    end = min(bucket.start_us + step_s * _US, span.until_us)
    if end <= begin:
        return
    scale = WIDTH / (drawn.until_us - drawn.since_us)
    x, width = (bucket.start_us - drawn.since_us) * scale, step_s * _US * scale
    height = max(_LEAST, total * HEIGHT / highest)
    yield Bar(
        span=TimeRange(begin, end),
        total=total,
        x=round(x + width * _GAP / 2, 2),
        width=round(width * (1 - _GAP), 2),
        room_x=round(x, 2),
        room_width=round(width, 2),
        parts=list(_parts(bucket.counts, total, height)),
    )


def _parts(counts: Mapping[int | None, int], total: int, height: float) -> Iterator[Part]:
    """From the ground up; together exactly as high as the bar."""
    below = 0
    for group in GROUPS:
        count = sum(number for severity, number in counts.items() if severity in group.severities)
        if count:
            low, high = below * height / total, (below + count) * height / total
            yield Part(group, count, round(HEIGHT - high, 2), round(high - low, 2))
            below += count
