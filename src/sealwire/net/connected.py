"""What a receiver's loop knows of any connection, and what any connection asks of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sealwire.net.answers import Watcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.net.buffers import Buffers
    from sealwire.sensor.admission import Admission
    from sealwire.sensor.journal import Connection, RunJournal
    from sealwire.sensor.session import Session


class Connected(Protocol):
    """An accepted connection, with TLS or without."""

    fd: int
    address: str
    session: Session | None

    def receive(self, now_ns: int) -> int:
        """Take what has come; returns the number of bytes."""
        ...

    def say_goodbye(self) -> None:
        """Say that the sensor sends no more; what the sender still sends is read."""
        ...

    def close(self, now_ns: int, *, orderly: bool) -> None:
        """End the session and the connection. ``orderly``: the sender said that it is done."""
        ...

    def drop(self, reason: str, detail: str) -> None:
        """Close without a word, and report why."""
        ...


class ConnectionOwner(Watcher, Protocol):
    """The receiver's loop, as its connections see it."""

    journal: RunJournal
    buffers: Buffers
    admission: Admission

    def session(self, connection: Connection) -> Session:
        """What takes the connection's plaintext, framed as is known of its sender."""
        ...

    def established(self, peer: Connected) -> int:
        """``peer`` may deliver from now on; returns its number in the journal."""
        ...

    def objection(self, verified: Sequence[bytes]) -> str | None:
        """Why a sender with this verified chain (DER, leaf first) may not pass."""
        ...
