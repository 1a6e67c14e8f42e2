"""A sender that used to send and falls silent is an alarm, audited when it begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.errors import NotFoundError, RefusedError
from sealwire.sensor.journal import BlockSummary, Connection, Position, ReceivedMessage, Total
from sealwire.sensor.silence import (
    Moment,
    SilencePolicy,
    senders,
    silence_document,
    silence_from,
    silent_now,
)
from sealwire.sensor.silencing import SETTLING
from sealwire.sensor.sources import OTHER, Source
from tests.unit.sensor.scene import SENDER, SensorScene

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOUR = 3_600_000_000_000


def source(
    address: str = "192.0.2.1",
    subject: str | None = None,
    *,
    first: float = 0,
    last: float = 2,
    packets: int = 10,
) -> Source:
    digest = None if subject is None else f"{last}"
    return Source(address, digest, subject, packets, 0, round(last * HOUR), round(first * HOUR))


def silent(
    sources: Sequence[Source], policy: SilencePolicy, hours: float
) -> dict[tuple[str, str | None], int]:
    return silent_now(senders(sources), policy, Moment(round(hours * HOUR), 0.0))


@pytest.mark.parametrize(
    ("one", "hours", "is_silent"),
    [
        (source(), 26.1, True),
        (source(), 25.9, False),
        (source(packets=9), 99, False),
        (source(first=1.1), 99, False),
        (source(first=1), 99, True),
        (source(OTHER), 99, False),
    ],
)
def test_who_is_silent(one: Source, hours: float, *, is_silent: bool) -> None:
    found = silent([one], SilencePolicy(), hours)
    assert found == ({(one.address, None): one.last_ns} if is_silent else {})


def test_a_renewed_certificate_is_the_same_sender() -> None:
    both = [source(subject="CN=a", last=2), source(subject="CN=a", first=2, last=30)]
    assert silent(both, SilencePolicy(), 40) == {}
    other = source(subject="CN=b", last=2)
    assert silent([*both, other], SilencePolicy(), 40) == {("192.0.2.1", "CN=b"): 2 * HOUR}


def test_one_that_has_hours_of_its_own_need_not_have_sent_regularly() -> None:
    once = source(packets=1, first=2, last=2)
    assert silent([once], SilencePolicy(), 99) == {}
    expected = SilencePolicy().having(5, "192.0.2.1")
    assert silent([once], expected, 8) == {("192.0.2.1", None): 2 * HOUR}
    assert silent([once], expected, 6) == {}


def test_each_source_may_have_hours_of_its_own() -> None:
    policy = SilencePolicy().having(0).having(1.5, "192.0.2.1")
    both = [source(), source("192.0.2.2")]
    assert silent(both, policy, 4) == {("192.0.2.1", None): 2 * HOUR}
    assert silence_from(silence_document(policy)) == policy
    assert policy.without("192.0.2.1") == SilencePolicy(0)
    with pytest.raises(NotFoundError):
        policy.without("192.0.2.2")
    with pytest.raises(RefusedError, match="no IP address"):
        policy.having(1, "web.example.com")
    assert "2001:db8::1" in policy.having(1, "2001:0DB8::1").sources
    for hours in (-1, 1e9, float("nan")):
        with pytest.raises(RefusedError):
            policy.having(hours)


class Sender:
    """A journal in which messages stand with the time of their receipt by the scene's clock."""

    def __init__(self, scene: SensorScene) -> None:
        self.scene = scene
        self.received: list[int] = []
        self.messages_kept = self.received

    def send(self, count: int, *, hours_between: float = 0) -> None:
        for _ in range(count):
            self.received.append(self.scene.clock.now_ns())
            self.scene.clock.advance(3600 * hours_between)
        self.scene.sensor.moment_passed()

    def slots(self) -> Sequence[int]:
        return [0]

    def summaries(self, slot: int, start: Position, end: Position) -> Iterator[BlockSummary]:
        assert slot == 0
        for offset in range(start.offset, end.offset):
            total = Total(SENDER, 1, 10, self.received[offset])
            yield BlockSummary(Position(1, offset + 1), [total], [])

    def messages(self, slot: int, start: Position, end: Position) -> Iterator[ReceivedMessage]:
        raise NotImplementedError

    def some(
        self, slot: int, start: Position, end: Position, count: int
    ) -> tuple[Sequence[ReceivedMessage], Position]:
        raise NotImplementedError

    def newest(self, slot: int, end: Position, count: int) -> Sequence[ReceivedMessage]:
        raise NotImplementedError


class SilenceScene(SensorScene):
    """A sensor that hears a sender."""

    def __init__(self) -> None:
        super().__init__()
        self.sender = Sender(self)
        self.journal = self.sender  # type: ignore[assignment] - the part that is used
        self.receivers._journal = self.sender  # type: ignore[assignment]
        self.restart()
        self.sensor.moment_passed()

    def later(self, *, hours: float) -> None:
        self.clock.advance(hours * 3600)
        self.sensor.moment_passed()

    def alarms(self) -> list[str]:
        return [one["text"] for one in self.sensor.stats()["alarms"]]

    def events(self) -> list[str]:
        return [name for name, _ in self.audited() if name.startswith("SOURCE_")]


def test_a_silence_is_an_alarm_until_the_sender_speaks_again() -> None:
    scene = SilenceScene()
    scene.sender.send(11, hours_between=0.2)
    scene.later(hours=23)
    assert (scene.alarms(), scene.events()) == ([], [])
    scene.later(hours=2)
    scene.later(hours=1)
    assert scene.alarms() == [f"{SENDER.address} (CN=a) has sent nothing for 26 hours"]
    assert scene.events() == ["SOURCE_SILENT"]
    assert scene.sensor.stats()["silent_sources"] == 1
    scene.sender.send(1)
    scene.later(hours=0.01)
    assert (scene.alarms(), scene.sensor.stats()["silent_sources"]) == ([], 0)
    assert scene.events() == ["SOURCE_SILENT", "SOURCE_HEARD"]
    assert "it sends again" in scene.audited()[-1][1]


