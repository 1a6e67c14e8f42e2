"""JSON lines over a socket, for a process whose threads may wait for its other end."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping


class BlockingChannel:
    """One end. ``receive`` from one thread, ``send`` from any."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lines = sock.makefile("rb")
        self._sending = threading.Lock()

    def receive(self) -> dict[str, Any] | None:
        """The next document; None when the other end is gone."""
        with suppress(OSError):
            line = self._lines.readline()
            if line.endswith(b"\n"):
                document: dict[str, Any] = json.loads(line)
                return document
        return None

    def send(self, document: Mapping[str, Any]) -> None:
        """Send one document. That the other end is gone is noticed when receiving."""
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        with self._sending, suppress(OSError):
            self._socket.sendall(line)

    def close(self) -> None:
        """Close this end."""
        self._lines.close()
        self._socket.close()
