"""Requests over a few kept connections, made beforehand, so that the client costs little."""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def post(path: str, body: bytes) -> bytes:
    """One request, ready to be written."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


@dataclass(frozen=True)
class Answered:
    """Wall-clock seconds from the first byte sent to the last answer; bodies in any order."""

    seconds: float
    bodies: Sequence[bytes]


@dataclass
class KeptConnections:
    """``count`` connections to a server; ``context`` None is clear HTTP. A context manager."""

    port: int
    count: int
    context: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    _stack: ExitStack = field(default_factory=ExitStack, init=False)
    _ends: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(
        default_factory=list, init=False
    )

    def __enter__(self) -> Self:
        """Raises UnavailableError ``bench.connection``."""
        self._runner = self._stack.enter_context(asyncio.Runner())
        try:
            self._runner.run(self._connect())
        except OSError as error:
            self.__exit__()
            raise UnavailableError("bench.connection", f"no connection: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._close())
        self._stack.close()

    def ask(self, requests: Sequence[bytes]) -> Answered:
        """Send them all; each connection takes the next one when its answer has come.

        Raises:
            RefusedError: ``bench.answer``: an answer is not 2xx.
            UnavailableError: ``bench.connection``: a connection broke.
        """
        try:
            return self._runner.run(self._all(requests))
        except (OSError, EOFError) as error:
            raise UnavailableError("bench.connection", f"a connection broke: {error}") from error

    async def _connect(self) -> None:
        for _ in range(self.count):
            self._ends.append(await asyncio.open_connection(self.host, self.port, ssl=self.context))

    async def _close(self) -> None:
        for _, writer in self._ends:
            writer.close()
        closed = (writer.wait_closed() for _, writer in self._ends)
        await asyncio.gather(*closed, return_exceptions=True)

    async def _all(self, requests: Sequence[bytes]) -> Answered:
        waiting = iter(requests)
        bodies: list[bytes] = []
        begun = SystemClock().monotonic()
        await asyncio.gather(
            *(_some(reader, writer, waiting, bodies) for reader, writer in self._ends)
        )
        return Answered(SystemClock().monotonic() - begun, bodies)


async def _some(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    waiting: Iterator[bytes],
    bodies: list[bytes],
) -> None:
    for request in waiting:  # shared: each takes the next one
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if not head.startswith(b"HTTP/1.1 2"):
            raise RefusedError("bench.answer", f"{head[:80]!r} {body[:300]!r}")
        bodies.append(body)
