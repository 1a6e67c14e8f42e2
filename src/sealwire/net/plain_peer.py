"""One accepted connection of a plain TCP port: no handshake, and nothing says who sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.net.answers import Outlet
from sealwire.net.buffers import RECEIVE_BYTES
from sealwire.sensor.journal import Connection

if TYPE_CHECKING:
    import socket

    from sealwire.net.connected import ConnectionOwner

_HANDSHAKE_RECORD: Final = 0x16


class PlainPeer(Outlet):
    """Fills ``net.connected.Connected``.

    An end by FIN is orderly: it is the only farewell that TCP has. An end by reset is not.
    """

    __slots__ = ("_owner", "_recv_into")

    def __init__(
        self,
        sock: socket.socket,
        peer: tuple[str, int],
        listener_port: int,
        owner: ConnectionOwner,
    ) -> None:
        super().__init__(sock, peer[0], owner)
        self._owner = owner
        self._recv_into = sock.recv_into
        connection = Connection(
            owner.established(self), *peer, listener_port, "", "", transport="tcp"
        )
        self.session = owner.session(connection)

    def receive(self, now_ns: int) -> int:
        """Take what has come and hand it to the session."""
        session = self.session
        if session is None or (self._held and self.still_held()):
            return 0
        plain = self._owner.buffers.plain
        kept = len(session.tail)
        if kept:
            plain[:kept] = session.tail
        try:
            size = self._recv_into(plain[kept : kept + RECEIVE_BYTES])
        except BlockingIOError:
            self.flush()
            return 0
        except OSError:
            self.close(now_ns, orderly=False)
            return 0
        if not size:
            self.close(now_ns, orderly=True)
        elif not kept and session.framing is None and plain[0] == _HANDSHAKE_RECORD:
            self.drop("tls_on_plain_port", "client spoke TLS to a port without TLS")
        else:
            session.receive(plain[: kept + size].tobytes(), now_ns)
            if session.relp is not None:
                self._owner.answers.turn(self)
        return size

    def flush(self) -> None:
        """Send what waits."""
        if self._unsent:
            self.transmit(b"")

    def answer(self, data: bytes) -> None:
        """Send plaintext."""
        self.transmit(data)
