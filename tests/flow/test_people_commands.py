"""Passwords, log-in certificates and dry runs of an import, by command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.flow.commands import good, refused, run
from tests.flow.node import Node

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "a password of my own"


def test_a_password_is_set_by_the_homes_owner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    good(run(home, "user", "add", "carol", "administrator"))
    refused(run(home, "user", "password", "carol", "--stdin", text="short\n"), 2, "12 characters")
    said = good(run(home, "user", "password", "carol", "--stdin", text=f"{PASSWORD}\n"))
    assert PASSWORD not in said
    [carol] = json.loads(good(run(home, "user", "list", "--json")))
    assert not carol["must_change_password"]
    refused(run(home, "user", "password", "nobody", "--stdin", text=f"{PASSWORD}\n"), 2, "nobody")


def test_a_check_installs_nothing_and_a_certificate_lets_in(tmp_path: Path) -> None:
    csr, bag = tmp_path / "unit.csr", tmp_path / "bag.pem"
    with Node(tmp_path / "home") as node:
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
