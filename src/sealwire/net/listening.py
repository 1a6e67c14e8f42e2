"""Listening sockets for syslog."""

from __future__ import annotations

import errno
import socket
from typing import Final

from sealwire.errors import UnavailableError

_BACKLOG: Final = 1024
_NO_IPV6: Final = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def listening_socket(host: str, port: int) -> socket.socket:
    """Bind and listen; an empty ``host`` is every address, IPv6 and IPv4 where both exist.

    Raises UnavailableError ``listen.failed``.
    """
    try:
        if host:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return _listen(family, host, port)
        try:
            return _listen(socket.AF_INET6, "::", port)
        except OSError as error:
            if error.errno in _NO_IPV6:
                return _listen(socket.AF_INET, "0.0.0.0", port)  # noqa: S104 - all addresses
            raise
    except OSError as error:
        raise UnavailableError(
            "listen.failed",
            f"cannot listen on port {port}: {error.strerror}",
            hint="another program may have this port; choose others with --tls-ports",
        ) from error


def _listen(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: a sender that vanished is noticed some day.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if family == socket.AF_INET6 and host == "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
        sock.settimeout(0)
    except OSError:
        sock.close()
        raise
    return sock
