"""A home with people in it, a clock to be moved, and its trail."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from argon2.profiles import CHEAPEST

from sealwire.access.login import LogIn
from sealwire.access.people import People
from sealwire.access.roles import Role
from sealwire.access.users import new_user
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.stores.memory import MemoryStore

if TYPE_CHECKING:
    from sealwire.access.ports import User

HERE, ELSEWHERE, SERVER = "192.0.2.7", "198.51.100.9", "192.0.2.1"
PASSWORD = "correct horse battery"
CERTIFICATE = b"a certificate"
TRAIL = "ca"


class Counting:
    """SHA-256 of a counter."""

    def __init__(self) -> None:
        self._count = 0

    def token_bytes(self, count: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(str(self._count).encode()).digest(count)


class SetClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def pass_by(self, **interval: float) -> None:
        self.time += timedelta(**interval)

    def now(self) -> datetime:
        return self.time

    def now_ns(self) -> int:
        return int(self.time.timestamp() * 1e9)

    def monotonic(self) -> float:
        return self.time.timestamp()


@cache
def somebody(name: str, *roles: Role, must_change: bool = False, certificate: bool = False) -> User:
    """Hashing takes its time, so each is made once."""
    user = new_user(
        name, full_name="", roles=roles, password=PASSWORD, random=Counting(), weight=CHEAPEST
    )
    sha256 = frozenset({hashlib.sha256(CERTIFICATE).hexdigest()} if certificate else ())
    return replace(user, must_change_password=must_change, certificate_sha256=sha256)


class Scene:
    """Alice administers, Bob is an agent with a certificate."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = SetClock()
        random = Counting()
        recorder = Recorder(self.clock, "ca.example.com", AuditFormat("10.4.5"), "1")
        self.log_in = LogIn(self.store, recorder, TRAIL, self.clock, random, weight=CHEAPEST)
        self.people = People(self.store, recorder, TRAIL, random, weight=CHEAPEST)
        self.put(somebody("alice", Role.ADMINISTRATOR))
        self.put(somebody("bob", Role.AGENT, certificate=True))

    def put(self, user: User) -> None:
        self.store.run(lambda tx: tx.put_user(user))

    def trail(self) -> list[str]:
        records = self.store.read(lambda tx: tx.trail_records(TRAIL, start=0, limit=1000))
        return [record.text for record in records]

    def begin(self, name: str = "alice", password: str = PASSWORD, address: str = HERE) -> str:
        return self.log_in.begin_with_password(name, password, address=address).token
