"""Counters are a fold over blocks, and go on from a snapshot as if never interrupted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import ConflictError
from sealwire.sensor.journal import BlockSummary, Connection, Position, Run, Total
from sealwire.sensor.rates import Rate
from sealwire.sensor.sources import OTHER
from sealwire.sensor.statistics import (
    MOST_FAILURES,
    MOST_SOURCES,
    OTHER_ADDRESSES,
    Statistics,
    TlsFailure,
    restored,
    time_text,
)
from sealwire.syslog.kinds import Kind

CERTIFIED = Connection(1, "192.0.2.1", 1, 6514, "TLSv1.3", "x", "aa" * 32, "CN=a")
PLAIN = Connection(2, "192.0.2.1", 2, 6514, "TLSv1.3", "x")
SECOND = 1_000_000_000
LATER = 3600 * SECOND

blocks = st.builds(
    lambda totals, rare: (
        [Total(CERTIFIED if a else PLAIN, n, b, t) for a, n, b, t in totals],
        [Run(t, CERTIFIED if a else PLAIN, int(k in {3, 4}), n, Kind(k)) for a, k, n, t in rare],
    ),
    st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 999), st.integers(0, 99))),
    st.lists(st.tuples(st.booleans(), st.integers(3, 8), st.integers(1, 99), st.integers(0, 99))),
)


def summary(offset: int, totals: list[Total], rare: list[Run]) -> BlockSummary:
    return BlockSummary(Position(1, offset), totals, rare)


def test_totals_count_by_address_and_certificate() -> None:
    statistics = Statistics()
    totals = [Total(CERTIFIED, 3, 300, 5 * SECOND), Total(PLAIN, 2, 20, 7 * SECOND)]
    statistics.apply(0, summary(10, totals, []))
    document = statistics.document()
    assert document["packets_received"] == 5
    assert document["bytes_received"] == 320
    assert document["source_count"] == 2
    plain, certified = document["sources"]
    assert plain["address"] == certified["address"] == "192.0.2.1"
    assert (plain["packets_received"], plain["bytes_received"]) == (2, 20)
    assert (certified["packets_received"], certified["bytes_received"]) == (3, 300)
    assert plain["last_seen"] == "1970-01-01T00:00:07.000000Z"
    assert certified["last_seen"] == "1970-01-01T00:00:05.000000Z"
    assert (plain["certificate_subject"], plain["certificate_sha256"]) == (None, None)
    assert certified["certificate_subject"] == "CN=a"
    assert certified["certificate_sha256"] == "aa" * 32


def test_what_came_over_which_protocol_port_and_tls_is_told_apart() -> None:
    statistics = Statistics()
    udp = Connection(3, "192.0.2.2", 3, 514, "", "", transport="udp")
    relp = Connection(4, "192.0.2.1", 4, 6515, "TLSv1.2", "y", transport="relp")
    totals = [Total(PLAIN, 2, 20, SECOND), Total(udp, 3, 30, SECOND), Total(relp, 4, 40, SECOND)]
    statistics.apply(0, summary(10, totals, [Run(SECOND, PLAIN, 1, 5, Kind.TRUNCATED)]))
    document = statistics.document(now_ns=10 * SECOND)
    assert figures(document["transports"]) == {"relp": (4, 40), "tls": (3, 25), "udp": (3, 30)}
    assert figures(document["listeners"]) == {"514": (3, 30), "6514": (3, 25), "6515": (4, 40)}
    assert document["tls"] == [
        {"version": "TLSv1.2", "cipher": "y", "packets": 4, "bytes": 40},
        {"version": "TLSv1.3", "cipher": "x", "packets": 3, "bytes": 25},
    ]
    sources = {one["address"]: one for one in document["sources"]}
    assert set(sources["192.0.2.1"]["transports"]) == {"tls", "relp"}
    assert set(sources["192.0.2.2"]["listeners"]) == {"514"}
    assert sources["192.0.2.2"]["tls"] == []
    assert document["rates"]["messages_per_second_1m"] == 10 / 50
    assert document["transports"]["udp"]["bytes_per_second_1m"] == 30 / 50
    assert document["listeners"]["6515"]["messages_per_second_5m"] == pytest.approx(
        4 / 290, abs=0.01
    )


def figures(amounts: dict[str, dict[str, int]]) -> dict[str, tuple[int, int]]:
    return {name: (one["packets"], one["bytes"]) for name, one in amounts.items()}


def test_too_many_sources_are_summed_up() -> None:
    statistics = Statistics()
    for number in range(MOST_SOURCES + 5):
        one = Connection(1, f"2001:db8::{number:x}", 1, 6514, "", "", transport="tcp")
        statistics.apply(0, summary(number + 1, [Total(one, 1, 10, number)], []))
    document = statistics.document(most=1)
    assert document["packets_received"] == MOST_SOURCES + 5
    assert document["source_count"] == MOST_SOURCES + 1
    (last,) = document["sources"]
    assert (last["address"], last["packets_received"]) == (OTHER, 5)
    again = restored(statistics.snapshot())
    assert again == statistics
    first = Connection(1, "2001:db8::0", 1, 6514, "", "", transport="tcp")
    again.apply(1, summary(1, [Total(first, 1, 10, 1)], []))
    assert again.sources["2001:db8::0", None].packets == 2


def test_a_snapshot_of_the_first_version_is_read_as_far_as_it_goes() -> None:
    old = {
        "version": 1,
        "positions": {"0": [1, 10]},
        "sources": [["192.0.2.1", None, None, 7, 70, 5 * SECOND]],
        "faults": {"overlong": 2},
        "failures": [],
    }
    statistics = restored(json.dumps(old))
    statistics.apply(0, summary(20, [Total(PLAIN, 1, 10, 6 * SECOND)], []))
    document = statistics.document()
    assert (document["packets_received"], document["overlong"]) == (8, 2)
    (source,) = document["sources"]
    assert source["first_seen"] == "1970-01-01T00:00:05.000000Z"
    assert figures(source["transports"]) == {"tls": (1, 10)}


@given(st.permutations([(at, 3, 30) for at in (0, 9, 10, 55, 61, 250, 301, 400)]))
def test_a_rate_does_not_depend_on_the_order(added: list[tuple[int, int, int]]) -> None:
    rate, sorted_rate = Rate(), Rate()
    for at, messages, length in added:
        rate.add(messages, length, at * SECOND)
    for at, messages, length in sorted(added):
        sorted_rate.add(messages, length, at * SECOND)
    for now in (400, 409, 455, 705, 100_000):
        assert rate.document(now * SECOND) == sorted_rate.document(now * SECOND)


def test_a_rate_is_of_the_last_minute_and_of_the_last_five() -> None:
    rate = Rate()
    for second in range(600):
        rate.add(2, 200, second * SECOND)
    for minutes in ("1m", "5m"):
        assert rate.document(600 * SECOND)[f"messages_per_second_{minutes}"] == 2.0
        assert rate.document(600 * SECOND)[f"bytes_per_second_{minutes}"] == 200.0
    assert rate.document(630 * SECOND)["messages_per_second_1m"] == pytest.approx(1, abs=0.25)
    assert rate.document(700 * SECOND)["messages_per_second_1m"] == 0.0
    assert rate.document(700 * SECOND)["messages_per_second_5m"] > 1.0
    assert rate.document(1000 * SECOND)["messages_per_second_5m"] == 0.0
    assert Rate().document(1)["messages_per_second_1m"] == 0.0


def test_rare_runs_count_as_what_they_are() -> None:
    statistics = Statistics()
    rare = [
        Run(1, PLAIN, 1, 100, Kind.TRUNCATED),
        Run(1, PLAIN, 0, 4000, Kind.SKIPPED),
        Run(2, PLAIN, 1, 9, Kind.UNTERMINATED),
        Run(3, PLAIN, 0, 5, Kind.BAD_COUNT),
        Run(3, PLAIN, 0, 6, Kind.RESYNC),
        Run(4, PLAIN, 0, 7, Kind.INCOMPLETE),
    ]
    statistics.apply(0, summary(10, [], rare))
    document = statistics.document()
    assert document["packets_received"] == 2
    assert document["bytes_received"] == 109
    counted = ("overlong", "unterminated", "bad_count", "incomplete")
    assert [document[name] for name in counted] == [1, 1, 1, 1]
    assert document["quarantined_bytes"] == 18
    assert document["truncated_bytes"] == 4000


def test_a_block_is_counted_once() -> None:
    statistics = Statistics()
    statistics.apply(0, summary(10, [], []))
    statistics.apply(1, summary(10, [], []))
    with pytest.raises(ConflictError):
        statistics.apply(0, summary(10, [], []))


@given(st.lists(blocks, max_size=6), st.integers(0, 6))
def test_a_snapshot_anywhere_changes_nothing(
    counted: list[tuple[list[Total], list[Run]]], interrupted: int
) -> None:
    straight, resumed = Statistics(), Statistics()
    for number, (totals, rare) in enumerate(counted, start=1):
        if number == interrupted:
            resumed = restored(resumed.snapshot())
        straight.apply(0, summary(number, totals, rare))
        resumed.apply(0, summary(number, totals, rare))
    # Long after: rates are of the last minutes, and not kept.
    assert resumed.document(LATER) == straight.document(LATER)
    assert resumed.positions == straight.positions


def test_failures_are_summed_and_bounded() -> None:
    statistics = Statistics()
    for number in range(MOST_FAILURES + 50):
        statistics.apply_failures([TlsFailure(f"198.51.100.{number}", "not_tls", "x", 1, number)])
    statistics.apply_failures([TlsFailure("198.51.100.0", "not_tls", "x", 4, 9)])
    failures = {one["address"]: one for one in statistics.document()["tls_failures"]}
    assert len(failures) == MOST_FAILURES + 1
    assert failures[OTHER_ADDRESSES]["count"] == 50
    assert failures["198.51.100.0"]["count"] == 5
    assert restored(statistics.snapshot()).document() == statistics.document()


def test_a_snapshot_of_another_release_is_refused() -> None:
    document = json.dumps({**json.loads(Statistics().snapshot()), "version": 99})
    with pytest.raises(ConflictError):
        restored(document)


def test_no_snapshot_means_counting_from_the_beginning() -> None:
    assert restored(None) == Statistics()


def test_times_are_rfc_3339_in_utc_with_microseconds() -> None:
    assert time_text(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456Z"


def test_a_clock_that_is_set_back_leaves_rates_true() -> None:
    hour, second = 3600 * 1_000_000_000, 1_000_000_000
    rate = Rate()
    rate.add(600, 6000, 10 * hour)
    assert rate.document(10 * hour)["messages_per_second_1m"] > 0
    # What was received by the other clock is of no minute of this one.
    assert rate.document(7 * hour)["messages_per_second_1m"] == 0.0
    rate.add(60, 600, 7 * hour + second)
    assert rate.document(7 * hour + second)["messages_per_second_1m"] > 0
