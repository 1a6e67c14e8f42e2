"""Senders that are not ours reach the sensor, and it counts exactly what they sent."""

from __future__ import annotations

import json
import logging
import re
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields
from logging.handlers import SysLogHandler
from typing import TYPE_CHECKING

import pytest

from tests.flow.authority import LOOPBACK, PeerAuthority, TlsFiles
from tests.flow.foreign_senders import (
    AS_DATAGRAMS,
    CLIENT,
    OVER_STREAMS,
    Peer,
    Sending,
    Ways,
    lines_of,
)
from tests.flow.node import Node
from tests.flow.odd_segments import OddSegments
from tests.flow.peers import (
    ROOT,
    Rsyslog,
    RsyslogSender,
    Sender,
    SyslogNg,
    Target,
    free_port,
    octet_counted,
    openssl_send,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.flow.conftest import Start


@pytest.fixture(scope="module")
def plain_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, plain_port: int) -> Iterator[Node]:
    """A node whose sensor has a certificate of its CA and demands one of its senders."""
    folder = tmp_path_factory.mktemp("node")
    options = ("--tcp-ports", str(plain_port), "--udp-ports", str(plain_port))
    with Node(folder / "home", options=options) as running:
        running.certify_sensor(folder)
        running.run("sensor", "listener", "set", "--client-certificate", "required")
        yield running


@pytest.fixture
def lenient(node: Node) -> Iterator[Node]:
    """For the time, senders may have no certificate, such as loggen; one that is shown counts."""
    node.run("sensor", "listener", "set", "--client-certificate", "wanted")
    yield node
    node.run("sensor", "listener", "set", "--client-certificate", "required")


