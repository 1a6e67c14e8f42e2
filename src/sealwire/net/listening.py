"""Listening sockets for syslog: streams (TLS or plain TCP) and datagrams."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.errors import UnavailableError
from sealwire.sensor.receiving import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BACKLOG: Final = 1024
_NO_IPV6: Final = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
# What waits while a worker is busy or being started again: a second of 50,000. The system's own
# limit may be lower.
_DATAGRAM_ROOM: Final = 32 * 1024 * 1024
_SO_RCVBUFFORCE: Final = 33
_RESERVED: Final = 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket, non-blocking."""

    transport: Transport
    port: int
    sock: socket.socket


def bound_listeners(host: str, ports: Mapping[Transport, Sequence[int]]) -> list[Listener]:
    """Bind every port; an empty ``host`` is every address, IPv6 and IPv4 where both exist.

    Port 0 takes any free one. Raises UnavailableError ``listen.failed``; then nothing is bound.
    """
    bound: list[Listener] = []
    try:
        for transport, numbers in ports.items():
            bind = datagram_socket if transport is Transport.UDP else listening_socket
            for number in numbers:
                sock = bind(host, number)
                bound.append(Listener(transport, sock.getsockname()[1], sock))
    except UnavailableError:
        for one in bound:
            one.sock.close()
        raise
    return bound


def listening_socket(host: str, port: int) -> socket.socket:
    """Bind and listen for streams. Raises UnavailableError ``listen.failed``."""
    return _bound(_listen, host, port)


def datagram_socket(host: str, port: int) -> socket.socket:
    """Bind for datagrams, with as much room as the system gives.

    Raises UnavailableError ``listen.failed``.
    """
    return _bound(_take_datagrams, host, port)


def _bound(bind: Callable[[int, str, int], socket.socket], host: str, port: int) -> socket.socket:
    try:
        if host:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return bind(family, host, port)
        try:
            return bind(socket.AF_INET6, "::", port)
        except OSError as error:
            if error.errno in _NO_IPV6:
                return bind(socket.AF_INET, "0.0.0.0", port)  # noqa: S104 - all addresses
            raise
    except OSError as error:
        hint = "another program may have this port; choose others with --tls-ports"
        if error.errno == errno.EACCES and port < _RESERVED:
            hint = "ports below 1024 need the capability CAP_NET_BIND_SERVICE, or root"
        raise UnavailableError(
            "listen.failed", f"cannot listen on port {port}: {error.strerror}", hint=hint
        ) from error


def _listen(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: a sender that vanished is noticed some day.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        _bind(sock, family, host, port)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _take_datagrams(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DATAGRAM_ROOM)
        with suppress(OSError):  # past the system's limit only with the right to it
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _DATAGRAM_ROOM)
        _bind(sock, family, host, port)
    except OSError:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, family: int, host: str, port: int) -> None:
    if family == socket.AF_INET6 and host == "::":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((host, port))
    sock.settimeout(0)


def plain_address(host: str) -> str:
    """An IPv4 address as it is written, also when it came through an IPv6 socket."""
    return host[7:] if host.startswith("::ffff:") and "." in host else host
