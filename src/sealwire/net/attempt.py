"""One attempt to reach a destination: its addresses in turn, until one is connected."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sealwire.net.dial import begin_connection, is_decided, require_connected, resolve

if TYPE_CHECKING:
    import socket


class Attempt:
    """Tries the addresses of a host, one after the other; never blocks but for the resolver."""

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError (gaierror) when the name has no address."""
        self._addresses = deque(resolve(host, port))
        self.address: tuple[str, int] = ("", 0)
        self.pending: socket.socket | None = None

    def begin(self, last: OSError | None = None) -> None:
        """Go for the next address. Raises OSError, ``last`` or a later one, when none is left."""
        while self._addresses:
            family, self.address = self._addresses.popleft()
            try:
                self.pending = begin_connection(family, self.address)
            except OSError as error:
                last = error
            else:
                return
        raise last or OSError("the host name has no address")

    def connected(self) -> socket.socket | None:
        """The connected socket, now the caller's; None while it is undecided.

        A failed address gives way to the next one. Raises OSError when none is left.
        """
        pending = self.pending
        if pending is None or not is_decided(pending):
            return None
        self.pending = None
        try:
            require_connected(pending)
        except OSError as error:
            pending.close()
            self.begin(error)
            return None
        return pending

    def close(self) -> None:
        """Give up."""
        if self.pending is not None:
            self.pending.close()
            self.pending = None
