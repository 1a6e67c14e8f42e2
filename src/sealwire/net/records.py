"""Reading decrypted records: all that have come with one call where this is safe, else singly.

``SSLObject.read`` gives one TLS record a call, and senders put one message or less into a record:
then calling costs as much as decrypting. OpenSSL itself has a loop over records: its buffering
BIO, put before an SSL BIO, reads until the caller's buffer is full or nothing is left. The
interpreter does not offer it, so it is called in the very library that the interpreter has loaded,
on the very connection that the interpreter has made: handshake, verification, alerts, key updates
and the close stay where they were, and whatever is not plain data is left to the interpreter's
own ``read`` to explain.

The connection's address is taken from the interpreter's object only if that object looks as it
does in CPython since 3.8: between the missing socket and the context, both of which are known.
Otherwise, or where the library's functions are not to be found, records are read singly.
"""

from __future__ import annotations

import ctypes
import ssl
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from sealwire.net.buffers import LONGEST_RECORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.net.tls import RecordObject

_SET_BUFFER_SIZE: Final = 117
_SET_SSL: Final = 109
_KEEP_OPEN: Final = 0
_SHOULD_RETRY: Final = 8
# The chain's own buffers are never used, since what is asked for is always more.
_LEAST_BUFFER: Final = 64
_WORD: Final = ctypes.sizeof(ctypes.c_void_p)
# Words in the interpreter's objects: reference count, type, then these.
_SOCKET, _CONNECTION, _CONTEXT, _CONNECTION_WORDS = 2, 3, 4, 5
_LIBRARY_CONTEXT, _CONTEXT_WORDS = 2, 3

_PROTOTYPES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "BIO_f_ssl": (ctypes.c_void_p, ()),
    "BIO_f_buffer": (ctypes.c_void_p, ()),
    "BIO_new": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "BIO_push": (ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_void_p)),
    "BIO_ctrl": (ctypes.c_long, (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p)),
    "BIO_read": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)),
    "BIO_test_flags": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_int)),
    "BIO_free_all": (None, (ctypes.c_void_p,)),
    "SSL_get_SSL_CTX": (ctypes.c_void_p, (ctypes.c_void_p,)),
}


class RecordReader(Protocol):
    """Reads one connection's plaintext into the buffer that it was made with."""

    def read(self, filled: int) -> tuple[int, ssl.SSLError | None]:
        """Append what can be decrypted now to the ``filled`` bytes.

        Returns where it ends, and how TLS ended if it did: ``SSLZeroReturnError`` for close_notify.
        """
        ...

    def close(self) -> None:
        """Let go of the connection; no call after it."""
        ...


class SingleReader:
    """One record a call. Works everywhere."""

    __slots__ = ("_incoming", "_plain", "_read")

    def __init__(self, tls: RecordObject, incoming: ssl.MemoryBIO, plain: memoryview) -> None:
        self._incoming = incoming
        self._plain = plain
        self._read = tls.read_record

    def read(self, filled: int) -> tuple[int, ssl.SSLError | None]:
        """Fills ``RecordReader``."""
        incoming, plain, read = self._incoming, self._plain, self._read
        try:
            while incoming.pending:
                got = read(LONGEST_RECORD, plain[filled:])
                if not got:
                    return filled, ssl.SSLZeroReturnError()
                filled += got
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            return filled, error
        return filled, None

    def close(self) -> None:
        """Nothing is held but what the interpreter frees."""


class ChainReader:
    """All records with one call, by a chain of OpenSSL's own.

    Raises TypeError when the interpreter is not one whose objects are known.
    """

    __slots__ = ("_address", "_chain", "_end", "_library", "_plain", "_read", "_tls")

    def __init__(self, tls: RecordObject, plain: memoryview) -> None:
        library = _library()
        if library is None:
            raise TypeError("OpenSSL's functions cannot be called in this interpreter")
        connection = _connection_of(tls, library)
        self._tls = tls
        self._library = library
        self._plain = plain
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(plain))
        self._end = len(plain)
        self._read: Callable[[int, int, int], int] = library.BIO_read
        self._chain: int = library.BIO_new(library.BIO_f_buffer())
        library.BIO_ctrl(self._chain, _SET_BUFFER_SIZE, _LEAST_BUFFER, None)
        records = library.BIO_new(library.BIO_f_ssl())
        library.BIO_ctrl(records, _SET_SSL, _KEEP_OPEN, connection)
        library.BIO_push(self._chain, records)

    def read(self, filled: int) -> tuple[int, ssl.SSLError | None]:
        """Fills ``RecordReader``."""
        got = self._read(self._chain, self._address + filled, self._end - filled)
        if got > 0:
            filled += got
        if self._library.BIO_test_flags(self._chain, _SHOULD_RETRY):
            return filled, None
        # It ended, by close_notify or a fault: the interpreter's own reading says which.
        return self._explain(filled)

    def _explain(self, filled: int) -> tuple[int, ssl.SSLError | None]:
        try:
            got = self._tls.read_record(LONGEST_RECORD, self._plain[filled:])
        except ssl.SSLWantReadError:
            return filled, None
        except ssl.SSLError as error:
            return filled, error
        return self.read(filled + got) if got else (filled, ssl.SSLZeroReturnError())

    def close(self) -> None:
        """Free the chain. The connection is the interpreter's and stays."""
        if self._chain:
            self._library.BIO_free_all(self._chain)
            self._chain = 0


def record_reader(tls: RecordObject, incoming: ssl.MemoryBIO, plain: memoryview) -> RecordReader:
    """The fastest reader that is safe in this interpreter, from ``tls`` into ``plain``."""
    try:
        return ChainReader(tls, plain)
    except TypeError:
        return SingleReader(tls, incoming, plain)


@lru_cache(maxsize=1)
def _library() -> ctypes.PyDLL | None:
    """The library that the interpreter's own TLS calls; None when it cannot be reached.

    Symbols are looked up in that module and what it was linked with, so that no other copy of
    OpenSSL that some library may have loaded can be taken for it.
    """
    module = sys.modules.get("_ssl")
    path = getattr(module, "__file__", None)
    if path is None or sys.implementation.name != "cpython":
        return None
    try:
        # It keeps the interpreter's lock: a call is short, and changing hands costs more.
        library = ctypes.PyDLL(path)
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    return library


def _connection_of(tls: RecordObject, library: ctypes.PyDLL) -> int:
    """Address of OpenSSL's connection; TypeError unless everything around it is as it must be."""
    beneath: Any = getattr(tls, "_sslobj", None)
    words = _words(beneath, _CONNECTION_WORDS)
    context = _words(tls.context, _CONTEXT_WORDS)
    if words[_SOCKET] is not None or words[_CONTEXT] != id(tls.context):
        raise TypeError("an unknown kind of TLS object")
    connection, expected = words[_CONNECTION], context[_LIBRARY_CONTEXT]
    if not connection or not expected or library.SSL_get_SSL_CTX(connection) != expected:
        raise TypeError("an unknown kind of TLS object")
    return connection


def _words(thing: object, count: int) -> list[int | None]:
    """The first words of an object in memory; TypeError when it has fewer."""
    if type(thing).__basicsize__ < count * _WORD:
        raise TypeError("an unknown kind of object")
    return list((ctypes.c_void_p * count).from_address(id(thing)))
