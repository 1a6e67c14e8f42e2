"""A TLS 1.3 client on OpenSSL's own functions: it can change its keys, and Python's cannot."""

from __future__ import annotations

import ctypes
import ctypes.util
import socket
from functools import cache
from typing import Self

from tests.flow.authority import LOOPBACK

_POINTER, _INT = ctypes.c_void_p, ctypes.c_int
_PROTOTYPES = {
    "TLS_client_method": (_POINTER, []),
    "SSL_CTX_new": (_POINTER, [_POINTER]),
    "SSL_CTX_free": (None, [_POINTER]),
    "SSL_new": (_POINTER, [_POINTER]),
    "SSL_free": (None, [_POINTER]),
    "SSL_set_fd": (_INT, [_POINTER, _INT]),
    "SSL_connect": (_INT, [_POINTER]),
    "SSL_key_update": (_INT, [_POINTER, _INT]),
    "SSL_do_handshake": (_INT, [_POINTER]),
    "SSL_write": (_INT, [_POINTER, ctypes.c_char_p, _INT]),
    "SSL_shutdown": (_INT, [_POINTER]),
}


@cache
def library() -> ctypes.CDLL:
    """OpenSSL's, with the types of what is called; fails where it is missing."""
    name = ctypes.util.find_library("ssl")
    assert name, "OpenSSL's libssl is needed"
    found = ctypes.CDLL(name)
    for function, (result, arguments) in _PROTOTYPES.items():
        getattr(found, function).restype = result
        getattr(found, function).argtypes = arguments
    return found


class LibsslClient:
    """One connection that checks no certificate. What fails says False."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((LOOPBACK, port), 20)
        self._socket.settimeout(None)
        self._context = library().SSL_CTX_new(library().TLS_client_method())
        self._ssl = library().SSL_new(self._context)
        library().SSL_set_fd(self._ssl, self._socket.fileno())

    def __enter__(self) -> Self:
        assert library().SSL_connect(self._ssl) == 1
        return self

    def __exit__(self, *_exc: object) -> None:
        library().SSL_free(self._ssl)
        library().SSL_CTX_free(self._context)
        self._socket.close()

    def update_keys(self, *, both: bool) -> bool:
        """Send a KeyUpdate; ``both``: ask for one in return."""
        asked = library().SSL_key_update(self._ssl, int(both)) == 1
        return asked and library().SSL_do_handshake(self._ssl) == 1

    def send(self, data: bytes) -> bool:
        """Send plaintext."""
        return bool(library().SSL_write(self._ssl, data, len(data)) == len(data))

    def end(self) -> None:
        """Send close_notify."""
        library().SSL_shutdown(self._ssl)
