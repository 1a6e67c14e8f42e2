"""One accepted connection of a receiver: handshake, plaintext into its session, farewell.

Plaintext reaches a session only from a completed handshake; bytes that came before it can never
be part of a record.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from sealwire.net.answers import MOST_UNSENT, Outlet
from sealwire.net.handshake_notes import verified_chain
from sealwire.net.records import record_reader
from sealwire.net.tls import (
    RecordObject,
    failure_reason,
    first_byte_fault,
    peer_certificate,
)
from sealwire.sensor.journal import Connection

if TYPE_CHECKING:
    import socket

    from sealwire.net.connected import ConnectionOwner
    from sealwire.net.records import RecordReader
    from sealwire.net.tls import ShownCertificate

# OpenSSL's memory BIO keeps the largest size it ever had: ciphertext goes in by pieces.
_PIECE: Final = 32 * 1024
# So much in records without data, and no more: they are cheap to send and dear to read. A record
# that is not whole yet is less, and records of a single byte each are worth more.
_MOST_BARREN: Final = 48 * 1024
_LEAST_YIELD: Final = 64


class Peer(Outlet):
    """One connection. ``handshake`` and ``receive`` are called when its socket can be read.

    Both return the number of bytes received.
    """

    __slots__ = (
        "_barren",
        "_incoming",
        "_outgoing",
        "_owner",
        "_reader",
        "_recv_into",
        "_tls",
        "listener_port",
        "port",
    )

    def __init__(
        self,
        sock: socket.socket,
        peer: tuple[str, int],
        listener_port: int,
        owner: ConnectionOwner,
    ) -> None:
        super().__init__(sock, peer[0], owner)
        self.port = peer[1]
        self.listener_port = listener_port
        self._owner = owner
        self._recv_into = sock.recv_into
        self._tls: RecordObject | None = None
        self._reader: RecordReader | None = None
        self._barren = 0

    def handshake(self, context: ssl.SSLContext) -> int:
        """Go on with the handshake. ``context`` is the listener's present one."""
        try:
            size = self._recv_into(self._owner.buffers.cipher)
        except BlockingIOError:
            return 0
        except OSError:
            size = 0
        if not size:
            self._fail("closed_in_handshake", "the client closed the connection in the handshake")
            return 0
        data = self._owner.buffers.cipher[:size]
        if self._tls is None:
            fault = first_byte_fault(bytes(data[:1]))
            if fault is not None:
                self._fail(*fault)
                return size
            self._begin(context)
        self._incoming.write(data)
        self._shake_hands()
        return size

    def _begin(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._tls = cast("RecordObject", tls)

    def _shake_hands(self) -> None:
        tls = self._established_tls()
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
        except ssl.SSLError as error:
            self._fail(*failure_reason(error))
        else:
            certificate = peer_certificate(tls)
            if certificate is not None and not self._may_pass(tls, certificate):
                return
            cipher = tls.cipher()
            connection = Connection(
                self._owner.established(self),
                self.address,
                self.port,
                self.listener_port,
                tls.version() or "",
                cipher[0] if cipher else "",
                certificate.sha256 if certificate else None,
                certificate.subject if certificate else None,
                certificate_names=certificate.names if certificate else (),
            )
            self._reader = record_reader(tls, self._incoming, self._owner.buffers.plain)
            self.session = self._owner.session(connection)
            self.flush()

    def _may_pass(self, tls: ssl.SSLObject, shown: ShownCertificate) -> bool:
        """Whether this certificate is good for coming in; if not, the connection has ended."""
        objection = self._owner.objection(verified_chain(tls))
        if objection is not None:
            self._fail("client_certificate_revoked", f"the sender's certificate: {objection}")
            return False
        objection = self._owner.admission.objection(shown.der, self.address, shown.names)
        if objection is not None:
            self._fail("not_admitted", f"the sender's certificate is good, but {objection}")
        return objection is None

    def receive(self, now_ns: int) -> int:
        """Take what has come and hand its plaintext to the session."""
        if self._held and self.still_held():
            return 0
        try:
            size = self._recv_into(self._owner.buffers.cipher)
        except BlockingIOError:
            if self._unsent:
                self.flush()
            return 0
        except OSError:
            size = 0
        if not size:
            self.close(now_ns, orderly=False)
            return 0
        self.take(size, now_ns)
        return size

    def take(self, size: int, now_ns: int) -> None:
        """Decrypt ``size`` bytes of the shared buffer, and what a handshake left over."""
        session = self.session
        if session is None:
            raise RuntimeError("plaintext before the end of the handshake")
        plain = self._owner.buffers.plain
        kept = len(session.tail)
        if kept:
            plain[:kept] = session.tail
        filled, end = self._decrypt(size, kept)
        if filled > kept:
            session.receive(plain[:filled].tobytes(), now_ns)
            if session.relp is not None:
                self._owner.answers.turn(self)
        if end is not None:
            self._end(end, now_ns)
        elif self._outgoing.pending or self._unsent:
            self.flush()

    def _decrypt(self, size: int, filled: int) -> tuple[int, ssl.SSLError | None]:
        """Append plaintext to the shared buffer; returns its end, and how TLS ended if it did."""
        received, reader = self._owner.buffers.cipher[:size], self._reader
        if reader is None:
            raise RuntimeError("TLS has not begun")
        for at in range(0, size or 1, _PIECE):
            before = filled
            taken = self._incoming.write(received[at : at + _PIECE])
            filled, end = reader.read(filled)
            if end is None and (filled - before) * _LEAST_YIELD < taken:
                end = self._objection_to_barren(taken)
            else:
                self._barren = 0
            if end is not None:
                return filled, end
        return filled, None

    def _objection_to_barren(self, taken: int) -> ssl.SSLError | None:
        """How it ends after too many key updates without data; ``taken``: bytes of them."""
        self._barren += taken
        if self._barren <= _MOST_BARREN:
            return None
        error = ssl.SSLError("too many key updates")
        error.reason = "TOO_MANY_KEY_UPDATES"
        return error

    def _end(self, error: ssl.SSLError, now_ns: int) -> None:
        """TLS has ended: by close_notify (``SSLZeroReturnError``), or by a fault."""
        orderly = isinstance(error, ssl.SSLZeroReturnError)
        if not orderly:
            self._owner.refused(self.address, *failure_reason(error))
        self.close(now_ns, orderly=orderly)

    def bid_farewell(self) -> None:
        """Send close_notify and nothing after it; what the peer still sends is read."""
        self._farewell()
        super().bid_farewell()

    def answer(self, data: bytes) -> None:
        """Send plaintext."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._established_tls().write(rest) :]
        except ssl.SSLError:
            return  # reading shows what has ended
        self.flush()

    def close(self, now_ns: int, *, orderly: bool) -> None:
        """End the session and the connection. ``orderly``: the peer sent close_notify."""
        if self.session is not None:
            self.session.end(now_ns, orderly=orderly)
            if orderly:
                self._farewell()
        self._release()

    def _farewell(self) -> None:
        # It complains that the peer's close_notify has not come; ours is on its way all the same.
        with suppress(ssl.SSLError, OSError, ValueError):
            self._established_tls().unwrap()
        self.flush()

    def _fail(self, reason: str, detail: str) -> None:
        """Send the alert that explains it, if there is one, and close."""
        self._owner.refused(self.address, reason, detail)
        if self._tls is not None:
            self.flush()
        self._release()

    def _release(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        super()._release()

    def flush(self) -> None:
        """Send what TLS wants to say; a peer that does not take it is closed at a bound.

        What a RELP sender is sent is bounded by what is read from it.
        """
        self.transmit(self._outgoing.read())
        if len(self._unsent) > MOST_UNSENT and (self.session is None or self.session.relp is None):
            self._release()

    def _established_tls(self) -> RecordObject:
        if self._tls is None:
            raise RuntimeError("TLS has not begun")
        return self._tls
