"""The destination test against real TLS servers: no false OK, and plain words."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from sealwire.appliance.ports import Destination
from sealwire.clock import SystemClock
from sealwire.net.client_tls import ClientIdentity
from sealwire.net.probe import DestinationProbe
from tests.flow.authority import PeerAuthority
from tests.flow.tls_receiver import TlsReceiver, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.appliance.delivery import ProbeReport
    from tests.flow.authority import TlsFiles

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PeerAuthority:
    return PeerAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: PeerAuthority) -> TlsFiles:
    return authority.issue("server")


@pytest.fixture(scope="module")
def client(authority: PeerAuthority) -> TlsFiles:
    return authority.issue("client", names=["unit.example.com"])


def try_out(
    port: int,
    trusted: TlsFiles,
    client: TlsFiles | None,
    *,
    host: str = "127.0.0.1",
    server_name: str = "localhost",
    mutual: bool = True,
) -> ProbeReport:
    identity = (
        None
        if client is None
        else ClientIdentity(client.certificate.read_text("ascii"), client.key.read_bytes())
    )
    probe = DestinationProbe(
        SystemClock(),
        lambda: identity,
        host_name=lambda: "unit.example.com",
        timeout=0.5,
        listen=0.4,
    )
    trust = trusted.ca.read_text("ascii")
    return probe.probe(
        Destination("there", host, port, "tls", server_name, trust, mutual, enabled=False)
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_step_of_a_good_destination_is_told_and_timed(
    server: TlsFiles, client: TlsFiles, version: ssl.TLSVersion
) -> None:
    with TlsReceiver(server, version=version) as receiver:
        report = try_out(receiver.port, server, client)
        assert [(step.name, step.ok) for step in report.steps] == [
            ("host name", True),
            ("tcp connection", True),
            ("tls handshake", True),
            ("server certificate", True),
            ("server name", True),
            ("validity", True),
            ("key and signature", True),
            ("client certificate", True),
            ("message accepted", True),
            ("session closed", True),
        ]
        assert report.ok
        assert all(step.milliseconds > 0 for step in report.steps)
        assert report.steps[4].detail == "for localhost, 127.0.0.1"
        (message,) = receiver.messages()
        assert b" unit.example.com sealwire-appliance - DESTINATION_TEST - test message" in message
        wait_until(lambda: receiver.connections[0].said_goodbye, "close_notify")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_client_certificate_is_no_ok(
    server: TlsFiles, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    stranger = PeerAuthority(tmp_path).issue("stranger")
    with TlsReceiver(server, version=version) as receiver:
        report = try_out(receiver.port, server, stranger)
        assert not report.ok
        last = report.steps[-1]
        assert last.name == "client certificate"
        assert last.detail.startswith("server refused our client certificate")
        assert last.fix
        assert receiver.messages() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_no_client_certificate_where_one_is_demanded(
    server: TlsFiles, version: ssl.TLSVersion
) -> None:
    with TlsReceiver(server, version=version) as receiver:
        report = try_out(receiver.port, server, None, mutual=False)
        assert not report.ok
        assert "client certificate" in report.steps[-1].detail


def test_wrong_name_unknown_ca_and_nobody_there(
    authority: PeerAuthority, server: TlsFiles, client: TlsFiles, tmp_path: Path
) -> None:
    other = authority.issue("other", names=["other.example.com"])
    with TlsReceiver(other) as receiver:
        wrong = try_out(receiver.port, server, client, server_name="sensor.example.com").steps[-1]
    assert (wrong.name, wrong.ok) == ("server name", False)
    assert wrong.detail == ("name sensor.example.com not in certificate (has: other.example.com)")
    stranger = PeerAuthority(tmp_path).issue("stranger")
    with TlsReceiver(stranger) as receiver:
        unknown = try_out(receiver.port, server, client).steps[-1]
        port = receiver.port
    assert (unknown.name, unknown.ok) == ("server certificate", False)
    assert unknown.detail.startswith("certificate signed by an unknown CA")
    nobody = try_out(port, server, client).steps[-1]
    assert (nobody.name, nobody.detail) == ("tcp connection", "no program listens on that port")


def test_a_silent_server_and_a_host_that_does_not_exist(server: TlsFiles, client: TlsFiles) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = try_out(listener.getsockname()[1], server, client).steps[-1]
    assert (silent.name, silent.ok) == ("tls handshake", False)
    assert "speaks plain text" in silent.detail
    missing = try_out(1, server, client, host="does-not-exist.invalid").steps[-1]
    assert (missing.name, missing.ok) == ("host name", False)
    assert missing.detail.startswith("the host name cannot be resolved")


def test_without_an_installed_certificate_the_first_step_fails(server: TlsFiles) -> None:
    report = try_out(1, server, None)
    assert [(step.name, step.ok) for step in report.steps] == [("client certificate", False)]
    assert "no audit log client certificate is installed" in report.steps[0].detail
