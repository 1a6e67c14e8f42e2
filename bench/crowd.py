"""Many connections that cost their client next to nothing.

After the handshake the TLS state of a connection is thrown away and only its descriptor kept, so
that ten thousand of them fit into one small process. Each thousand comes from an address of its
own in 127/8.
"""

from __future__ import annotations

import resource
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from tests.flow.authority import LOOPBACK

if TYPE_CHECKING:
    from tests.flow.authority import TlsFiles

PATIENCE: Final = 60.0
PER_ADDRESS: Final = 1000


def allow_descriptors(count: int) -> None:
    """Raise this process's limit, as far as it may be raised. RuntimeError when that is too low."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise RuntimeError(f"{count} descriptors are needed, the hard limit is {hard}: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def client_context(client: TlsFiles) -> ssl.SSLContext:
    """Checks the server against the CA, shows the client's certificate."""
    context = ssl.create_default_context(cafile=str(client.ca))
    context.load_cert_chain(client.certificate, client.key)
    return context


def source_address(number: int) -> str:
    """Where the connection with this number comes from."""
    return f"127.0.1.{number // PER_ADDRESS + 1}"


@dataclass
class Crowd:
    """Connections to one port; a context manager closes them."""

    port: int
    descriptors: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.descriptors:
            one.close()
        self.descriptors.clear()

    def connect(self, source: str) -> socket.socket:
        """A TCP connection, nothing said."""
        return socket.create_connection((LOOPBACK, self.port), PATIENCE, (source, 0))

    def add_silent(self, source: str) -> socket.socket:
        """One that stands before its handshake."""
        raw = self.connect(source)
        raw.settimeout(0)
        self.descriptors.append(raw)
        return raw

    def add_established(self, context: ssl.SSLContext, source: str, first: bytes = b"") -> None:
        """One whose handshake is complete, ``first`` sent, and its TLS state forgotten."""
        tls = context.wrap_socket(self.connect(source), server_hostname="localhost")
        if first:
            tls.sendall(first)
        self.descriptors.append(socket.socket(fileno=tls.detach()))
