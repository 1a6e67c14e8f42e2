"""Answers go out in order and in few writes; who does not take them is not read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sealwire.net.answers import MOST_UNSENT, Answers, Outlet
from sealwire.sensor.journal import Connection
from sealwire.sensor.relp_session import MOST_UNANSWERED_FRAMES
from sealwire.sensor.session import Session
from sealwire.syslog.relp_frames import encode_relp_frame
from tests.unit.sensor.memory_journal import MemoryJournal

if TYPE_CHECKING:
    import socket

OPEN = encode_relp_frame(1, b"open", b"relp_version=0\ncommands=syslog")


class Wire:
    """What `Outlet` needs of a socket. ``room``: so much it takes."""

    def __init__(self) -> None:
        self.room = 1 << 30
        self.sent = b""
        self.writes = 0

    def fileno(self) -> int:
        return 7

    def send(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.room -= len(taken)
        self.sent += taken
        self.writes += 1
        return len(taken)


class Plain(Outlet):
    __slots__ = ("farewells",)

    def flush(self) -> None:
        self.transmit(b"")

    def answer(self, data: bytes) -> None:
        self.transmit(data)

    def bid_farewell(self) -> None:
        self.farewells = getattr(self, "farewells", 0) + 1


class Scene:
    """The loop, as connections see it, with one connection."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.answers = Answers(self.journal, self)
        self.watched = (True, False)
        self.refusals: list[str] = []
        self.wire = Wire()
        self.peer = Plain(cast("socket.socket", self.wire), "192.0.2.1", self)
        sender = Connection(1, "192.0.2.1", 40000, 6514, "TLSv1.3", "x")
        self.peer.session = self.session = Session(sender, self.journal, 65536)
        self.txnr = 1

    def watch(self, peer: Outlet, *, reading: bool, sending: bool) -> None:
        assert peer is self.peer
        self.watched = reading, sending

    def refused(self, address: str, reason: str, detail: str) -> None:
        assert address == "192.0.2.1"
        self.refusals.append(f"{reason}: {detail}")

    def closed(self, peer: object) -> None:
        raise AssertionError(f"{peer} was ended")

    def receive(self, data: bytes) -> None:
        self.session.receive(self.session.tail + data, 1)
        self.answers.turn(self.peer)

    def send(self, count: int) -> None:
        frames = [
            encode_relp_frame(self.txnr + n, b"syslog", b"<14>x") for n in range(1, count + 1)
        ]
        self.txnr += count
        self.receive(b"".join(frames))

    def commit(self) -> None:
        self.journal.close()
        for peer in self.answers.owing():
            self.answers.turn(peer)


def test_a_block_is_answered_in_one_write() -> None:
    scene = Scene()
    scene.receive(OPEN)
    for _ in range(50):
        scene.send(3)
    assert scene.wire.writes == 1
    assert scene.answers.urgent
    scene.commit()
    assert scene.wire.writes == 2
    assert scene.wire.sent.count(b" rsp ") == 151
    assert not scene.answers.urgent
    assert scene.answers.owing() == []


def test_a_slow_disk_holds_the_sender_until_it_has_caught_up() -> None:
    scene = Scene()
    scene.receive(OPEN)
    scene.send(MOST_UNANSWERED_FRAMES + 1)
    assert scene.watched == (False, False)
    assert scene.wire.sent.count(b" rsp ") == 1
    scene.commit()
    assert scene.watched == (True, False)


def test_who_does_not_take_answers_is_held_until_it_does() -> None:
    scene = Scene()
    scene.receive(OPEN)
    scene.wire.room = 0
    while scene.watched[0]:
        scene.send(MOST_UNANSWERED_FRAMES)
        scene.commit()
    assert scene.watched == (False, True)
    assert MOST_UNSENT < scene.peer.unsent < 2 * MOST_UNSENT
    scene.wire.room = 100
    assert scene.peer.still_held()
    scene.wire.room = 1 << 30
    assert not scene.peer.still_held()
    assert scene.watched == (True, False)
    assert scene.wire.sent.count(b" rsp ") == scene.txnr


def test_leaving_waits_for_the_last_answer() -> None:
    scene = Scene()
    scene.receive(OPEN)
    scene.send(2)
    assert scene.answers.leave(scene.peer)
    assert not hasattr(scene.peer, "farewells")
    scene.commit()
    assert scene.wire.sent.endswith(b"3 rsp 6 200 OK\n0 serverclose 0\n")
    assert scene.peer.farewells == 1
    scene.send(1)
    assert scene.peer.farewells == 1
    assert len(scene.journal.messages()) == 2


def test_who_is_not_relp_is_left_to_others() -> None:
    scene = Scene()
    scene.receive(b"<14>line\n")
    assert not scene.answers.leave(scene.peer)
    assert scene.wire.sent == b""


def test_a_violation_is_told_once_and_held_senders_can_still_go() -> None:
    scene = Scene()
    scene.receive(OPEN)
    scene.wire.room = 0
    while scene.watched[0]:
        scene.send(MOST_UNANSWERED_FRAMES)
        scene.commit()
    scene.receive(b"no frame")
    scene.commit()
    assert scene.refusals == ["relp_violation: RELP: bad frame header"]
    scene.wire.room = 1 << 30
    assert not scene.peer.still_held()
    assert scene.watched == (True, False)
    assert len(scene.refusals) == scene.peer.farewells == 1


def test_what_is_forgotten_is_not_answered() -> None:
    scene = Scene()
    scene.receive(OPEN)
    scene.send(5)
    scene.answers.forget(scene.peer)
    scene.commit()
    assert scene.wire.sent.count(b" rsp ") == 1
