"""The peers work among themselves: what fails against the sensor is then not their fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flow import peers
from tests.flow.authority import PeerAuthority, TlsFiles
from tests.flow.peers import (
    PeerError,
    Receiver,
    RsyslogReceiver,
    RsyslogSender,
    Sender,
    SyslogNgLineSender,
    SyslogNgReceiver,
    SyslogNgSender,
    octet_counted,
    openssl_send,
    unpacked,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.conftest import Start

LINES = [
    b"<134>1 2026-01-02T03:04:05.000006Z host.example.test app 7 ID%d - line %d" % (n % 9, n)
    for n in range(1000)
]


@pytest.fixture(scope="module")
def server(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("server.example.test")


@pytest.fixture(scope="module")
def client(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("client.example.test")


@pytest.mark.parametrize(
    ("sender_type", "receiver_type"),
    [
        (RsyslogSender, RsyslogReceiver),
        (RsyslogSender, SyslogNgReceiver),
        (SyslogNgLineSender, RsyslogReceiver),  # syslog-ng's own source takes octet counts only
    ],
)
def test_lines_arrive_as_they_are(
    tmp_path: Path,
    start_peer: Start,
    server: TlsFiles,
    client: TlsFiles,
    sender_type: type[Sender],
    receiver_type: type[Receiver],
) -> None:
    receiver = start_peer(receiver_type(tmp_path / "receiver", server))
    start_peer(sender_type(tmp_path / "sender", receiver.target, client, LINES))
    assert receiver.wait_for_lines(len(LINES)) == LINES


@pytest.mark.parametrize("receiver_type", [RsyslogReceiver, SyslogNgReceiver])
def test_syslog_ng_builds_a_message_around_each_line(
    tmp_path: Path,
    start_peer: Start,
    server: TlsFiles,
    client: TlsFiles,
    receiver_type: type[Receiver],
) -> None:
    receiver = start_peer(receiver_type(tmp_path / "receiver", server))
    start_peer(SyslogNgSender(tmp_path / "sender", receiver.target, client, LINES))
    stored = receiver.wait_for_lines(len(LINES))
    assert all(line.startswith(b"<13>1 ") for line in stored)
    assert [line[-len(sent) :] for line, sent in zip(stored, LINES, strict=True)] == LINES


def test_openssl_sends_what_it_is_given(
    tmp_path: Path, start_peer: Start, server: TlsFiles, client: TlsFiles
) -> None:
    receiver = start_peer(RsyslogReceiver(tmp_path / "receiver", server))
    sent = openssl_send(receiver.target, client, octet_counted(LINES))
    assert sent.returncode == 0, sent.stderr
    assert receiver.wait_for_lines(len(LINES)) == LINES


@pytest.mark.parametrize("receiver_type", [RsyslogReceiver, SyslogNgReceiver])
def test_receivers_demand_a_client_certificate(
    tmp_path: Path,
    start_peer: Start,
    server: TlsFiles,
    client: TlsFiles,
    receiver_type: type[Receiver],
) -> None:
    receiver = start_peer(receiver_type(tmp_path / "receiver", server))
    openssl_send(receiver.target, client, octet_counted(LINES[:1]), client_certificate=False)
    openssl_send(receiver.target, client, octet_counted(LINES[1:2]))
    assert receiver.wait_for_lines(1) == LINES[1:2]


def test_a_sender_refuses_a_server_of_another_authority(
    tmp_path: Path, start_peer: Start, server: TlsFiles, client: TlsFiles
) -> None:
    receiver = start_peer(RsyslogReceiver(tmp_path / "receiver", server))
    (tmp_path / "other").mkdir()
    stranger = PeerAuthority(tmp_path / "other")
    fooled = TlsFiles(stranger.ca, client.certificate, client.key)
    sent = openssl_send(receiver.target, fooled, octet_counted(LINES[:1]))
    assert sent.returncode != 0
    assert b"verify error" in sent.stderr


def test_a_missing_peer_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "PEERS", tmp_path)
    with pytest.raises(PeerError, match="run 'make peers'"):
        unpacked("rsyslog", "usr/sbin/rsyslogd")
