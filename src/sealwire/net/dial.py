"""Opening TCP connections that notice a dead peer, and asking how much the peer has."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import termios
from typing import TYPE_CHECKING, Final

from sealwire.appliance.delivery import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.clock import Clock

# A peer that vanished without a word is found within 30 s, idle or not.
_KEEPALIVE_IDLE_S: Final = 10
_KEEPALIVE_INTERVAL_S: Final = 5
_KEEPALIVE_PROBES: Final = 3
_USER_TIMEOUT_MS: Final = 25_000

_WORDS: Final = {
    errno.ECONNREFUSED: ("tcp.refused", "no program listens on that port"),
    errno.ETIMEDOUT: ("tcp.timeout", "the server did not answer in time"),
    errno.EHOSTUNREACH: ("tcp.unreachable", "no way to the host"),
    errno.ENETUNREACH: ("tcp.unreachable", "no way to the host's network"),
    errno.ECONNRESET: ("tcp.reset", "the server cut the connection"),
    errno.EPIPE: ("tcp.reset", "the server cut the connection"),
}


def resolve(host: str, port: int) -> Sequence[tuple[int, tuple[str, int]]]:
    """(address family, address) pairs in the resolver's order. Raises OSError (gaierror)."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "it is no host name") from error
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


def begin_connection(family: int, address: tuple[str, int]) -> socket.socket:
    """A non-blocking socket on its way to ``address``; it turns writable when that is decided.

    Raises OSError when it fails at once.
    """
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.setblocking(False)  # noqa: FBT003 - the standard library's call
        _watch_over(connection)
        _require(connection.connect_ex(address), errno.EINPROGRESS)
    except BaseException:
        connection.close()
        raise
    return connection


def is_decided(connection: socket.socket) -> bool:
    """Whether the attempt has come to an end; ``require_connected`` tells which."""
    poller = select.poll()
    poller.register(connection, select.POLLOUT)
    return bool(poller.poll(0))


def require_connected(connection: socket.socket) -> None:
    """Raises OSError when the attempt failed."""
    _require(connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def connect_all(
    addresses: Sequence[tuple[int, tuple[str, int]]], timeout: float, clock: Clock
) -> tuple[dict[tuple[str, int], socket.socket], dict[tuple[str, int], OSError]]:
    """Connect to every address at once; those that did within ``timeout`` s, and why not the rest.

    The sockets are the caller's.
    """
    waiting: dict[tuple[str, int], socket.socket] = {}
    taken: dict[tuple[str, int], socket.socket] = {}
    refused: dict[tuple[str, int], OSError] = {}
    for family, address in dict.fromkeys(addresses):
        try:
            waiting[address] = begin_connection(family, address)
        except OSError as error:
            refused[address] = error
    until = clock.monotonic() + timeout
    while waiting and (rest := until - clock.monotonic()) > 0:
        for address in _decided(waiting, rest):
            connection = waiting.pop(address)
            try:
                require_connected(connection)
            except OSError as error:
                connection.close()
                refused[address] = error
            else:
                taken[address] = connection
    for address, connection in waiting.items():
        connection.close()
        refused[address] = TimeoutError(errno.ETIMEDOUT, "no answer in time")
    return taken, refused


def _decided(
    waiting: Mapping[tuple[str, int], socket.socket], seconds: float
) -> Sequence[tuple[str, int]]:
    """Those whose attempt has come to an end within so long."""
    poller = select.poll()
    for connection in waiting.values():
        poller.register(connection, select.POLLOUT)
    decided = {descriptor for descriptor, _ in poller.poll(seconds * 1000)}
    return [address for address, connection in waiting.items() if connection.fileno() in decided]


def unacknowledged(connection: socket.socket) -> int:
    """Bytes given to the kernel that the peer's TCP has not acknowledged (Linux SIOCOUTQ)."""
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    count: int = struct.unpack("i", answer)[0]
    return count


def address_text(address: tuple[str, int]) -> str:
    """``192.0.2.1:6514`` or ``[2001:db8::1]:6514``."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def socket_fault(error: OSError) -> Fault:
    """An operating system's error in plain words."""
    if isinstance(error, socket.gaierror):
        return Fault(
            "dns.failed",
            f"the host name cannot be resolved: {error.strerror}",
            "check the name and this machine's name servers",
        )
    code, words = _WORDS.get(error.errno or 0, ("tcp.failed", error.strerror or str(error)))
    return Fault(code, words, "check host, port, the server and the firewalls on the way")


def _require(code: int, *fine: int) -> None:
    if code not in {0, *fine}:
        raise OSError(code, os.strerror(code))


def _watch_over(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