def test_a_restart_neither_forgets_nor_repeats_a_silence() -> None:
    scene = SilenceScene()
    scene.sender.send(11, hours_between=0.2)
    scene.later(hours=30)
    scene.sensor.save_statistics()
    scene.restart()
    scene.later(hours=0.01)
    assert len(scene.alarms()) == 1
    scene.sender.send(1)
    scene.later(hours=0.01)
    assert scene.events() == ["SOURCE_SILENT", "SOURCE_HEARD"]


DAY = 24 * 3600


@pytest.mark.parametrize("jump", [DAY, 30 * DAY, -DAY, -30 * DAY])
def test_a_clock_that_jumps_makes_nobody_silent_and_hides_no_silence(jump: int) -> None:
    scene = SilenceScene()
    scene.sender.send(11, hours_between=0.2)
    scene.clock.jump(jump)
    scene.later(hours=23.9)
    assert (scene.alarms(), scene.events()) == ([], [])
    scene.later(hours=0.2)
    assert scene.alarms() == [f"{SENDER.address} (CN=a) has sent nothing for 24 hours"]
    scene.sender.send(1)
    scene.later(hours=0.01)
    assert (scene.alarms(), scene.events()) == ([], ["SOURCE_SILENT", "SOURCE_HEARD"])
    assert "it sends again" in scene.audited()[-1][1]
    scene.later(hours=24.1)
    assert scene.events() == ["SOURCE_SILENT", "SOURCE_HEARD", "SOURCE_SILENT"]


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_last_seen_is_by_the_clock_as_it_was_set(jump: int) -> None:
    scene = SilenceScene()
    scene.sender.send(11, hours_between=0.2)
    scene.clock.jump(jump)
    scene.clock.advance(1)
    scene.sender.send(1)
    [source] = scene.sensor.sources()
    assert source["last_seen"] == f"{scene.clock.now():%Y-%m-%dT%H:%M:%S}.000000Z"


@pytest.mark.parametrize(("jump", "alarms"), [(2 * DAY, 1), (-2 * DAY, 0)])
def test_what_was_seen_before_a_start_is_judged_by_the_clock_on_the_wall(
    jump: int, alarms: int
) -> None:
    scene = SilenceScene()
    scene.sender.send(11, hours_between=0.2)
    scene.sensor.save_statistics()
    scene.restart()
    scene.clock.jump(jump)
    scene.later(hours=0)
    scene.later(hours=1)
    assert len(scene.alarms()) == alarms


def test_what_the_journal_held_at_the_start_was_not_heard_since() -> None:
    scene = SilenceScene()
    scene.sender.send(11, hours_between=0.2)
    scene.clock.advance(2 * DAY)
    scene.restart()
    scene.later(hours=0)
    scene.later(hours=1)
    assert scene.alarms() == [f"{SENDER.address} (CN=a) has sent nothing for 49 hours"]


def test_a_renewed_certificate_is_heard_by_the_clock_that_nobody_sets() -> None:
    old, new = source(subject="CN=a", last=90), source(subject="CN=a", first=2, last=30)
    old.heard_at, new.heard_at = 5 * 3600.0, 6 * 3600.0
    policy = SilencePolicy()
    assert silent_now(senders([old, new]), policy, Moment(0, 29 * 3600.0)) == {}
    for both in ([old, new], [new, old]):
        found = silent_now(senders(both), policy, Moment(0, 31 * 3600.0))
        assert found == {("192.0.2.1", "CN=a"): 30 * HOUR}


def test_nobody_falls_silent_right_after_a_start() -> None:
    scene = SilenceScene()
    scene.sender.send(11, hours_between=0.2)
    scene.sensor.save_statistics()
    scene.clock.advance(48 * 3600)
    scene.restart()
    scene.sensor.moment_passed()
    scene.later(hours=(SETTLING - 10) / 3600)
    assert scene.events() == []
    scene.later(hours=11 / 3600)
    assert scene.events() == ["SOURCE_SILENT"]


def test_hours_are_chosen_and_audited() -> None:
    scene = SilenceScene()
    scene.sender.send(11, hours_between=0.2)
    scene.sensor.set_silence("admin", 2, SENDER.address)
    scene.later(hours=3)
    assert len(scene.alarms()) == 1
    scene.sensor.set_silence("admin", 0, SENDER.address)
    scene.sensor.moment_passed()
    assert scene.alarms() == []
    assert "its silence is borne now" in scene.audited()[-1][1]
    scene.sensor.remove_silence("admin", SENDER.address)
    assert scene.restart().silence() == SilencePolicy()
    changes = [text for name, text in scene.audited() if name == "LISTENER_CHANGE"]
    assert len(changes) == 3
    assert "silence" in changes[0]
    assert SENDER.address in changes[0]


def test_many_silent_sources_are_summed_up() -> None:
    scene = SilenceScene()
    statistics = scene.sensor._restored()
    now = scene.clock.now_ns()
    for number in range(25):
        one = Connection(1, f"198.51.100.{number}", 1, 514, "", "", transport="udp")
        for at in (now - 2 * HOUR, now):
            total = Total(one, 5, 50, at)
            end = Position(1, 10**6 + 2 * number + (at == now))
            statistics.apply(1, BlockSummary(end, [total], []))
    scene.later(hours=25)
    alarms = scene.alarms()
    assert len(alarms) == 21
    assert alarms[-1] == "5 more sources are silent"
    assert scene.events() == ["SOURCE_SILENT"] * 25
