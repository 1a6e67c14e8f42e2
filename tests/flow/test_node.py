"""A node as its owner and strangers meet it: the process, its ports, its files."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509

from sealwire.clock import SystemClock
from tests.flow.authority import LOOPBACK
from tests.flow.commands import SEALWIRE, good, pki_refused, process, refused, run, state
from tests.flow.node import Node
from tests.flow.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Its home is far down in the tree: no address of a unix socket has room for the path."""
    folder = tmp_path_factory.mktemp("node").joinpath(*["a-folder-with-a-long-name"] * 8)
    with Node(folder / "home") as running:
        assert len(str(running.home / "run" / "owner.sock")) > 107
        yield running


# The process


def test_it_says_where_it_is_and_that_it_is_ready(node: Node) -> None:
    lines = node.log.read_text(encoding="utf-8").splitlines()
    assert "READY" in lines
    ports = state(node.home)
    assert set(ports) >= {"pid", "console_url", "console_port", "http_port", "tls_ports"}
    assert ports["pid"] == node.pid
    assert f"  API and console  https://localhost:{ports['console_port']}" in lines
    assert any(line.endswith(f"http://localhost:{ports['http_port']}/ca.crt") for line in lines)
    for port in (ports["console_port"], ports["http_port"], *ports["tls_ports"]):
        with socket.create_connection((LOOPBACK, port), timeout=10):
            pass


def test_a_second_node_on_the_same_home_is_refused(node: Node) -> None:
    ephemeral = ["--console-port", "0", "--http-port", "0", "--tls-ports", "0"]
    second = process(node.home, "up", "--listen", LOOPBACK, *ephemeral)
    refused(second, 3, "another node already uses", "hint: ")
    assert state(node.home)["pid"] == node.pid
    good(run(node.home, "audit", "list"))


def test_only_its_owner_can_read_what_it_keeps(node: Node) -> None:
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in node.home.rglob("*")}
    assert len(modes) > 10
    modes[node.home] = stat.S_IMODE(node.home.stat().st_mode)
    wrong = {
        str(path): oct(mode)
        for path, mode in modes.items()
        if mode != (0o700 if path.is_dir() else 0o600)
    }
    assert wrong == {}


def test_no_key_stands_in_the_database_or_the_log(node: Node) -> None:
    for path in [node.log, *node.home.glob("sealwire.db*"), node.home / "config.json"]:
        assert b"PRIVATE KEY" not in path.read_bytes(), path


def test_it_starts_again_after_a_kill_and_keeps_what_it_was(node: Node) -> None:
    before = node.json("ca", "certificates")
    key = (node.home / "credentials" / "caadmin.pem").read_bytes()
    node.kill()
    assert (node.home / "run" / "owner.sock").exists()
    assert node.json("ca", "certificates") == before
    node.start()
    assert node.json("ca", "certificates") == before
    assert (node.home / "credentials" / "caadmin.pem").read_bytes() == key
    assert node.log.read_text(encoding="utf-8").count("one-time password") == 1


def test_a_taken_port_is_said_before_anything_is_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with closing(socket.create_server((LOOPBACK, 0))) as taken:
        port = taken.getsockname()[1]
        words = ["--console-port", "0", "--http-port", str(port), "--tls-ports", "0"]
        refused(
            process(home, "up", "--listen", LOOPBACK, *words), 3, f"cannot listen on port {port}"
        )
    # Nobody saw a one-time password, so there may be no agent yet either.
    refused(run(home, "ca", "chain"), 2, "There is no CA yet.")


def test_a_home_far_down_in_the_tree_is_reached(node: Node) -> None:
    assert node.json("appliance", "show")["unit"] == "unit-1"
    good(run(node.home, "pki", "ca-cert-request-show", "1"))


def test_a_node_without_a_ca(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    home = tmp_path / "home"
    config.write_text(
        f'home = "{home}"\nroles = ["appliance"]\nlisten = "{LOOPBACK}"\n'
        'host_name = "localhost"\nconsole_port = 0\nhttp_port = 0\n'
    )
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([*SEALWIRE, "serve", "--config", str(config)], stdout=out)
        try:
            wait_until(lambda: b"READY\n" in log.read_bytes(), "READY")
            shown = json.loads(good(run(home, "appliance", "show", "--json")))
            assert shown["identity"] is None
            refused(run(home, "ca", "chain"), 2, "does not run the role ca")
            assert clear(home, "/ca.crt").status_code == 404
        finally:
            process.terminate()
            assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('roles = ["king"]\nsurprise = 1\n', "surprise"),
        ('host_name = "my_node"\n', "host_name"),
        ("roles = [", "is not TOML"),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, text: str, says: str) -> None:
    config = tmp_path / "node.toml"
    config.write_text(text)
    code = 1 if "TOML" in says else 2
    refused(process(tmp_path / "home", "serve", "--config", str(config)), code, says)
    assert not (tmp_path / "home").exists()


# Without a running node


