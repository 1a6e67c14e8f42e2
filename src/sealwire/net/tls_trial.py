"""One TLS connection that is made to find out how the server behaves, then ended."""

from __future__ import annotations

import ssl
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Final, Self

from sealwire.net.handshake_notes import HandshakeNotes
from sealwire.net.tls_stream import TlsStream

if TYPE_CHECKING:
    import socket

    from sealwire.clock import Clock

_READ: Final = 16384
_KEPT: Final = 512


class Quiet(Enum):
    """How listening ended without an error."""

    SILENCE = "silence"  # nothing was said until the time was up
    GOODBYE = "goodbye"  # close_notify
    CUT = "cut"  # TCP ended without one


class Trial:
    """Owns ``connection``. ``first`` is the beginning of what came over it, as it came.

    No call raises for what the server does: errors are returned, for they are what is looked for.
    """

    def __init__(
        self,
        connection: socket.socket,
        context: ssl.SSLContext,
        server_name: str,
        clock: Clock,
        timeout: float,
        *,
        verified: bool,
    ) -> None:
        self.verified = verified
        self.first = b""
        self.error: OSError | None = None
        self.notes = HandshakeNotes(context)
        self.stream = TlsStream(context, server_name)
        self._connection = connection
        self._clock = clock
        self._timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Close the socket."""
        self._connection.close()

    @property
    def certificates(self) -> list[bytes]:
        """DER of what the server sent; empty when it did not come to that."""
        return self.stream.certificates_as_sent()

    @property
    def agreed(self) -> tuple[str, str]:
        """Version and cipher, also when the handshake failed after they were agreed on."""
        version, _, cipher = self.stream.version_and_cipher.partition(" ")
        return (self.notes.version or version if version == "None" else version), cipher

    def handshake(self) -> None:
        """Shake hands; ``error`` is what ended it, or None."""
        until = self._clock.monotonic() + self._timeout
        try:
            while not self._advance():
                if not self._take(until - self._clock.monotonic()):
                    self.stream.ended()
        except OSError as error:
            self.error = error
            with suppress(OSError):  # The alert, if there is one.
                self._flush()

    def _advance(self) -> bool:
        done = self.stream.handshake()
        self._flush()
        return done

    def listen(self, seconds: float) -> OSError | Quiet:
        """Read for so long: an alert or a broken connection, a goodbye, or silence."""
        until = self._clock.monotonic() + seconds
        try:
            while True:
                self.stream.read()
                if self.stream.peer_said_goodbye:
                    return Quiet.GOODBYE
                if not self._take(until - self._clock.monotonic()):
                    self.stream.ended()
        except ssl.SSLEOFError:
            return Quiet.CUT
        except ssl.SSLError as error:
            return error
        except TimeoutError:
            return Quiet.SILENCE
        except OSError as error:
            return error

    def send(self, data: bytes) -> OSError | None:
        """Write ``data``; what the server has to say about it is heard by ``listen``."""
        try:
            self.stream.write(data)
            self._flush()
        except OSError as error:
            return error
        return None

    def close(self, seconds: float) -> OSError | Quiet:
        """Say goodbye and wait for the answer: its close_notify, or the end of TCP."""
        try:
            if not self.stream.peer_said_goodbye:
                self.stream.close_notify()
            self._flush()
        except OSError as error:
            return error
        if self.stream.peer_said_goodbye:
            return Quiet.GOODBYE
        return self.listen(seconds)

    def more(self, seconds: float) -> bytes:
        """``first``, after waiting a little for the rest of a line in plain text."""
        until = self._clock.monotonic() + seconds
        with suppress(OSError):
            while b"\n" not in self.first and self._take(until - self._clock.monotonic()):
                pass
        return self.first

    def _take(self, seconds: float) -> bool:
        """Hand on what came; False at the end of TCP. Raises TimeoutError, OSError."""
        if seconds <= 0:
            raise TimeoutError("time is up")
        self._connection.settimeout(seconds)
        data = self._connection.recv(_READ)
        if data:
            self.first += data[: max(0, _KEPT - len(self.first))]
            self.stream.received(data)
        return bool(data)

    def _flush(self) -> None:
        data = self.stream.outgoing()
        if data:
            self._connection.settimeout(self._timeout)
            self._connection.sendall(data)
