"""Plain TCP and UDP: the same framing, one message for each datagram, nobody named who sends."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import UnavailableError
from sealwire.net.listening import bound_listeners
from sealwire.sensor.receiving import Transport
from sealwire.syslog.framing import encode_octet_frame
from sealwire.syslog.kinds import Kind
from tests.flow.authority import LOOPBACK
from tests.flow.peers import free_port
from tests.flow.reception import Receivers, eventually, material

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.flow.authority import PeerAuthority, TlsFiles

MESSAGE = b"<14>1 2026-01-01T00:00:00Z host app - - - hello"
FRAME = encode_octet_frame(MESSAGE)


@pytest.fixture(scope="module")
def server(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("plain-receiver")


@pytest.fixture
def receivers(tmp_path: Path, server: TlsFiles) -> Iterator[Receivers]:
    with Receivers(tmp_path / "journal", material(server), plain=True) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, server: TlsFiles) -> Iterator[Receivers]:
    """For tests that leave it as it was but for what it has received."""
    folder = tmp_path_factory.mktemp("plain") / "journal"
    with Receivers(folder, material(server), plain=True) as running:
        yield running


def tcp(receivers: Receivers, host: str = LOOPBACK) -> socket.socket:
    return socket.create_connection((host, receivers.plain_port(Transport.TCP)), 10)


def udp(receivers: Receivers) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((LOOPBACK, receivers.plain_port(Transport.UDP)))
    return sock


def test_every_framing_over_plain_tcp(receivers: Receivers) -> None:
    with tcp(receivers) as sender:
        sender.sendall(FRAME * 3)
    with tcp(receivers) as sender:
        sender.sendall(b"<1>line\n<2>line\r\n<3>nul\0")
        receivers.expect(6)
        sender.sendall(b"<4>unterminated")
    messages = receivers.expect(7)
    lines = [b"<1>line", b"<2>line", b"<3>nul", b"<4>unterminated"]
    assert sorted(messages) == sorted([MESSAGE] * 3 + lines)
    for one in receivers.received():
        assert (one.connection.transport, one.connection.tls_version) == ("tcp", "")
        assert one.connection.address == LOOPBACK
        assert one.connection.listener_port == receivers.plain_port(Transport.TCP)


def test_one_byte_in_each_segment_over_plain_tcp(receivers: Receivers) -> None:
    with tcp(receivers) as sender:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(FRAME) * 2):
            sender.sendall((FRAME * 2)[place : place + 1])
    assert receivers.expect(2) == [MESSAGE] * 2


def test_a_line_cut_by_a_reset_is_no_record(receivers: Receivers) -> None:
    with tcp(receivers) as sender:
        sender.sendall(b"<1>whole\n<2>cut")
        receivers.expect(1)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: receivers.statistics().faults["incomplete"] == 1, "not counted")
    assert receivers.expect(1) == [b"<1>whole"]


def test_tls_on_a_plain_port_is_named_and_no_record(receivers: Receivers) -> None:
    subprocess.run(
        ["openssl", "s_client", "-connect", f"{LOOPBACK}:{receivers.plain_port(Transport.TCP)}"],
        input=FRAME,
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert receivers.expect_failure("tls_on_plain_port").address == LOOPBACK
    assert receivers.count() == 0


def test_each_datagram_is_a_message_whatever_it_holds(receivers: Receivers) -> None:
    sent = [MESSAGE, FRAME, b"<1>two\n<2>lines", b"\0\xff", b"<3>" + b"x" * 60_000, b"<4>\n"]
    with udp(receivers) as first, udp(receivers) as second:
        first.send(b"")
        for message in sent:
            first.send(message)
        second.send(MESSAGE)
        assert sorted(receivers.expect(len(sent) + 1)) == sorted([*sent, MESSAGE])
        own = [one.message for one in receivers.received() if one.connection.port == _port(first)]
    assert own == sent, "not in the order in which they were sent"
    kinds = {(one.kind, one.connection.transport) for one in receivers.received()}
    assert kinds == {(Kind.DATAGRAM, "udp")}
    (source,) = receivers.statistics().document()["sources"]
    assert source["bytes_received"] == sum(map(len, sent)) + len(MESSAGE)


def _port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def test_many_senders_of_datagrams_keep_their_names(receivers: Receivers) -> None:
    ports = set()
    for number in range(300):
        with udp(receivers) as sender:
            sender.send(b"<1>%d" % _port(sender))
            ports.add(_port(sender))
        if number % 50 == 49:
            receivers.expect(number + 1)
    for one in receivers.received():
        assert one.message == b"<1>%d" % one.connection.port
    assert {one.connection.port for one in receivers.received()} == ports


def test_an_overlong_datagram_is_cut_and_flagged(tmp_path: Path, server: TlsFiles) -> None:
    journal, limits = tmp_path / "journal", {"max_message": 2048}
    with Receivers(journal, material(server), plain=True, **limits) as receivers:
        with udp(receivers) as sender:
            sender.send(b"<1>" + b"x" * 3000)
            sender.send(MESSAGE)
        first, second = receivers.expect(2)
        faults = receivers.statistics().faults
    assert (len(first), second) == (2048, MESSAGE)
    assert (faults["overlong"], faults["truncated_bytes"]) == (1, 955)


def test_datagrams_the_kernel_had_no_room_for_are_told(tmp_path: Path, server: TlsFiles) -> None:
    with Receivers(tmp_path / "journal", material(server), plain=True) as receivers:
        (pid,) = receivers.pool.pids.values()
        os.kill(pid, signal.SIGSTOP)
        with udp(receivers) as sender:
            for _ in range(2000):
                sender.send(b"<1>" + b"x" * 60_000)
        os.kill(pid, signal.SIGCONT)
        eventually(lambda: bool(receivers.alarms), "no alarm")
        (_, code, text), *_ = receivers.alarms
        assert code == "datagrams_lost"
        lost = int(text.split(": ")[1].split()[0])
        assert lost > 0
        assert receivers.expect(2000 - lost)


def test_a_port_for_datagrams_survives_its_worker(receivers: Receivers) -> None:
    with udp(receivers) as sender:
        sender.send(b"<1>before")
        receivers.expect(1)
        for pid in receivers.pool.pids.values():
            os.kill(pid, signal.SIGKILL)
        for number in range(50):
            sender.send(b"<1>%d" % number)
        assert len(receivers.expect(51)) == 51


def test_stopping_takes_what_has_come(receivers: Receivers) -> None:
    (host,) = receivers.pool.pids.values()
    with udp(receivers) as datagrams, tcp(receivers) as stream:
        stream.sendall(FRAME)
        receivers.expect(1)
        os.kill(host, signal.SIGSTOP)
        for _ in range(400):
            datagrams.send(MESSAGE)
        stream.sendall(FRAME * 100)
        stream.shutdown(socket.SHUT_WR)
        os.kill(host, signal.SIGCONT)
        receivers.pool.stop(5)
        assert stream.recv(1) == b"", "no FIN came"
    assert receivers.expect(501)


def test_ipv6_and_ipv4_reach_the_plain_ports(tmp_path: Path, server: TlsFiles) -> None:
    tls = material(server)
    with Receivers(tmp_path / "journal", tls, plain=True, workers=2, host="") as receivers:
        for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, LOOPBACK)):
            with tcp(receivers, host) as stream:
                stream.sendall(FRAME)
            with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
                datagrams.sendto(MESSAGE, (host, receivers.plain_port(Transport.UDP)))
        receivers.expect(4)
        seen = {(one.connection.transport, one.connection.address) for one in receivers.received()}
    assert seen == {(kind, host) for kind in ("tcp", "udp") for host in ("::1", LOOPBACK)}


def test_a_port_that_is_taken_leaves_nothing_bound(receivers: Receivers) -> None:
    free = free_port()
    taken = receivers.plain_port(Transport.UDP)
    with pytest.raises(UnavailableError, match=str(taken)):
        bound_listeners(LOOPBACK, {Transport.TCP: (free,), Transport.UDP: (taken,)})
    (one,) = bound_listeners(LOOPBACK, {Transport.TCP: (free,)})
    one.sock.close()


@pytest.mark.parametrize(
    ("words", "transport", "framed"),
    [
        (["--udp", "--rfc3164"], Transport.UDP, Kind.DATAGRAM),
        (["--udp", "--rfc5424"], Transport.UDP, Kind.DATAGRAM),
        (["--tcp", "--rfc3164"], Transport.TCP, Kind.LINES),
        (["--tcp", "--rfc5424", "--octet-count"], Transport.TCP, Kind.OCTETS),
    ],
)
def test_the_logger_command_is_understood(
    shared: Receivers, words: list[str], transport: Transport, framed: Kind
) -> None:
    """``logger`` of util-linux, which every Debian machine has; a file of lines at once."""
    begins = shared.count()
    port = str(shared.plain_port(transport))
    subprocess.run(
        ["logger", "--server", LOOPBACK, "--port", port, *words, "--tag", "test"],
        input="".join(f"line {number} with words\n" for number in range(50)).encode(),
        check=True,
        timeout=20,
    )
    shared.expect(begins + 50)
    newest = shared.received()[begins:]
    assert {one.kind for one in newest} == {framed}
    for number, one in enumerate(newest):
        assert one.message.startswith(b"<13>")
        assert one.message.endswith(b"line %d with words" % number)
