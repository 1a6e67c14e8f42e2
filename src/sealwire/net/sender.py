"""The forwarder's socket loop: one thread for each destination.

The rules are ``appliance.forwarder``'s; here are the socket, TLS, the store and the thread. The
socket is read in every state, so that a close_notify and a late refusal are seen at once.
"""

from __future__ import annotations

import select
import ssl
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from sealwire.appliance.delivery import STREAMED_TRAILS, DestinationStatus, Fault
from sealwire.appliance.forwarder import (
    PEER_CLOSED,
    CloseNotify,
    Connect,
    Drop,
    Forwarder,
    Persist,
    Policy,
    Send,
)
from sealwire.appliance.notes import Connected, Failures
from sealwire.appliance.transitions import State
from sealwire.errors import SealwireError
from sealwire.net.attempt import Attempt
from sealwire.net.bell import Bell
from sealwire.net.client_tls import client_context
from sealwire.net.dial import address_text, socket_fault
from sealwire.net.link import Link
from sealwire.net.peek import server_names
from sealwire.net.spool import Spool
from sealwire.net.tls_faults import NAME_MISMATCH, tls_fault
from sealwire.x509.revocation import RevocationGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.appliance.forwarder import Action
    from sealwire.appliance.notes import Note
    from sealwire.appliance.ports import ApplianceTx, Destination
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock, RandomSource
    from sealwire.net.client_tls import ClientIdentity

_log = structlog.get_logger(__name__)

_RECORDS_PER_READ: Final = 256
_UNSENT_LIMIT: Final = 256 << 10
_LOOK_FOR_RECORDS_S: Final = 0.2
_LOOK_FOR_ACKS_S: Final = 0.01
_LONGEST_SLEEP_S: Final = 1.0
_OPEN: Final = frozenset({State.PROVING, State.STREAMING, State.DRAINING, State.CLOSING})
_CLOSED_IN_HANDSHAKE: Final = Fault(
    "tls.closed_in_handshake",
    "the server closed the connection during the TLS handshake",
    "the port may not speak TLS; look into the server's log",
)
_ENDING: Final = frozenset({State.DRAINING, State.CLOSING})


@dataclass(frozen=True, slots=True)
class SenderTools:
    """What every sender of a node shares. ``identity``, ``guard`` are asked at each connection."""

    store: Store[ApplianceTx]
    recorder: Recorder
    clock: Clock
    random: RandomSource
    identity: Callable[[], ClientIdentity | None]
    policy: Policy
    guard: Callable[[], RevocationGuard] = RevocationGuard


