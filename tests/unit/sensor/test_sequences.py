"""Gaps in meta.sequenceId: what is missing, late, a duplicate, a restart."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.sensor.sequences import LAST, RANGES, NumberLine, SequenceCounts, Sequences

KEY = ("192.0.2.1", None, "host")


def fed(*numbers: int) -> SequenceCounts:
    line, total = NumberLine(), SequenceCounts()
    for number in numbers:
        total.add(line.feed([number]))
    return total


@pytest.mark.parametrize(
    ("numbers", "counts"),
    [
        ((1, 2, 3), SequenceCounts()),
        ((77, 78), SequenceCounts()),
        ((1, 2, 5, 6), SequenceCounts(gaps=1, missing=2)),
        ((1, 4, 9), SequenceCounts(gaps=2, missing=6)),
        ((1, 4, 2), SequenceCounts(gaps=1, missing=1, late=1)),
        ((1, 4, 2, 3), SequenceCounts(late=2)),
        ((1, 6, 4), SequenceCounts(gaps=2, missing=3, late=1)),
        ((5, 6, 6, 5), SequenceCounts(duplicates=2)),
        ((1, 2, 3, 1, 2), SequenceCounts(restarts=1)),
        ((1, 1), SequenceCounts(restarts=1)),
        ((8, 10, 1, 2), SequenceCounts(gaps=1, missing=1, restarts=1)),
        ((5000, 17, 18), SequenceCounts(restarts=1)),
        ((LAST - 1, LAST, 1, 2), SequenceCounts()),
        ((LAST - 1, 1), SequenceCounts(gaps=1, missing=1)),
        ((LAST, 3), SequenceCounts(gaps=1, missing=2)),
        ((LAST, 2, LAST), SequenceCounts(gaps=1, missing=1, duplicates=1)),
        ((LAST - 2, LAST, 1, LAST - 1), SequenceCounts(late=1)),
        ((1, 1_000_000), SequenceCounts(gaps=1, missing=999_998)),
    ],
)
def test_what_numbers_tell(numbers: tuple[int, ...], counts: SequenceCounts) -> None:
    assert fed(*numbers) == counts


@given(
    st.lists(st.integers(1, 40) | st.integers(LAST - 3, LAST), min_size=1),
    st.lists(st.integers(0, 60)),
)
def test_any_chunks_tell_the_same(numbers: list[int], cuts: list[int]) -> None:
    line, total = NumberLine(), SequenceCounts()
    places = [0, *sorted(min(cut, len(numbers)) for cut in cuts), len(numbers)]
    for start, end in itertools.pairwise(places):
        if start < end:
            total.add(line.feed(numbers[start:end]))
    assert total == fed(*numbers)
    assert min(total.gaps, total.missing) >= 0


@given(st.permutations(range(2, 12)))
def test_connections_that_are_read_at_different_paces_lose_nothing(shuffled: list[int]) -> None:
    total = fed(1, *shuffled, 12)
    assert (total.missing, total.gaps, total.duplicates, total.restarts) == (0, 0, 0, 0)


def test_few_stretches_are_remembered_and_the_rest_stays_missing() -> None:
    line, total = NumberLine(), SequenceCounts()
    total.add(line.feed(range(1, 4 * RANGES, 2)))
    assert len(line.missing) == RANGES
    missing = total.missing
    total.add(line.feed([2]))
    assert (total.missing, total.late, total.duplicates) == (missing, 0, 1)


def test_what_is_kept_goes_on_as_before() -> None:
    sequences, again = Sequences(), Sequences()
    sequences.feed(KEY, [1, 2, 5])
    again.take_rows(sequences.rows())
    assert again.feed(KEY, [3]) == sequences.feed(KEY, [3]) == SequenceCounts(missing=-1, late=1)
    assert again.rows() == sequences.rows()
    assert again.troubled() == {
        ("192.0.2.1", None): [
            {"host": "host", "gaps": 1, "missing": 1, "late": 1, "duplicates": 0, "restarts": 0}
        ]
    }


def test_the_longest_silent_host_is_forgotten_first() -> None:
    sequences = Sequences(most=2)
    for host in ("a", "b", "a", "c"):
        sequences.feed(("192.0.2.1", None, host), [1])
    assert [row[2] for row in sequences.rows()] == ["a", "c"]
