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
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sealwire.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EXTENSION = "sealwire.peer"

_GOODBYE_SECONDS: Final = 1.0

_accepted: ContextVar[tuple[str, str]] = ContextVar("accepted", default=("", ""))
"""The connection that the present task serves: the other end's address, and ours."""


@dataclass(frozen=True, slots=True)
class SessionNotice:
    """Something happened to a TLS connection: ``began``, ``ended`` or ``failed``.

    ``certificate`` is the client's, DER, when there is one; ``info`` says why it failed, or
    how it ended.
    """

    event: str
    client: str
    server: str
    certificate: bytes | None
    info: str = ""


Hearer = Callable[[SessionNotice], None]
"""Told from the event loop: must not block."""


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

    _ended = ""

    def hearer(self, notice: SessionNotice) -> None:
        """To be overridden: who wants to be told."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note the peer once; the handshake is over by now."""
        super().connection_made(transport)
        self._peer = _peer_of(transport)
        self._client = _host(transport.get_extra_info("peername"))
        self._server = _host(transport.get_extra_info("sockname"))
        self._tell("began")

    def eof_received(self) -> None:
        """The other end has said that it is done."""
        self._ended = "serverAlertReceived: CLOSE_NOTIFY"
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        said = end_of(exc) if exc else self._ended or "serverAlertSent: CLOSE_NOTIFY"
        self._tell("ended", said)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """See ``HttpToolsProtocol``. A peer that leaves TLS's goodbye unanswered is not awaited."""
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(_GOODBYE_SECONDS, self.transport.abort)

    def _tell(self, event: str, info: str = "") -> None:
        """Connections of people with a certificate; strangers' are not worth a record each."""
        certificate = self._peer.certificate
        if certificate is not None:
            self.hearer(SessionNotice(event, self._client, self._server, certificate, info))

    def on_message_begin(self) -> None:
        """Hand the peer to the request."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {EXTENSION: self._peer}


class NotingSocket(socket.socket):
    """A listener that leaves the address of each connection to the task that serves it."""

    def accept(self) -> tuple[socket.socket, Any]:
        """See ``socket.socket``. asyncio makes the connection's task right after this."""
        connection, address = super().accept()
        _accepted.set((_host(address), _host(connection.getsockname())))
        return connection, address


class WatchedHandshake(ssl.SSLObject):
    """TLS on one connection, which tells its hearer when the handshake fails and why.

    asyncio drops such connections without a word: the protocol above never hears of them.
    """

    def hearer(self, notice: SessionNotice) -> None:
        """To be overridden: where it is told."""
        raise NotImplementedError

    def do_handshake(self) -> None:
        """See ``ssl.SSLObject``."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "unknown"
            self.hearer(SessionNotice("failed", *_accepted.get(), None, reason))
            raise


def _host(address: Any) -> str:  # noqa: ANN401 - what sockets call an address
    """The host of an IP address and port, a mapped IPv4 address as such; else ``local``."""
    if not isinstance(address, tuple):
        return "local"
    return str(address[0]).removeprefix("::ffff:")


def noting(listener: socket.socket) -> NotingSocket:
    """The same listener, noting whom it accepts; ``listener`` itself is closed for use."""
    return NotingSocket(fileno=listener.detach())


def watch_handshakes(context: ssl.SSLContext, hearer: Hearer) -> None:
    """Have ``context`` tell ``hearer`` of handshakes that fail on listeners made ``noting``."""

    class Watched(WatchedHandshake):
        def hearer(self, notice: SessionNotice) -> None:
            hearer(notice)

    context.sslobject_class = Watched


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


def end_of(fault: Exception) -> str:
    """What cut a connection, in words: neither the system's number nor the library's place."""
    if isinstance(fault, ssl.SSLError):
        return (getattr(fault, "reason", None) or "TLS failed").replace("_", " ").lower()
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    return str(fault) or type(fault).__name__


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
    furnish_context(context, chain_pem, key_pem, agents_pem, folder)
    return context


def furnish_context(
    context: ssl.SSLContext, chain_pem: bytes, key_pem: bytes, agents_pem: str, folder: Path
) -> None:
    """Give ``context`` a certificate and whom to trust, as ``server_context`` does.

    Connections that stand keep what they have; whom it trusted before, it trusts still. To be
    called where the handshakes are made.
    """
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


def http_server(
    app: Callable[..., Any],
    context: ssl.SSLContext | None,
    *,
    hearer: Hearer | None = None,
    shutdown_seconds: int = 5,
) -> HttpServer:
    """A server for ``app``; ``context`` None serves in clear.

    ``hearer`` is told of connections with a client certificate.
    """
    factory = None if context is None else (lambda _config, _default: context)

    class Protocol(PeerProtocol):
        def hearer(self, notice: SessionNotice) -> None:
            if hearer is not None:
                hearer(notice)

    return HttpServer(
        uvicorn.Config(
            app,
            http=Protocol,
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