class DestinationSender:
    """Streams the node's trails to one destination, from its cursors on, until stopped.

    ``start`` once; ``stop`` winds up (what is sent is acknowledged, close_notify) and returns at
    once; ``join`` waits for that. All methods are safe to call from any thread.
    """

    def __init__(self, destination: Destination, tools: SenderTools) -> None:
        self.destination = destination
        self._tools = tools
        self._spool = Spool(destination, tools.store, tools.recorder)
        self._actions: deque[Action] = deque()
        self._attempt: Attempt | None = None
        self._context: ssl.SSLContext | None = None
        self._link: Link | None = None
        self._look_at = 0.0
        self._tls = ""
        self._crash: Fault | None = None
        self._stop_requested = threading.Event()
        self._retry_requested = threading.Event()
        self._bell = Bell()
        self._forwarder: Forwarder | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"sender {destination.name}", daemon=True
        )

    # From any thread

    def start(self) -> None:
        """Begin to stream."""
        self._thread.start()

    def wake(self) -> None:
        """There may be new records."""
        self._bell.ring()

    def retry_now(self) -> None:
        """Something changed that may heal a fault."""
        self._retry_requested.set()
        self.wake()

    def stop(self) -> None:
        """Wind up."""
        self._stop_requested.set()
        self.wake()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; True when it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def status(self) -> DestinationStatus:
        """What it is doing; ``backlog`` is the store's to tell."""
        forwarder = self._forwarder
        name = self.destination.name
        if forwarder is None:
            return DestinationStatus(name, "starting" if self._crash is None else "failed")
        fault = self._crash or forwarder.fault
        retry_at = forwarder.retry_at
        connected = forwarder.state in _OPEN
        return DestinationStatus(
            name=name,
            state=str(forwarder.state),
            last_error=fault.message if fault else "",
            last_error_code=fault.code if fault else "",
            hint=fault.hint if fault else "",
            records_sent=forwarder.records_sent,
            next_retry_seconds=(
                None if retry_at is None else max(0.0, retry_at - self._tools.clock.monotonic())
            ),
            connected_to=address_text(self._address) if connected else "",
            tls=self._tls if connected else "",
        )

    # The thread

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - the thread's last line; its keeper restarts it
            self._crash = Fault("internal", f"the sender stopped: {error}")
            _log.exception("sender stopped", destination=self.destination.name)
        finally:
            self._drop()
            self._bell.close()

    def _serve(self) -> None:
        forwarder = Forwarder(self._spool.cursors(), self._tools.random, self._tools.policy)
        self._forwarder = forwarder
        self._do(forwarder.start(self._now()))
        while forwarder.state is not State.STOPPED:
            try:
                self._turn(forwarder)
            except SealwireError as error:
                fault = Fault(error.code, error.message, error.hint)
                self._do(forwarder.failed(self._now(), fault))
            except OSError as error:  # ssl.SSLError is one too
                self._broken(forwarder, error)

    def _turn(self, forwarder: Forwarder) -> None:
        if self._stop_requested.is_set() and forwarder.state not in _ENDING:
            self._do(forwarder.stop(self._now()))
            return
        if self._retry_requested.is_set():
            self._retry_requested.clear()
            self._do(forwarder.retry_now(self._now()))
        self._wait(forwarder)
        if forwarder.state is State.CONNECTING:
            self._continue_connecting(forwarder)
        elif forwarder.state is State.HANDSHAKING:
            self._continue_handshake(forwarder)
        elif forwarder.state in _OPEN:
            self._continue_stream(forwarder)
        self._do(forwarder.tick(self._now()))

    def _now(self) -> float:
        return self._tools.clock.monotonic()

    def _wait(self, forwarder: Forwarder) -> None:
        """Sleep until the socket, the bell or the clock has something."""
        poller = select.poll()
        poller.register(self._bell, select.POLLIN)
        if self._attempt is not None and self._attempt.pending is not None:
            poller.register(self._attempt.pending, select.POLLOUT)
        if self._link is not None:
            events = select.POLLIN | (select.POLLOUT if self._link.unsent else 0)
            poller.register(self._link.socket, events)
        for descriptor, _ in poller.poll(self._sleep_seconds(forwarder) * 1000):
            if descriptor == self._bell.fileno():
                self._bell.hush()
                self._look_at = 0.0

    def _sleep_seconds(self, forwarder: Forwarder) -> float:
        now = self._now()
        until = now + _LONGEST_SLEEP_S
        if forwarder.deadline is not None:
            until = min(until, forwarder.deadline)
        if self._link is not None and forwarder.in_flight:
            until = min(until, now + _LOOK_FOR_ACKS_S)
        if self._may_feed(forwarder):
            until = min(until, self._look_at)
        # Rounded up: poll counts whole milliseconds, and waking too early would spin.
        return max(0.0, until - now + 0.001) if until > now else 0.0

    # Actions

    def _do(self, actions: Sequence[Action]) -> None:
        self._actions.extend(actions)
        while self._actions:
            self._do_one(self._actions.popleft())

    def _do_one(self, action: Action) -> None:
        forwarder = self._forwarder
        assert forwarder is not None  # noqa: S101 - actions come from it
        match action:
            case Connect():
                self._connect(forwarder)
            case Send(data=data):
                link = self._link
                assert link is not None  # noqa: S101 - it streams
                forwarder.sealed(link.write(data))
            case CloseNotify() if self._link is not None:
                self._link.close_notify()
            case Drop():
                self._drop()
            case Persist() | Connected() | Failures():
                self._write_down(forwarder, action)

    def _write_down(self, forwarder: Forwarder, action: Persist | Note) -> None:
        if not isinstance(action, Persist):
            self._spool.note(action, self._tls)
        elif self._spool.persist(action.cursors):
            forwarder.persisted(action.cursors)

    def _connect(self, forwarder: Forwarder) -> None:
        self._crash = None
        destination = self.destination
        try:
            identity = self._tools.identity() if destination.mutual else None
            if destination.mutual and identity is None:
                fault = Fault(
                    "identity.missing",
                    "no audit log client certificate is installed",
                    "generate a CSR, have it signed and import the certificate",
                    refused=True,
                )
                self._do(forwarder.failed(self._now(), fault))
                return
            self._context = client_context(destination.trust_pem, identity)
            self._attempt = Attempt(destination.host, destination.port)
            self._attempt.begin()
        except SealwireError as error:
            fault = Fault(error.code, error.message, error.hint, refused=True)
            self._do(forwarder.failed(self._now(), fault))
        except OSError as error:
            self._do(forwarder.failed(self._now(), socket_fault(error)))

    @property
    def _address(self) -> tuple[str, int]:
        return ("", 0) if self._attempt is None else self._attempt.address

    def _drop(self) -> None:
        if self._attempt is not None:
            self._attempt.close()
        if self._link is not None:
            self._link.close()
            self._link = None

    # What a state does when something happened

    def _continue_connecting(self, forwarder: Forwarder) -> None:
        attempt, context = self._attempt, self._context
        assert attempt is not None  # noqa: S101 - made by Connect
        assert context is not None  # noqa: S101 - made before the attempt
        try:
            connection = attempt.connected()
        except OSError as error:
            self._do(forwarder.failed(self._now(), socket_fault(error)))
            return
        if connection is not None:
            self._link = Link(connection, context, self.destination.server_name)
            self._do(forwarder.connected(self._now()))
            self._link.handshake()

    def _continue_handshake(self, forwarder: Forwarder) -> None:
        link = self._link
        assert link is not None  # noqa: S101 - made in the state before
        link.receive()
        if link.handshake():
            link.require_unrevoked(self._tools.guard(), self._tools.clock.now())
            self._tls = link.tls.version_and_cipher
            self._do(forwarder.handshaken(self._now()))

    def _continue_stream(self, forwarder: Forwarder) -> None:
        link = self._link
        assert link is not None  # noqa: S101 - made two states before
        link.receive()
        if not link.read():
            fault = Fault(PEER_CLOSED, "the server closed the connection")
            self._settle(forwarder, link)
            self._do(forwarder.peer_closed(self._now(), fault, in_good_order=True))
            return
        link.flush()
        if forwarder.in_flight:
            self._do(forwarder.acknowledged(link.acknowledged(), self._now()))
        if self._may_feed(forwarder) and self._now() >= self._look_at:
            self._feed(forwarder)

    def _settle(self, forwarder: Forwarder, link: Link) -> None:
        """A last look at what the peer has, before the socket goes."""
        with suppress(OSError):
            self._do(forwarder.acknowledged(link.acknowledged(), self._now()))

    def _broken(self, forwarder: Forwarder, error: OSError) -> None:
        """The socket or TLS failed; what the peer said last tells more than how it ended."""
        if not isinstance(error, ssl.SSLError):
            error = self._last_words() or error
        self._actions = deque(kept for kept in self._actions if not isinstance(kept, Send))
        link = self._link
        orderly = forwarder.state in _ENDING and isinstance(error, ssl.SSLEOFError)
        if orderly and link is not None:
            self._settle(forwarder, link)
        fault = self._explained(forwarder, error)
        self._do(forwarder.peer_closed(self._now(), fault, in_good_order=orderly))

    def _last_words(self) -> ssl.SSLError | None:
        link = self._link
        if link is None:
            return None
        with suppress(OSError):
            link.receive()
        try:
            link.tls.read()
        except ssl.SSLEOFError:
            return None
        except ssl.SSLError as alert:
            return alert
        return None

    def _explained(self, forwarder: Forwarder, error: OSError) -> Fault:
        if not isinstance(error, ssl.SSLError):
            return socket_fault(error)
        server_name = self.destination.server_name
        fault = tls_fault(error, server_name)
        if fault.code == PEER_CLOSED and forwarder.state is State.HANDSHAKING:
            return _CLOSED_IN_HANDSHAKE
        if fault.code != NAME_MISMATCH:
            return fault
        before = forwarder.fault
        if before is not None and before.code == fault.code:
            return before  # The look at the certificate costs a connection: once a series.
        return tls_fault(error, server_name, server_names(self._address, server_name))

    # Records

    def _may_feed(self, forwarder: Forwarder) -> bool:
        link = self._link
        return link is not None and forwarder.wants_records and link.unsent < _UNSENT_LIMIT

    def _feed(self, forwarder: Forwarder) -> None:
        """Send the next records of every trail; look again at once if there may be more."""
        positions = {trail: forwarder.position(trail) for trail in STREAMED_TRAILS}
        try:
            found = self._spool.records_from(positions, _RECORDS_PER_READ)
        except SealwireError as error:
            _log.warning("records not read", error=error.message)
            self._look_at = self._now() + _LONGEST_SLEEP_S
            return
        more = any(len(records) == _RECORDS_PER_READ for records in found.values())
        self._look_at = self._now() + (0.0 if more else _LOOK_FOR_RECORDS_S)
        for trail, records in found.items():
            self._do(forwarder.records(trail, records))
