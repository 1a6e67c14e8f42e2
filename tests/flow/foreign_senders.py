"""Senders that are not ours, each as a function that sends lines its own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.flow.peers import (
    PeerProcess,
    RsyslogRelpSender,
    RsyslogSender,
    SyslogNgLineSender,
    SyslogNgSender,
    Target,
    loggen_send,
    octet_counted,
    openssl_send,
)
from tests.flow.python_sender import python_send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.flow.authority import TlsFiles

CLIENT = "fmc.example.test"


def lines_of(tag: str, count: int) -> list[bytes]:
    return [
        b"<134>1 2026-01-02T03:04:05.000006Z %b app 7 ID%d - %b line %d"
        % (CLIENT.encode(), n % 9, tag.encode(), n)
        for n in range(count)
    ]


@dataclass(frozen=True)
class Ways:
    """Where the sensor listens, or relays to it."""

    tls: Target
    tcp: Target
    udp: Target


@dataclass(frozen=True)
class Peer:
    """How ``count`` lines are sent by it.

    ``becomes``: the message that a line must arrive as; with ``builds``, what that must end with,
    after a header of the sender's own.
    """

    name: str
    count: int
    send: Callable[[Sending], PeerProcess | None]
    becomes: Callable[[bytes], bytes] = bytes
    builds: bytes = b""


@dataclass(frozen=True)
class Sending:
    """What a peer is given."""

    folder: Path
    ways: Ways
    client: TlsFiles
    lines: list[bytes]


def openssl(*words: str) -> Callable[[Sending], None]:
    def send(to: Sending) -> None:
        done = openssl_send(to.ways.tls, to.client, octet_counted(to.lines), *words)
        assert done.returncode == 0, done.stderr

    return send


def loggen(*words: str) -> Callable[[Sending], None]:
    def send(to: Sending) -> None:
        way = {"-U": to.ways.tls, "-S": to.ways.tcp, "-D": to.ways.udp}[words[-1]]
        to.folder.mkdir()
        file = to.folder / "lines.txt"
        file.write_bytes(b"".join(line + b"\n" for line in to.lines))
        loggen_send(way, file, len(to.lines), *words)

    return send


def python(*, nul: bool) -> Callable[[Sending], None]:
    return lambda to: python_send(to.ways.tls, to.client, to.lines, nul=nul)


def rsyslog(driver: str) -> Callable[[Sending], RsyslogSender]:
    return lambda to: RsyslogSender(to.folder, to.ways.tls, to.client, to.lines, driver=driver)


def relp(to: Sending) -> RsyslogRelpSender:
    return RsyslogRelpSender(to.folder, to.ways.tls, to.client, to.lines)


def syslog_ng(to: Sending) -> SyslogNgSender:
    return SyslogNgSender(to.folder, to.ways.tls, to.client, to.lines)


def syslog_ng_lines(to: Sending) -> SyslogNgLineSender:
    return SyslogNgLineSender(to.folder, to.ways.tls, to.client, to.lines)


def with_lf(line: bytes) -> bytes:
    return line + b"\n"


def with_priority(line: bytes) -> bytes:
    return b"<14>" + line


OVER_STREAMS = [
    Peer("rsyslog-ossl", 10_000, rsyslog("ossl")),
    Peer("rsyslog-gtls", 1000, rsyslog("gtls")),
    Peer("rsyslog-relp", 1000, relp),
    # The header is syslog-ng's, and so is the LF inside the count: what came is kept as it came.
    Peer("syslog-ng", 10_000, syslog_ng, with_lf, builds=b"<13>1 "),
    Peer("syslog-ng-lines", 1000, syslog_ng_lines),
    Peer("openssl-1-2", 1000, openssl("-tls1_2")),
    Peer("openssl-1-3", 1000, openssl("-tls1_3")),
    Peer("loggen-tls", 1000, loggen("-U")),
    Peer("loggen-tcp", 1000, loggen("-i", "-S")),
    Peer("python-lf", 1000, python(nul=False), with_priority),
    Peer("python-nul", 1000, python(nul=True), with_priority),
]
AS_DATAGRAMS = Peer("loggen-udp", 200, loggen("-i", "-D"), with_lf)
