"""Answers to RELP senders: given when the journal is durable, in few writes, to whoever reads them.

A sender that sends and does not read is not sent away: nothing more is read from it until it has
taken what waits. So is one that has too much unanswered, because the disk is slow. Both bounds
together bound what a connection can make the sensor hold: ``MOST_UNSENT`` and the answers to what
is unanswered, see ``sensor.relp_session``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import socket

    from sealwire.sensor.journal import RunJournal
    from sealwire.sensor.session import Session

MOST_UNSENT: Final = 64 * 1024
_SHUT_WRITING: Final = 1


class Watcher(Protocol):
    """The receiver's loop, as `Answers` and what sends see it."""

    answers: Answers

    def watch(self, peer: Outlet, *, reading: bool, sending: bool) -> None:
        """Wake the connection when its socket can be read, or takes more; or not at all."""
        ...

    def refused(self, address: str, reason: str, detail: str) -> None:
        """The connection failed at TLS, or was ended by the sensor, and why."""
        ...

    def closed(self, peer: Outlet) -> None:
        """The connection is over; its socket is about to be closed."""
        ...


class Outlet:
    """What connections with TLS and without it share: how they send, and how they end.

    Fills ``net.connected.Connected``. What the socket does not take at once waits.
    """

    __slots__ = ("_held", "_loop", "_unsent", "address", "fd", "session", "sock")

    def __init__(self, sock: socket.socket, address: str, loop: Watcher) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.address = address
        self.session: Session | None = None
        self._loop = loop
        self._unsent = b""
        self._held = False

    @property
    def unsent(self) -> int:
        """Bytes that wait for the socket."""
        return len(self._unsent)

    def transmit(self, data: bytes) -> None:
        """Send ``data`` behind what waits, as far as the socket takes it."""
        waited = bool(self._unsent)
        data = self._unsent + data
        try:
            data = data[self.sock.send(data) :] if data else data
        except BlockingIOError:
            pass
        except OSError:
            data = b""
        self._unsent = data
        if bool(data) != waited:
            self._loop.watch(self, reading=not self._held, sending=bool(data))

    def hold(self, *, held: bool) -> None:
        """Read nothing from this sender for now, or go on."""
        if held != self._held:
            self._held = held
            self._loop.watch(self, reading=not held, sending=bool(self._unsent))

    def still_held(self) -> bool:
        """Send what waits; then perhaps reading may go on."""
        self.flush()
        if self.fd >= 0:
            self._loop.answers.turn(self)
        return self._held or self.fd < 0

    def receive(self, now_ns: int) -> int:
        """Take what has come; returns the number of bytes."""
        raise NotImplementedError

    def flush(self) -> None:
        """Send what waits."""
        raise NotImplementedError

    def answer(self, data: bytes) -> None:
        """Send plaintext."""
        raise NotImplementedError

    def say_goodbye(self) -> None:
        """Bid farewell, to a RELP sender behind the answers that it waits for."""
        if not self._loop.answers.leave(self):
            self.bid_farewell()

    def bid_farewell(self) -> None:
        """Send FIN, unless something waits to be sent; what the peer still sends is read."""
        if not self._unsent:
            with suppress(OSError):
                self.sock.shutdown(_SHUT_WRITING)

    def close(self, now_ns: int, *, orderly: bool) -> None:
        """End the session and the connection. ``orderly``: the sender said that it is done."""
        if self.session is not None:
            self.session.end(now_ns, orderly=orderly)
        self._release()

    def drop(self, reason: str, detail: str) -> None:
        """Close without a word, and report why."""
        self._loop.refused(self.address, reason, detail)
        self._release()

    def _release(self) -> None:
        if self.fd >= 0:
            self._loop.closed(self)
            self.fd = -1
            self.sock.close()


class Answers:
    """Who waits for an answer, in one receiver."""

    def __init__(self, journal: RunJournal, loop: Watcher) -> None:
        self._journal = journal
        self._loop = loop
        self._owing: dict[Outlet, None] = {}
        self._ended: set[Outlet] = set()

    def turn(self, peer: Outlet) -> None:
        """After each read from a RELP sender, and when the journal has moved."""
        relp = peer.session.relp if peer.session is not None else None
        if relp is None:
            return
        if peer in self._ended:
            peer.hold(held=peer.unsent > MOST_UNSENT)
            return
        data = relp.due()
        if data:
            peer.answer(data)
        if peer.fd < 0:
            return
        if relp.waits:
            self._owing[peer] = None
        else:
            self._owing.pop(peer, None)
        peer.hold(held=relp.full or peer.unsent > MOST_UNSENT)
        if relp.is_over:
            self._ended.add(peer)
            if relp.objection is not None:
                self._loop.refused(peer.address, "relp_violation", f"RELP: {relp.objection}")
            peer.bid_farewell()

    def leave(self, peer: Outlet) -> bool:
        """Tell a RELP sender, behind its answers, that the sensor goes; False when it is none."""
        relp = peer.session.relp if peer.session is not None else None
        if relp is None:
            return False
        relp.leave()
        self.turn(peer)
        return True

    def owing(self) -> list[Outlet]:
        """Who waits: each is due a turn when more has become durable."""
        return list(self._owing)

    def forget(self, peer: object) -> None:
        """The connection is over: what was not answered will come again."""
        if isinstance(peer, Outlet):
            self._owing.pop(peer, None)
            self._ended.discard(peer)

    @property
    def urgent(self) -> bool:
        """Whether somebody waits, and no block is on its way to the disk.

        A sender with a small window sends nothing more until it is answered.
        """
        journal = self._journal
        return bool(self._owing) and journal.ticket - journal.durable_ticket <= 1
