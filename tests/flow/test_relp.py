"""RELP on the TLS port: what was answered is stored, also by senders that are not ours."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from sealwire.sensor.receiving import ClientCertificate, Transport
from sealwire.syslog.relp_frames import encode_relp_frame
from tests.flow.authority import LOOPBACK
from tests.flow.peers import RsyslogRelpSender, Target
from tests.flow.reception import Receivers, Sender, eventually, material
from tests.flow.relp_client import OFFERS, RelpClient, RelpLoad, held_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.flow.authority import PeerAuthority, TlsFiles
    from tests.flow.conftest import Start

MESSAGES = [b"<14>1 2026-01-01T00:00:00Z host app - - - n%d" % number for number in range(500)]


@pytest.fixture(scope="module")
def server(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("receiver")


@pytest.fixture(scope="module")
def client(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("sender")


@pytest.fixture
def receivers(tmp_path: Path, server: TlsFiles) -> Iterator[Receivers]:
    with Receivers(tmp_path / "journal", material(server)) as running:
        yield running


def connected(receivers: Receivers, authority: PeerAuthority) -> RelpClient:
    return RelpClient(Sender(receivers.port, authority))


def test_a_session_from_open_to_close(receivers: Receivers, peer_authority: PeerAuthority) -> None:
    with connected(receivers, peer_authority).open() as one:
        one.send_messages(MESSAGES)
        one.send(b"eventlog", b"data")
        last = one.send(b"close")
        one.until(lambda: last in one.answered)
        assert one.answered == [*range(1, 502), 503]
        assert one.refused == [(502, b"500 unknown command")]
        assert not one.read()
    assert receivers.expect(500) == MESSAGES
    assert {message.connection.transport for message in receivers.received()} == {"relp"}


def test_one_byte_in_each_record(receivers: Receivers, peer_authority: PeerAuthority) -> None:
    with connected(receivers, peer_authority) as one:
        one.sender.socket.settimeout(20)
        frames = b"1 open 30 relp_version=0\ncommands=syslog\n2 syslog 5 <14>x\n3 close 0\n"
        for place in range(len(frames)):
            one.sender.send(frames[place : place + 1])
        one.until(lambda: 3 in one.answered)
    assert receivers.expect(1) == [b"<14>x"]


def test_relp_without_tls(tmp_path: Path, server: TlsFiles) -> None:
    with Receivers(tmp_path / "journal", material(server), plain=True) as receivers:
        port = receivers.plain_port(Transport.TCP)
        with socket.create_connection((LOOPBACK, port), 20) as sender:
            sender.sendall(encode_relp_frame(1, b"open", OFFERS))
            assert sender.recv(1000).startswith(b"1 rsp 60 200 OK\n")
            sender.sendall(encode_relp_frame(2, b"syslog", MESSAGES[0]) + b"3 close 0\n")
            answer = b""
            while chunk := sender.recv(1000):
                answer += chunk
            assert answer == b"2 rsp 6 200 OK\n3 rsp 6 200 OK\n"
        assert receivers.expect(1) == MESSAGES[:1]
        (one,) = receivers.received()
        assert (one.connection.transport, one.connection.tls_version) == ("relp", "")


def test_a_violation_is_named(receivers: Receivers, peer_authority: PeerAuthority) -> None:
    with connected(receivers, peer_authority).open() as one:
        one.send_messages(MESSAGES[:3])
        one.sender.send(b"no frame")
        while one.read():
            pass
        assert one.answered == [1, 2, 3, 4]
        assert one.ended_by_server
    assert "bad frame header" in receivers.expect_failure("relp_violation").detail
    receivers.expect(3)


def test_a_stopping_sensor_answers_and_says_goodbye(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    with connected(receivers, peer_authority).open() as one:
        one.send_messages(MESSAGES)
        one.until(lambda: len(one.answered) > 1)
        stopping = threading.Thread(target=receivers.pool.stop, args=(5,))
        stopping.start()
        while one.read():
            pass
        assert one.ended_by_server
        answered = len(one.answered) - 1
    stopping.join()
    assert receivers.messages()[:answered] == MESSAGES[:answered]


def test_a_sender_that_does_not_read_its_answers_is_held_not_dropped(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    with connected(receivers, peer_authority).open() as one:
        one.sender.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            one.send_messages([b"<14>x"] * 3_000_000)
        one.sender.socket.settimeout(20)
        count = receivers.count()
        assert count < one.txnr
        one.until(lambda: len(one.answered) > count)
    assert receivers.failures == []


def test_rsyslog_omrelp_with_client_certificates(
    tmp_path: Path, start_peer: Start, server: TlsFiles, client: TlsFiles
) -> None:
    lines = [b"<134>1 2026-01-02T03:04:05Z host app 7 - - n%d" % n for n in range(10_000)]
    tls = material(server, ClientCertificate.REQUIRED, [client.ca])
    with Receivers(tmp_path / "journal", tls) as receivers:
        start_peer(RsyslogRelpSender(tmp_path / "peer", Target(receivers.port), client, lines))
        assert receivers.expect(len(lines)) == lines
        (source,) = receivers.statistics().document()["sources"]
        der = ssl.PEM_cert_to_DER_cert(client.certificate.read_text())
        assert source["certificate_sha256"] == sha256(der).hexdigest()
        assert {one.connection.transport for one in receivers.received()} == {"relp"}
        assert receivers.failures == []


@pytest.mark.soak
def test_a_killed_worker_loses_nothing_it_answered(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority, soak_rounds: int
) -> None:
    with Receivers(tmp_path / "journal", material(server), workers=2) as receivers:
        with RelpLoad(receivers.port, peer_authority) as load:
            for turn in range(soak_rounds):
                before = sum(load.answered)
                eventually(lambda wanted=before + 500: sum(load.answered) > wanted, "a load")
                eventually(lambda slot=turn % 2: slot in receivers.pool.pids, "a worker")
                os.kill(receivers.pool.pids[turn % 2], signal.SIGKILL)
                eventually(lambda wanted=turn: len(receivers.lost) > wanted, "a lost worker")
        assert load.sent == load.answered
        expected = load.expected()
        eventually(lambda: set(expected) <= set(receivers.messages()), "everything answered")
        assert sorted(held_once(receivers.received())) == sorted(expected)
        assert sum(load.sessions) > len(load.sessions)


def test_rsyslog_goes_on_after_a_killed_worker_and_each_line_is_held_once(
    tmp_path: Path, start_peer: Start, server: TlsFiles, client: TlsFiles
) -> None:
    lines = [b"<134>1 2026-01-02T03:04:05Z host app 7 - - n%d" % n for n in range(20_000)]
    with Receivers(tmp_path / "journal", material(server)) as receivers:
        start_peer(RsyslogRelpSender(tmp_path / "peer", Target(receivers.port), client, lines))
        for turn in range(2):
            eventually(lambda n=turn: receivers.count() > 3000 * (n + 1), "a load")
            eventually(lambda: 0 in receivers.pool.pids, "a worker")
            os.kill(receivers.pool.pids[0], signal.SIGKILL)
            eventually(lambda n=turn: len(receivers.lost) > n, "a lost worker")
        eventually(lambda: lines[-1] in receivers.messages(), "the last line", 60)
        assert held_once(receivers.received()) == lines
