"""Which days may be deleted: edges of days, holds, the budget, and clocks that jump."""

from __future__ import annotations

from datetime import date, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.sensor.policy import (
    ArchivePolicy,
    ClassRule,
    LegalHold,
    RetentionClass,
    SourcePattern,
)
from sealwire.sensor.retention import (
    JUMP_SETTLES_S,
    BelievedDay,
    Reason,
    Removal,
    StoredDay,
    is_held,
    judge,
)

TODAY = date(2026, 11, 22)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def stored(*days: int, retention: str = "a", size: int = 100) -> list[StoredDay]:
    return [StoredDay(ago(one), retention, size) for one in days]


def policy(
    days: int | None = 30, budget: int | None = None, holds: tuple[LegalHold, ...] = ()
) -> ArchivePolicy:
    classes = (RetentionClass("a", days), RetentionClass("for ever"))
    rules = (ClassRule(SourcePattern(ip_network("192.0.2.0/24")), "a"),)
    return ArchivePolicy(classes=classes, rules=rules, holds=holds, budget_bytes=budget)


def gone(verdict_of: list[Removal] | tuple[Removal, ...]) -> list[tuple[int, Reason]]:
    return [((TODAY - one.day).days, one.reason) for one in verdict_of]


@pytest.mark.parametrize(
    ("kept", "age", "goes"),
    [(30, 30, False), (30, 31, True), (1, 1, False), (1, 2, True), (0, 0, False), (0, 1, True)],
)
def test_a_record_is_kept_for_whole_days_behind_its_day(kept: int, age: int, goes: bool) -> None:
    verdict = judge(stored(age), policy(kept), TODAY)
    assert gone(verdict.removals) == ([(age, Reason.EXPIRED)] if goes else [])


def test_a_class_without_an_end_and_one_that_nobody_knows_stay() -> None:
    days = stored(5000, retention="for ever") + stored(5000, retention="forgotten")
    assert judge(days, policy(), TODAY).removals == ()


@pytest.mark.parametrize(
    ("first", "last", "retention", "held"),
    [
        (40, 40, None, True),
        (41, 39, None, True),
        (41, 40, "a", True),
        (40, 30, "b", False),
        (39, 30, None, False),
        (50, 41, None, False),
        (39, 41, None, False),
    ],
)
def test_a_hold_covers_its_first_and_its_last_day(
    first: int, last: int, retention: str | None, held: bool
) -> None:
    hold = LegalHold("case", ago(first), ago(last), retention)
    assert is_held(ago(40), "a", [hold]) is held
    for budget in (None, 0):
        removals = judge(stored(40), policy(30, budget, (hold,)), TODAY).removals
        assert bool(removals) is not held


def test_over_budget_the_oldest_days_go_first_and_no_more_than_needed() -> None:
    verdict = judge(stored(1, 3, 2, 5, 4), policy(None, 250), TODAY)
    assert gone(verdict.removals) == [(age, Reason.BUDGET) for age in (5, 4, 3)]
    assert verdict.excess_bytes == 0
    assert judge(stored(1, 2), policy(None, 200), TODAY).removals == ()


def test_what_expires_makes_room_before_the_budget_takes_any() -> None:
    verdict = judge(stored(31, 2, 1), policy(30, 200), TODAY)
    assert gone(verdict.removals) == [(31, Reason.EXPIRED)]


def test_the_budget_covers_the_index_too_which_shrinks_with_the_segments() -> None:
    # Four days of 100 bytes and as much index: each day is 200 bytes.
    assert judge(stored(4, 3, 2, 1), policy(None, 800), TODAY, 400).removals == ()
    verdict = judge(stored(4, 3, 2, 1), policy(None, 400), TODAY, 400)
    assert gone(verdict.removals) == [(4, Reason.BUDGET), (3, Reason.BUDGET)]


def test_what_must_stay_is_said_when_it_is_too_much() -> None:
    hold = LegalHold("case", ago(9), ago(2))
    verdict = judge(stored(9, 2, 1, 0), policy(None, 150, (hold,)), TODAY)
    assert gone(verdict.removals) == [(1, Reason.BUDGET)]
    assert verdict.excess_bytes == 150
    assert judge([], policy(None, 150), TODAY, 200).excess_bytes == 50
    assert judge([], policy(None, 150), TODAY, 100).excess_bytes == 0


