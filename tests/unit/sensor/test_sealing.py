"""When is sealed, how much, and in which order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sealwire.sensor.batches import BatchLimits, MessageBlock, MessageRun, gather
from sealwire.sensor.journal import Connection, Position
from sealwire.sensor.sealing import (
    ENOUGH_BYTES,
    FEW_TRIES,
    MANY_BYTES,
    MOST_TRIES,
    Attempt,
    SealPace,
)
from sealwire.syslog.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SENDER = Connection(1, "192.0.2.1", 40_000, 6514, "TLSv1.3", "x")
DAY_S = 86_400.0


class PaperBlocks:
    """Blocks in lists; the closing of every stream is seen."""

    def __init__(self, blocks: Mapping[int, Sequence[MessageBlock]]) -> None:
        self._blocks = blocks
        self.open = 0

    def blocks(self, slot: int, start: Position, end: Position) -> Iterator[MessageBlock]:
        self.open += 1
        try:
            yield from (b for b in self._blocks.get(slot, ()) if start < b.end <= end)
        finally:
            self.open -= 1

    def bytes_between(self, slot: int, start: Position, end: Position) -> int:
        return sum(b.length for b in self._blocks.get(slot, ()) if start < b.end <= end)


def block(slot: int, number: int, oldest_ns: int, count: int = 1, length: int = 10) -> MessageBlock:
    run = MessageRun(oldest_ns, SENDER, Kind.OCTETS, [b"<1>%d" % oldest_ns] * count)
    return MessageBlock(slot, Position(1, number), oldest_ns, (run,), length)


END = {0: Position(1, 99), 1: Position(1, 99)}


def test_the_oldest_block_of_all_slots_comes_next() -> None:
    paper = PaperBlocks({0: [block(0, 1, 10), block(0, 2, 40)], 1: [block(1, 1, 20)]})
    batch = gather(paper, {}, END, BatchLimits())
    assert [run.received_ns for run in batch.runs] == [10, 20, 40]
    assert batch.ends == {0: Position(1, 2), 1: Position(1, 1)}
    assert (batch.messages, paper.open) == (3, 0)


def test_a_batch_ends_at_its_limits_and_the_next_goes_on() -> None:
    blocks = [block(0, n, n, count=4, length=10) for n in range(1, 8)]
    paper = PaperBlocks({0: blocks})
    for limits in (BatchLimits(messages=8), BatchLimits(length=20), BatchLimits(blocks=2)):
        position, taken = Position(), []
        while batch := gather(paper, {0: position}, {0: Position(1, 99)}, limits):
            if not batch.messages:
                break
            taken.append(batch.messages)
            position = batch.ends[0]
        assert taken == [8, 8, 8, 4]
    assert paper.open == 0


def test_what_is_not_settled_is_left() -> None:
    paper = PaperBlocks({0: [block(0, 1, 10), block(0, 2, 40)], 1: [block(1, 1, 20)]})
    settled = {0: Position(1, 1), 1: Position(1, 1)}
    batch = gather(paper, {}, END, BatchLimits(settled=settled))
    assert [run.received_ns for run in batch.runs] == [10, 20]
    # Nor what is younger than a block that is not settled.
    batch = gather(paper, {}, END, BatchLimits(settled={1: Position(1, 1)}))
    assert not batch.ends


def relp(slot: int, number: int, *moments: int, begins: int = 0) -> MessageBlock:
    """A block of RELP with a run at each moment; a session begins at ``begins``."""
    sender = Connection(slot, "192.0.2.9", 50_000 + slot, 6514, "TLSv1.3", "x", transport="relp")
    runs = [
        MessageRun(at, sender, Kind.RELP, [b"<1>%d" % at], [2 if at == begins else 1000 + at])
        for at in moments
    ]
    return MessageBlock(slot, Position(1, number), moments[0], runs, 10 * len(runs))


def test_runs_of_blocks_that_overlap_have_the_order_of_their_receipt() -> None:
    paper = PaperBlocks({0: [relp(0, 1, 10, 30)], 1: [relp(1, 1, 20, 25, 40)]})
    batch = gather(paper, {}, END, BatchLimits())
    assert [batch.runs[place].received_ns for place in batch.by_moment()] == [10, 20, 25, 30, 40]


def test_a_clock_that_is_set_back_does_not_change_the_order_of_a_slot() -> None:
    paper = PaperBlocks({0: [relp(0, 1, 1000, 1010), relp(0, 2, 10, 1005)]})
    batch = gather(paper, {}, END, BatchLimits())
    assert [batch.runs[place].received_ns for place in batch.by_moment()] == [1000, 1010, 10, 1005]


def test_no_batch_ends_between_a_session_and_what_it_may_repeat() -> None:
    # On slot 1 a session begins at 25; what it may repeat came at 22 into a block of slot 0.
    paper = PaperBlocks(
        {
            0: [relp(0, 1, 5), relp(0, 2, 22, 40), relp(0, 3, 50)],
            1: [relp(1, 1, 20, 25, begins=25), relp(1, 2, 60)],
        }
    )
    settled = {0: Position(1, 1), 1: Position(1, 1)}
    for limits in (BatchLimits(messages=2), BatchLimits(settled=settled)):
        batch = gather(paper, {}, END, limits)
        assert batch.ends == {0: Position(1, 2), 1: Position(1, 1)}
        assert batch.begun_ns == 25


def test_slots_without_blocks_are_named() -> None:
    batch = gather(PaperBlocks({0: [block(0, 1, 10)]}), {}, END, BatchLimits())
    assert batch.blank == (1,)


def test_much_is_sealed_at_once_and_little_waits_a_moment() -> None:
    pace = SealPace()
    assert pace.wait(ENOUGH_BYTES, since=0.0, now=0.0) == 0.0
    assert 0 < pace.wait(10, since=0.0, now=0.0) < 1.0
    assert pace.wait(10, since=0.0, now=1.0) == 0.0


def test_what_comes_fast_is_taken_much_at_a_time_but_not_late() -> None:
    for soon in (0.0, 20.0):
        pace = SealPace(soon=soon)
        wait = pace.wait(MANY_BYTES, since=0.0, now=0.0)
        assert 1.0 <= wait <= 2.0
        assert pace.wait(MANY_BYTES, since=0.0, now=wait) == 0.0


def test_a_steady_trickle_makes_few_segments() -> None:
    pace, now, sealed_at = SealPace(), 0.0, []
    while now < DAY_S:
        now += pace.wait(10, since=now, now=now)
        pace.sealed(10, now)
        sealed_at.append(now)
    assert len(sealed_at) < 20_000
    assert max(later - earlier for earlier, later in pairwise(sealed_at)) <= 5.0


def test_after_a_quiet_time_it_is_quick_again() -> None:
    pace = SealPace(soon=0.0)
    assert pace.wait(10, since=0.0, now=0.0) > 1.0
    assert pace.wait(10, since=60.0, now=60.0) < 1.0


def test_a_batch_that_kills_is_taken_apart_and_then_kept_unparsed() -> None:
    starts = {0: Position(1, 5)}
    attempt = Attempt({}, 0)
    seen = []
    for _ in range(MOST_TRIES + 2):
        attempt = attempt.following(starts)
        seen.append((attempt.limits.blocks, attempt.gives_up_parsing))
    assert seen[:FEW_TRIES] == [(0, False)] * FEW_TRIES
    assert seen[FEW_TRIES:MOST_TRIES] == [(1, False)] * (MOST_TRIES - FEW_TRIES)
    assert seen[MOST_TRIES:] == [(1, True)] * 2
    assert attempt.following({0: Position(1, 6)}).tries == 1