@pytest.fixture(scope="module")
def client(node: Node, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return node.client_files(CLIENT, tmp_path_factory.mktemp("client"))


def tail(node: Node, count: int) -> Sequence[bytes]:
    """The newest messages, oldest first."""
    text = node.run("sensor", "tail", "-n", str(count), "--json")
    return [json.loads(line)["raw"].encode() for line in text.splitlines()]


def assert_all_arrive(
    node: Node, peers: Sequence[Peer], ways: Ways, client: TlsFiles, folder: Path, share: int = 1
) -> None:
    """All send side by side, each ``1 / share`` of its lines; each one's arrive as it sent them."""
    before = node.packets_received()
    sent = {peer: lines_of(peer.name, peer.count // share) for peer in peers}
    with ExitStack() as stack:
        for peer in peers:
            process = peer.send(Sending(folder / peer.name, ways, client, sent[peer]))
            if process is not None:
                stack.enter_context(process)
        total = sum(map(len, sent.values()))
        node.wait_for_packets(before + total)
        received = tail(node, total)
    for peer, lines in sent.items():
        own = [message for message in received if b" - %b line " % peer.name.encode() in message]
        wanted = [peer.becomes(line) for line in lines]
        if peer.builds:
            assert all(message.startswith(peer.builds) for message in own), peer.name
            own = [message[-len(end) :] for message, end in zip(own, wanted, strict=True)]
        assert own == wanted, peer.name


def kinds_of(node: Node) -> Counter[str]:
    """Packets of each transport, and of each version of TLS."""
    stats = node.json("sensor", "stats")
    kinds = Counter({name: row["packets"] for name, row in stats.get("transports", {}).items()})
    for row in stats.get("tls", []):
        kinds[row["version"]] += row["packets"]
    return kinds


def test_each_sender_is_received_as_it_sends(
    lenient: Node, client: TlsFiles, plain_port: int, tmp_path: Path
) -> None:
    plain = Target(plain_port)
    ways = Ways(lenient.target, plain, plain)
    before = kinds_of(lenient)
    assert_all_arrive(lenient, [*OVER_STREAMS, AS_DATAGRAMS], ways, client, tmp_path)
    over_tls = sum(peer.count for peer in OVER_STREAMS) - 2000
    transports = {"tls": over_tls, "relp": 1000, "tcp": 1000, "udp": AS_DATAGRAMS.count}
    versions = {"TLSv1.2": 1000, "TLSv1.3": over_tls}
    assert kinds_of(lenient) - before == Counter({**transports, **versions})


def test_each_stream_is_received_whatever_its_segments(
    lenient: Node, client: TlsFiles, plain_port: int, tmp_path: Path
) -> None:
    plain = Target(plain_port)
    with OddSegments(lenient.target) as tls, OddSegments(plain) as tcp:
        ways = Ways(tls.target, tcp.target, plain)
        assert_all_arrive(lenient, OVER_STREAMS, ways, client, tmp_path, share=5)
    assert (tls.segments, tcp.segments) > (1000, 100)


@dataclass(frozen=True)
class Seen:
    """What search shows of a record, as far as its sender decides."""

    transport: str
    framing: str
    rule: str
    severity: int | None
    app: str | None
    procid: str | None
    message: str


def logger(port: int, *words: str) -> None:
    """util-linux's."""
    subprocess.run(["logger", "-n", LOOPBACK, "-P", str(port), *words], check=True, timeout=20)


def log_with_python(port: int, kind: socket.SocketKind) -> None:
    handler = SysLogHandler((LOOPBACK, port), socktype=kind)
    with closing(handler):
        said = {"msg": "python[55]: shown by it", "levelname": "ERROR"}
        handler.emit(logging.makeLogRecord(said))


def test_search_shows_what_each_sender_says(node: Node, plain_port: int) -> None:
    before = node.packets_received()
    logger(
        plain_port, "-d", "-t", "tool", "--id=77", "-p", "local1.warning", "shown by logger, UDP"
    )
    logger(plain_port, "-T", "-t", "tool", "shown by logger, LF")
    logger(plain_port, "-T", "--octet-count", "-t", "tool", "shown by logger, counted")
    logger(plain_port, "-d", "--rfc3164", "-t", "tool", "shown by logger, RFC 3164")
    log_with_python(plain_port, socket.SOCK_DGRAM)
    log_with_python(plain_port, socket.SOCK_STREAM)
    multiple = b"<14>1 - - tool - - - shown in two\nlines\n"
    with socket.create_connection((LOOPBACK, plain_port)) as stream:
        stream.sendall(octet_counted([multiple]))
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as datagrams:
        datagrams.connect((LOOPBACK, plain_port))
        datagrams.send(b"<189>29: *Apr 22 02:22:31.115: %SYS-5-CONFIG_I: shown by a switch\0")
        datagrams.send(b"<142>Mar 01 14:45:24 fmc [T] sfdccsm: admin@10.0.0.5, Login, shown\r\n")
    node.wait_for_packets(before + 9)
    wait_until(lambda: node.json("sensor", "search", "--count", "shown")["count"] == 9, "nine")
    answer = node.run("sensor", "search", "shown", "--json")
    records = [json.loads(line) for line in answer.splitlines()]
    names = [field.name for field in fields(Seen)]
    assert {Seen(**{name: record[name] for name in names}) for record in records} == {
        Seen("udp", "datagram", "rfc5424", 4, "tool", "77", "shown by logger, UDP"),
        Seen("tcp", "lines", "rfc5424", 5, "tool", None, "shown by logger, LF"),
        Seen("tcp", "octets", "rfc5424", 5, "tool", None, "shown by logger, counted"),
        Seen("udp", "datagram", "rfc3164", 5, "tool", None, "shown by logger, RFC 3164"),
        Seen("udp", "datagram", "no_time", 3, "python", "55", "shown by it"),
        Seen("tcp", "lines", "no_time", 3, "python", "55", "shown by it"),
        Seen("tcp", "octets", "rfc5424", 6, "tool", None, "shown in two\nlines"),
        Seen("udp", "datagram", "cisco", 5, "%SYS-5-CONFIG_I", None, "shown by a switch"),
        Seen("udp", "datagram", "fmc_audit", 6, "sfdccsm", None, "admin@10.0.0.5, Login, shown"),
    }
    (audit,) = [record for record in records if record["rule"] == "fmc_audit"]
    assert audit["raw"].endswith("shown\r\n")
    assert audit["fields"][-1] == {"name": "audit.action", "value": "shown"}


def test_rsyslog_checks_the_name(
    tmp_path: Path, start_peer: Start, node: Node, client: TlsFiles
) -> None:
    before = node.packets_received()
    lines = lines_of("rsyslog-name", 100)
    name = "sensor.example.test"
    start_peer(RsyslogSender(tmp_path, node.target, client, lines, raw=False, server_name=name))
    node.wait_for_packets(before + len(lines))


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


@dataclass
class DocumentedRsyslog(Rsyslog, Sender):
    """rsyslog with a block of the manual, fed from a file."""

    block: str = ""

    def configuration(self) -> str:
        modules = re.findall(r"^module\(.*$", self.block, re.MULTILINE)
        action = re.sub(r"^module\(.*$", "", self.block, flags=re.MULTILINE)
        return (
            f'global(workDirectory="{self.folder}")\nmodule(load="imfile" mode="inotify")\n'
            + "\n".join(modules)
            + f'\ninput(type="imfile" file="{self.input}" tag="peer" ruleset="send"'
            f' freshStartTail="off")\nruleset(name="send") {{\n{action}\n}}\n'
        )


@dataclass
class DocumentedSyslogNg(SyslogNg, Sender):
    """syslog-ng with a block of the manual, fed from a file."""

    block: str = ""

    def configuration(self) -> str:
        source = f'source s_src {{ file("{self.input}" follow-freq(0.1) flags(no-parse)); }};\n'
        return f"{self.options}{source}{self.block}"


def documented(language: str, port: int, files: TlsFiles, spool: Path) -> list[str]:
    """The manual's blocks, with the names of here."""
    text = (ROOT / "docs" / "receiving.md").read_text(encoding="utf-8")
    section = text.partition("## Senders")[2].partition("\n## ")[0]
    here = {
        'target="sensor.example.com"': f'target="{LOOPBACK}"',
        'syslog("sensor.example.com"': f'syslog("{LOOPBACK}"',
        '("sensor.example.com", 6514)': f'("{LOOPBACK}", {port})',
        'server_hostname="sensor.example.com"': 'server_hostname="localhost"',
        "sensor.example.com": "sensor.example.test",
        'port="6514"': f'port="{port}"',
        "port(6515)": f"port({port})",
        "/etc/sealwire/client-chain.pem": str(files.certificate),
        "/etc/sealwire/client.key": str(files.key),
        '"/etc/sealwire/ca-roots.pem': f'"{files.ca}',
        '"ca-roots.pem': f'"{files.ca}',
        "/var/spool/rsyslog": str(spool),
    }
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    for word, ours in here.items():
        blocks = [block.replace(word, ours) for block in blocks]
    return blocks


def test_what_the_manual_says_to_senders_works(
    lenient: Node, client: TlsFiles, tmp_path: Path
) -> None:
    before = lenient.packets_received()
    target = lenient.target
    conf = documented("conf", target.port, client, tmp_path)
    (python_block,) = documented("python", target.port, client, tmp_path)
    made = [DocumentedRsyslog, DocumentedRsyslog, DocumentedSyslogNg]
    with ExitStack() as stack:
        for number, (kind, block) in enumerate(zip(made, conf, strict=True)):
            lines = lines_of(f"manual-{number}", 50)
            stack.enter_context(kind(tmp_path / f"{number}", target, client, lines, block=block))
        subprocess.run([sys.executable, "-c", python_block], check=True, timeout=30)
        lenient.wait_for_packets(before + 151)
        received = tail(lenient, 151)
    for number in range(3):
        lines = lines_of(f"manual-{number}", 50)
        assert all(any(line in message for message in received) for line in lines), number
    assert b"<13>1 - web1 test - - - hello\n" in [message + b"\n" for message in received]