@pytest.mark.parametrize("back", [1, 2, 365])
def test_a_clock_that_goes_back_deletes_less(back: int) -> None:
    days = stored(40, 31, 30, 1, 0)
    for one in (policy(), policy(None, 100)):
        now = set(judge(days, one, TODAY).removals)
        assert set(judge(days, one, ago(back)).removals) <= now
    # Today and later days stay, however little room there is.
    assert judge(stored(0, -1, -400), policy(0, 0), TODAY).removals == ()


days_stored = st.lists(
    st.builds(
        StoredDay,
        st.integers(-5, 60).map(ago),
        st.sampled_from(["a", "for ever", "forgotten"]),
        st.integers(0, 1000),
    ),
    unique_by=lambda one: (one.day, one.retention),
)
holds_set = st.lists(
    st.builds(
        LegalHold,
        st.just("case"),
        st.integers(-5, 60).map(ago),
        st.integers(-5, 60).map(ago),
        st.sampled_from([None, "a", "for ever"]),
    )
)


@given(
    days_stored,
    holds_set,
    st.one_of(st.none(), st.integers(0, 20_000)),
    st.integers(0, 5000),
    st.integers(0, 40),
)
def test_nothing_goes_that_must_stay(
    days: list[StoredDay], holds: list[LegalHold], budget: int | None, other: int, back: int
) -> None:
    rules = policy(30, budget, tuple(holds))
    verdict = judge(days, rules, TODAY, other)
    assert len(set(verdict.removals)) == len(verdict.removals)
    sizes = {(one.day, one.retention): one.bytes for one in days}
    for one in verdict.removals:
        assert one.day < TODAY
        assert not is_held(one.day, one.retention, holds)
        if one.reason is Reason.EXPIRED:
            assert one.retention == "a"
            assert one.day < ago(30)
        del sizes[one.day, one.retention]
    if verdict.excess_bytes:
        assert all(day >= TODAY or is_held(day, name, holds) for day, name in sizes)
    left = [StoredDay(day, name, size) for (day, name), size in sizes.items()]
    whole = sum(one.bytes for one in days)
    rest = other * sum(sizes.values()) // whole if whole else other
    assert judge(left, rules, TODAY, rest).removals == (), "a second look finds nothing to do"
    if budget is None:
        assert set(judge(days, rules, ago(back)).removals) <= set(verdict.removals)


def test_midnight_is_no_jump_and_going_back_is_believed_at_once() -> None:
    known = BelievedDay(ago(1)).after(TODAY, 0.0)
    assert known == BelievedDay(TODAY)
    assert known.after(ago(300), 1.0) == BelievedDay(ago(300))


def test_a_jump_ahead_is_believed_after_a_day() -> None:
    jumped = BelievedDay(ago(40)).after(TODAY, 100.0)
    assert jumped == BelievedDay(ago(40), 100.0)
    assert jumped.after(TODAY, 100.0 + JUMP_SETTLES_S - 1) == jumped
    settled = jumped.after(TODAY + timedelta(days=1), 100.0 + JUMP_SETTLES_S)
    assert settled == BelievedDay(TODAY + timedelta(days=1))


def test_a_jump_that_was_set_right_is_forgotten() -> None:
    jumped = BelievedDay(TODAY).after(TODAY + timedelta(days=365), 0.0)
    right = jumped.after(TODAY, 3600.0)
    assert right == BelievedDay(TODAY)
    again = right.after(TODAY + timedelta(days=365), JUMP_SETTLES_S)
    assert again == BelievedDay(TODAY, JUMP_SETTLES_S)


def test_of_times_at_which_something_was_written_the_earliest_counts() -> None:
    jumped = BelievedDay(TODAY, 500.0 * JUMP_SETTLES_S)
    ahead, before = TODAY + timedelta(days=300), 400.0 * JUMP_SETTLES_S
    assert jumped.after(ahead, before) == BelievedDay(TODAY, before)
    assert jumped.after(ahead, before).after(ahead, before + JUMP_SETTLES_S) == BelievedDay(ahead)


def test_with_nothing_known_the_first_day_shown_counts() -> None:
    assert BelievedDay().after(TODAY, 0.0) == BelievedDay(TODAY)
