"""One TLS connection on a non-blocking socket that knows how much of it the peer has."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sealwire.net.dial import unacknowledged
from sealwire.net.tls_faults import RevokedServerError
from sealwire.net.tls_stream import TlsStream

if TYPE_CHECKING:
    import socket
    from datetime import datetime

    from sealwire.x509.revocation import RevocationGuard

_RECEIVE: Final = 65536


class Link:
    """Owns ``connection``. OSError and ssl.SSLError from any call mean that it is over."""

    def __init__(
        self, connection: socket.socket, context: ssl.SSLContext, server_name: str
    ) -> None:
        self.socket = connection
        self.tls = TlsStream(context, server_name)
        self._unsent = bytearray()
        self._sent = 0
        self.peer_ended = False

    @property
    def unsent(self) -> int:
        """Ciphertext bytes that the kernel has not taken yet."""
        return len(self._unsent)

    def handshake(self) -> bool:
        """Go on with the handshake, and send what it made, an alert included."""
        try:
            return self.tls.handshake()
        finally:
            self.flush()

    def require_unrevoked(self, guard: RevocationGuard, at: datetime) -> None:
        """After the handshake: raises RevokedServerError when the lists object to the server."""
        objection = guard.objection_to(self.tls.verified_chain(), at) if guard else None
        if objection is not None:
            raise RevokedServerError(objection)

    def write(self, data: bytes) -> int:
        """Seal and send; the offset where its ciphertext ends."""
        self.tls.write(data)
        end = self.tls.produced
        self.flush()
        return end

    def flush(self) -> None:
        """Give the kernel what it takes."""
        self._unsent += self.tls.outgoing()
        while self._unsent:
            try:
                count = self.socket.send(self._unsent)
            except BlockingIOError:
                return
            self._sent += count
            del self._unsent[:count]

    def receive(self) -> None:
        """Take in what has arrived. Sets ``peer_ended`` at the end of the peer's TCP stream."""
        while not self.peer_ended:
            try:
                data = self.socket.recv(_RECEIVE)
            except BlockingIOError:
                return
            if data:
                self.tls.received(data)
            else:
                self.peer_ended = True
                self.tls.ended()

    def read(self) -> bool:
        """Let TLS read what ``receive`` took in; False when the peer said goodbye."""
        try:
            self.tls.read()
        finally:
            self.flush()
        return not self.tls.peer_said_goodbye

    def acknowledged(self) -> int:
        """Ciphertext bytes, from the beginning, that the peer's TCP has."""
        return self._sent - unacknowledged(self.socket)

    def close_notify(self) -> None:
        """Say goodbye and send it."""
        self.tls.close_notify()
        self.flush()

    def close(self) -> None:
        """Close the socket; an alert that is still waiting goes out if there is room."""
        with suppress(OSError, ssl.SSLError):
            self.flush()
        self.socket.close()
