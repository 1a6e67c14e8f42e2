"""A syslog receiver of the standard library's ssl, which can be told to misbehave."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from sealwire.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tests.flow.authority import TlsFiles

WAIT_S = 20.0
CLOCK = SystemClock()


@dataclass(eq=False)
class Received:
    """One connection: the plain text it brought, and how it stands."""

    stream: bytearray = field(default_factory=bytearray)
    tls: ssl.SSLSocket | None = None
    said_goodbye: bool = False
    over: bool = False

    def messages(self) -> list[bytes]:
        """Complete octet-counted frames."""
        found, stream, begin = [], bytes(self.stream), 0
        while (space := stream.find(b" ", begin)) > 0:
            end = space + 1 + int(stream[begin:space])
            if end > len(stream):
                break
            found.append(stream[space + 1 : end])
            begin = end
        return found


class TlsReceiver:
    """Listens on a port of 127.0.0.1; ``port=0`` takes any. Demands a client certificate.

    After ``stop_after`` messages it leaves a connection: it closes it ``lingers`` seconds later.
    """

    def __init__(
        self,
        files: TlsFiles,
        *,
        client_ca: str | None = None,
        port: int = 0,
        version: ssl.TLSVersion | None = None,
        stop_after: int | None = None,
        lingers: float = 0.1,
        reads: bool = True,
    ) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.certificate, files.key)
        self._context.load_verify_locations(client_ca or str(files.ca))
        self._context.verify_mode = ssl.CERT_REQUIRED
        if version is not None:
            self._context.minimum_version = self._context.maximum_version = version
        self.stop_after = stop_after
        self._lingers = lingers
        self._reads = reads
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[Received] = []
        self.refusals: list[str] = []
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and cut what is open."""
        self._closing = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            self.cut(connection)
        for thread in self._threads:
            thread.join(WAIT_S)

    def cut(self, connection: Received, *, reset: bool = False) -> None:
        """End a connection without a word: FIN, or RST when ``reset``; its thread closes it."""
        tls = connection.tls
        if tls is None:
            return
        how = socket.SHUT_RDWR
        with suppress(OSError):
            if reset:
                tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                how = socket.SHUT_RD
            # Not tls.shutdown(): that would let the reading thread go on without TLS.
            socket.socket.shutdown(tls, how)

    def messages(self) -> list[bytes]:
        """Of all connections, in order."""
        return [message for each in list(self.connections) for message in each.messages()]

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(WAIT_S)
            self._start(self._serve, plain)

    def _serve(self, plain: socket.socket) -> None:
        connection = Received()
        try:
            with self._context.wrap_socket(
                plain, server_side=True, suppress_ragged_eofs=False
            ) as tls:
                connection.tls = tls
                self.connections.append(connection)
                self._read(connection, tls)
        except ssl.SSLError as error:
            self.refusals.append(str(error.reason))
        except OSError as error:
            self.refusals.append(type(error).__name__)
        finally:
            plain.close()
            connection.over = True

    def _read(self, connection: Received, tls: ssl.SSLSocket) -> None:
        while not self._reads and not self._closing:
            threading.Event().wait(0.05)
        while data := tls.recv(16384):
            connection.stream += data
            if self.stop_after is not None and len(connection.messages()) >= self.stop_after:
                _leave(tls, self._lingers)
                return
        connection.said_goodbye = True
        with suppress(OSError):
            tls.unwrap()


def _leave(tls: ssl.SSLSocket, seconds: float) -> None:
    """Say goodbye, and close a moment later: what has come meanwhile is never read."""
    tls.settimeout(0)
    with suppress(OSError):
        tls.unwrap()
    threading.Event().wait(seconds)


def wait_until(condition: Callable[[], object], what: str, seconds: float = WAIT_S) -> None:
    """Wait for ``condition``; fail with ``what`` when it does not come true."""
    until = CLOCK.monotonic() + seconds
    while not condition():
        if CLOCK.monotonic() > until:
            raise AssertionError(f"in vain for {seconds} s: {what}")
        threading.Event().wait(0.01)
