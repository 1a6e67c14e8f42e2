"""A node whose disk is full says so and issues nothing; with room again, it goes on by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn
from tests.flow.agent import Agent, Answer, http
from tests.flow.authority import LOOPBACK
from tests.flow.commands import good, run, state
from tests.flow.node import Node
from tests.flow.peers import wait_until
from tests.flow.small_disk import SmallDisk, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = "The database cannot be used: the disk is full."
CSR = build_csr(generate_key(KeyType.P256), parse_dn("CN=www.example.com"), ()).decode()


@dataclass(frozen=True)
class Place:
    """A CA on a small disk."""

    disk: SmallDisk
    node: Node

    @property
    def agent(self) -> Agent:
        return Agent(self.node)

    def submitted(self) -> int:
        body = {"profile": "caAuditServerCert", "csr": CSR}
        answer = self.ask("POST", "/api/v1/ca/requests", body)
        assert answer.status == 201, answer.body
        return int(answer.json["id"])

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        [answer] = self.agent.send([http(method, path, body)])
        return answer

    def approve(self, number: int) -> Answer:
        return self.ask("POST", f"/api/v1/ca/requests/{number}/approve", {})

    def reconciled(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(good(run(self.node.home, "ca", "reconcile", "--json")))
        assert (found["ok"], found["findings"]) == (True, [])
        return found

    def crl_status(self) -> int:
        port = int(state(self.node.home)["http_port"])
        connection = HTTPConnection(LOOPBACK, port, timeout=20)
        try:
            connection.request("GET", "/crl/ca.crl")
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with small_disk() as mounted:
        yield mounted


def started(disk: SmallDisk, *options: str) -> Node:
    return Node(disk.share("home"), options=("--roles", "ca", *options), within=disk.within)


def test_nothing_is_issued_on_a_full_disk(disk: SmallDisk) -> None:
    with started(disk) as node:
        place = Place(disk, node)
        number, revoked = place.submitted(), place.approve(place.submitted()).json["serial"]
        assert place.crl_status() == 200
        before = place.reconciled()
        disk.fill()
        crl = ("POST", "/api/v1/ca/crl", {"name": "ca"})
        revocation = ("POST", f"/api/v1/ca/certificates/{revoked}/revoke", {})
        dogtag = ("GET", f"/ca/rest/agent/certrequests/{number}")
        for _ in range(3):
            refused(place.approve(number))
            refused(place.ask(*crl))
            refused(place.ask(*revocation))
            assert "the disk is full" in place.ask(*dogtag).json["Message"]
        review = ("pki", "-n", "caadmin", "ca-cert-request-review", str(number))
        by_command = run(node.home, *review, "--action", "approve")
        assert by_command.returncode == 255
        assert "the disk is full" in by_command.stderr
        # What was signed before is still told to whoever asks.
        assert place.crl_status() == 200
        assert place.reconciled() == before
        disk.clear()
        wait_until(lambda: place.approve(number).status == 200, "an approval", 15)
        assert place.ask(*crl).status == 200
        assert place.ask(*revocation).status == 200
        after = place.reconciled()
        assert after["certificates"] == before["certificates"] + 1
        assert node.process is not None
        assert node.process.poll() is None, "the node went on by itself"
        disk.fill()
        node.kill()
    disk.clear()
    with node:
        assert place.reconciled() == after


def refused(answer: Answer) -> None:
    assert answer.status == 503, answer.body
    told = answer.json
    assert (told["code"], told["detail"]) == ("store.unavailable", FULL)


def test_the_signed_audit_file_on_a_full_disk_of_its_own(disk: SmallDisk) -> None:
    database = disk.folder.parent / "sealwire.db"
    with started(disk, "--database", f"sqlite:///{database}") as node:
        place = Place(disk, node)
        good(run(node.home, "audit", "config", "set", "--file", "--flush-interval", "1"))
        waiting, last = place.submitted(), place.submitted()
        assert place.approve(waiting).status == 200
        disk.fill()
        # What the file still owes stands in the trail; the first write that fails stops the work.
        wait_until(lambda: place.ask(*submission()).status == 503, "a refusal", 15)
        before = place.reconciled()
        answer = place.approve(last)
        assert (answer.status, answer.json["code"]) == (503, "audit.file_failed")
        assert "No space left on device" in answer.json["detail"]
        assert place.reconciled() == before
        disk.clear()
        wait_until(lambda: place.approve(last).status == 200, "an approval", 15)
        assert place.reconciled()["certificates"] == before["certificates"] + 1
        shown = json.loads(good(run(node.home, "audit", "config", "show", "--json")))
        signer = disk.folder.parent / "signer.pem"
        signer.write_text(shown["certificate"])
        files = [str(file) for file in sorted((node.home / "audit").iterdir())]
        size = len(good(run(node.home, "audit", "list", "--trail", "ca", "--json")).splitlines())
        verify = ("audit", "verify-log", *files, "--cert", str(signer), "--require-size", str(size))
        wait_until(lambda: run(node.home, *verify).returncode == 0, "the whole log", 15)


def submission() -> tuple[str, str, object]:
    return "POST", "/api/v1/ca/requests", {"profile": "caAuditServerCert", "csr": CSR}
