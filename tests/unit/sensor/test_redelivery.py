"""What a RELP sender sends a second time is found, and nothing else is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import ConflictError
from sealwire.sensor.journal import Connection
from sealwire.sensor.redelivery import Redeliveries, longest_overlap


def connection(port: int, address: str = "192.0.2.1", certificate: str | None = None) -> Connection:
    return Connection(
        port % 7, address, port, 6514, "TLSv1.3", "x", certificate, None, transport="relp"
    )


def numbered(start: int, end: int) -> list[bytes]:
    return [b"<14>1 - h a - - - n%d" % number for number in range(start, end)]


class Index:
    """What an index would hold: everything that is not flagged. Counts txnrs as a sender does."""

    def __init__(self, redeliveries: Redeliveries | None = None) -> None:
        self.redeliveries = redeliveries or Redeliveries()
        self.kept: list[bytes] = []
        self.txnrs: dict[int, int] = {}

    def feed(self, port: int, messages: list[bytes], **source: str) -> list[bool]:
        first = self.txnrs.get(port, 2)
        self.txnrs[port] = first + len(messages)
        txnrs = range(first, first + len(messages))
        flags = self.redeliveries.flag(connection(port, **source), messages, txnrs)
        assert len(flags) == len(messages)
        self.kept += [one for one, again in zip(messages, flags, strict=True) if not again]
        return flags


def test_what_was_not_answered_comes_again_and_is_flagged() -> None:
    index = Index()
    assert not any(index.feed(1, numbered(0, 100)))
    assert index.feed(2, numbered(90, 120)) == [True] * 10 + [False] * 20
    assert index.kept == numbered(0, 120)


def test_a_repetition_may_arrive_in_pieces() -> None:
    index = Index()
    index.feed(1, numbered(0, 100))
    for place in range(80, 130, 3):
        index.feed(2, numbered(place, place + 3))
    assert index.kept == numbered(0, 131)


def test_a_second_cut_in_the_middle_of_the_repetition() -> None:
    index = Index()
    index.feed(1, numbered(0, 100))
    index.feed(2, numbered(90, 95))
    index.feed(3, numbered(90, 110))
    index.feed(4, numbered(105, 108))
    index.feed(5, numbered(105, 115))
    assert index.kept == numbered(0, 115)


def test_an_orderly_close_is_an_end() -> None:
    index = Index()
    index.feed(1, numbered(0, 10))
    index.redeliveries.closed(connection(1))
    assert not any(index.feed(2, numbered(5, 10)))


def test_other_sources_are_other_senders() -> None:
    index = Index()
    index.feed(1, numbered(0, 10))
    assert not any(index.feed(2, numbered(5, 10), address="192.0.2.2"))
    assert not any(index.feed(3, numbered(5, 10), certificate="ab" * 32))


def test_two_senders_behind_one_address() -> None:
    index = Index()
    index.feed(1, numbered(0, 50))
    index.feed(2, numbered(1000, 1050))
    index.feed(1, numbered(50, 60))
    index.feed(3, numbered(1040, 1060))
    index.feed(4, numbered(55, 70))
    assert sorted(index.kept) == sorted(numbered(0, 70) + numbered(1000, 1060))


def test_the_same_over_and_over_is_kept() -> None:
    index = Index()
    beat = b"<14>still here"
    for port in range(5):
        assert not any(index.feed(port, [beat] * 4))


def test_repeats_inside_a_session_are_kept() -> None:
    index = Index()
    assert not any(index.feed(1, numbered(0, 5) * 3))


def test_repeats_beside_something_unique_belong_to_the_overlap() -> None:
    index = Index()
    a, b, x = numbered(0, 3)
    index.feed(1, [x, x, a, x, x])
    flags = index.feed(2, [a, x, x, x, b])
    assert flags == [True, True, True, False, False]


def test_an_uncertain_beginning_is_kept_and_what_makes_it_certain_is_flagged() -> None:
    index = Index()
    a, b, x = numbered(0, 3)
    index.feed(1, [x, x, x, a, b])
    assert index.feed(2, [x]) == [False]
    assert index.feed(2, [x, a]) == [True, True]
    assert index.feed(2, [b, b]) == [True, False]


def test_what_breaks_off_is_no_repetition() -> None:
    index = Index()
    boot, run = numbered(0, 5), numbered(100, 110)
    index.feed(1, boot + run)
    assert not any(index.feed(2, [*boot, b"<14>other"]))
    assert index.feed(3, [*boot, b"<14>other"]) == [True] * 6


def test_what_breaks_off_later_is_kept_from_there_on() -> None:
    index = Index()
    index.feed(1, numbered(0, 20))
    assert all(index.feed(2, numbered(10, 12)))
    assert not any(index.feed(2, [*numbered(12, 14), b"<14>other"]))
    assert not any(index.feed(2, numbered(14, 20)))


def test_a_port_used_again_is_a_new_session() -> None:
    index = Index()
    index.feed(1, numbered(0, 20))
    index.txnrs.clear()
    assert index.feed(1, numbered(15, 25)) == [True] * 5 + [False] * 5


def test_the_transaction_number_begins_anew_after_the_highest() -> None:
    redeliveries = Redeliveries()
    messages = numbered(0, 2)
    redeliveries.flag(connection(1), messages, [999_999_998, 999_999_999])
    assert redeliveries.flag(connection(1), messages, [1, 2]) == [False, False]


def test_over_long_messages_have_no_number() -> None:
    redeliveries = Redeliveries()
    redeliveries.flag(connection(1), numbered(0, 3), [2, 0, 4])
    assert redeliveries.flag(connection(1), numbered(3, 4), [0]) == [False]
    assert redeliveries.flag(connection(2), numbered(1, 5), [0, 3, 4, 5]) == [True] * 3 + [False]


def test_only_the_last_are_remembered() -> None:
    index = Index(Redeliveries(messages=50))
    index.feed(1, numbered(0, 100))
    assert not any(index.feed(2, numbered(40, 100)))
    index.feed(3, numbered(100, 200))
    assert index.feed(4, numbered(150, 300)) == [True] * 50 + [False] * 100


@pytest.mark.parametrize("bounds", [{"streams": 3}, {"hashes": 30}])
def test_the_longest_silent_is_forgotten_first(bounds: dict[str, int]) -> None:
    index = Index(Redeliveries(**bounds))
    for number in range(4):
        index.feed(number, numbered(0, 10), address=f"192.0.2.{number}")
    assert not any(index.feed(10, numbered(5, 10), address="192.0.2.0"))
    assert all(index.feed(13, numbered(5, 10), address="192.0.2.3"))


def test_senders_that_never_close_do_not_add_up() -> None:
    index = Index()
    for number in range(100):
        index.feed(number, numbered(number * 10, number * 10 + 10))
    assert len(index.redeliveries.snapshot()["streams"]) <= 16


def test_a_snapshot_of_another_release_is_refused() -> None:
    with pytest.raises(ConflictError):
        Redeliveries.restored({"version": 2})


@st.composite
def _deliveries(draw: st.DrawFn) -> tuple[list[list[list[bytes]]], int]:
    """Sessions of one sender, each in chunks; each begins at or before where the last one came."""
    sessions = []
    start = end = 0
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(max(start, end - 12), end))
        chunks = []
        place = start
        for size in draw(st.lists(st.integers(1, 9), max_size=5)):
            chunks.append(numbered(place, place + size))
            place += size
        sessions.append(chunks)
        end = max(end, place)
    return sessions, end


@given(_deliveries(), st.booleans())
def test_distinct_messages_are_held_once_however_sessions_are_cut(
    deliveries: tuple[list[list[list[bytes]]], int], keep: bool
) -> None:
    sessions, end = deliveries
    index = Index()
    for port, chunks in enumerate(sessions):
        for chunk in chunks:
            index.feed(port, chunk)
            if keep:
                document = json.loads(json.dumps(index.redeliveries.snapshot()))
                index.redeliveries = Redeliveries.restored(document)
    assert index.kept == numbered(0, end)


@given(st.lists(st.integers(0, 2), max_size=12), st.lists(st.integers(0, 2), max_size=12))
def test_the_longest_overlap_is_the_one_that_trying_all_finds(
    history: list[int], begun: list[int]
) -> None:
    expected = (0, 0)
    for start in range(len(history) if begun else 0):
        length = min(len(history) - start, len(begun))
        if history[start : start + length] == begun[:length]:
            expected = start, length
            break
    found = longest_overlap(history, begun)
    assert found == expected or (found[1] == expected[1] == 0)
