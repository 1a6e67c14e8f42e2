"""DNS as this machine sees it, within a bounded time: the resolver's own wait can be half a minute.

Fills ``identity.request_check.NameLookup``.
"""

from __future__ import annotations

import queue
import socket
import threading
from typing import TYPE_CHECKING, Final

from sealwire.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_AT_ONCE: Final = 8
_NOT_THERE: Final = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


class DnsLookup:
    """Asks the system's resolver. An answer that comes too late is thrown away."""

    def __init__(self, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Addresses of a name, none when it has none. Raises UnavailableError ``dns.*``."""
        return self._within(lambda: _addresses(name))

    def names(self, address: str) -> tuple[str, ...]:
        """Names of an address, none when it has none. Raises UnavailableError ``dns.*``."""
        return self._within(lambda: _names(address))

    def _within(self, ask: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        if not self._free.acquire(blocking=False):
            raise UnavailableError("dns.busy", "Too many questions to DNS wait for an answer.")
        answers: queue.SimpleQueue[tuple[str, ...] | OSError] = queue.SimpleQueue()

        def work() -> None:
            try:
                answers.put(ask())
            except OSError as fault:
                answers.put(fault)
            finally:
                self._free.release()

        threading.Thread(target=work, name="dns", daemon=True).start()
        try:
            answer = answers.get(timeout=self._seconds)
        except queue.Empty:
            text = f"DNS did not answer within {self._seconds:g} s."
            raise UnavailableError("dns.timeout", text) from None
        if isinstance(answer, OSError):
            raise UnavailableError("dns.failed", answer.strerror or "DNS failed.") from answer
        return answer


def _addresses(name: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except UnicodeError:
        return ()
    except socket.gaierror as fault:
        if fault.errno in _NOT_THERE:
            return ()
        raise
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _names(address: str) -> tuple[str, ...]:
    try:
        first, others, _ = socket.gethostbyaddr(address)
    except socket.gaierror as fault:
        if fault.errno in _NOT_THERE:
            return ()
        raise
    except socket.herror:
        return ()
    return (first, *others)
