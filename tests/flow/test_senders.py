"""Senders that are not ours reach the sensor, and it counts exactly what they sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.flow.authority import PeerAuthority, TlsFiles
from tests.flow.node import Node
from tests.flow.peers import (
    RsyslogSender,
    SyslogNgLineSender,
    SyslogNgSender,
    octet_counted,
    openssl_send,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.flow.conftest import Start

CLIENT = "fmc.example.test"


def lines_of(tag: str, count: int) -> list[bytes]:
    return [
        b"<134>1 2026-01-02T03:04:05.000006Z %b app 7 ID%d - %b line %d"
        % (CLIENT.encode(), n % 9, tag.encode(), n)
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node whose sensor has a certificate of its CA and demands one of its senders."""
    folder = tmp_path_factory.mktemp("node")
    with Node(folder / "home") as running:
        running.certify_sensor(folder)
        running.run("sensor", "listener", "set", "--client-certificate", "required")
        yield running


@pytest.fixture(scope="module")
def client(node: Node, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return node.client_files(CLIENT, tmp_path_factory.mktemp("client"))


def tail(node: Node, count: int) -> Sequence[bytes]:
    """The newest messages, oldest first."""
    text = node.run("sensor", "tail", "-n", str(count), "--json")
    return [json.loads(line)["message"].encode() for line in text.splitlines()]


def test_openssl(node: Node, client: TlsFiles) -> None:
    before = node.packets_received()
    lines = lines_of("openssl", 1000)
    sent = openssl_send(node.target, client, octet_counted(lines))
    assert sent.returncode == 0, sent.stderr
    node.wait_for_packets(before + len(lines))
    assert tail(node, len(lines)) == lines


def test_rsyslog(tmp_path: Path, start_peer: Start, node: Node, client: TlsFiles) -> None:
    before = node.packets_received()
    lines = lines_of("rsyslog", 10_000)
    start_peer(RsyslogSender(tmp_path, node.target, client, lines))
    node.wait_for_packets(before + len(lines))
    assert tail(node, len(lines)) == lines


def test_rsyslog_checks_the_name(
    tmp_path: Path, start_peer: Start, node: Node, client: TlsFiles
) -> None:
    before = node.packets_received()
    lines = lines_of("rsyslog-name", 100)
    name = "sensor.example.test"
    start_peer(RsyslogSender(tmp_path, node.target, client, lines, raw=False, server_name=name))
    node.wait_for_packets(before + len(lines))


def test_syslog_ng(tmp_path: Path, start_peer: Start, node: Node, client: TlsFiles) -> None:
    before = node.packets_received()
    lines = lines_of("syslog-ng", 10_000)
    start_peer(SyslogNgSender(tmp_path, node.target, client, lines))
    node.wait_for_packets(before + len(lines))
    # The header is syslog-ng's, and so is the LF inside the count: what came is kept as it came.
    received = tail(node, len(lines))
    ends = [line + b"\n" for line in lines]
    assert [message[-len(end) :] for message, end in zip(received, ends, strict=True)] == ends


def test_syslog_ng_with_lines(
    tmp_path: Path, start_peer: Start, node: Node, client: TlsFiles
) -> None:
    before = node.packets_received()
    lines = lines_of("lines", 1000)
    start_peer(SyslogNgLineSender(tmp_path, node.target, client, lines))
    node.wait_for_packets(before + len(lines))
    assert tail(node, len(lines)) == lines


def test_a_sender_without_our_certificate_counts_nothing(
    tmp_path: Path, node: Node, client: TlsFiles
) -> None:
    before = node.packets_received()
    openssl_send(node.target, client, octet_counted(lines_of("none", 1)), client_certificate=False)
    stranger = PeerAuthority(tmp_path).issue(CLIENT)
    theirs = TlsFiles(client.ca, stranger.certificate, stranger.key)
    openssl_send(node.target, theirs, octet_counted(lines_of("stranger", 1)))
    openssl_send(node.target, client, octet_counted(lines_of("welcome", 1)))
    node.wait_for_packets(before + 1)


def test_a_sender_that_checks_refuses_another_authority(
    tmp_path: Path, node: Node, client: TlsFiles
) -> None:
    fooled = TlsFiles(PeerAuthority(tmp_path).ca, client.certificate, client.key)
    sent = openssl_send(node.target, fooled, octet_counted(lines_of("fooled", 1)))
    assert sent.returncode != 0
    assert b"verify error" in sent.stderr


def test_sources_name_the_senders(node: Node, client: TlsFiles) -> None:
    openssl_send(node.target, client, octet_counted(lines_of("source", 1)))
    stats = node.json("sensor", "stats")
    assert stats["packets_received"] == sum(s["packets_received"] for s in stats["sources"])
    assert any(CLIENT in (source["certificate_subject"] or "") for source in stats["sources"])
    assert {source["address"] for source in stats["sources"]} == {"127.0.0.1"}
