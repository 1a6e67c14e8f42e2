"""A CA under somebody else's root: OpenSSL's own command signs, and judges what comes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sealwire.bootstrap.client import home_client
from sealwire.errors import ConflictError
from sealwire.x509.keys import key_id
from tests.flow.commands import Done, good, refused, run, state
from tests.flow.node import Node, told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "a long password of the root"
CA_EXTENSIONS = (
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
    "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
)


def openssl(*words: str | Path, text: str = "") -> str:
    done = subprocess.run(
        ["openssl", *map(str, words)],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"openssl {words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@dataclass
class Corporation:
    """A root and a policy CA below it, kept by ``openssl x509``."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    @property
    def policy(self) -> Path:
        return self.folder / "policy.pem"

    def found(self) -> None:
        self.folder.mkdir()
        (self.folder / "ca.ext").write_text(CA_EXTENSIONS)
        root_key, policy_key = self.folder / "root.key", self.folder / "policy.key"
        for key in (root_key, policy_key):
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        name = ("-subj", "/O=Corporation/CN=Corporation Root", "-days", "4000")
        name = (*name, "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl("req", "-x509", "-new", "-key", root_key, *name, "-out", self.root)
        request = self.folder / "policy.csr"
        name = ("-subj", "/O=Corporation/CN=Corporation Policy CA")
        openssl("req", "-new", "-key", policy_key, *name, "-out", request)
        self._sign(request, self.policy, self.root, root_key, 3000, extfile=True)

    def sign(self, request: Path, out: Path, *, days: int = 1000) -> None:
        """By the policy CA, with what the request asks for."""
        self._sign(request, out, self.policy, self.folder / "policy.key", days, extfile=False)

    def _sign(
        self, request: Path, out: Path, issuer: Path, key: Path, days: int, *, extfile: bool
    ) -> None:
        kind = ("-extfile", self.folder / "ca.ext") if extfile else ("-copy_extensions", "copyall")
        issuer_words = ("-CA", issuer, "-CAkey", key, "-CAcreateserial", "-days", str(days))
        openssl("x509", "-req", "-in", request, *issuer_words, *kind, "-out", out)


@dataclass
class Scene:
    home: Path
    corporation: Corporation
    folder: Path
    started: str
    refused: str

    def run(self, *words: str) -> str:
        return good(run(self.home, *words))

    def shown(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run("ca", "show", "--json"))
        return document

    def issued(self) -> Path:
        request = told(self.run(*SUBMIT, str(self.folder / "www.example.com.csr")), "Request ID")
        review = ("ca-cert-request-review", request, "--action", "approve")
        serial = told(self.run("pki", "-n", "caadmin", *review), "Certificate ID")
        leaf = self.folder / "www.pem"
        self.run("ca", "certificate", serial, "-o", str(leaf))
        return leaf


SUBMIT = ("pki", "ca-cert-request-submit", "--profile", "caServerCert", "--csr-file")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A node that ran while it waited, and got its certificate in the meantime."""
    folder = tmp_path_factory.mktemp("corporate")
    corporation = Corporation(folder / "corporation")
    corporation.found()
    home, request, signed = folder / "home", folder / "issuing.csr", folder / "issuing.pem"
    good(run(home, "ca", "init", "--o", "Example", "--csr-out", str(request)))
    words = ("--cn", "www.example.com", "--out-dir", str(folder))
    good(run(home, "csr", "new", *words))
    with Node(home) as node:
        waiting = submitted(home, (folder / "www.example.com.csr").read_text())
        corporation.sign(request, signed)
        # Not in order, and some of it twice.
        bag = [corporation.root, signed, corporation.policy, signed, corporation.root]
        made = Scene(home, corporation, folder, node.said(), waiting)
        made.run("ca", "init", "--import", *map(str, bag))
        yield made


def submitted(home: Path, csr: str) -> str:
    """Why a request is not taken in."""
    with home_client(home) as client, pytest.raises(ConflictError) as refusal:
        client.call("POST", "/api/v1/ca/requests", json={"profile": "caServerCert", "csr": csr})
    return refusal.value.message


def verifies(scene: Scene, leaf: Path) -> None:
    chain = scene.folder / "chain.pem"
    chain.write_text(scene.run("ca", "chain"))
    trust = ("-CAfile", scene.corporation.root, "-untrusted", chain)
    name = ("-verify_hostname", "www.example.com")
    said = openssl("verify", "-x509_strict", "-purpose", "sslserver", *trust, *name, leaf)
    assert said.endswith(": OK\n")


def test_up_waits_instead_of_making_a_ca(scene: Scene) -> None:
    assert "waits for its certificate from outside" in scene.started
    assert "one-time password" not in scene.started
    assert "The CA waits for its certificate from outside" in scene.refused


def test_it_stands_under_the_outside_root(scene: Scene) -> None:
    found = scene.shown()
    assert found["issuing"]["subject"] == "CN=Example Issuing CA,O=Example"
    assert [each["subject"] for each in found["intermediates"]] == [
        "CN=Corporation Policy CA,O=Corporation"
    ]
    assert found["root"]["subject"] == "CN=Corporation Root,O=Corporation"
    assert (found["issuing"]["key_place"], found["root"]["key_place"]) == ("file", None)
    assert found["waiting"] == []


def test_openssl_verifies_what_it_issues(scene: Scene) -> None:
    verifies(scene, scene.issued())


def test_the_running_console_has_its_certificate_at_once(scene: Scene) -> None:
    port = state(scene.home)["console_port"]
    where = ("-connect", f"127.0.0.1:{port}", "-CAfile", scene.corporation.root)
    said = openssl("s_client", *where, "-verify_return_error", "-showcerts")
    assert re.findall(r" s:(.*)", said)[1:] == [
        "O = Example, CN = Example Issuing CA",
        "O = Corporation, CN = Corporation Policy CA",
    ]


def test_renewal_by_the_outside_ca_while_it_runs(scene: Scene) -> None:
    before, leaf = scene.shown()["issuing"], scene.issued()
    request, signed = scene.folder / "renewal.csr", scene.folder / "renewed.pem"
    scene.run("ca", "renew", "--csr-out", str(request))
    scene.corporation.sign(request, signed, days=2000)
    scene.run("ca", "renew", "--import", str(signed))
    after = scene.shown()["issuing"]
    assert after["key_id"] == before["key_id"]
    assert after["not_after"] > before["not_after"]
    # What was issued before, and what is issued now.
    verifies(scene, leaf)
    verifies(scene, scene.issued())
    assert json.loads(scene.run("ca", "reconcile", "--json"))["ok"]


def test_a_stranger_is_no_renewal(scene: Scene) -> None:
    before = scene.shown()
    done = run(scene.home, "ca", "renew", "--import", str(scene.corporation.policy))
    refused(done, 2, "None of the certificates is for the key of CN=Example Issuing CA")
    assert scene.shown() == before


# --- a root of one's own, kept away ---------------------------------------------------------------


@dataclass
class Offline:
    home: Path
    root: Path
    password: Path

    def run(self, *words: str) -> Done:
        return run(self.home, "ca", *words)


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Offline:
    folder = tmp_path_factory.mktemp("offline")
    made = Offline(folder / "home", folder / "stick", folder / "password")
    made.password.write_text(PASSWORD + "\n")
    words = ("--root-out", str(made.root), "--root-password-file", str(made.password))
    good(made.run("init", "--o", "Example", *words))
    return made


def test_nothing_of_the_root_is_left_in_the_home(offline: Offline) -> None:
    key = load_pem_private_key((offline.root / "root.key").read_bytes(), PASSWORD.encode())
    root = x509.load_pem_x509_certificate((offline.root / "root.pem").read_bytes())
    assert root.public_key() == key.public_key()
    assert (offline.root / "root.key").stat().st_mode & 0o777 == 0o600
    assert offline.root.stat().st_mode & 0o777 == 0o700
    names = {path.stem for path in (offline.home / "keys").iterdir()}
    assert key_id(root.public_key()) not in names
    # Only the issuing CA's.
    assert names == {json.loads(good(offline.run("show", "--json")))["issuing"]["key_id"]}
    secret = key.private_numbers().private_value.to_bytes(32, "big")  # type: ignore[union-attr]
    for path in offline.home.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes()


def test_the_root_signs_again(offline: Offline) -> None:
    before = json.loads(good(offline.run("show", "--json")))["issuing"]
    refused(offline.run("renew"), 2, "The root's key is not kept here", "--root-in")
    where = ("--root-in", str(offline.root))
    refused(offline.run("renew", *where), 2, "password")
    good(offline.run("renew", *where, "--root-password-file", str(offline.password)))
    after = json.loads(good(offline.run("show", "--json")))
    assert after["issuing"]["sha256"] != before["sha256"]
    assert after["root"]["key_place"] is None
    good(offline.run("chain", "-o", str(offline.root / "chain.pem")))
    trust = ("-CAfile", offline.root / "root.pem", "-untrusted", offline.root / "chain.pem")
    agent = offline.home / "credentials" / "caadmin.pem"
    assert openssl("verify", "-purpose", "sslclient", *trust, agent).endswith(": OK\n")


def test_the_words_have_to_fit(offline: Offline, tmp_path: Path) -> None:
    home, file = tmp_path / "new", str(tmp_path / "x")
    for words, text in (
        (("--csr-out", file, "--root-out", file), "do not go together"),
        (("--root", file), "--root goes with --import only"),
        ((file,), "files go with --import only"),
    ):
        refused(run(home, "ca", "init", *words), 1, text)
    refused(run(home, "ca", "init", "--import", os.devnull), 2, "No certificate was asked for")
    refused(offline.run("init"), 2, "There is a CA already")
    again = ("init", "--root-out", str(offline.root))
    refused(run(home, "ca", *again), 2, "Not overwritten")
    short = tmp_path / "short"
    short.write_text("short")
    words = ("--root-out", str(tmp_path / "stick"), "--root-password-file", str(short))
    refused(run(home, "ca", "init", *words), 2, "12 characters")
