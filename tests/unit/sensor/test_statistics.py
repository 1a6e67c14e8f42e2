"""Counters are a fold over blocks, and go on from a snapshot as if never interrupted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import ConflictError
from sealwire.sensor.journal import BlockSummary, Connection, Position, Run, Total
from sealwire.sensor.statistics import (
    MOST_FAILURES,
    OTHER_ADDRESSES,
    Statistics,
    TlsFailure,
    restored,
    time_text,
)
from sealwire.syslog.framing import Kind

CERTIFIED = Connection(1, "192.0.2.1", 1, 6514, "TLSv1.3", "x", "aa" * 32, "CN=a")
PLAIN = Connection(2, "192.0.2.1", 2, 6514, "TLSv1.3", "x")
SECOND = 1_000_000_000

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
    assert document["sources"] == [
        {
            "address": "192.0.2.1",
            "packets_received": 2,
            "bytes_received": 20,
            "last_seen": "1970-01-01T00:00:07.000000Z",
            "certificate_subject": None,
            "certificate_sha256": None,
        },
        {
            "address": "192.0.2.1",
            "packets_received": 3,
            "bytes_received": 300,
            "last_seen": "1970-01-01T00:00:05.000000Z",
            "certificate_subject": "CN=a",
            "certificate_sha256": "aa" * 32,
        },
    ]


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
    assert resumed.document() == straight.document()
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
