"""A forwarder with a peer that exists only here: bytes are delivered, acknowledged, cut."""

from __future__ import annotations

from datetime import UTC, datetime

from sealwire.appliance.delivery import Fault
from sealwire.appliance.forwarder import (
    Action,
    CloseNotify,
    Connect,
    Drop,
    Forwarder,
    Persist,
    Policy,
    Send,
)
from sealwire.appliance.notes import Connected, Failures
from sealwire.audit.ports import TrailRecord

TLS_OVERHEAD = 22
TLS_HANDSHAKE = 700
GONE = Fault("peer.closed", "the server closed the connection")
REFUSAL = Fault("tls.unknown_ca", "certificate signed by an unknown CA", refused=True)


class HalfRandom:
    """Every draw is the middle."""

    def token_bytes(self, count: int) -> bytes:
        return b"\x80" + bytes(count - 1)


def record(trail: str, idx: int, size: int = 40) -> TrailRecord:
    message = f"<110>1 - h a - - - {trail} {idx} ".encode()
    message += b"x" * max(0, size - len(message))
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return TrailRecord(trail, idx, time, "E", "s", "Success", "", message, b"")


def messages(stream: bytes) -> list[bytes]:
    """The complete octet-counted frames at the head of ``stream`` (RFC 5425 section 4.3)."""
    found = []
    while (space := stream.find(b" ")) > 0:
        end = space + 1 + int(stream[:space])
        if end > len(stream):
            break
        found.append(stream[space + 1 : end])
        stream = stream[end:]
    return found


class Scene:
    """Drives a forwarder by hand and writes down what the peer got on each connection."""

    def __init__(self, cursors: dict[str, int], policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.stored = dict(cursors)
        self.forwarder = Forwarder(cursors, HalfRandom(), self.policy)
        self.now = 100.0
        self.notes: list[Connected | Failures] = []
        self.goodbyes = 0
        self.connects = 0
        self.drops = 0
        self.store_works = True
        self._open()
        self.connections: list[list[bytes]] = []

    def _open(self) -> None:
        self.sealed: list[tuple[int, bytes]] = []
        self.made = TLS_HANDSHAKE
        self.delivered = 0
        self.acked = 0

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Connect():
                    self.connects += 1
                case Send(data=data):
                    self.made += len(data) + TLS_OVERHEAD
                    self.sealed.append((self.made, data))
                    self.forwarder.sealed(self.made)
                case Persist(cursors=cursors) if self.store_works:
                    self.stored.update(cursors)
                    self.forwarder.persisted(cursors)
                case CloseNotify():
                    self.goodbyes += 1
                case Drop():
                    self.drops += 1
                case Connected() | Failures():
                    self.notes.append(action)

    def wait(self, seconds: float) -> None:
        """Let time pass, ticking at every deadline on the way."""
        until = self.now + seconds
        while (deadline := self.forwarder.deadline) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.do(self.forwarder.tick(self.now))
        self.now = until
        self.do(self.forwarder.tick(self.now))

    def bring_up(self) -> None:
        """From a fresh attempt to streaming."""
        self.await_retry()
        self._open()
        self.do(self.forwarder.connected(self.now))
        self.do(self.forwarder.handshaken(self.now))
        self.wait(self.policy.proving_grace)
        self.connections.append([])

    def await_retry(self) -> None:
        """Until the next attempt, no longer."""
        if self.forwarder.retry_at is not None:
            self.now = self.forwarder.retry_at
            self.do(self.forwarder.tick(self.now))

    def start(self) -> None:
        self.do(self.forwarder.start(self.now))
        self.bring_up()

    def feed(self, trail: str, count: int, size: int = 40) -> None:
        first = self.forwarder.position(trail)
        records = [record(trail, idx, size) for idx in range(first, first + count)]
        self.do(self.forwarder.records(trail, records))

    def deliver(self, count: int) -> None:
        """The peer's TCP gets ``count`` more ciphertext bytes; it reads what whole ones hold."""
        self.delivered = min(self.made, self.delivered + count)
        plain = b"".join(data for end, data in self.sealed if end <= self.delivered)
        self.connections[-1] = messages(plain)

    def acknowledge(self, count: int) -> None:
        self.acked = min(self.delivered, self.acked + count)
        self.do(self.forwarder.acknowledged(self.acked, self.now))

    def take_all(self) -> None:
        self.deliver(self.made)
        self.acknowledge(self.made)

    def cut(self, *, in_good_order: bool = False, fault: Fault = GONE) -> None:
        self.do(self.forwarder.peer_closed(self.now, fault, in_good_order=in_good_order))

    def received(self) -> list[bytes]:
        return [message for connection in self.connections for message in connection]
