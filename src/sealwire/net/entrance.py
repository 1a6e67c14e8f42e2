"""Who is let in: accepting connections, handshakes in progress, what one address may have.

The worker's bounds are its share of the node's totals: a worker that has its fill leaves what
comes to the others, which wait at the same sockets. What one address may have is counted by each
worker for itself, because the kernel gives a connection to one worker or another as it likes, and
half of a bound would refuse honest senders whenever it likes one more: so an address may have the
bound in the node, and with luck up to that of all workers together.
"""

from __future__ import annotations

import select
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.net.connected import ConnectionOwner
from sealwire.net.listening import plain_address
from sealwire.net.peer import Peer
from sealwire.net.plain_peer import PlainPeer
from sealwire.sensor.receiving import Transport

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from sealwire.clock import Clock
    from sealwire.net.connected import Connected
    from sealwire.net.limits import ReceiverLimits
    from sealwire.net.listening import Listener
    from sealwire.net.reporting import Reporter

_ACCEPTED_AT_ONCE: Final = 8
_PAUSE: Final = 0.1
_ALL_TAKEN: Final = "all connections are taken"


class EntranceOwner(ConnectionOwner, Protocol):
    """The receiver's loop, as its entrance sees it."""

    def admitted(self, peer: Connected) -> None:
        """``peer`` was let in; watch its socket."""
        ...


class Entrance:
    """Accepts from listening sockets and keeps count of who is inside.

    Args:
        listeners: streams, with TLS or without.
        epoll: where the sockets are watched while connections are accepted.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        epoll: select.epoll,
        owner: EntranceOwner,
        reporter: Reporter,
        *,
        clock: Clock,
        limits: ReceiverLimits,
    ) -> None:
        self.accepting = False
        self.last_handshake = 0.0
        self.handshaking: dict[Connected, float] = {}
        self._listeners = listeners
        self._epoll = epoll
        self._owner = owner
        self._reporter = reporter
        self._clock = clock
        self._limits = limits
        self._again = 0.0
        self._by_source: dict[str, int] = {}
        self._shaking_by_source: dict[str, dict[Connected, None]] = {}
        self._inside = 0

    def handlers(self) -> dict[int, Callable[[], None]]:
        """What to call when a listening socket can be read, by descriptor."""
        return {one.sock.fileno(): partial(self._accept, one) for one in self._listeners}

    def accept(self, *, accepting: bool) -> None:
        """Accept connections from now on, or leave them in the kernel's queue."""
        if accepting == self.accepting:
            return
        self.accepting = accepting
        for one in self._listeners:
            if accepting:
                self._epoll.register(one.sock, select.EPOLLIN | select.EPOLLEXCLUSIVE)
            else:
                self._epoll.unregister(one.sock)

    def close(self) -> None:
        """Accept no more, ever, also when ``accept`` is called after it."""
        self.accept(accepting=False)
        for one in self._listeners:
            one.sock.close()
        self._listeners = ()

    def keep(self, now: float, *, stopping: bool) -> None:
        """End handshakes that are late; accept again after a pause."""
        for peer, deadline in list(self.handshaking.items()):
            if deadline > now:
                break
            peer.drop("handshake_timeout", "the handshake was not completed in time")
        if not self.accepting and not stopping and now >= self._again:
            if self._inside < self._limits.connections:
                self.accept(accepting=True)
            else:
                self._pause(_ALL_TAKEN)

    def handshake_done(self, peer: Connected) -> None:
        """It is no longer one in progress."""
        if self.handshaking.pop(peer, None) is None:
            return
        self.last_handshake = self._clock.monotonic()
        mine = self._shaking_by_source[peer.address]
        del mine[peer]
        if not mine:
            del self._shaking_by_source[peer.address]

    def left(self, peer: Connected) -> None:
        """``peer`` is no longer inside."""
        self.handshake_done(peer)
        self._inside -= 1
        rest = self._by_source[peer.address] - 1
        if rest:
            self._by_source[peer.address] = rest
        else:
            del self._by_source[peer.address]

    def _accept(self, listener: Listener) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                sock, address = listener.sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._pause(error.strerror or str(error))
                return
            self._admit(sock, (plain_address(address[0]), address[1]), listener)
            if self._inside >= self._limits.connections:
                self._pause(_ALL_TAKEN)
                return

    def _pause(self, reason: str) -> None:
        """Out of descriptors or connections: those that wait stay in the kernel's queue."""
        self._again = self._clock.monotonic() + _PAUSE
        self.accept(accepting=False)
        self._reporter.note_alarm("accepting_paused", reason)

    def _admit(self, sock: socket.socket, peer: tuple[str, int], listener: Listener) -> None:
        sock.settimeout(0)
        has = self._by_source.get(peer[0], 0)
        if has >= self._limits.source_connections:
            sock.close()
            self._owner.refused(
                peer[0], "too_many_connections", "the address has as many connections as it may"
            )
            return
        self._inside += 1
        self._by_source[peer[0]] = has + 1
        if listener.transport is Transport.TLS:
            self._begin_handshake(Peer(sock, peer, listener.port, self._owner))
        else:
            self._owner.admitted(PlainPeer(sock, peer, listener.port, self._owner))

    def _begin_handshake(self, peer: Peer) -> None:
        self._make_room(peer.address)
        now = self._clock.monotonic()
        self.handshaking[peer] = now + self._limits.handshake_seconds
        self._shaking_by_source.setdefault(peer.address, {})[peer] = None
        self.last_handshake = now
        self._owner.admitted(peer)

    def _make_room(self, address: str) -> None:
        """End the oldest handshake of an address that has its fill; in all, of the greediest."""
        mine: dict[Connected, None] = self._shaking_by_source.get(address, {})
        if len(mine) >= self._limits.source_handshakes:
            crowded = "too many handshakes of one address at once, its oldest ended"
            next(iter(mine)).drop("handshake_crowded_out", crowded)
        if len(self.handshaking) >= self._limits.handshakes:
            most = max(self._shaking_by_source.values(), key=len)
            crowded = "too many handshakes at once, the oldest of who had most ended"
            next(iter(most)).drop("handshake_crowded_out", crowded)
            self._reporter.note_alarm("handshakes_crowded", "too many handshakes at once")
