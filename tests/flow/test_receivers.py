"""Real workers, real TLS: what is sent is counted exactly, what is wrong is named."""

from __future__ import annotations

import os
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UnavailableError
from sealwire.net.listening import listening_socket
from sealwire.net.pool_settings import PoolSettings
from sealwire.net.workers import ReceiverPool
from sealwire.sensor.receiving import ClientCertificate, TlsMaterial
from sealwire.stores.journal.recovery import JournalRecovery
from sealwire.syslog.framing import encode_octet_frame
from tests.flow.authority import LOOPBACK, PeerAuthority
from tests.flow.live_node import living
from tests.flow.reception import Load, Receivers, Sender, eventually, material

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.flow.authority import TlsFiles

MESSAGE = b"<14>1 2026-01-01T00:00:00Z host app - - - hello"
FRAME = encode_octet_frame(MESSAGE)


@pytest.fixture(scope="session")
def server(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("receiver")


@pytest.fixture(scope="session")
def client(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("sender")


@pytest.fixture
def receivers(tmp_path: Path, server: TlsFiles) -> Iterator[Receivers]:
    with Receivers(tmp_path / "journal", material(server)) as running:
        yield running


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_tls_versions_and_both_framings(
    receivers: Receivers, peer_authority: PeerAuthority, version: ssl.TLSVersion
) -> None:
    with Sender(receivers.port, peer_authority, version=version) as sender:
        sender.send(FRAME * 3).end()
    with Sender(receivers.port, peer_authority, version=version) as sender:
        sender.send(b"<1>line\n<2>line\r\n<3>nul\0<4>unterminated").end()
    messages = receivers.expect(7)
    assert sorted(messages) == sorted(
        [MESSAGE] * 3 + [b"<1>line", b"<2>line", b"<3>nul", b"<4>unterminated"]
    )
    names = {one.connection.tls_version for one in receivers.received()}
    assert names == {version.name.replace("_", ".")}


def test_one_byte_in_each_record(receivers: Receivers, peer_authority: PeerAuthority) -> None:
    with Sender(receivers.port, peer_authority) as sender:
        for place in range(2 * len(FRAME)):
            sender.send((FRAME * 2)[place : place + 1])
        sender.end()
    assert receivers.expect(2) == [MESSAGE] * 2


def test_many_records_of_every_size(receivers: Receivers, peer_authority: PeerAuthority) -> None:
    sizes = [5, 60, 100, 256, 1024, 5000, 16_384, 40_000, 65_536] * 6
    messages = [b"<1>" + b"%d" % size + b"." * (size - 8) for size in sizes]
    with Sender(receivers.port, peer_authority) as sender:
        sender.send(b"".join(map(encode_octet_frame, messages))).end()
    assert receivers.expect(len(messages)) == messages


def test_openssl_client_sends_counted_lines(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    subprocess.run(
        [
            *("openssl", "s_client", "-quiet", "-no_ign_eof", "-verify_return_error"),
            *("-connect", f"{LOOPBACK}:{receivers.port}", "-CAfile", str(peer_authority.ca)),
        ],
        input=FRAME * 20,
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert receivers.expect(20) == [MESSAGE] * 20


def test_a_wanted_certificate_may_be_absent_but_not_wrong(
    tmp_path: Path, server: TlsFiles, client: TlsFiles, peer_authority: PeerAuthority
) -> None:
    (tmp_path / "others").mkdir()
    stranger = PeerAuthority(tmp_path / "others").issue("stranger")
    tls = material(server, ClientCertificate.WANTED, [client.ca])
    with Receivers(tmp_path / "journal", tls) as receivers:
        with Sender(receivers.port, peer_authority) as sender:
            sender.send(FRAME).end()
        with Sender(receivers.port, peer_authority, client=client) as sender:
            sender.send(FRAME).end()
        with suppress(OSError), Sender(receivers.port, peer_authority, client=stranger) as one:
            one.send(FRAME).end()
        failure = receivers.expect_failure("client_certificate_unknown_ca")
        assert failure.address == LOOPBACK
        receivers.expect(2)
        sources = receivers.statistics().document()["sources"]
    der = ssl.PEM_cert_to_DER_cert(client.certificate.read_text())
    shown = {one["certificate_sha256"]: one["certificate_subject"] for one in sources}
    assert shown == {None: None, sha256(der).hexdigest(): "CN=sender"}


def test_a_required_certificate_must_be_there(
    tmp_path: Path, server: TlsFiles, client: TlsFiles, peer_authority: PeerAuthority
) -> None:
    tls = material(server, ClientCertificate.REQUIRED, [client.ca])
    with Receivers(tmp_path / "journal", tls) as receivers:
        with suppress(OSError), Sender(receivers.port, peer_authority) as sender:
            sender.send(FRAME).end()
        receivers.expect_failure("no_client_certificate")
        with Sender(receivers.port, peer_authority, client=client) as sender:
            sender.send(FRAME).end()
        assert receivers.expect(1) == [MESSAGE]


def _say(port: int, data: bytes) -> bytes:
    """Say something that is not TLS, and read until the end."""
    with socket.create_connection((LOOPBACK, port), 10) as raw:
        raw.sendall(data)
        answer = b""
        with suppress(ConnectionResetError):
            while chunk := raw.recv(4096):
                answer += chunk
        return answer


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (FRAME * 5, "plain_text", "client sent syslog without TLS"),
        (b"<14>1 - h a - - - x\n" * 5, "plain_text", "client sent syslog without TLS"),
        (b"GET / HTTP/1.1\r\n\r\n", "plain_text", "client sent text without TLS"),
        (b"\x00\x01\x02gibberish" * 50, "not_tls", "client sent bytes that are no TLS"),
        (b"\x16\x03\x01\x00\x05gibberish" + FRAME * 5, "tls_error", ""),
    ],
)
def test_what_is_not_tls_is_named_and_never_a_record(
    receivers: Receivers, peer_authority: PeerAuthority, data: bytes, reason: str, words: str
) -> None:
    _say(receivers.port, data)
    failure = receivers.expect_failure(reason)
    assert failure.address == LOOPBACK
    assert words in failure.detail
    with Sender(receivers.port, peer_authority) as sender:
        sender.send(FRAME).end()
    assert receivers.expect(1) == [MESSAGE]


def test_data_before_the_handshake_is_never_a_record(receivers: Receivers) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    tls = context.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    _say(receivers.port, outgoing.read() + FRAME * 10)
    receivers.expect_failure("tls_error")
    assert receivers.count() == 0


def test_old_tls_is_refused_with_its_reason(receivers: Receivers) -> None:
    done = subprocess.run(
        [
            *("openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
            *("-connect", f"{LOOPBACK}:{receivers.port}"),
        ],
        input=FRAME,
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert done.returncode != 0
    receivers.expect_failure("old_tls_version")
    assert receivers.count() == 0


def test_a_frame_cut_in_the_middle_is_incomplete(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    with Sender(receivers.port, peer_authority) as sender:
        sender.send(FRAME * 2 + FRAME[:20]).end()
    with Sender(receivers.port, peer_authority) as sender:
        sender.send(b"<1>whole\n<2>cut without farewell")
    receivers.expect(3)
    eventually(
        lambda: receivers.statistics().faults["incomplete"] == 2, "incomplete ones not counted"
    )
    assert b"<2>cut without farewell" not in receivers.messages()


def test_a_gigabyte_announced_holds_no_memory_and_hurts_nobody(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    with Sender(receivers.port, peer_authority) as sender:
        sender.send(FRAME)
        receivers.expect(1)
        before = _rss(receivers)
        sender.send(b"1073741824 <14>1 ")
        for _ in range(300):
            sender.send(b"y" * 65_536)
        sender.send(b"\n" + FRAME).end()
    messages = receivers.expect(2)
    assert messages == [MESSAGE] * 2
    faults = receivers.statistics().faults
    assert faults["bad_count"] == 1
    assert faults["quarantined_bytes"] == 17 + 300 * 65_536 + 1
    assert _rss(receivers) - before < 40_000, "memory grew with the announced length"


def test_an_endless_line_is_truncated_and_counted(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    with Sender(receivers.port, peer_authority) as sender:
        sender.send(b"<1>endless" + b"e" * 3_000_000 + b"\n<2>next\n").end()
    first, second = receivers.expect(2)
    assert (len(first), second) == (65_536, b"<2>next")
    assert receivers.statistics().faults["overlong"] == 1
    assert receivers.statistics().faults["truncated_bytes"] == 3_000_010 - 65_536 + 1


def _rss(receivers: Receivers) -> int:
    (pid,) = receivers.pool.pids.values()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_a_new_certificate_is_used_at_once_and_old_connections_live_on(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    renewed = peer_authority.issue("renewed")
    with Sender(receivers.port, peer_authority) as old:
        receivers.pool.reload(material(renewed))
        with Sender(receivers.port, peer_authority) as new:
            shown = new.socket.getpeercert()
            new.send(FRAME).end()
        old.send(FRAME).end()
    assert shown is not None
    assert dict(pair[0] for pair in shown["subject"])["commonName"] == "renewed"
    receivers.expect(2)


def test_useless_tls_material_is_refused_and_changes_nothing(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    with pytest.raises(RefusedError):
        receivers.pool.reload(TlsMaterial((("no", "pem"),), ClientCertificate.OFF))
    with Sender(receivers.port, peer_authority) as sender:
        sender.send(FRAME).end()
    receivers.expect(1)


def test_a_port_in_use_is_said_so(receivers: Receivers) -> None:
    with pytest.raises(UnavailableError, match=str(receivers.port)):
        listening_socket(LOOPBACK, receivers.port)


def test_silent_clients_are_ended_and_do_not_keep_others_out(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    tls = material(server)
    limits = {"handshake_seconds": 0.5, "handshakes": 20}
    with Receivers(tmp_path / "journal", tls, **limits) as receivers:
        silent = [socket.create_connection((LOOPBACK, receivers.port)) for _ in range(60)]
        with Sender(receivers.port, peer_authority) as sender:
            sender.send(FRAME).end()
        receivers.expect(1)
        receivers.expect_failure("handshake_crowded_out")
        receivers.expect_failure("handshake_timeout")
        for one in silent:
            one.close()


def test_stopping_says_goodbye_and_takes_what_still_comes(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    with Receivers(tmp_path / "journal", material(server)) as receivers:
        with Sender(receivers.port, peer_authority) as sender:
            sender.send(FRAME * 1000)
            assert receivers.expect(1000)
            stopping = _in_thread(lambda: receivers.pool.stop(10))
            assert sender.socket.recv(1) == b"", "no close_notify came"
            sender.send(FRAME * 500)
            sender.socket.shutdown(socket.SHUT_WR)
        stopping()
        assert receivers.expect(1500)


def _in_thread(call: Callable[[], None]) -> Callable[[], None]:
    thread = threading.Thread(target=call)
    thread.start()
    return thread.join


def test_a_killed_worker_is_started_again_and_what_was_counted_is_there(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    with Receivers(tmp_path / "journal", material(server), workers=2) as receivers:
        with Load(receivers.port, peer_authority):
            eventually(lambda: receivers.count() > 2000, "no load")
            counted = receivers.count()
            for pid in receivers.pool.pids.values():
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(receivers.lost) == 2, "the workers' death was not noticed")
        assert {reason for _, reason in receivers.lost} == {"killed by signal 9"}
        with Sender(receivers.port, peer_authority) as sender:
            sender.send(FRAME).end()
        eventually(lambda: MESSAGE in receivers.messages(), "it did not go on")
        assert receivers.count() > counted
        assert all(damage.torn for one in receivers.recoveries for damage in one.damages)


def test_a_worker_that_is_told_to_stop_before_it_serves_ends_in_good_order(
    tmp_path: Path, server: TlsFiles, capfd: pytest.CaptureFixture[str]
) -> None:
    with Receivers(tmp_path / "journal", material(server)) as receivers:
        (old,) = receivers.pool.pids.values()
        os.kill(old, signal.SIGKILL)
        eventually(lambda: old not in receivers.pool.pids.values(), "the death was not noticed")
        eventually(lambda: 0 in receivers.pool.pids, "no other worker")
    assert capfd.readouterr().err == ""


def test_a_full_disk_stops_reading_and_nothing_is_lost(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    """RLIMIT_FSIZE makes the kernel refuse writes beyond a size, as a full disk would."""
    with Receivers(tmp_path / "journal", material(server)) as receivers:
        with Sender(receivers.port, peer_authority) as sender:
            sender.send(FRAME)
            receivers.expect(1)
            (pid,) = receivers.pool.pids.values()
            unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            sender.send(FRAME * 1000)
            eventually(lambda: bool(receivers.troubles), "no alarm")
            time.sleep(0.3)
            assert receivers.count() == 1
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
            sender.end()
        assert receivers.expect(1001)
        eventually(lambda: receivers.troubles[-1][1] is None, "the alarm stays")


def test_ipv6_and_ipv4_reach_one_socket(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    with Receivers(tmp_path / "journal", material(server), host="") as receivers:
        for host in ("::1", LOOPBACK):
            with Sender(receivers.port, peer_authority, host=host) as sender:
                sender.send(FRAME).end()
        receivers.expect(2)
        addresses = {one.connection.address for one in receivers.received()}
    assert addresses == {"::1", LOOPBACK}


def test_a_sender_that_distrusts_the_certificate_is_named(
    receivers: Receivers, tmp_path: Path
) -> None:
    stranger = PeerAuthority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        Sender(receivers.port, stranger)
    assert receivers.expect_failure("sender_distrusts_us").address == LOOPBACK


def test_renegotiation_is_refused_and_costs_no_record(
    receivers: Receivers, peer_authority: PeerAuthority
) -> None:
    """``R`` at the beginning of a line makes s_client ask for a renegotiation."""
    with subprocess.Popen(
        [
            *("openssl", "s_client", "-tls1_2", "-CAfile", str(peer_authority.ca)),
            *("-connect", f"{LOOPBACK}:{receivers.port}"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as client:
        assert client.stdin is not None
        client.stdin.write(b"<1>before\n")
        client.stdin.flush()
        receivers.expect(1)
        with suppress(BrokenPipeError):
            client.stdin.write(b"R\n")
            client.stdin.close()
        client.wait(10)
    with Sender(receivers.port, peer_authority) as sender:
        sender.send(FRAME).end()
    assert receivers.expect(2)[-1] == MESSAGE


def test_when_connections_are_taken_others_wait_and_it_is_said(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    with Receivers(tmp_path / "journal", material(server), connections=3) as receivers:
        senders = [Sender(receivers.port, peer_authority) for _ in range(3)]
        waiting = _in_thread(lambda: Sender(receivers.port, peer_authority).send(FRAME).end())
        eventually(lambda: bool(receivers.alarms), "no alarm")
        assert receivers.alarms[0][1] == "accepting_paused"
        # Said again as long as it lasts: one that is not said again counts as over.
        eventually(lambda: len(receivers.alarms) > 3, "the alarm is not raised again")
        for sender in senders:
            sender.send(FRAME).end()
        waiting()
        receivers.expect(4)


def test_open_connections_are_told(receivers: Receivers, peer_authority: PeerAuthority) -> None:
    def told(count: int) -> None:
        eventually(lambda: receivers.pool.connections() == count, f"{count} connections")

    told(0)
    with Sender(receivers.port, peer_authority), Sender(receivers.port, peer_authority):
        told(2)
        with socket.create_connection((LOOPBACK, receivers.port)):
            told(3)
        told(2)
    told(0)


def test_workers_that_were_begun_early_and_never_needed_end(tmp_path: Path) -> None:
    settings = PoolSettings(tmp_path, "sensor", ports=(0,), host=LOOPBACK, workers=2)
    pool = ReceiverPool(settings, JournalRecovery(tmp_path), SystemClock())
    pool.bind()
    port = pool.ports[0]
    pool.warm()
    begun = list(pool.pids.values())
    # The port is open: who comes now waits for the receivers.
    with socket.create_connection((LOOPBACK, port)):
        assert len(begun) == 2
        pool.stop()
    assert living(begun) == []
    listening_socket(LOOPBACK, port).close()


def test_workers_that_were_begun_early_receive(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    with Receivers(tmp_path / "journal", material(server), workers=2, early=True) as early:
        assert early.pool.pids == early.begun
        for _ in range(2):
            with Sender(early.port, peer_authority) as sender:
                sender.send(FRAME).end()
        assert early.expect(2) == [MESSAGE] * 2
