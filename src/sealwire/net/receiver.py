"""A receiver worker's loop: one thread, epoll, whole buffers, one journal.

Each turn takes at most one buffer from each ready connection, so that none starves another.
When little came, the loop sleeps a moment, because a bigger buffer costs less for each message.
When the disk is behind, or fails, nothing is read: TCP then holds the senders back, which is the
only flow control that RFC 5425 has. Nothing received is ever dropped.
"""

from __future__ import annotations

import os
import select
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from sealwire.net.answers import Answers
from sealwire.net.buffers import Buffers
from sealwire.net.control import material_from
from sealwire.net.datagrams import DatagramPort
from sealwire.net.deadlines import Deadlines
from sealwire.net.entrance import Entrance
from sealwire.net.peer import Peer
from sealwire.net.reporting import Reporter
from sealwire.net.tls import server_context
from sealwire.net.watching import Watch
from sealwire.sensor.admission import Admission
from sealwire.sensor.journal import ConnectionNumbers
from sealwire.sensor.receiving import Transport
from sealwire.sensor.session import Session
from sealwire.x509.revocation import RevocationGuard, guard_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from sealwire.clock import Clock
    from sealwire.net.answers import Outlet
    from sealwire.net.connected import Connected
    from sealwire.net.control import LineChannel
    from sealwire.net.limits import ReceiverLimits
    from sealwire.net.listening import Listener
    from sealwire.sensor.journal import Connection, RunJournal

_HANDSHAKES_AT_ONCE: Final = 16
_HANDSHAKES_SECONDS: Final = 0.005
_SMALL_READ: Final = 8192
_HURRY: Final = 3
# Many connections that bring little each: from so many on a nap is so many times longer.
_CROWD: Final = 4
_CROWDED_NAP: Final = 3
_BUSY_WITH_HANDSHAKES: Final = 0.2
_ACCEPT_PAUSE: Final = 0.1
_IDLE: Final = 1.0


