"""A node whose CA signs on a token, and whose other keys lie encrypted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from sealwire.errors import UnavailableError
from sealwire.stores.pkcs11 import Pkcs11Keys
from sealwire.x509.keys import key_id
from tests.flow.commands import good, refused, run
from tests.flow.node import Node, told
from tests.flow.peers import PeerError
from tests.hsm import LABEL, PIN, SoftToken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"
VARIABLE = "SEALWIRE_KEY_ENCRYPTION_KEY"


@dataclass
class Scene:
    node: Node
    token: SoftToken
    secret: Path

    @property
    def home(self) -> Path:
        return self.node.home

    def run(self, *words: str) -> str:
        return good(run(self.home, *words))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("keys")
    token, secret = SoftToken(folder / "token"), folder / "secret"
    token.make()
    secret.write_text(SECRET + "\n")
    options = ["--key-encryption-key-file", str(secret), "--pkcs11-module", str(token.module)]
    options += ["--pkcs11-token", LABEL, "--pkcs11-pin-file", str(token.pin_file)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", token.environment["SOFTHSM2_CONF"])
        node = Node(folder / "home", options=options, start_seconds=60)
        with node:
            yield Scene(node, token, secret)


def test_openssl_verifies_what_the_token_signed(scene: Scene, tmp_path: Path) -> None:
    scene.run("csr", "new", "--cn", "www.example.com", "--out-dir", str(tmp_path))
    submit = ("pki", "ca-cert-request-submit", "--profile", "caServerCert", "--csr-file")
    request = told(scene.run(*submit, str(tmp_path / "www.example.com.csr")), "Request ID")
    review = ("ca-cert-request-review", request, "--action", "approve")
    serial = told(scene.run("pki", "-n", "caadmin", *review), "Certificate ID")
    leaf, chain = tmp_path / "leaf.pem", tmp_path / "chain.pem"
    scene.run("ca", "certificate", serial, "-o", str(leaf))
    scene.run("ca", "chain", "-o", str(chain))
    trust = ("-CAfile", scene.home / "credentials" / "ca-roots.pem", "-untrusted", chain)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *trust, leaf]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.endswith(": OK\n"), done.stdout + done.stderr


def test_the_cas_keys_are_on_the_token_and_nowhere_else(scene: Scene) -> None:
    shown = json.loads(scene.run("ca", "show", "--json"))
    assert shown["issuing"]["key_place"] == f"PKCS#11 token {LABEL}"
    assert shown["root"]["key_place"] == f"PKCS#11 token {LABEL}"
    identifier = shown["issuing"]["key_id"]
    listed = scene.token.objects()
    mine = [block for block in listed.split("Object; ") if identifier in block]
    assert len(mine) == 2
    assert any("never extractable" in block for block in mine)
    assert not (scene.home / "keys" / f"{identifier}.pem").exists()


def test_the_audit_log_is_signed_on_the_token(scene: Scene) -> None:
    printed = scene.run("audit", "config", "set", "--file")
    certificate = x509.load_pem_x509_certificate(printed[printed.index("-----BEGIN") :].encode())
    assert key_id(certificate.public_key()) in scene.token.objects()


def test_the_other_keys_are_encrypted(scene: Scene) -> None:
    contents = [path.read_bytes() for path in (scene.home / "keys").glob("*.pem")]
    assert contents
    assert all(b"BEGIN ENCRYPTED PRIVATE KEY" in content for content in contents)


def test_no_secret_is_kept_or_said(scene: Scene) -> None:
    written = [path for path in scene.home.rglob("*") if path.is_file()]
    for path in [*written, scene.node.log]:
        content = path.read_bytes()
        assert PIN.encode() not in content, path
        assert SECRET.encode() not in content, path
    assert json.loads((scene.home / "config.json").read_text())["pkcs11_token"] == LABEL


def test_killed_and_started_again_it_signs_on(scene: Scene) -> None:
    scene.node.kill()
    # The token is another process's now: the command opens the home itself.
    before = json.loads(scene.run("ca", "show", "--json"))["issuing"]
    scene.run("ca", "renew")
    scene.node.start()
    after = json.loads(scene.run("ca", "show", "--json"))["issuing"]
    assert after["key_id"] == before["key_id"]
    assert after["sha256"] != before["sha256"]
    assert json.loads(scene.run("ca", "reconcile", "--json"))["ok"]
    listed = scene.run("audit", "list", "--trail", "ca", "--json").splitlines()
    events = [json.loads(line)["event"] for line in listed]
    # Founding, first start, renewal, second start.
    assert events.count("CERT_SIGNING_INFO") == 4


def test_a_wrong_pin_is_told(scene: Scene) -> None:
    scene.node.stop()
    wrong = scene.secret.with_name("wrong-pin")
    wrong.write_text("00000000")
    node = Node(scene.home, options=[*scene.node.options, "--pkcs11-pin-file", str(wrong)])
    with pytest.raises(PeerError, match="refuses the PIN"):
        node.start()
    assert "00000000" not in node.said()


# --- keys in files alone --------------------------------------------------------------------------


def test_keys_in_clear_are_encrypted_at_the_next_start_and_then_need_their_secret(
    tmp_path: Path,
) -> None:
    home, keys = tmp_path / "home", tmp_path / "home" / "keys"
    good(run(home, "ca", "init"))
    assert all(b"ENCRYPTED" not in path.read_bytes() for path in keys.glob("*.pem"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, SECRET)
        with Node(home) as node:
            assert "keys that lay in clear were encrypted" in node.said()
    assert all(b"ENCRYPTED" in path.read_bytes() for path in keys.glob("*.pem"))
    refused(run(home, "ca", "renew"), 2, "no key-encryption key was given", VARIABLE)
    refused(run(home, "ca", "renew", **{VARIABLE: SECRET[::-1]}), 2, "does not open")
    refused(run(home, "ca", "renew", **{VARIABLE: "short"}), 2, "openssl rand -hex 32")
    good(run(home, "ca", "renew", **{VARIABLE: SECRET}))
    # As systemd's LoadCredential hands it over.
    (tmp_path / "sealwire-key-encryption-key").write_text(SECRET + "\n")
    good(run(home, "ca", "renew", CREDENTIALS_DIRECTORY=str(tmp_path)))


def test_a_secret_beside_what_it_encrypts_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "home" / "secret"
    words = ("up", "--home", str(tmp_path / "home"), "--key-encryption-key-file", str(inside))
    refused(run(tmp_path, *words), 2, "must lie outside the home")
    words = ("up", "--home", str(tmp_path / "home"), "--pkcs11-module", "/nowhere.so")
    refused(run(tmp_path, *words), 2, "pkcs11_module and pkcs11_token go together")


# --- killed between the making of a key and the commit --------------------------------------------

LIVE = "import sys; from sealwire.cli.app import outcome; sys.exit(outcome(sys.argv[1:]))"
DIE = f"""
import os, signal
from sealwire.ca import key_places

