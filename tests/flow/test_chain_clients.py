"""Real clients at a sensor that serves a built chain, and at a server with the bag as it came."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemClock
from tests import pki
from tests.flow.node import Node
from tests.flow.peers import LOOPBACK, free_port, wait_until
from tests.pki import Issued, issue, variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "localhost"
KINDS = ("rsa2048", "p256")


def program(name: str, package: str) -> str:
    """Where a client is; the test fails with what to install when it is not there."""
    found = shutil.which(name)
    assert found, f"{name} is needed for this test: apt-get install {package}"
    return found


def said(command: list[str], text: str = "") -> tuple[int, str]:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout + done.stderr


# Each client returns nothing, or why it does not trust the server.


def openssl(port: int, root: Path) -> str:
    command = [program("openssl", "openssl"), "s_client", "-connect", f"{LOOPBACK}:{port}"]
    command += ["-CAfile", str(root), "-no-CApath", "-verify_return_error", "-brief"]
    code, words = said([*command, "-verify_hostname", HOST, "-servername", HOST])
    return "" if code == 0 and "Verification: OK" in words else words


def gnutls(port: int, root: Path) -> str:
    command = [program("gnutls-cli", "gnutls-bin"), "--x509cafile", str(root)]
    code, words = said([*command, "-p", str(port), HOST])
    return "" if code == 0 and "The certificate is trusted" in words else words


def curl(port: int, root: Path) -> str:
    command = [program("curl", "curl"), "-sS", "-v", "--http1.0", "--max-time", "3"]
    command += ["--cacert", str(root), "--capath", "/nonexistent"]
    _, words = said([*command, "--noproxy", "*", f"https://{HOST}:{port}/"])
    # A syslog server does not speak HTTP; what counts is that TLS was agreed on.
    return "" if "SSL certificate verify ok" in words else words


def python(port: int, root: Path) -> str:
    context = ssl.create_default_context(cafile=str(root))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with (
            socket.create_connection((LOOPBACK, port), 10) as plain,
            context.wrap_socket(plain, server_hostname=HOST),
        ):
            return ""
    except ssl.SSLError as fault:
        return str(fault)


CLIENTS: dict[str, Callable[[int, Path], str]] = {
    "openssl": openssl,
    "gnutls-cli": gnutls,
    "curl": curl,
    "python": python,
}


@dataclass(frozen=True)
class Bag:
    """What a shop sent: an old cross-sign comes first, the right way lies behind it."""

    kind: str
    leaf: Issued
    pieces: tuple[Issued, ...]
    root: Issued

    def write(self, folder: Path) -> tuple[Path, Path, Path]:
        """The bag, the leaf's key, the root that clients trust."""
        folder.mkdir(parents=True, exist_ok=True)
        bag, key, root = folder / "bag.pem", folder / "leaf.key", folder / "root.pem"
        bag.write_bytes(b"".join(piece.pem for piece in self.pieces))
        key.write_bytes(self.leaf.key_pem)
        root.write_bytes(self.root.pem)
        return bag, key, root


def make_bag(kind: str) -> Bag:
    shift = SystemClock().now() - pki.NOW
    now = {"starts": shift - timedelta(days=10)}

    def key(name: str) -> pki.PrivateKey:
        return pki.key(f"clients {name}", kind)

    root = issue(variant(pki.ROOT, **now), None, key("root"))
    old = issue(variant(pki.ROOT, name="Old Root", **now), None, key("old root"))
    middle = issue(variant(pki.MIDDLE, **now), root, key("middle"))
    crossed = issue(variant(pki.MIDDLE, lasts=timedelta(days=3000), **now), old, key("middle"))
    issuing = issue(variant(pki.ISSUING, **now), middle, key("issuing"))
    leaf = issue(variant(pki.LEAF, hosts=(HOST,), **now), issuing, key("leaf"))
    return Bag(kind, leaf, (leaf, crossed, issuing, middle, root), root)


BAGS = {kind: make_bag(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("clients") / "home") as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_clients_trust_a_sensor_that_serves_the_built_chain(
    node: Node, kind: str, tmp_path: Path
) -> None:
    bag, key, root = BAGS[kind].write(tmp_path)
    node.run("sensor", "identity", "import", str(bag), "--key", str(key))
    wait_until(lambda: not python(node.target.port, root), f"the {kind} chain is served", 10)
    refused = {name: ask(node.target.port, root) for name, ask in CLIENTS.items()}
    assert {name: words for name, words in refused.items() if words} == {}


@pytest.fixture(params=KINDS)
def as_it_came(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """stunnel with the bag: its port, and the root that clients trust."""
    bag, key, root = BAGS[request.param].write(tmp_path)
    port, configuration = free_port(), tmp_path / "stunnel.conf"
    configuration.write_text(
        f"foreground = yes\npid =\n[bag]\naccept = {LOOPBACK}:{port}\n"
        f"connect = {LOOPBACK}:1\ncert = {bag}\nkey = {key}\n"
    )
    log = tmp_path / "stunnel.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program("stunnel", "stunnel4"), str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(lambda: b"Configuration successful" in log.read_bytes(), "stunnel is up", 10)
        yield port, root
    finally:
        process.terminate()
        process.wait(10)


def test_at_least_one_client_refuses_the_bag_as_it_came(as_it_came: tuple[int, Path]) -> None:
    port, root = as_it_came
    refused = {name for name, ask in CLIENTS.items() if ask(port, root)}
    assert refused, "every client takes the raw bag: there is nothing to gain any more"
    assert "openssl" in refused
