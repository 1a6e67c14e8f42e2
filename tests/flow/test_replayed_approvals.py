"""Captured bytes of an approval, sent again and again, give the one certificate they gave first."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn
from tests.flow.agent import Agent, http
from tests.flow.commands import good, run
from tests.flow.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPLAYS_IN_A_ROUND = 20
"""A thousand in the fifty rounds of a soak."""
COOKIE = re.compile(rb"\r\nset-cookie: (JSESSIONID=\w+)", re.IGNORECASE)


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Node]:
    with Node(tmp_path / "home", options=("--database", database_url)) as running:
        yield running


def submitted(agent: Agent) -> int:
    csr = build_csr(generate_key(KeyType.P256), parse_dn("CN=www.example.com"), ())
    body = {"profile": "caAuditServerCert", "csr": csr.decode()}
    [answer] = agent.send([http("POST", "/api/v1/ca/requests", body)])
    assert (answer.status, answer.json["status"]) == (201, "pending")
    return int(answer.json["id"])


def by_dogtags_interface(agent: Agent, number: int) -> bytes:
    """The bytes that approve what was reviewed under a nonce, in the session of its cookie."""
    path = f"/ca/rest/agent/certrequests/{number}"
    [review] = agent.send([http("GET", path)])
    cookie = COOKIE.search(review.head)
    assert cookie is not None, review.head
    return http("POST", f"{path}/approve", review.json, f"Cookie: {cookie[1].decode()}")


def by_our_interface(agent: Agent, number: int) -> bytes:
    path = f"/api/v1/ca/requests/{number}"
    [review] = agent.send([http("GET", f"{path}/review")])
    return http("POST", f"{path}/approve", {"tbs_sha256": review.json["tbs_sha256"]})


def processed(node: Node, number: int) -> list[str]:
    listed = good(run(node.home, "audit", "list", "--trail", "ca", "--json"))
    texts = [json.loads(line)["message"] for line in listed.splitlines()]
    return [
        text for text in texts if "=CERT_REQUEST_PROCESSED]" in text and f"[ReqID={number}]" in text
    ]


def reconciled(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(good(run(node.home, "ca", "reconcile", "--json")))
    assert (found["ok"], found["findings"]) == (True, [])
    return found


@pytest.mark.soak
def test_a_captured_approval_gives_one_certificate(node: Node, soak_rounds: int) -> None:
    agent, replays = Agent(node), REPLAYS_IN_A_ROUND * soak_rounds
    before = reconciled(node)
    ours, dogtags = submitted(agent), submitted(agent)
    captured = {ours: by_our_interface(agent, ours), dogtags: by_dogtags_interface(agent, dogtags)}
    refusals = {ours: {409}, dogtags: {400}}
    for number, octets in captured.items():
        answers = agent.send_at_once([octets] * (replays + 1))
        statuses = sorted(answer.status for answer in answers)
        assert statuses[0] in {200, 204}, answers[0]
        assert len(statuses) == replays + 1
        assert set(statuses[1:]) == refusals[number]
        # The other way round: long after, on a connection of its own.
        [late] = agent.send([octets])
        assert late.status in refusals[number]
        [record] = processed(node, number)
        assert "[Outcome=Success]" in record
    many = [submitted(agent) for _ in range(3)]
    captured |= dict.fromkeys(many, b"")
    numbers = [str(number) for number in (*many, ours, many[0])]
    done = run(node.home, "ca", "approve", *numbers)
    assert (done.returncode, done.stdout.count("complete")) == (2, len(many))
    for number in (ours, many[0]):
        assert f"request {number}: " in done.stderr
    assert all(len(processed(node, number)) == 1 for number in many)
    after = reconciled(node)
    for counted in ("certificates", "complete_requests", "approvals"):
        assert after[counted] == before[counted] + len(captured)
    [first, *_] = agent.send([http("GET", f"/api/v1/ca/requests/{ours}/approvals")])
    assert [each["approver"] for each in first.json["entries"]] == ["caadmin"]