class Receiver:
    """Serves listening sockets until it is told to stop.

    Args:
        listeners: bound, non-blocking sockets.
        context: for the handshakes, until main sends material for another.
        guard: who is revoked, until main sends material for another.
        admission: what is known of senders, until main sends material for another.
        journal: where everything goes.
        control: to the main process; its end means that main is gone.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        context: ssl.SSLContext,
        journal: RunJournal,
        control: LineChannel,
        *,
        clock: Clock,
        limits: ReceiverLimits,
        guard: RevocationGuard | None = None,
        admission: Admission | None = None,
    ) -> None:
        self.journal = journal
        self.buffers = Buffers(limits.max_message)
        self.answers = Answers(journal, self)
        self._context = context
        self._guard = guard or RevocationGuard()
        self.admission = admission or Admission()
        self._control = control
        self._clock = clock
        self._limits = limits
        self._reporter = Reporter(control, clock, journal)
        self._deadlines = Deadlines(limits)
        self._receiving: dict[int, Callable[[int], int]] = {}
        self._peers: dict[int, Connected] = {}
        self._numbers = ConnectionNumbers()
        self._block_since = 0.0
        self._deadline: float | None = None
        self._others: dict[int, Callable[[], None]] = {}
        self._epoll = select.epoll()
        self._watch = Watch(self._epoll)
        self._quiet_epoll = select.epoll()
        for fd, handler in (
            (control.fileno(), self._hear),
            (journal.wake_fd, self._journal_moved),
        ):
            self._others[fd] = handler
            self._epoll.register(fd, select.EPOLLIN)
            self._quiet_epoll.register(fd, select.EPOLLIN)
        streams = [one for one in listeners if one.transport is not Transport.UDP]
        self._entrance = Entrance(
            streams, self._epoll, self, self._reporter, clock=clock, limits=limits
        )
        self._others |= self._entrance.handlers()
        self._datagrams = [
            DatagramPort(one, self, limits.max_message)
            for one in listeners
            if one.transport is Transport.UDP
        ]

    # What the loop does.

    def run(self) -> None:
        """Serve until stopped; then everything received is durable, or the disk has failed."""
        self._entrance.accept(accepting=True)
        for port in self._datagrams:
            self._receiving[port.sock.fileno()] = port.receive
            self._epoll.register(port.sock, select.EPOLLIN)
        while not self._is_over():
            if self._must_pause():
                self._turn(self._quiet_epoll, _IDLE / 4)
                self._deadlines.forgive()
            else:
                self._turn(self._epoll, self._timeout())
            self._keep_house()
        now_ns = self._clock.now_ns()
        for peer in list(self._peers.values()):
            peer.close(now_ns, orderly=False)
        self.journal.close()
        self._reporter.report(connections=0)
        self._control.drain(_IDLE)
        self._epoll.close()
        self._quiet_epoll.close()

    def _turn(self, epoll: select.epoll, timeout: float) -> None:
        """Wait, then give every ready connection its turn."""
        events = epoll.poll(timeout)
        now_ns = self._clock.now_ns()
        receiving = self._receiving
        others = []
        received = sealed = 0
        for fd, _ in events:
            handler = receiving.get(fd)
            if handler is None:
                others.append(fd)
                continue
            try:
                received += handler(now_ns)
            except Exception as fault:  # noqa: BLE001 - one connection's fault ends only that one
                self._contain(fd, fault)
            if received - sealed >= self._limits.block_bytes:
                sealed = received
                self.journal.seal()
                if self._must_pause():
                    break
        handshakes = self._serve_others(others, now_ns) if others else 0
        if received:
            self._after_receiving(received, len(events) - len(others), handshakes)

    def _serve_others(self, fds: Sequence[int], now_ns: int) -> int:
        """Control, journal, listeners, then some of the handshakes; returns how many of these.

        Who waits for an answer, or for the next turn, waits for few handshakes.
        """
        shaking = []
        for fd in fds:
            handler = self._others.get(fd)
            if handler is None:
                shaking.append(fd)
            else:
                handler()
        until = self._clock.monotonic() + _HANDSHAKES_SECONDS
        for count, fd in enumerate(shaking):
            if count and (count >= _HANDSHAKES_AT_ONCE or self._clock.monotonic() > until):
                return count
            peer = self._peers.get(fd)
            if isinstance(peer, Peer):
                try:
                    self._go_on_with_handshake(peer, now_ns)
                except Exception as fault:  # noqa: BLE001 - as above
                    self._contain(fd, fault)
        return len(shaking)

    def _contain(self, fd: int, fault: Exception) -> None:
        """A fault of our own with one connection: show it, close that one, serve the others."""
        traceback.print_exception(fault)
        peer = self._peers.get(fd)
        if peer is not None:
            peer.drop("internal_fault", f"the sensor failed: {type(fault).__name__}")

    def _after_receiving(self, received: int, connections: int, handshakes: int) -> None:
        now = self._clock.monotonic()
        self._deadlines.note(received)
        if not self._block_since:
            self._block_since = now
        busy = handshakes or now - self._entrance.last_handshake < _BUSY_WITH_HANDSHAKES
        if any(port.more for port in self._datagrams):
            return  # the kernel holds senders of datagrams back by losing what they send
        if received < connections * _SMALL_READ and not (busy and self._entrance.handshaking):
            time.sleep(self._nap(received, connections))

    def _nap(self, received: int, connections: int) -> float:
        """How long to let bytes gather, seconds: what a read costs is shared by what it brings."""
        if self.answers.urgent:
            return self._limits.nap / _HURRY
        crowded = connections >= _CROWD and received < connections * _SMALL_READ // 2
        return self._limits.nap * (_CROWDED_NAP if crowded else 1)

    def _timeout(self) -> float:
        if self.journal.gathered:
            if not self._block_since:
                self._block_since = self._clock.monotonic()
            due = self._block_since + self._gathering_seconds()
            return max(0.0, due - self._clock.monotonic())
        entrance = self._entrance
        if entrance.handshaking or not entrance.accepting or self._deadline is not None:
            return _ACCEPT_PAUSE
        return min(self._deadlines.every, self._reporter.due_in())

    def _gathering_seconds(self) -> float:
        """How long a block is gathered: no longer than a sender waits for it and the disk is idle.

        What comes meanwhile is the next block.
        """
        return 0.0 if self.answers.urgent else self._limits.commit_seconds

    def _must_pause(self) -> bool:
        """Whether the disk is too far behind to read more."""
        journal = self.journal
        return journal.undurable > self._limits.undurable_bytes or journal.trouble is not None

    def _keep_house(self) -> None:
        now = self._clock.monotonic()
        gathered = self.journal.gathered
        if gathered:
            late = now - self._block_since >= self._gathering_seconds()
            if late or gathered >= self._limits.block_bytes:
                self.journal.seal()
                self._block_since = 0.0
        else:
            self._block_since = 0.0
        self._entrance.keep(now, stopping=self._deadline is not None)
        if self._deadlines.is_due(now) and not self._must_pause():
            self._look_around(now)
        if self._reporter.is_due(now):
            self._reporter.report(connections=len(self._peers))

    def _look_around(self, now: float) -> None:
        """About once a second: whose time is up, and what the kernel lost."""
        for one in self._deadlines.look(self._peers.values(), now):
            if one.peer.fd < 0:
                continue
            self.refused(one.peer.address, one.reason, one.detail)
            if one.reason == "buffers_full":
                self._reporter.note_alarm(one.reason, one.detail)
            if one.politely:
                one.peer.say_goodbye()
            else:
                one.peer.close(self._clock.now_ns(), orderly=False)
        for port in self._datagrams:
            lost = port.lost()
            if lost > port.told:
                port.told = lost
                text = f"UDP port {port.port}: {lost} datagrams lost for want of room so far"
                self._reporter.note_alarm("datagrams_lost", text)

    # Stopping, and word from main.

    def stop(self, seconds: float) -> None:
        """Accept no more, say goodbye, and go on reading until senders end or time is up."""
        if self._deadline is not None:
            return
        self._deadline = self._clock.monotonic() + seconds
        self._entrance.close()
        self._end_datagrams()
        for peer in list(self._peers.values()):
            if peer.session is None:
                peer.drop("sensor_stops", "the sensor stopped during the handshake")
            else:
                peer.say_goodbye()

    def _end_datagrams(self) -> None:
        """Take what the kernel has already, as long as the disk keeps up."""
        now_ns = self._clock.now_ns()
        for port in self._datagrams:
            port.receive(now_ns)
            while port.more and not self._must_pause():
                port.receive(now_ns)
            # Main has the same socket open, so that closing ours would leave it watched.
            if self._receiving.pop(port.sock.fileno(), None) is not None:
                self._epoll.unregister(port.sock)
            port.sock.close()
        self._datagrams = []

    def obey(self, message: Mapping[str, Any]) -> None:
        """Do what main says: see ``sealwire.net.control``."""
        match message["do"]:
            case "reload":
                material = material_from(message["tls"])
                self._context = server_context(material)
                self._guard = guard_of(material.revocation)
                self.admission = Admission(material.senders)
                self._control.send({"event": "reloaded", "generation": message["generation"]})
            case "stop":
                self.stop(message["seconds"])
            case unknown:
                raise ValueError(f"main says {unknown}")

    def _is_over(self) -> bool:
        if self._deadline is None:
            return False
        return not self._peers or self._clock.monotonic() >= self._deadline

    def _hear(self) -> None:
        try:
            for message in self._control.receive():
                self.obey(message)
        except EOFError:
            fd = self._control.fileno()
            self._epoll.unregister(fd)
            self._quiet_epoll.unregister(fd)
            del self._others[fd]
            self.stop(_IDLE)

    def _journal_moved(self) -> None:
        os.eventfd_read(self.journal.wake_fd)
        self._reporter.note_journal()
        for peer in self.answers.owing():
            try:
                self.answers.turn(peer)
            except Exception as fault:  # noqa: BLE001 - as above
                self._contain(peer.fd, fault)

    # Connections.

    def admitted(self, peer: Connected) -> None:
        """Watch a connection that was let in."""
        self._peers[peer.fd] = peer
        self._reporter.note_connection()
        if peer.session is not None:
            self._receiving[peer.fd] = peer.receive
        self._watch.begin(peer.fd)

    def _go_on_with_handshake(self, peer: Peer, now_ns: int) -> None:
        peer.handshake(self._context)
        if peer.session is not None and peer.fd >= 0:
            self._receiving[peer.fd] = peer.receive
            peer.take(0, now_ns)

    def established(self, peer: Connected) -> int:
        """``peer`` may deliver from now on; returns its number in the journal."""
        self._entrance.handshake_done(peer)
        return self.new_number()

    def new_number(self) -> int:
        """A number in the journal that no other sender has at present."""
        return self._numbers.take()

    def free_number(self, number: int) -> None:
        """Its sender is gone."""
        self._numbers.give_back(number)

    def session(self, connection: Connection) -> Session:
        """What takes the connection's plaintext, framed as is known of its sender."""
        framing = self.admission.framing(connection)
        return Session(connection, self.journal, self._limits.max_message, framing)

    def objection(self, verified: Sequence[bytes]) -> str | None:
        """Why a sender with this verified chain may not pass, by the revocation lists."""
        return self._guard.objection_to(verified, self._clock.now())

    def closed(self, peer: Connected) -> None:
        """Forget ``peer``."""
        self._entrance.left(peer)
        self._receiving.pop(peer.fd, None)
        self._peers.pop(peer.fd, None)
        if peer.session is not None:
            self.free_number(peer.session.connection.number)
        self._reporter.note_connection()
        self.answers.forget(peer)
        self._watch.end(peer.fd)

    def refused(self, address: str, reason: str, detail: str) -> None:
        """Remember for the next report who failed at TLS or was sent away, and why."""
        self._reporter.note_failure(address, reason, detail)

    def watch(self, peer: Outlet, *, reading: bool, sending: bool) -> None:
        """Watch a connection for what can be read, for room to send, or not at all."""
        self._watch.change(peer.fd, reading=reading, sending=sending)
