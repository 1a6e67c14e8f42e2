"""Which time a search page is about."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sealwire.console.time_range import (
    QUICK,
    Quick,
    TimeRange,
    around,
    asked_range,
    field_text,
    shown,
)
from sealwire.errors import UsageError

US = 1_000_000
NOW = int(datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC).timestamp()) * US
OLDEST = NOW - 3 * 86_400 * US + 5


def asked(*, now_us: int = NOW, oldest_us: int | None = OLDEST, **given: str) -> TimeRange:
    return asked_range(lambda name: given.get(name, ""), now_us, oldest_us)


def seconds(span: TimeRange) -> int:
    assert span.since_us % US == span.until_us % US == 0
    return (span.until_us - span.since_us) // US


@pytest.mark.parametrize("quick", [one for one in QUICK if one.seconds], ids=lambda one: one.word)
def test_a_quick_range_ends_now_and_moves_on_with_it(quick: Quick) -> None:
    word, length = quick.word, quick.seconds
    span = asked(range=word)
    assert (seconds(span), span.until_us, span.quick) == (length, NOW, word)
    assert span.address == {"range": word}
    later = asked(range=word, now_us=NOW + 90 * US)
    assert later.since_us == span.since_us + 90 * US


def test_without_a_word_it_is_the_last_day() -> None:
    assert asked() == asked(range="24h") == asked(last="24h")


def test_all_is_from_the_oldest_record_to_now() -> None:
    span = asked(range="all")
    assert (span.since_us, span.until_us) == (NOW - 3 * 86_400 * US, NOW)
    assert seconds(asked(range="all", oldest_us=None)) == 86_400
    # A clock that was set back: there is still a range.
    assert seconds(asked(range="all", oldest_us=NOW + 10 * US)) == 1


def test_a_pressed_button_goes_before_fields_and_fields_before_what_was() -> None:
    fields = {"since": "2026-11-20T00:00:00", "until": "2026-11-21T00:00"}
    assert asked(range="1h", last="7d", **fields).quick == "1h"
    span = asked(last="7d", **fields)
    assert (span.quick, seconds(span)) == ("", 86_400)
    assert (span.since, span.until) == ("2026-11-20T00:00:00", "2026-11-21T00:00:00")
    assert asked(last="7d").quick == "7d"


def test_an_address_leads_to_the_same_range() -> None:
    span = asked(since="2026-11-20T01:02:03", until="2026-11-20T01:02:04")
    assert asked(**span.address) == span


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"since": "2h"}, (NOW - 7200 * US, NOW)),
        ({"since": "2h", "until": "1h"}, (NOW - 7200 * US, NOW - 3600 * US)),
        ({"until": "1h"}, (NOW - 3 * 86_400 * US, NOW - 3600 * US)),
        ({"since": "2026-11-22T09:59:59.7Z"}, (NOW - US, NOW)),
        ({"since": "2026-11-22T12:59:59+03:00", "until": "now"}, (NOW - US, NOW)),
    ],
    ids=str,
)
def test_typed_ends_are_widened_to_whole_seconds(
    given: dict[str, str], wanted: tuple[int, int]
) -> None:
    span = asked(**given)
    assert (span.since_us, span.until_us) == wanted


def test_a_second_that_has_begun_is_part_of_it() -> None:
    assert asked(range="15m", now_us=NOW + 1).until_us == NOW + US


@pytest.mark.parametrize(
    "given",
    [
        {"range": "5y"},
        {"last": "<b>"},
        {"since": "yesterday"},
        {"until": "2026-13-01"},
        {"since": "2026-11-21", "until": "2026-11-21"},
        {"since": "2026-11-21", "until": "2026-11-20"},
        {"since": "1h", "until": "2h"},
    ],
    ids=str,
)
def test_what_is_no_range_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(UsageError) as raised:
        asked(**given)
    assert raised.value.code == "search.time"


def test_around_a_record_lies_the_record_and_nothing_that_is_to_come() -> None:
    span = around(NOW - 7 * US - 3, NOW)
    assert span.since_us <= NOW - 43_207 * US < span.since_us + US * 2
    assert span.until_us == NOW
    # Its clock was ahead of ours: it is inside all the same.
    ahead = around(NOW + 5 * US + 1, NOW)
    assert ahead.since_us < NOW + 5 * US + 1 < ahead.until_us


def test_times_beyond_the_calendar_are_shown_at_its_end() -> None:
    assert field_text(10**18) == "9999-12-31T23:59:59"
    assert shown(0) == "1970-01-01 00:00:00"
