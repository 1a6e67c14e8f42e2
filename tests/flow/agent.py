"""The CA's first agent over HTTPS, whose bytes go out exactly as they are given."""

from __future__ import annotations

import json
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.flow.authority import LOOPBACK
from tests.flow.commands import state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.flow.node import Node

SENDERS = 8
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """One answer on the wire."""

    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document


@dataclass(frozen=True)
class Agent:
    """Sends bytes as they are, over TLS, as the agent that the node's certificate names."""

    node: Node

    def connection(self) -> ssl.SSLSocket:
        credentials = self.node.home / "credentials"
        context = ssl.create_default_context(cafile=credentials / "ca-roots.pem")
        context.check_hostname = False
        context.load_cert_chain(credentials / "caadmin.pem")
        port = int(state(self.node.home)["console_port"])
        plain = socket.create_connection((LOOPBACK, port), timeout=60)
        return context.wrap_socket(plain)

    def send(self, requests: Sequence[bytes]) -> list[Answer]:
        """One after the other over one connection."""
        with closing(self.connection()) as connection:
            return [exchanged(connection, each) for each in requests]

    def send_at_once(self, requests: Sequence[bytes]) -> list[Answer]:
        """Over several connections side by side."""
        shares = [requests[number::SENDERS] for number in range(SENDERS)]
        with ThreadPoolExecutor(SENDERS) as pool:
            return [answer for part in pool.map(self.send, shares) for answer in part]


def exchanged(connection: ssl.SSLSocket, request: bytes) -> Answer:
    connection.sendall(request)
    said = b""
    while HEAD_END not in said:
        said += received(connection)
    head, _, body = said.partition(HEAD_END)
    length = LENGTH.search(head + b"\r\n")
    while length and len(body) < int(length[1]):
        body += received(connection)
    return Answer(int(head.split(b" ", 2)[1]), head, body)


def received(connection: ssl.SSLSocket) -> bytes:
    octets = connection.recv(1 << 16)
    assert octets, "the node closed the connection"
    return octets


def http(method: str, path: str, body: object = None, *headers: str) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        "Accept: application/json",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + HEAD_END + content
