"""Questions in words become questions in values, page after page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.errors import NotFoundError, UnavailableError, UsageError
from sealwire.sensor.archive import ArchiveStatus, Bucket, Evidence, Page, RecordFlag, StoredRecord
from sealwire.sensor.query import Cursor, Search
from sealwire.sensor.searching import Question, cursor_from, cursor_text, fitting_step
from sealwire.sensor.time_words import moment_us
from tests.unit.sensor.scene import START, SensorScene

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOW_US = int(START.timestamp()) * 1_000_000
MINUTE_US = 60_000_000
FIRST = StoredRecord(
    *(1, NOW_US * 1000, 6514, "tls", "192.0.2.1", 40_000, None, None, "octets", RecordFlag(0)),
    *("default", "raw", "raw", None, None, None, None, None, None, None, (), 0, b"x"),
)


class PaperArchive:
    """Records in a list, the newest first; remembers what it was asked."""

    def __init__(self, count: int) -> None:
        self.records = [
            replace(FIRST, seq=n, received_ns=(NOW_US + n) * 1000) for n in range(count, 0, -1)
        ]
        self.asked: list[Search] = []

    def search(self, search: Search) -> Page:
        self.asked.append(search)
        after = search.after.seq if search.after else len(self.records) + 1
        rest = [one for one in self.records if one.seq < after]
        page = tuple(rest[: search.limit])
        more = len(rest) > len(page)
        return Page(page, Cursor(page[-1].received_ns // 1000, page[-1].seq) if more else None)

    def count(self, search: Search) -> int:
        self.asked.append(search)
        return len(self.records)

    def chart(self, search: Search, step_s: int) -> Sequence[Bucket]:
        self.asked.append(search)
        return [Bucket(search.since_us, {None: step_s})]

    def record(self, seq: int) -> tuple[StoredRecord, Evidence]:
        for one in self.records:
            if one.seq == seq:
                return one, Evidence("path", "00", seq, 0)
        raise NotFoundError("record.unknown", "there is none")

    def status(self) -> ArchiveStatus:
        return ArchiveStatus({}, 5, 3, 0, 0, 0, 0, None, None)

    def observations(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def away_s(self) -> float:
        return 0.0

    def reindex(self) -> Iterator[ArchiveStatus]:
        yield self.status()


@pytest.fixture
def archive() -> PaperArchive:
    return PaperArchive(10)


@pytest.fixture
def scene(archive: PaperArchive) -> SensorScene:
    return SensorScene(archive=archive)


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("now", NOW_US),
        ("15m", NOW_US - 15 * MINUTE_US),
        ("2h", NOW_US - 120 * MINUTE_US),
        ("1w", NOW_US - 7 * 24 * 60 * MINUTE_US),
        ("999999999d", 0),
        ("2026-11-22", NOW_US - 600 * MINUTE_US),
        ("2026-11-22T10:00:00Z", NOW_US),
        ("2026-11-22T12:00:00.000001+02:00", NOW_US + 1),
        ("1066-10-14", 0),
    ],
)
def test_moments(words: str, moment: int) -> None:
    assert moment_us(words, NOW_US) == moment


@pytest.mark.parametrize("words", ["", "15", "m", "15 minutes", "2026-13-01", "yesterday"])
def test_what_is_no_moment(words: str) -> None:
    with pytest.raises(UsageError, match="point in time"):
        moment_us(words, NOW_US)


def test_pages_follow_each_other(scene: SensorScene) -> None:
    sensor, cursor, seen = scene.sensor, None, []
    while True:
        page = sensor.search(Question(limit=4, cursor=cursor))
        seen += [one.seq for one in page.records]
        cursor = cursor_text(page.next)
        if cursor is None:
            break
    assert seen == list(range(10, 0, -1))


@pytest.mark.parametrize("most", [1, 4, 5, 10, 11, None])
def test_a_stream_asks_for_no_more_than_is_wanted(
    scene: SensorScene, archive: PaperArchive, most: int | None
) -> None:
    pages = list(scene.sensor.search_pages(Question(limit=4), most))
    seen = [one.seq for page in pages for one in page.records]
    assert seen == list(range(10, 0, -1))[:most]
    assert sum(asked.limit for asked in archive.asked) <= (most or 12)


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "a-b", "1-2-3", "1.5-2"])
def test_cursors_of_nobody(text: str) -> None:
    with pytest.raises(UsageError):
        cursor_from(text)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_pages_have_bounds(scene: SensorScene, limit: int) -> None:
    with pytest.raises(UsageError, match="page"):
        scene.sensor.search(Question(limit=limit))


def test_a_chart_is_of_the_last_day_unless_said_otherwise(scene: SensorScene) -> None:
    chart = scene.sensor.chart(Question())
    assert (chart.until_us - chart.since_us, chart.until_us) == (86_400_000_000, NOW_US)
    assert chart.step_s == 900
    chart = scene.sensor.chart(Question(since="10m"), 60)
    assert (chart.since_us, chart.step_s) == (NOW_US - 10 * MINUTE_US, 60)
    with pytest.raises(UsageError, match="bars"):
        scene.sensor.chart(Question(since="7d"), 1)


@pytest.mark.parametrize(("length_s", "step"), [(1, 1), (3600, 30), (86_400, 900), (10**9, 86_400)])
def test_bars_that_can_be_looked_at(length_s: int, step: int) -> None:
    assert fitting_step(length_s * 1_000_000) == step


def test_how_far_it_is_stands_in_the_statistics(scene: SensorScene) -> None:
    archive = scene.sensor.stats()["archive"]
    assert (archive["sealed_records"], archive["records_waiting"]) == (5, 2)


def test_without_a_store_process_everything_else_goes_on() -> None:
    sensor = SensorScene().sensor
    assert "trouble" in sensor.stats()["archive"]
    with pytest.raises(UnavailableError):
        sensor.search(Question())
    with pytest.raises(UnavailableError):
        sensor.finished_positions()


def test_who_names_redelivered_records_is_shown_them(
    scene: SensorScene, archive: PaperArchive
) -> None:
    for words, shown in (("x", False), ("flag=redelivered", True), ("x -flag=redelivered", True)):
        scene.sensor.search(Question(words))
        assert archive.asked[-1].redelivered is shown
