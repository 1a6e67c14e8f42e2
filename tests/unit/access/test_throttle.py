"""Waiting after failed attempts: how long, for whom, and for whom not."""

from datetime import datetime, timedelta

import pytest

from sealwire.access import throttle
from sealwire.access.throttle import RULES, WHERE_KNOWN, Counted, ThrottledError
from sealwire.stores.memory import MemoryStore
from tests.unit.access.scene import ELSEWHERE, HERE, SetClock

SECOND = timedelta(seconds=1)


class Door:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = SetClock()

    def now(self) -> datetime:
        return self.clock.now()

    def attempt(self, user: str = "alice", address: str = HERE) -> None:
        self.store.run(lambda tx: throttle.count_attempt(tx, user, address, self.now()))

    def succeed(self, user: str = "alice", address: str = HERE) -> None:
        self.attempt(user, address)
        self.store.run(lambda tx: throttle.attempt_succeeded(tx, user, address, self.now()))

    def wait(self, user: str = "alice", address: str = HERE) -> int:
        """Seconds until the next attempt; 0 when it may come now (it is not made)."""
        try:
            self.store.read(lambda tx: throttle.count_attempt(tx, user, address, self.now()))
        except ThrottledError as error:
            return error.wait_seconds
        except RuntimeError:  # it got as far as writing
            return 0
        raise AssertionError("a read cannot count")

    def fail(self, times: int, user: str = "alice", address: str = HERE) -> None:
        """So many failures, each as soon as it may be."""
        for _ in range(times):
            self.clock.pass_by(seconds=self.wait(user, address))
            self.attempt(user, address)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize("counted", list(Counted))
def test_waits_double_up_to_a_bound(counted: Counted) -> None:
    rule = RULES[counted]
    assert [rule.wait(n) for n in range(rule.free)] == [timedelta(0)] * rule.free
    assert [rule.wait(rule.free + n) for n in range(4)] == [
        1 * SECOND,
        2 * SECOND,
        4 * SECOND,
        8 * SECOND,
    ]
    assert rule.wait(10**9) == rule.longest <= timedelta(minutes=15)


def test_some_failures_cost_nothing_then_it_takes_longer_each_time(door: Door) -> None:
    waits = []
    for _ in range(8):
        waits.append(door.wait())
        door.clock.pass_by(seconds=waits[-1])
        door.attempt()
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8]


def test_an_attempt_too_early_is_refused_and_not_counted(door: Door) -> None:
    door.fail(5)
    for _ in range(50):
        with pytest.raises(ThrottledError) as early:
            door.attempt()
        assert (early.value.code, early.value.http_status) == ("login.throttled", 429)
        assert early.value.wait_seconds == 2
    door.clock.pass_by(seconds=2)
    door.attempt()


def test_many_at_once_do_not_get_in_between(door: Door) -> None:
    made = 0
    for _ in range(100):
        try:
            door.attempt()
        except ThrottledError:
            continue
        made += 1
    assert made == RULES[Counted.USER_AT_ADDRESS].free


def test_others_and_other_places_do_not_wait(door: Door) -> None:
    door.fail(8)
    assert door.wait("alice", HERE) > 0
    assert door.wait("bob", HERE) == 0
    assert door.wait("alice", ELSEWHERE) == 0


def test_a_user_tried_from_everywhere_waits_everywhere(door: Door) -> None:
    for number in range(RULES[Counted.USER].free + 3):
        door.clock.pass_by(seconds=600)
        door.attempt("alice", f"203.0.113.{number}")
    assert door.wait("alice", ELSEWHERE) > 0


def test_but_not_where_alice_has_succeeded_before(door: Door) -> None:
    door.succeed("alice", HERE)
    for number in range(60):
        door.clock.pass_by(seconds=900)
        door.attempt("alice", f"203.0.113.{number}")
    assert door.wait("alice", ELSEWHERE) > 0
    assert door.wait("alice", HERE) == 0


def test_nor_by_what_others_try_from_there(door: Door) -> None:
    door.succeed("alice", HERE)
    for number in range(50):
        door.clock.pass_by(seconds=300)
        door.attempt(f"user{number}", HERE)
    assert door.wait("somebody new", HERE) > 0
    assert door.wait("alice", HERE) == 0


def test_where_alice_is_known_her_name_is_not_free_either(door: Door) -> None:
    door.succeed("alice", HERE)
    door.fail(WHERE_KNOWN.free, "alice", HERE)
    assert door.wait("alice", HERE) == 1


def test_an_address_that_tries_everybody_waits(door: Door) -> None:
    for number in range(RULES[Counted.ADDRESS].free):
        door.attempt(f"user{number}", HERE)
    assert door.wait("somebody new", HERE) == 1
    assert door.wait("somebody new", ELSEWHERE) == 0


def test_own_success_does_not_pay_for_attempts_at_others(door: Door) -> None:
    for number in range(RULES[Counted.ADDRESS].free - 1):
        door.attempt(f"user{number}", HERE)
        if number % 3 == 0:
            door.succeed("mallory", HERE)
    door.attempt("one more", HERE)
    assert door.wait("somebody new", HERE) > 0


def test_alices_success_gives_nothing_to_who_tries_elsewhere(door: Door) -> None:
    door.fail(6, "alice", ELSEWHERE)
    before = door.wait("alice", ELSEWHERE)
    door.succeed("alice", HERE)
    assert door.wait("alice", ELSEWHERE) == before > 0


def test_nobody_is_locked_out_for_ever(door: Door) -> None:
    door.fail(40)
    assert door.wait() <= 15 * 60
    door.clock.pass_by(minutes=15)
    door.succeed()
    assert door.wait() == 0


def test_counts_are_forgotten_after_a_day(door: Door) -> None:
    door.fail(7)
    door.clock.pass_by(hours=24, seconds=1)
    door.fail(4)
    assert door.wait() == 1


def test_a_clock_that_is_set_back_makes_nobody_wait(door: Door) -> None:
    door.clock.pass_by(days=300)
    door.fail(12)
    assert door.wait() > 1
    door.clock.pass_by(days=-300)
    assert door.wait() == 0
    door.fail(12)
    assert door.wait() > 1, "it counts again"


def test_unlock_counts_anew_everywhere(door: Door) -> None:
    door.fail(9, "alice", HERE)
    door.fail(9, "alice", ELSEWHERE)
    door.store.run(lambda tx: throttle.unlock(tx, "alice"))
    assert door.wait("alice", HERE) == door.wait("alice", ELSEWHERE) == 0


def test_odd_names_are_counted_like_others(door: Door) -> None:
    odd = ["x" * 65536, "\0", "\ud800", "", "alice\0192.0.2.7"]
    for name in odd:
        door.fail(3, name, HERE)
    assert door.wait("alice") == door.wait("alice", ELSEWHERE) == 0
