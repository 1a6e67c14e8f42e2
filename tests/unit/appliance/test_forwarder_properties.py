"""Whatever the network does: no gap, order kept, the cursor never ahead of acknowledged bytes."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sealwire.appliance.forwarder import Forwarder, Policy
from sealwire.appliance.transitions import State
from tests.unit.appliance.scene import HalfRandom, Scene, record

TRAILS = ("ca", "inputs")
UP = {State.STREAMING, State.DRAINING, State.CLOSING}


class Network(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(dict.fromkeys(TRAILS, 0), Policy(batch=300, window=2000))
        self.offered = dict.fromkeys(TRAILS, 0)
        self.ever_acked = dict.fromkeys(TRAILS, 0)
        self.begins = dict.fromkeys(TRAILS, 0)

    @initialize()
    def begin(self) -> None:
        self.scene.start()

    def streaming(self) -> bool:
        return self.scene.forwarder.state is State.STREAMING

    @precondition(streaming)
    @rule(trail=st.sampled_from(TRAILS), count=st.integers(1, 12), size=st.integers(30, 400))
    def feed(self, trail: str, count: int, size: int) -> None:
        if self.scene.forwarder.wants_records:
            self.scene.feed(trail, count, size)
            self.offered[trail] = max(self.offered[trail], self.scene.forwarder.position(trail))

    @precondition(lambda self: self.scene.forwarder.state in UP)
    @rule(count=st.integers(1, 3000))
    def deliver(self, count: int) -> None:
        self.scene.deliver(count)

    @precondition(lambda self: self.scene.forwarder.state in UP)
    @rule(count=st.integers(1, 3000))
    def acknowledge(self, count: int) -> None:
        self.scene.acked = min(self.scene.delivered, self.scene.acked + count)
        plain = [data for end, data in self.scene.sealed if end <= self.scene.acked]
        for trail, idx in _indexes(b"".join(plain)):
            self.ever_acked[trail] = max(self.ever_acked[trail], idx + 1)
        self.scene.acknowledge(0)

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        if self.scene.forwarder.state in UP:
            self.scene.wait(seconds)

    @rule(works=st.booleans())
    def store(self, works: bool) -> None:
        self.scene.store_works = works

    @precondition(streaming)
    @rule(in_good_order=st.booleans())
    def cut(self, in_good_order: bool) -> None:
        self.scene.cut(in_good_order=in_good_order)
        self.scene.bring_up()
        self.begins = dict(self.scene.forwarder.confirmed)

    @precondition(streaming)
    @rule()
    def crash(self) -> None:
        """The forwarder's process dies; its successor knows what was stored."""
        self.scene.forwarder = Forwarder(dict(self.scene.stored), HalfRandom(), self.scene.policy)
        self.scene.start()
        self.begins = dict(self.scene.stored)

    @invariant()
    def cursor_is_not_ahead_of_acknowledged_bytes(self) -> None:
        confirmed = self.scene.forwarder.confirmed
        for trail in TRAILS:
            assert self.scene.stored[trail] <= confirmed[trail] <= self.ever_acked[trail]

    @invariant()
    def each_connection_is_in_order_and_without_gap(self) -> None:
        if not self.scene.connections:
            return
        expected = dict(self.begins)
        for trail, idx in _indexes_of(self.scene.connections[-1]):
            assert idx == expected[trail]
            expected[trail] += 1

    def teardown(self) -> None:
        """Once the network holds, everything arrives."""
        scene = self.scene
        scene.store_works = True
        if scene.forwarder.state is not State.STREAMING:
            return
        for trail in TRAILS:
            while scene.forwarder.position(trail) < self.offered[trail]:
                if not scene.forwarder.wants_records:
                    scene.take_all()
                scene.feed(trail, 1)
        scene.take_all()
        scene.wait(5)
        got = set(_indexes_of(scene.received()))
        for trail in TRAILS:
            assert {(trail, idx) for idx in range(self.offered[trail])} <= got
            assert scene.stored[trail] == scene.forwarder.position(trail)


def _indexes_of(received: list[bytes]) -> list[tuple[str, int]]:
    words = [message.split(b" ") for message in received]
    return [(word[7].decode(), int(word[8])) for word in words]


def _indexes(plain: bytes) -> list[tuple[str, int]]:
    from tests.unit.appliance.scene import messages  # noqa: PLC0415

    return _indexes_of(messages(plain))


TestNetwork = Network.TestCase
TestNetwork.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_a_cut_after_every_single_byte_loses_nothing() -> None:
    probe = Scene({"ca": 0})
    probe.start()
    probe.feed("ca", 3)
    for byte in range(probe.made + 1):
        for acknowledged in {0, byte // 2, byte}:
            scene = Scene({"ca": 0})
            scene.start()
            scene.feed("ca", 3)
            scene.deliver(byte)
            scene.acknowledge(acknowledged)
            scene.cut()
            scene.bring_up()
            scene.feed("ca", 3 - scene.forwarder.position("ca"))
            scene.take_all()
            scene.wait(2)
            assert [record("ca", idx).message for idx in range(3)] == sorted(set(scene.received()))
            assert scene.stored == {"ca": 3}
