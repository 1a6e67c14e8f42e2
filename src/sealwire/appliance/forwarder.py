"""The forwarder: one destination's state machine, without sockets, threads or a clock.

Whoever drives it tells what happened (``connected``, ``records``, ``acknowledged``, ...) with the
monotonic time, and does the actions that come back, in order. It must call ``tick`` at
``deadline`` and keep reading the socket in every connected state: a close_notify, and in TLS 1.3
the refusal of our certificate, arrive unasked. Records are sent in order and without gap on each
connection, from the first that is not confirmed (``ledger``); the cursor never passes a record
whose ciphertext the peer's TCP has not acknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.appliance.delivery import Fault
from sealwire.appliance.ledger import Ledger
from sealwire.appliance.notes import Connected, Failures
from sealwire.appliance.records import batches
from sealwire.appliance.transitions import Signal, State, successor
from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.appliance.notes import Note
    from sealwire.audit.ports import TrailRecord
    from sealwire.clock import RandomSource


_SENDING: Final = frozenset({State.STREAMING, State.DRAINING, State.CLOSING})
_WAITING: Final = frozenset({State.BACKING_OFF, State.REFUSED})


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds, sizes in bytes."""

    connect_timeout: float = 10.0
    handshake_timeout: float = 10.0
    proving_grace: float = 0.3  # besides two handshake times, for a late refusal
    confirm_after: float = 1.0
    persist_every: float = 0.5
    first_wait: float = 0.5
    longest_wait: float = 30.0
    stable_after: float = 5.0
    stop_timeout: float = 5.0
    window: int = 1 << 20  # ciphertext in flight
    batch: int = 64 << 10


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection and call ``connected``, later ``handshaken``; else ``failed``."""


@dataclass(frozen=True, slots=True)
class Send:
    """Give ``data`` (``count`` frames) to the TLS layer, then call ``sealed``, once for each."""

    data: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Persist:
    """Store these cursors durably, then call ``persisted``; asked again until that is called."""

    cursors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CloseNotify:
    """Send close_notify and go on reading until the peer's."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the socket, if there is one."""


Action = Connect | Send | Persist | CloseNotify | Drop | Connected | Failures


