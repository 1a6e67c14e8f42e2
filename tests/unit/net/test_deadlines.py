"""Connections whose time is up, and who holds too much, judged without a socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sealwire.net.deadlines import Deadlines, Overdue
from sealwire.net.limits import ReceiverLimits
from sealwire.sensor.journal import Connection, Position
from sealwire.sensor.session import Session

if TYPE_CHECKING:
    from sealwire.syslog.kinds import Kind

LIMITS = ReceiverLimits(
    first_message_seconds=60.0,
    message_seconds=20.0,
    idle_seconds=300.0,
    farewell_seconds=5.0,
    buffered_bytes=1000,
    source_buffered_bytes=400,
)
FRAME = b"5 <1>ab"


class Paper:
    """A journal that keeps nothing but the number of frames."""

    wake_fd = -1
    durable = Position()
    trouble: str | None = None
    gathered = 0
    undurable = 0

    def __init__(self) -> None:
        self.frames = 0

    def append(
        self, _connection: Connection, _kind: Kind, frames: int, _received_ns: int, _data: bytes
    ) -> None:
        self.frames += frames

    def seal(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass(eq=False)
class Caller:
    """A connection without a socket."""

    address: str = "192.0.2.1"
    fd: int = 1
    session: Session | None = field(
        default_factory=lambda: Session(
            Connection(0, "192.0.2.1", 1, 6514, "TLSv1.3", "x"), Paper(), 65_536
        )
    )

    def say(self, data: bytes) -> Caller:
        assert self.session is not None
        self.session.receive(self.session.tail + data, 0)
        return self

    def receive(self, now_ns: int) -> int:
        raise AssertionError(now_ns)

    def say_goodbye(self) -> None:
        raise AssertionError

    def close(self, now_ns: int, *, orderly: bool) -> None:
        raise AssertionError(now_ns, orderly)

    def drop(self, reason: str, detail: str) -> None:
        raise AssertionError(reason, detail)


class Watch:
    """Looks every second, as the receiver does."""

    def __init__(self, *callers: Caller, limits: ReceiverLimits = LIMITS) -> None:
        self.callers = list(callers)
        self.deadlines = Deadlines(limits)
        self.now = 1000.0

    def wait(self, seconds: int) -> list[tuple[float, Overdue]]:
        """Who was to be ended, and how long after the beginning of the wait."""
        found = []
        for second in range(seconds):
            found += [(second, one) for one in self.deadlines.look(self.callers, self.now)]
            self.now += 1.0
        return found


def reasons(found: list[tuple[float, Overdue]]) -> list[tuple[float, str]]:
    return [(second, one.reason) for second, one in found]


def test_who_never_says_anything_is_told_to_go_once_and_then_ended() -> None:
    found = Watch(Caller()).wait(64)
    assert reasons(found) == [(60, "silent_connection")]
    assert found[0][1].politely
    watch = Watch(Caller())
    assert reasons(watch.wait(66)) == [(60, "silent_connection"), (65, "farewell_timeout")]


def test_an_idle_connection_is_told_after_its_last_byte() -> None:
    watch = Watch(Caller().say(FRAME))
    assert watch.wait(200) == []
    watch.callers[0].say(FRAME)
    assert reasons(watch.wait(302)) == [(300, "idle_connection")]


def test_trickling_bytes_do_not_prolong_a_message() -> None:
    watch = Watch(Caller().say(FRAME + b"100 <1>"))
    found = []
    for _ in range(4):
        found += watch.wait(5)
        watch.callers[0].say(b"x")
    assert found == []
    assert reasons(watch.wait(1)) == [(0, "message_timeout")]
    assert not watch.deadlines.look(watch.callers, watch.now)[0].politely


def test_a_message_that_is_completed_begins_the_next_ones_time() -> None:
    watch = Watch(Caller().say(b"5 <1"))
    for _ in range(20):
        assert watch.wait(15) == []
        watch.callers[0].say(b">ab5 <1")


def test_zero_is_never() -> None:
    limits = ReceiverLimits(first_message_seconds=0, message_seconds=0, idle_seconds=0)
    callers = (Caller(), Caller().say(FRAME), Caller().say(b"5 <1"))
    watch = Watch(*callers, limits=limits)
    assert watch.wait(100) == []


def test_what_the_sensor_did_not_read_is_nobodys_fault() -> None:
    watch = Watch(Caller().say(b"5 <1"))
    assert watch.wait(15) == []
    watch.deadlines.forgive()
    assert watch.wait(15) == []
    watch.now += 3600  # the worker itself was stopped
    assert watch.wait(15) == []
    assert reasons(watch.wait(10))[0] == (5, "message_timeout")


def test_an_address_that_holds_too_much_loses_its_biggest_and_others_nothing() -> None:
    greedy = [Caller("192.0.2.66").say(b"300 <1>" + b"x" * size) for size in (90, 200, 150)]
    honest = [Caller("192.0.2.1").say(b"300 <1>" + b"x" * 93) for _ in range(3)]
    found = Watch(*greedy, *honest).wait(1)
    assert [one.peer for _, one in found] == [greedy[1]]
    assert reasons(found) == [(0, "source_buffers_full")]


def test_when_all_hold_too_much_the_greediest_goes_first_and_it_is_looked_at_once() -> None:
    callers = [
        Caller(f"192.0.2.{number}").say(b"400 <1>" + b"x" * (100 + number)) for number in range(9)
    ]
    watch = Watch(*callers)
    assert watch.wait(1) == []
    assert not watch.deadlines.is_due(watch.now - 1)
    callers.append(Caller("192.0.2.66").say(b"400 <1>" + b"x" * 300))
    watch.callers = callers
    watch.deadlines.note(307)
    assert watch.deadlines.is_due(watch.now - 1)
    found = watch.wait(1)
    # Down to three quarters, so that it need not be looked at again at once.
    assert [one.peer.address[8:] for _, one in found] == ["66", "8", "7", "6"]
    assert {one.reason for _, one in found} == {"buffers_full"}
