"""Requests over a few kept connections, made beforehand, so that the client costs little."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.clock import SystemClock

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence

CONNECTIONS: Final = 16
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Server:
    """Where requests go; ``context`` None is clear HTTP."""

    port: int
    context: ssl.SSLContext | None = None
    host: str = "127.0.0.1"


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


def ask(server: Server, requests: Sequence[bytes]) -> Answered:
    """Send them all, connections made before. RuntimeError for an answer that is not 2xx."""
    return asyncio.run(_all(server, requests))


async def _all(server: Server, requests: Sequence[bytes]) -> Answered:
    ends = [
        await asyncio.open_connection(server.host, server.port, ssl=server.context)
        for _ in range(CONNECTIONS)
    ]
    waiting = iter(requests)
    bodies: list[bytes] = []
    begun = SystemClock().monotonic()
    async with asyncio.TaskGroup() as group:
        for reader, writer in ends:
            group.create_task(_some(reader, writer, waiting, bodies))
    took = SystemClock().monotonic() - begun
    for _, writer in ends:
        writer.close()
    return Answered(took, bodies)


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
            raise RuntimeError(f"{head[:80]!r} {body[:300]!r}")
        bodies.append(body)
