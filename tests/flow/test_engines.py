"""A whole node on either engine: many approvals at once, and who knows the password."""

from __future__ import annotations

import json
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from sealwire.bootstrap.home import Home
from tests.flow.node import Node, run_alone, told
from tests.postgresql import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgresql import PostgresqlServer

AT_ONCE = 32


@pytest.fixture(scope="module")
def url(postgresql: PostgresqlServer) -> str:
    """An empty database of PostgreSQL."""
    return postgresql.fresh_url()


@pytest.fixture(scope="module")
def on_postgresql(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("postgresql")
    with Node(folder / "home", options=("--database", url)) as running:
        yield running


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Node]:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    with Node(tmp_path / "home", options=("--database", url)) as running:
        yield running


@pytest.fixture(params=["on_sqlite", "on_postgresql"])
def node(request: pytest.FixtureRequest) -> Node:
    found: Node = request.getfixturevalue(request.param)
    return found


def test_many_approvals_at_once_give_one_certificate(node: Node, tmp_path: Path) -> None:
    run_alone("csr", "new", "--cn", "www.example.com", "--o", "Example", "--out-dir", str(tmp_path))
    csr = str(tmp_path / "www.example.com.csr")
    submitted = node.run(
        "pki", "ca-cert-request-submit", "--profile", "caServerCert", "--csr-file", csr
    )
    number = int(told(submitted, "Request ID"), 0)
    before = node.json("ca", "reconcile")

    def approve(_: int) -> tuple[int, str]:
        # No TLS is spoken here: a context that trusts nobody spares reading all the CAs.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        transport = httpx.HTTPTransport(uds=str(Home(node.home).socket), verify=nobody)
        with httpx.Client(transport=transport, base_url="http://sealwire", timeout=60) as api:
            answer = api.post(f"/api/v1/ca/requests/{number}/approve", json={})
            return answer.status_code, str(answer.json().get("code", answer.json().get("serial")))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = sorted(pool.map(approve, range(AT_ONCE)))
    assert [status for status, _ in answers] == [200] + [409] * (AT_ONCE - 1)
    assert {code for _, code in answers[1:]} == {"request.not_pending"}
    after = node.json("ca", "reconcile")
    assert (after["ok"], after["findings"]) == (True, [])
    for counted in ("certificates", "complete_requests", "approvals"):
        assert after[counted] == before[counted] + 1


def test_a_database_password_stays_with_the_owner(
    on_postgresql: Node, postgresql: PostgresqlServer, url: str
) -> None:
    node = on_postgresql
    transport = httpx.HTTPTransport(uds=str(Home(node.home).socket))
    with httpx.Client(transport=transport, base_url="http://sealwire") as api:
        listed = api.get("/api/v1/openapi.json").json()["paths"]
        plain = [path for path, item in listed.items() if "get" in item and "{" not in path]
        assert len(plain) > 10
        answers = [api.get(path).text for path in plain]
    answers.append(node.run("audit", "list"))
    # A node that cannot reach its database any more has the most to complain about.
    postgresql.cut_off(url)
    answers.append(node.run("audit", "list"))
    node.stop()
    assert not [text for text in answers if PASSWORD in text]
    config = Home(node.home).config_file
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert json.loads(config.read_text())["database"] == url
    files = [path for path in (*node.home.rglob("*"), node.log) if path.is_file()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == [config]