def test_a_fresh_home_is_asked_in_this_process(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = json.loads(good(run(home, "ca", "init", "--o", "Example", "--json")))
    assert made["issuing_subject"] == "CN=Example Issuing CA,O=Example"
    assert made["credentials"] == str(home / "credentials")
    assert (home / "credentials" / "caadmin.pem").stat().st_mode & 0o777 == 0o600
    refused(run(home, "ca", "init"), 2, "There is a CA already.")
    lines = good(run(home, "audit", "list", "--json")).splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert events.count("CONFIG_TRUSTED_PUBLIC_KEY") == 2
    assert json.loads(lines[0])["subject_id"] not in {"$System$", "$NonRoleUser$"}
    assert not list((home / "run").iterdir())
    # What was made then is what the node starts with.
    with Node(home) as node:
        subjects = [entry["issuer"] for entry in node.json("ca", "certificates")["entries"]]
        assert set(subjects) == {made["issuing_subject"]}
        assert "one-time password" not in node.said()
        agent = ("pki", "-u", "caadmin", "-w", made["password"])
        good(run(home, *agent, "ca-cert-request-find"))


# What strangers see


def clear(home: Path, path: str) -> httpx.Response:
    """What is served there in clear."""
    url = f"http://{LOOPBACK}:{state(home)['http_port']}{path}"
    return httpx.get(url, trust_env=False, timeout=10)


def test_clear_http_serves_the_issuing_certificate_and_nothing_else(node: Node) -> None:
    answer = clear(node.home, "/ca.crt")
    assert answer.headers["Content-Type"] == "application/pkix-cert"
    assert "Server" not in answer.headers
    issuing = x509.load_der_x509_certificate(answer.content)
    chain = good(run(node.home, "ca", "chain"))
    assert issuing == x509.load_pem_x509_certificate(chain.encode())
    for path in ("/", "/api/v1/audit", "/api/v1/ca/chain", "/healthz", "/docs", "/run/node.json"):
        assert clear(node.home, path).status_code == 404, path


def handshake(node: Node, version: ssl.TLSVersion, name: str = "localhost") -> ssl.SSLSocket:
    """A connection with that version only, the chain and the name checked."""
    context = ssl.create_default_context(cafile=str(node.home / "credentials" / "ca-roots.pem"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    plain = socket.create_connection((LOOPBACK, state(node.home)["console_port"]), timeout=10)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["localhost", LOOPBACK])
def test_https_has_a_chain_that_verifies(node: Node, version: ssl.TLSVersion, name: str) -> None:
    with handshake(node, version, name) as tls:
        assert tls.version() == version.name.replace("_", ".")
        presented = tls.getpeercert(binary_form=True)
    assert presented is not None
    leaf = x509.load_der_x509_certificate(presented)
    assert leaf.issuer.rfc4514_string() == "CN=Sealwire Issuing CA"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_tls_is_refused(node: Node, version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(node, version)


def test_a_name_that_is_not_its_own(node: Node) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(node, ssl.TLSVersion.TLSv1_3, "elsewhere.example.com")


def test_noise_on_the_ports_does_no_harm(node: Node) -> None:
    ports = state(node.home)
    for port in (ports["console_port"], ports["http_port"]):
        for noise in (b"\x16\x03\x01\xff\xff" + bytes(200), b"GET / HTTP/1.1\r\n" * 50, b"\0"):
            with socket.create_connection((LOOPBACK, port), timeout=10) as stranger:
                stranger.sendall(noise)
    good(run(node.home, "pki", "ca-cert-request-show", "1"))
    assert clear(node.home, "/ca.crt").status_code == 200
    assert "Traceback" not in node.log.read_text(encoding="utf-8")


# The end of it


def test_a_reader_that_has_enough_is_no_fault(node: Node) -> None:
    command = [*SEALWIRE, "audit", "list", "--home", str(node.home)]
    lister = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert lister.stdout is not None
    lister.stdout.close()
    assert lister.stderr is not None
    with lister.stderr as complaint:
        assert complaint.read() == ""
    assert lister.wait(30) == 0


def following(node: Node) -> subprocess.Popen[str]:
    """``sealwire sensor tail -f`` that has shown a message."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((LOOPBACK, state(node.home)["tls_ports"][0])) as plain,
        context.wrap_socket(plain) as sender,
    ):
        sender.sendall(b"<13>Nov 22 10:00:00 web1 app: followed\n")
        sender.unwrap()
    command = [*SEALWIRE, "sensor", "tail", "-f", "--home", str(node.home)]
    follower = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert follower.stdout is not None
    assert "followed" in follower.stdout.readline()
    return follower


def test_it_stops_at_once_and_in_good_order_under_open_connections(node: Node) -> None:
    ports = state(node.home)
    trusting = ssl.create_default_context(cafile=str(node.home / "credentials" / "ca-roots.pem"))
    with (
        socket.create_connection((LOOPBACK, ports["console_port"])) as silent,
        socket.create_connection((LOOPBACK, ports["http_port"])) as half,
        socket.create_connection((LOOPBACK, ports["console_port"])) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as idle,
    ):
        half.sendall(b"POST /ca.crt HTTP/1.1\r\nContent-Le")
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(64).startswith(b"HTTP/1.1 200")
        follower = following(node)
        began = SystemClock().monotonic()
        node.stop(10)
        took = SystemClock().monotonic() - began
        assert silent.fileno() > 0
    assert node.process is not None
    assert node.process.returncode == 0
    # Nobody answered its goodbyes.
    assert took < 5
    _, complaint = follower.communicate(timeout=10)
    assert (follower.returncode, "the node does not run" in complaint) == (3, True), complaint
    assert "Traceback" not in node.said()
    assert not (node.home / "run" / "node.json").exists()
    assert not (node.home / "run" / "owner.sock").exists()
    # The home is still there to be asked, and the trail says how it ended.
    for trail in ("ca", "appliance"):
        records = good(run(node.home, "audit", "list", "--trail", trail, "--json")).splitlines()
        assert json.loads(records[-1])["event"] == "AUDIT_LOG_SHUTDOWN"
    pki_refused(run(node.home, "pki", "ca-cert-request-show", "1"), "is the node running?")
    refused(run(node.home, "sensor", "tail", "-f", "-n", "0"), 3, "the node does not run")
