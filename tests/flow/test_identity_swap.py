"""A sensor's certificate is swapped under load; a broken one leaves the old in use."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.bootstrap.client import home_client
from sealwire.clock import SystemClock
from tests.flow.authority import LOOPBACK, PeerAuthority, TlsFiles
from tests.flow.node import Node
from tests.flow.peers import RsyslogSender, SyslogNgSender, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.bootstrap.client import ApiClient
    from tests.flow.conftest import Start

API = "/api/v1/sensor/identity"
IN_USE_WITHIN = 2.0
LOAD = 40
PAUSE = 0.004


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, peer_authority: PeerAuthority) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("swap") / "home") as running:
        running.serve_with(peer_authority.issue("first"))
        yield running


def import_body(files: TlsFiles) -> dict[str, Any]:
    def content(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    return {
        "files": [
            {"name": path.name, "content": content(path)} for path in (files.ca, files.certificate)
        ],
        "key": content(files.key),
    }


def shown_to_newcomers(port: int, client: TlsFiles) -> str:
    """SHA-256 of the certificate that a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(client.ca)
    context.load_cert_chain(client.certificate, client.key)
    with (
        socket.create_connection((LOOPBACK, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()


def connections_of(pid: int, port: int) -> set[str]:
    """Local ports of a process's established connections to ``port``."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        # What the process closed since it was listed is no connection of its now. That the
        # process itself is gone is told by the listing, or by its connections missing.
        with suppress(FileNotFoundError):
            target = str(entry.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    table = Path("/proc/net/tcp").read_text(encoding="ascii")
    rows = [line.split() for line in table.splitlines()[1:]]
    return {
        row[1]
        for row in rows
        if row[3] == "01" and int(row[2].partition(":")[2], 16) == port and row[9] in inodes
    }


def line_of(name: str, word: str) -> bytes:
    return f"<134>1 2026-01-02T03:04:05Z host app - - - {name} {word}".encode()


class Writer(threading.Thread):
    """Appends lines to the senders' files until it is told to stop."""

    def __init__(self, files: list[Path]) -> None:
        super().__init__()
        self.count = 0
        self.enough = threading.Event()
        self._files = files

    def run(self) -> None:
        handles = [path.open("ab", buffering=0) for path in self._files]
        while not self.enough.wait(PAUSE):
            for path, handle in zip(self._files, handles, strict=True):
                lines = range(self.count, self.count + LOAD // 10)
                handle.write(b"".join(line_of(path.parent.name, str(n)) + b"\n" for n in lines))
            self.count += LOAD // 10
        for handle in handles:
            handle.close()


@pytest.mark.soak
def test_swapped_under_load_no_connection_is_dropped_and_nothing_is_lost(
    node: Node,
    tmp_path: Path,
    start_peer: Start,
    peer_authority: PeerAuthority,
    soak_rounds: int,
) -> None:
    client = peer_authority.issue("client")
    identities = [peer_authority.issue(f"server-{n}") for n in range(max(2, soak_rounds))]
    port = node.target.port
    senders = (
        start_peer(
            RsyslogSender(tmp_path / "rsyslog", node.target, client, [line_of("rsyslog", "start")])
        ),
        start_peer(
            SyslogNgSender(
                tmp_path / "syslogng", node.target, client, [line_of("syslogng", "start")]
            )
        ),
    )
    for sender in senders:
        wait_until(lambda s=sender: bool(connections_of(s.pid, port)), "a connection")
    node.wait_for_packets(2)
    before = [connections_of(sender.pid, port) for sender in senders]
    writer = Writer([sender.input for sender in senders])
    writer.start()
    slowest = 0.0
    try:
        with home_client(node.home) as api:
            for identity in identities:
                slowest = max(slowest, swapped(api, identity, port, client))
    finally:
        writer.enough.set()
        writer.join()
    assert slowest < IN_USE_WITHIN
    assert [connections_of(sender.pid, port) for sender in senders] == before
    assert all(len(connections) == 1 for connections in before)
    node.wait_for_packets(2 + 2 * writer.count)
    assert sorted(arrived(node)) == sorted(
        f"{name} {n}" for name in ("rsyslog", "syslogng") for n in range(writer.count)
    )
    assert node.json("sensor", "stats")["alarms"] == []


def swapped(api: ApiClient, identity: TlsFiles, port: int, client: TlsFiles) -> float:
    """Import one; seconds until a new connection is shown it."""
    begun = SystemClock().monotonic()
    answer = api.call("POST", API, json=import_body(identity))
    wanted = answer["identity"]["chain"][0]["sha256"]
    wait_until(lambda: shown_to_newcomers(port, client) == wanted, "the new certificate", 5)
    return SystemClock().monotonic() - begun


def arrived(node: Node) -> list[str]:
    """What was written while certificates were swapped, as the journal has it."""
    tail = node.run("sensor", "tail", "-n", "100000", "--json").splitlines()
    messages = [json.loads(line)["raw"].rstrip() for line in tail]
    words = [message.split(" ")[-2:] for message in messages]
    return [" ".join(pair) for pair in words if pair[-1].isdecimal()]


def test_what_is_damaged_on_the_disk_leaves_the_old_one_in_use_and_raises_an_alarm(
    node: Node, peer_authority: PeerAuthority
) -> None:
    client = peer_authority.issue("prober")
    port = node.target.port
    shown = shown_to_newcomers(port, client)
    key_id = node.json("sensor", "identity", "show")["identity"]["key_id"]
    key_file = next(node.home.rglob(f"{key_id}.pem"))
    kept = key_file.read_bytes()
    key_file.write_bytes(b"damaged")
    os.kill(node.pid, signal.SIGHUP)
    wait_until(lambda: node.json("sensor", "stats")["alarms"] != [], "the alarm")
    (alarm,) = node.json("sensor", "stats")["alarms"]
    assert alarm["code"] == "identity_broken"
    assert "stays in use" in alarm["text"]
    assert "Alarm: " in node.run("sensor", "stats")
    assert shown_to_newcomers(port, client) == shown
    wait_until(lambda: "IDENTITY_INSTALLED" in newest_failure(node), "the record")
    # Mended, the next reload takes the alarm back.
    key_file.write_bytes(kept)
    os.kill(node.pid, signal.SIGHUP)
    wait_until(lambda: node.json("sensor", "stats")["alarms"] == [], "no alarm")


def newest_failure(node: Node) -> str:
    """The newest failure of the sensor's trail."""
    lines = node.run("audit", "list", "--trail", "sensor", "--json").splitlines()
    failures = [json.loads(line) for line in lines]
    return next((one["message"] for one in reversed(failures) if one["outcome"] == "Failure"), "")


def test_the_commands_about_csrs_and_the_chain(node: Node) -> None:
    words = ("appliance", "csr", "--cn", "localhost", "--c", "US", "--st", "Texas")
    checked = node.run(*words, "--check", "--ca", "cisco")
    assert "has the state abbreviated: TX." in checked
    assert "openssl req -new" in checked
    assert node.json("appliance", "csr-list") == []
    submitted = node.json(*words, "--key-type", "rsa2048", "--submit")
    assert submitted["request"]["status"] == "pending"
    node.run(*words)
    waiting = node.json("appliance", "csr-list")
    assert {one["subject"] for one in waiting} == {"CN=localhost,ST=Texas,C=US"}
    assert len(waiting) == 2
    node.run("appliance", "csr-remove", waiting[1]["key_id"][:12])
    assert node.json("appliance", "csr-list") == waiting[:1]
    issuing_first = node.run("sensor", "identity", "chain", "--order", "cisco")
    assert node.run("sensor", "identity", "chain").count("BEGIN CERTIFICATE") == 1
    assert issuing_first.count("BEGIN CERTIFICATE") == 1
    node.run("sensor", "identity", "chain", "--order", "alphabetical", expect=1)
