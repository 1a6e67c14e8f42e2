"""No password is hashed without a turn, so that strangers cannot fill the memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from argon2.profiles import CHEAPEST

from sealwire.access.login import LogIn
from sealwire.access.people import People
from sealwire.access.roles import AuthenticatedBy, Principal, Role
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from tests.unit.access.scene import CERTIFICATE, HERE, PASSWORD, TRAIL, Counting, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.access.ports import Turns

NEW = "a password of my own"
ALICE = Principal("alice", frozenset({Role.ADMINISTRATOR}), AuthenticatedBy.PASSWORD)


class NoTurnError(Exception):
    """Somebody wanted one."""


class NoTurns:
    """Nobody ever gets one."""

    def __enter__(self) -> object:
        raise NoTurnError

    def __exit__(self, *_: object) -> None:
        raise AssertionError


class Crowd:
    """The scene's people, with turns."""

    def __init__(self, turns: Turns) -> None:
        self.scene = Scene()
        recorder = Recorder(self.scene.clock, "ca.example.com", AuditFormat("10.4.5"), "1")
        store, clock = self.scene.store, self.scene.clock
        self.log_in = LogIn(store, recorder, TRAIL, clock, Counting(), turns, weight=CHEAPEST)
        self.people = People(store, recorder, TRAIL, Counting(), turns, weight=CHEAPEST)


HASHING: dict[str, Callable[[Crowd], object]] = {
    "log in": lambda all_: all_.log_in.begin_with_password("alice", PASSWORD, address=HERE),
    "log in as nobody": lambda all_: all_.log_in.by_password(
        "nobody", PASSWORD, address=HERE, announce=True
    ),
    "change": lambda all_: all_.log_in.change_own_password(ALICE, PASSWORD, NEW, address=HERE),
    "add": lambda all_: all_.people.add("alice", "carol", ["agent"]),
    "reset": lambda all_: all_.people.reset_password("alice", "bob"),
    "set": lambda all_: all_.people.set_password("alice", "bob", NEW),
}


@pytest.mark.parametrize("name", HASHING)
def test_whatever_hashes_waits_for_a_turn(name: str) -> None:
    with pytest.raises(NoTurnError):
        HASHING[name](Crowd(NoTurns()))


@pytest.mark.parametrize("name", [name for name in HASHING if name != "log in as nobody"])
def test_every_turn_is_given_back(name: str) -> None:
    turns = threading.BoundedSemaphore(1)
    HASHING[name](Crowd(turns))
    assert turns.acquire(blocking=False)


def test_a_certificate_needs_none() -> None:
    begun = Crowd(NoTurns()).log_in.begin_with_certificate(CERTIFICATE, address=HERE)
    assert begun.principal.name == "bob"


def test_who_comes_too_many_waits_and_then_gets_in() -> None:
    turns = threading.BoundedSemaphore(1)
    crowd = Crowd(turns)
    entered = threading.Event()

    def come() -> None:
        crowd.log_in.begin_with_password("alice", PASSWORD, address=HERE)
        entered.set()

    with turns:
        one = threading.Thread(target=come)
        one.start()
        assert not entered.wait(0.5)
    assert entered.wait(20)
    one.join()