make_key = key_places.KeyPlaces.make_key
def make_and_die(keys, key_type):
    make_key(keys, key_type)
    os.kill(os.getpid(), signal.SIGKILL)
key_places.KeyPlaces.make_key = make_and_die
{LIVE}
"""


@pytest.mark.parametrize(
    ("place", "words"),
    [("files", ("ca", "init")), ("token", ("ca", "init", "--csr-out", "issuing.csr"))],
)
def test_a_key_without_a_ca_does_no_harm(
    tmp_path: Path, place: str, words: tuple[str, ...]
) -> None:
    home = tmp_path / "home"
    environment = {"SEALWIRE_HOME": str(home)}
    token = SoftToken(tmp_path / "token")
    if place == "token":
        token.make()
        home.mkdir(mode=0o700)
        settings = {"pkcs11_module": str(token.module), "pkcs11_token": LABEL}
        settings["pkcs11_pin_file"] = str(token.pin_file)
        (home / "config.json").write_text(json.dumps(settings))
        environment["SOFTHSM2_CONF"] = token.environment["SOFTHSM2_CONF"]
    died = sealwire(DIE, tmp_path, environment, words)
    assert died.returncode == -9, died.stderr
    if place == "token":
        assert token.objects().count("Private Key Object") == 1
    else:
        assert len(list((home / "keys").glob("*.pem"))) == 1
    again = sealwire(LIVE, tmp_path, environment, words)
    assert again.returncode == 0, again.stderr


def sealwire(
    program: str, folder: Path, environment: dict[str, str], words: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    """In a process of its own: a token that another process wrote to is looked at anew."""
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_module_that_is_none_is_told() -> None:
    with pytest.raises(UnavailableError, match="cannot be used"):
        Pkcs11Keys(sys.executable, LABEL, lambda: PIN).holds("0" * 64)
