"""People, their passwords and certificates, and a profile that wants two of them, by command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.flow.commands import Done, good, refused, run
from tests.flow.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "a password of my own"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node") / "home") as running:
        yield running


def test_a_password_is_set_by_the_homes_owner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    good(run(home, "user", "add", "carol", "administrator"))
    refused(run(home, "user", "password", "carol", "--stdin", text="short\n"), 2, "12 characters")
    said = good(run(home, "user", "password", "carol", "--stdin", text=f"{PASSWORD}\n"))
    assert PASSWORD not in said
    [carol] = json.loads(good(run(home, "user", "list", "--json")))
    assert not carol["must_change_password"]
    refused(run(home, "user", "password", "nobody", "--stdin", text=f"{PASSWORD}\n"), 2, "nobody")


def test_a_check_installs_nothing_and_a_certificate_lets_in(node: Node, tmp_path: Path) -> None:
    csr, bag = tmp_path / "unit.csr", tmp_path / "bag.pem"
    node.run("appliance", "csr", "--cn", "other.example.com", "-o", str(csr))
    bag.write_text(node.certify(csr, "caAuditClientCert"), encoding="ascii")
    said = node.run("appliance", "import", "--check", str(bag))
    assert "`- CN=other.example.com" in said
    assert "does not cover" in said
    assert "nothing is installed" in said
    assert node.json("appliance", "show")["identity"] is None
    sha256 = node.json("user", "certificate", "caadmin", str(bag))["sha256"]
    [caadmin] = node.json("user", "list")
    assert sha256 in caadmin["certificates"]
    node.run("user", "remove-certificate", "caadmin", sha256)
    [caadmin] = node.json("user", "list")
    assert sha256 not in caadmin["certificates"]
    node.run("appliance", "import", str(bag))
    assert node.json("appliance", "show")["identity"]["generation"] == 1


def agent(home: Path, name: str) -> tuple[str, ...]:
    good(run(home, "user", "add", name, "agent"))
    good(run(home, "user", "password", name, "--stdin", text=f"{PASSWORD}\n"))
    return ("pki", "-u", name, "-w", PASSWORD)


def denied(done: Done, why: str) -> None:
    """Refused as Dogtag's command refuses."""
    assert (done.returncode, done.stdout) == (255, ""), done.stdout + done.stderr
    assert why in done.stderr


def test_every_fault_of_a_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('profile_id = "../x"\n[constraints.subject]\npattern = "("\n')
    faults = ("profile_id: ", "name: Field required", "constraints.subject.pattern", "defaults: ")
    refused(run(tmp_path / "home", "ca", "profile", "check", str(file)), 2, *faults)
    assert not (tmp_path / "home").exists()


def test_two_agents_approve_what_neither_of_them_asked_for(node: Node, tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    home = node.home
    document = good(run(home, "ca", "profile", "show", "caServerCert", "--document"))
    rules = "\n[approval]\napprovers = 2\nseparate_submitter = true\n"
    file.write_text(document.replace("caServerCert", "caOurs") + rules)
    good(run(home, "ca", "profile", "check", str(file)))
    put = json.loads(good(run(home, "ca", "profile", "put", str(file), "--json")))
    assert (put["id"], put["version"], put["enabled"]) == ("caOurs", 1, False)
    ask = ("client-cert-request", "CN=www.example.com", "--profile", "caOurs")
    denied(run(home, "pki", "-n", "caadmin", *ask), "not enabled")
    good(run(home, "ca", "profile", "enable", "caOurs"))
    denied(run(home, "pki", *ask), "Unauthorized")
    said = good(run(home, "pki", "-n", "caadmin", *ask))
    number = said.partition("Request ID: ")[2].split()[0]
    approve = ("ca-cert-request-review", number, "--action", "approve")
    denied(run(home, "pki", "-n", "caadmin", *approve), "may not approve it")
    bob, eve = agent(home, "bob"), agent(home, "eve")
    assert "Request Status: pending" in good(run(home, *bob, *approve))
    denied(run(home, *bob, *approve), "bob approved this request before")
    assert "Request Status: complete" in good(run(home, *eve, *approve))
    good(run(home, "ca", "reconcile"))
    good(run(home, "ca", "profile", "disable", "caOurs"))
    good(run(home, "ca", "profile", "remove", "caOurs"))
    listed = json.loads(good(run(home, "ca", "profile", "list", "--json")))["entries"]
    assert "caOurs" not in {each["id"] for each in listed}
