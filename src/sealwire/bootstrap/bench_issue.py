"""``sealwire bench issue``: a CA of its own, its speed, and whether its books balance after it.

What cfssl takes for the same is measured by ``python -m bench.issue`` in the source tree.
"""

from __future__ import annotations

import json
import os
import ssl
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sealwire.bootstrap.client import home_client
from sealwire.bootstrap.home import Home
from sealwire.bootstrap.kept_connections import KeptConnections, post
from sealwire.bootstrap.process_figures import cpu_seconds
from sealwire.bootstrap.scratch_node import scratch_node
from sealwire.errors import RefusedError
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.bootstrap.client import ApiClient

_PROFILE: Final = "caAuditServerCert"
_REQUESTS: Final = "/api/v1/ca/requests"
_BOOKS: Final = ("certificates", "complete_requests", "approvals")


@dataclass(frozen=True, slots=True)
class Issuance:
    """``key_type``: of the CA's keys. ``bulk``: approvals in each call."""

    certificates: int
    connections: int
    key_type: str
    bulk: int


def bench_issue(asked: Issuance) -> dict[str, Any]:
    """Measure, in a home that is removed again.

    Raises:
        UnavailableError: ``bench.connection``, ``node.not_ready``.
        RefusedError: ``bench.books``: there is not one of each for every approval;
            ``bench.answer``; for a ``key_type`` that a CA cannot have.
    """
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder, ExitStack() as stack:
        home = Home(Path(folder) / "home")
        with home_client(home.root) as client:
            client.call("POST", "/api/v1/ca/init", json={"key_type": asked.key_type})
        node = stack.enter_context(scratch_node(home.root, ("--roles", "ca"), lambda _line: None))
        client = stack.enter_context(home_client(home.root))
        port = int(home.state()["console_port"])  # type: ignore[call-overload]
        agent = KeptConnections(port, asked.connections, as_agent(home.root))
        return _measured(asked, node.pid, client, stack.enter_context(agent))


def _measured(
    asked: Issuance, node: int, client: ApiClient, agent: KeptConnections
) -> dict[str, Any]:
    before = _books(client)
    submissions = [submission(number) for number in range(asked.certificates)]
    waiting = [json.loads(body)["id"] for body in agent.ask(submissions).bodies]
    used = cpu_seconds(node)
    seconds = agent.ask(approvals(waiting, asked.bulk)).seconds
    used = cpu_seconds(node) - used
    check_books(asked.certificates, before, _books(client))
    return {
        "certificates": asked.certificates,
        "connections": asked.connections,
        "approvals_in_each_call": asked.bulk,
        "ca_key_type": asked.key_type,
        "seconds": round(seconds, 3),
        "certificates_per_second": round(asked.certificates / seconds, 1),
        "cpu_milliseconds_per_certificate": round(used / asked.certificates * 1000, 3),
        "processors": len(os.sched_getaffinity(0)),
    }


def approvals(waiting: Sequence[int], bulk: int) -> list[bytes]:
    """The calls that approve these requests, ``bulk`` of them with each."""
    if bulk == 1:
        return [post(f"{_REQUESTS}/{each}/approve", b"{}") for each in waiting]
    shares = [waiting[start : start + bulk] for start in range(0, len(waiting), bulk)]
    bodies = [{"requests": [{"id": each} for each in share]} for share in shares]
    return [post(f"{_REQUESTS}/approve", json.dumps(body).encode()) for body in bodies]


def check_books(approved: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Each approval made one certificate and one audit record, and all of it fits together."""
    found = {name: after[name] - before[name] for name in _BOOKS}
    wrong = [f"{count} {name}" for name, count in found.items() if count != approved]
    wrong += [each["message"] for each in after["findings"]]
    if wrong or not after["ok"]:
        told = ", ".join(wrong).replace("_", " ") or "the books do not balance"
        raise RefusedError("bench.books", f"{approved} were approved, but: {told}")


def _books(client: ApiClient) -> dict[str, Any]:
    found: dict[str, Any] = client.call("GET", "/api/v1/ca/reconciliation")
    return found


def csr_text(number: int) -> str:
    """A P-256 subscriber's request."""
    name = f"server-{number}.example.com"
    return build_csr(generate_key(KeyType.P256), parse_dn(f"CN={name}"), [name]).decode("ascii")


def submission(number: int) -> bytes:
    """The call that submits one."""
    return post(_REQUESTS, json.dumps({"profile": _PROFILE, "csr": csr_text(number)}).encode())


def as_agent(home: Path) -> ssl.SSLContext:
    """The agent's certificate and key, the CA's roots."""
    credentials = home / "credentials"
    context = ssl.create_default_context(cafile=str(credentials / "ca-roots.pem"))
    context.load_cert_chain(credentials / "caadmin.pem")
    return context