class Forwarder:
    """One destination. Not thread-safe: its driver is one thread."""

    def __init__(
        self, cursors: Mapping[str, int], random: RandomSource, policy: Policy | None = None
    ) -> None:
        self.policy = policy or Policy()
        self.state = State.STOPPED
        self.fault: Fault | None = None
        self.records_sent = 0
        self._random = random
        self._ledger = Ledger(cursors, self.policy.confirm_after)
        self._persisted = dict(cursors)
        self._persist_at: float | None = None
        self._attempts = 0
        self._entered = 0.0
        self._until: float | None = None
        self._note = Failures()
        self._settled = False
        self._confirmed_at_start: Mapping[str, int] = self._ledger.confirmed

    # What the driver may ask

    @property
    def wants_records(self) -> bool:
        """Whether ``records`` may be called: streaming, and room in the window."""
        return self.state is State.STREAMING and self._ledger.in_flight < self.policy.window

    @property
    def in_flight(self) -> int:
        """Ciphertext bytes sealed and not acknowledged."""
        return self._ledger.in_flight

    @property
    def confirmed(self) -> Mapping[str, int]:
        """Per trail: first index that the destination is not known to have."""
        return self._ledger.confirmed

    @property
    def deadline(self) -> float | None:
        """Monotonic time at which ``tick`` wants to be called."""
        times = [self._until, self._persist_at, self._ledger.ripe_at()]
        return min((time for time in times if time is not None), default=None)

    @property
    def retry_at(self) -> float | None:
        """Monotonic time of the next attempt while it waits for one."""
        return self._until if self.state in _WAITING else None

    def position(self, trail: str) -> int:
        """Index of the record of ``trail`` to be given to ``records`` next."""
        return self._ledger.position(trail)

    # What may happen

    def start(self, now: float) -> list[Action]:
        """Begin; from STOPPED only."""
        self._move(Signal.START, now)
        return self._connect(now)

    def stop(self, now: float) -> list[Action]:
        """Wind up: wait for acknowledgements, close_notify, wait for the peer's, up to a limit."""
        if self.state in {State.STOPPED, State.DRAINING, State.CLOSING}:
            return []
        if self._move(Signal.STOP, now) is State.STOPPED:
            return self._ended(now, in_good_order=False)
        self._until = now + self.policy.stop_timeout
        return self._drain(now)

    def connected(self, now: float) -> list[Action]:
        """TCP is up; the TLS handshake begins."""
        self._move(Signal.CONNECTED, now)
        self._until = now + self.policy.handshake_timeout
        return []

    def handshaken(self, now: float) -> list[Action]:
        """TLS is up as far as our side can tell; a refusal may be on its way."""
        took = now - self._entered
        self._move(Signal.HANDSHAKEN, now)
        self._until = now + self.policy.proving_grace + 2 * took
        return []

    def records(self, trail: str, records: Sequence[TrailRecord]) -> list[Action]:
        """The next records of ``trail``, in order, starting at ``position(trail)``."""
        if self.state is not State.STREAMING:
            raise ConflictError("forwarder.state", f"no records are taken while {self.state}")
        _require_no_gap(trail, records, self._ledger.position(trail))
        actions: list[Action] = []
        for batch in batches(records, self.policy.batch):
            self._ledger.sent(trail, batch.first_idx, batch.next_idx)
            count = batch.next_idx - batch.first_idx
            actions.append(Send(batch.data, count))
            self.records_sent += count
        return actions

    def sealed(self, end: int) -> None:
        """The ciphertext of the oldest ``Send`` not answered so yet ends at offset ``end``."""
        self._ledger.sealed(end)

    def acknowledged(self, offset: int, now: float) -> list[Action]:
        """The peer's TCP has the ciphertext before ``offset`` (bytes sent minus SIOCOUTQ)."""
        if self.state not in _SENDING:
            return []
        self._ledger.acknowledged(offset, now)
        self._plan_persist(now)
        return self._drain(now)

    def peer_closed(self, now: float, fault: Fault, *, in_good_order: bool) -> list[Action]:
        """The peer ended the connection: with a close_notify (``in_good_order``) or without.

        A goodbye shows that the peer has read everything only when it answers ours: one that
        leaves by its own wish may throw away what its TCP had taken.
        """
        answered = in_good_order and self.state is State.CLOSING
        return self._disconnected(now, fault, in_good_order=answered)

    def failed(self, now: float, fault: Fault) -> list[Action]:
        """The attempt or the connection failed."""
        return self._disconnected(now, fault, in_good_order=False)

    def persisted(self, cursors: Mapping[str, int]) -> None:
        """The cursors of a ``Persist`` are durable."""
        self._persisted.update(cursors)

    def retry_now(self, now: float) -> list[Action]:
        """Something changed that may heal a fault: do not wait for the timer."""
        if self.state not in _WAITING:
            return []
        self._attempts = 0
        return self._retry(now)

    def tick(self, now: float) -> list[Action]:
        """Time has passed."""
        if self.state in _SENDING:
            self._ledger.ripen(now)
        self._plan_persist(now)
        actions = self._persist(now)
        if self._until is not None and now >= self._until:
            actions += self._expired(now)
        return actions

    # How it follows from that

    def _move(self, signal: Signal, now: float) -> State:
        self.state = successor(self.state, signal)
        self._entered = now
        return self.state

    def _expired(self, now: float) -> list[Action]:
        if self.state in _WAITING:
            return self._retry(now)
        if self.state is State.PROVING:
            return self._proven(now)
        if self.state is State.STREAMING:
            return self._stable()
        if self.state in {State.DRAINING, State.CLOSING}:
            self._move(Signal.ENDED, now)
            return self._ended(now, in_good_order=False)
        return self.failed(now, _TIMEOUTS[self.state])

    def _retry(self, now: float) -> list[Action]:
        self._move(Signal.RETRY, now)
        return self._connect(now)

    def _connect(self, now: float) -> list[Action]:
        self._until = now + self.policy.connect_timeout
        return [Connect()]

    def _proven(self, now: float) -> list[Action]:
        self._move(Signal.PROVEN, now)
        self._ledger.opened()
        self._confirmed_at_start = self._ledger.confirmed
        self._settled = False
        if self._note.count:
            self._until = now + self.policy.stable_after
            return []
        return self._stable()

    def _stable(self) -> list[Action]:
        """Say that it is connected: at once when nothing had failed, else when it has lasted."""
        self._until = None
        self._settled = True
        self._attempts = 0
        self.fault = None
        return [*self._end_series(), Connected()]

    def _disconnected(self, now: float, fault: Fault, *, in_good_order: bool) -> list[Action]:
        if self.state in {State.DRAINING, State.CLOSING}:
            self._move(Signal.ENDED, now)
            return self._ended(now, in_good_order=in_good_order)
        was_settled = self.state is State.STREAMING and self._settled
        if self.state is State.PROVING and fault.code == PEER_CLOSED:
            fault = _CLOSED_WHILE_PROVING
        self._move(Signal.REFUSAL if fault.refused else Signal.FAILED, now)
        self.fault = fault
        self._ledger.ended(in_good_order=False)
        progress = self._ledger.confirmed != self._confirmed_at_start
        self._attempts = 1 if was_settled or progress else self._attempts + 1
        self._confirmed_at_start = self._ledger.confirmed
        self._until = now + self._wait()
        self._plan_persist(now)
        return [Drop(), *self._report(fault, was_up=was_settled), *self._persist(now, at_once=True)]

    def _ended(self, now: float, *, in_good_order: bool) -> list[Action]:
        self._ledger.ripen(now)
        was_settled, self._settled = self._settled, False
        self._ledger.ended(in_good_order=in_good_order)
        self._until = None
        self._attempts = 0
        notes: list[Action] = list(self._end_series())
        if was_settled:
            notes.append(Failures(_STOPPED_ON_REQUEST, 1, was_up=True))
        self._plan_persist(now)
        return [Drop(), *notes, *self._persist(now, at_once=True)]

    def _drain(self, now: float) -> list[Action]:
        if self.state is not State.DRAINING or not self._ledger.drained:
            return []
        entered = self._until
        self._move(Signal.DRAINED, now)
        self._until = entered
        return [CloseNotify()]

    def _wait(self) -> float:
        """Exponential, between half and the whole of each step, so that senders spread out."""
        doubled = self.policy.first_wait * 2.0 ** min(self._attempts - 1, 30)
        ceiling = min(self.policy.longest_wait, doubled)
        share = int.from_bytes(self._random.token_bytes(4), "big") / 2**32
        return ceiling * (0.5 + share / 2)

    def _plan_persist(self, now: float) -> None:
        if self._persist_at is None and self._ledger.confirmed != self._persisted:
            self._persist_at = now + self.policy.persist_every

    def _persist(self, now: float, *, at_once: bool = False) -> list[Action]:
        if self._persist_at is None or (now < self._persist_at and not at_once):
            return []
        self._persist_at = None
        moved = {
            trail: idx
            for trail, idx in self._ledger.confirmed.items()
            if idx != self._persisted[trail]
        }
        return [Persist(moved)] if moved else []

    def _report(self, fault: Fault, *, was_up: bool) -> Sequence[Note]:
        """One record for the first failure of a kind; the repeats are one more, with a count."""
        self._settled = False
        if was_up:
            return [*self._end_series(), Failures(fault, 1, was_up=True)]
        if self._note.continues(fault):
            self._note = Failures(fault, self._note.count + 1)
            return []
        notes = [*self._end_series(), Failures(fault, 1)]
        self._note = Failures(fault, 1)
        return notes

    def _end_series(self) -> Sequence[Note]:
        series, self._note = self._note, Failures()
        if series.fault is None or series.count <= 1:
            return []
        return [Failures(series.fault, series.count - 1)]


def _require_no_gap(trail: str, records: Sequence[TrailRecord], position: int) -> None:
    for expected, record in enumerate(records, position):
        if record.idx != expected or record.trail != trail:
            raise ConflictError(
                "forwarder.gap",
                f"trail {trail}: record {expected} is next, not {record.trail} {record.idx}",
            )


PEER_CLOSED: Final = "peer.closed"
"""Code of the fault that says that the peer ended the connection without giving a reason."""

_CLOSED_WHILE_PROVING: Final = Fault(
    "peer.closed_after_handshake",
    "the server closed the connection right after the handshake",
    "it may have refused our client certificate: look into the server's log",
    refused=True,
)
_TIMEOUTS: Final[Mapping[State, Fault]] = {
    State.CONNECTING: Fault(
        "tcp.timeout",
        "the server did not answer the connection request in time",
        "check host, port and the firewalls on the way",
    ),
    State.HANDSHAKING: Fault(
        "tls.timeout",
        "the server did not finish the TLS handshake in time",
        "the port may not speak TLS, or the server may be overloaded",
    ),
}
_STOPPED_ON_REQUEST: Final = Fault("stopped", "streaming was stopped on request")
