"""The node's HTTP listeners: uvicorn on sockets opened here, with who the peer is in the scope.

``scope["extensions"]["sealwire.peer"]`` carries a ``Peer``: the client certificate that TLS has
verified, or the local user behind the owner's unix socket. Nothing else may claim to be either.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sealwire.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

EXTENSION = "sealwire.peer"


@dataclass(slots=True)
class Peer:
    """Who is at the other end of one connection.

    ``certificate`` is DER, verified by TLS against the agents' CA, or None. ``local_user`` is the
    account behind a unix socket, or None. ``announced`` remembers, for the life of the connection,
    which log-ins were already recorded.
    """

    certificate: bytes | None = None
    local_user: str | None = None
    announced: set[str] = field(default_factory=set)


class PeerProtocol(HttpToolsProtocol):
    """HTTP/1.1 with the peer's identity added to every request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note the peer once; the handshake is over by now."""
        super().connection_made(transport)
        self._peer = _peer_of(transport)

    def on_message_begin(self) -> None:
        """Hand the peer to the request."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {EXTENSION: self._peer}


def own_peer() -> Peer:
    """The owner of the home, for an app that runs in the owner's own process."""
    return Peer(local_user=_account(os.getuid()))


def _peer_of(transport: asyncio.Transport) -> Peer:
    tls = transport.get_extra_info("ssl_object")
    if tls is not None:
        return Peer(certificate=tls.getpeercert(binary_form=True))
    plain = transport.get_extra_info("socket")
    if plain is not None and plain.family == socket.AF_UNIX:
        credentials = plain.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return Peer(local_user=_account(struct.unpack("3i", credentials)[1]))
    return Peer()


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def open_tcp(host: str, port: int) -> socket.socket:
    """Listen on ``host`` (empty: every address, IPv6 and IPv4 alike); port 0 takes a free one.

    Raises UnavailableError ``port.unavailable``.
    """
    try:
        if host:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=256)
        if socket.has_dualstack_ipv6():
            with suppress(OSError):
                return socket.create_server(
                    ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256
                )
        return socket.create_server(("", port), backlog=256)
    except OSError as error:
        raise UnavailableError(
            "port.unavailable",
            f"cannot listen on port {port}: {error.strerror}",
            hint="another program has it; choose another port or stop that program",
        ) from error


def open_unix(path: Path) -> socket.socket:
    """Listen on a unix socket that only the owner may open; a stale one is replaced.

    The folder is reached through a descriptor, since a socket's path may not exceed 107 bytes.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(path.parent, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
    path.chmod(0o600)
    listener.listen(64)
    return listener


def server_context(
    chain_pem: bytes, key_pem: bytes, agents_pem: str, folder: Path
) -> ssl.SSLContext:
    """TLS 1.2+ with an optional client certificate, which must come from ``agents_pem``.

    Nobody is asked for one when ``agents_pem`` is empty (a node without a CA).

    The key touches the disk only inside ``folder`` (private to its owner) and only until it is
    loaded: the ssl module reads files, not memory.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    draft = folder / "console.pem"
    draft.touch(mode=0o600)
    try:
        draft.write_bytes(key_pem + chain_pem)
        context.load_cert_chain(draft)
    finally:
        draft.unlink()
    if agents_pem:
        context.load_verify_locations(cadata=agents_pem)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def http_server(
    app: Callable[..., Any], context: ssl.SSLContext | None, *, shutdown_seconds: int = 5
) -> HttpServer:
    """A server for ``app``; ``context`` None serves in clear."""
    factory = None if context is None else (lambda _config, _default: context)
    return HttpServer(
        uvicorn.Config(
            app,
            http=PeerProtocol,
            loop="none",
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            ssl_context_factory=factory,
            timeout_graceful_shutdown=shutdown_seconds,
            limit_concurrency=512,
        )
    )


class HttpServer(uvicorn.Server):
    """A uvicorn server among others in one process: signals are the node's business."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the listeners, and say so."""
        await super().startup(sockets)
        self.opened.set()

    async def serve_on(self, sockets: Sequence[socket.socket]) -> None:
        """Serve until ``should_exit`` is set."""
        await self._serve(list(sockets))
