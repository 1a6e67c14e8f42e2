"""A TLS client over two memory buffers, so that every ciphertext byte is counted."""

from __future__ import annotations

import ssl

from sealwire.net.handshake_notes import certificates_as_sent, verified_chain

_READ = 65536


class TlsStream:
    """One TLS connection without its socket.

    What ``outgoing`` returns goes to the peer, what the peer sends goes into ``received``.
    ssl.SSLError from any call is the end of the connection (its alert, if there is one, is in
    ``outgoing``).
    """

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=server_name)
        self._taken = 0
        self.peer_said_goodbye = False

    @property
    def produced(self) -> int:
        """Ciphertext bytes made so far, handshake included: the offset of the next one."""
        return self._taken + self._out.pending

    @property
    def version_and_cipher(self) -> str:
        """``TLSv1.3 TLS_AES_256_GCM_SHA384``."""
        cipher = self._tls.cipher()
        return f"{self._tls.version()} {cipher[0] if cipher else ''}".strip()

    def peer_certificate(self) -> bytes | None:
        """DER of the server's certificate, after the handshake."""
        return self._tls.getpeercert(binary_form=True)

    def certificates_as_sent(self) -> list[bytes]:
        """DER of all that the server sent, in its order; also when the handshake failed later."""
        return certificates_as_sent(self._tls)

    def verified_chain(self) -> list[bytes]:
        """DER of the chain that was verified, leaf first, trusted end last."""
        return verified_chain(self._tls)

    def outgoing(self) -> bytes:
        """Ciphertext to be sent, taken out."""
        data = self._out.read()
        self._taken += len(data)
        return data

    def received(self, data: bytes) -> None:
        """Ciphertext from the peer."""
        self._in.write(data)

    def ended(self) -> None:
        """The peer's TCP has ended."""
        self._in.write_eof()

    def handshake(self) -> bool:
        """Go on with the handshake; True when it is done on our side."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> int:
        """Read and discard what the peer says; how many bytes of plain text that was.

        Sets ``peer_said_goodbye`` at a close_notify. Raises ssl.SSLError for an alert and
        ssl.SSLEOFError when TCP ended without a close_notify.
        """
        count = 0
        while not self.peer_said_goodbye:
            try:
                data = self._tls.read(_READ)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            count += len(data)
            self.peer_said_goodbye = not data
        return count

    def write(self, data: bytes) -> None:
        """Seal ``data``, all of it; OpenSSL makes one TLS record of at most 16 KiB a call."""
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]

    def close_notify(self) -> None:
        """Say that nothing more will come."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            return
        self.peer_said_goodbye = True
