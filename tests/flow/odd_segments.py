"""A way to the sensor on which every stream is cut into TCP segments at odd places."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, suppress
from itertools import cycle
from typing import TYPE_CHECKING, Self

from tests.flow.authority import LOOPBACK
from tests.flow.peers import Target

if TYPE_CHECKING:
    from collections.abc import Callable

PIECES = (1, 1, 2, 3, 5, 7, 13, 61, 137, 509, 1447)
"""Bytes a segment: within headers of TLS records, within counts, across messages."""


class OddSegments:
    """A relay: what senders say goes on in pieces of odd sizes, the answers as they are."""

    def __init__(self, target: Target) -> None:
        self._to = (target.host, target.port)
        self._sizes = cycle(PIECES)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._threads = [threading.Thread(target=self._accept)]
        self.segments = 0

    @property
    def target(self) -> Target:
        """Where senders find it."""
        return Target(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes accept(), which a mere close does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sender, _ = self._listener.accept()
                self._begin(self._relay, sender)

    def _begin(self, work: Callable[[socket.socket], None], sender: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(sender,))
        self._threads.append(thread)
        thread.start()

    def _relay(self, sender: socket.socket) -> None:
        with ExitStack() as stack:
            stack.enter_context(sender)
            sensor = stack.enter_context(socket.create_connection(self._to))
            sensor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=_pass_on, args=(sensor, sender))
            back.start()
            with suppress(OSError):
                while data := sender.recv(1 << 16):
                    self._cut(sensor, data)
            with suppress(OSError):
                sensor.shutdown(socket.SHUT_WR)
            back.join()

    def _cut(self, sensor: socket.socket, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            size = next(self._sizes)
            sensor.sendall(rest[:size])
            rest = rest[size:]
            self.segments += 1


def _pass_on(sensor: socket.socket, sender: socket.socket) -> None:
    with suppress(OSError):
        while data := sensor.recv(1 << 16):
            sender.sendall(data)
        sender.shutdown(socket.SHUT_WR)
