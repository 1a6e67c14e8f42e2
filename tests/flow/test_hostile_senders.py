"""Senders that mean harm or know no better: refused by name, bounded, and nobody else notices."""

from __future__ import annotations

import socket
import ssl
import subprocess
from contextlib import ExitStack, suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sealwire.clock import SystemClock
from sealwire.sensor.receiving import ClientCertificate, TlsMaterial
from sealwire.syslog.framing import encode_octet_frame
from tests.flow.authority import LOOPBACK
from tests.flow.libssl_client import LibsslClient
from tests.flow.reception import Receivers, Sender, eventually, material

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.sensor.journal import ReceivedMessage
    from tests.flow.authority import PeerAuthority, TlsFiles

MESSAGE = b"<14>1 2026-01-01T00:00:00Z host app - - - hello"
FRAME = encode_octet_frame(MESSAGE)
CLOCK = SystemClock()
OTHER = "127.0.0.2"
"""An address of its own for the good sender; all of 127/8 is this machine."""


@pytest.fixture(scope="module")
def server(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("hostile-receiver")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, server: TlsFiles) -> Iterator[Receivers]:
    folder = tmp_path_factory.mktemp("hostile") / "journal"
    with Receivers(folder, material(server), plain=True) as running:
        yield running


def memory(receivers: Receivers) -> int:
    """Kilobytes resident in the worker."""
    (pid,) = receivers.pool.pids.values()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


# -- framing ---------------------------------------------------------------------------------------

# What a connection begins with; the messages that come of it when a good line follows.
FRAMINGS = [
    (b"0 ", [b"0 <9>after"]),
    (b"-1 ", [b"-1 <9>after"]),
    (b"+5 ", [b"+5 <9>after"]),
    (b"007 ", [b"007 <9>after"]),
    (b" 5 ", [b" 5 <9>after"]),
    (b"5<", [b"5<<9>after"]),
    (b"1" * 1000 + b" ", [b"1" * 1000 + b" <9>after"]),
    (b"100000000 ", [b"100000000 <9>after"]),
    (b"2147483648 ", [b"2147483648 <9>after"]),
    (b"9223372036854775808 ", [b"9223372036854775808 <9>after"]),
    (b"18446744073709551621 ", [b"18446744073709551621 <9>after"]),
    (b"nospace", [b"nospace<9>after"]),
    (b"<1>line\n", [b"<1>line", b"<9>after"]),
    (b"<1>line\r\n", [b"<1>line", b"<9>after"]),
    (b"\n\r\n\0", [b"<9>after"]),
    # No MSG at all, counted and as a line.
    (b"16 <1>1 - - - - - -3 <2>", [b"<1>1 - - - - - -", b"<2>"]),
    (b"<1>1 - - - - - -\n<2>\n", [b"<1>1 - - - - - -", b"<2>", b"<9>after"]),
    # Above the limit, and a line end that its own text chose: still a count.
    (b"70000 <1>" + b"a\n" * 34_998 + b"b", [(b"<1>" + b"a\n" * 34_998)[:65_536]]),
]
# The same once octet counting is decided: the bad one is skipped up to LF, the next one is right.
IN_OCTETS = [b"0 ", b"-1 ", b"+5 ", b"007 ", b" 5 ", b"5<", b"1" * 1000 + b" ", b"100000000 <"]
IN_OCTETS += [b"2147483648 ", b"9223372036854775808 ", b"18446744073709551621 ", b"nospace"]


def test_every_wrong_count_is_documented_handling_and_costs_no_memory(
    shared: Receivers, peer_authority: PeerAuthority
) -> None:
    say_all_of_it(shared, peer_authority)
    # The worker keeps what it has once needed; the same again must need nothing more.
    before = memory(shared)
    say_all_of_it(shared, peer_authority)
    assert memory(shared) - before < 2048
    assert shared.lost == [], "the worker died"


def say_all_of_it(shared: Receivers, peer_authority: PeerAuthority) -> None:
    begins, wanted = shared.count(), []
    for start, messages in FRAMINGS:
        with Sender(shared.port, peer_authority) as sender:
            sender.send(start + b"<9>after\n").end()
        wanted += messages
    for start in IN_OCTETS:
        with Sender(shared.port, peer_authority) as sender:
            sender.send(FRAME + start + b"bad until here\n" + FRAME).end()
        wanted += [MESSAGE] * 2
    found = shared.expect(begins + len(wanted))
    assert sorted(found[begins:]) == sorted(wanted)
    assert shared.statistics().faults["bad_count"] >= len(IN_OCTETS)


def test_two_hundred_that_announce_100_megabytes_get_no_memory(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    """Half of them as much as seven digits can say, which is cut; the others more, which is bad."""
    begin = {b"100000000 <14>1 ": b"", b"9999999 <14>1 ": b"<14>1 "}
    pieces = 20
    with Receivers(tmp_path / "journal", material(server)) as receivers:
        with ExitStack() as open_ones:
            hostile = [
                (open_ones.enter_context(Sender(receivers.port, peer_authority)), each)
                for each in [*begin] * 100
            ]
            for one, _ in hostile:
                one.send(FRAME)
            receivers.expect(200)
            before = memory(receivers)
            for one, announced in hostile:
                one.send(announced)
            for _ in range(pieces):
                for one, _ in hostile:
                    one.send(b"x" * 5000)
            quarantined = 100 * (16 + pieces * 5000)
            let_go = 100 * (6 + pieces * 5000 - 65_536)
            # Told from the header: nothing waits for an end that is far away.
            eventually(
                lambda: (
                    receivers.statistics().faults["quarantined_bytes"] == quarantined
                    and receivers.statistics().faults["truncated_bytes"] == let_go
                ),
                "not told from the header",
            )
            grown = memory(receivers) - before
        cut = receivers.expect(300)[200:]
        assert cut == [b"<14>1 ".ljust(65_536, b"x")] * 100
    # Of 20 MB sent some are in blocks on their way to the disk; 11,000 MB were announced.
    assert grown < 100 * 64 + 16384, f"{grown} kB for 200 connections"


def test_an_overlong_frame_byte_by_byte_and_then_a_good_one(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    with Receivers(tmp_path / "journal", material(server), max_message=2048) as receivers:
        overlong = encode_octet_frame(b"<1>" + b"o" * 2600)
        with Sender(receivers.port, peer_authority) as sender:
            sender.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(len(FRAME + overlong)):
                sender.send((FRAME + overlong)[at : at + 1])
            sender.send(FRAME).end()
        messages = receivers.expect(3)
        faults = receivers.statistics().faults
    assert messages == [MESSAGE, overlong[5 : 5 + 2048], MESSAGE]
    assert (faults["overlong"], faults["truncated_bytes"]) == (1, 2603 - 2048)


# -- TLS -------------------------------------------------------------------------------------------


def s_client(port: int, *words: str, data: bytes = FRAME) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"{LOOPBACK}:{port}", *words],
        input=data,
        capture_output=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused_by_name(shared: Receivers, version: str) -> None:
    before = shared.count()
    assert s_client(shared.port, version, "-cipher", "ALL:@SECLEVEL=0").returncode != 0
    assert shared.expect_failure("old_tls_version").address == LOOPBACK
    assert shared.count() == before


@pytest.mark.soak
def test_nothing_without_a_whole_handshake_is_ever_a_record(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority, soak_rounds: int
) -> None:
    """200 tries a round: 10,000 in fifty."""
    tls = material(server, ClientCertificate.REQUIRED, [server.ca])
    hello = _client_hello()
    said = [FRAME, b"<1>x\n", b"\x00\x01gibberish", hello + FRAME, hello, b"\x16", b""]
    said += [b"\x16\x03\x01\xff\xff" + FRAME * 50, b"\x15\x03\x01\x00\x02\x02\x28" + FRAME]
    tries = soak_rounds * 200
    with Receivers(tmp_path / "journal", tls) as receivers:
        began = CLOCK.monotonic()
        for number in range(tries):
            with socket.create_connection((LOOPBACK, receivers.port), 10) as raw:
                raw.sendall(said[number % len(said)])
        for _ in range(10):
            with suppress(OSError), Sender(receivers.port, peer_authority) as sender:
                sender.send(FRAME).end()
        with Sender(receivers.port, peer_authority, client=server) as sender:
            sender.send(FRAME).end()
        assert receivers.expect(1) == [MESSAGE]
        assert receivers.lost == []
        named = {one.reason for one in receivers.failures}
        reports = len(receivers.failures)
        took = CLOCK.monotonic() - began
    assert {"plain_text", "not_tls", "no_client_certificate", "closed_in_handshake"} <= named
    assert sum(one.count for one in receivers.failures) == tries + 10
    # Ten reports a second at most, in each of which a reason stands once.
    assert reports <= len(named) * (10 * took + 2), "each attempt was reported by itself"


def _client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("both", [False, True])
def test_who_only_changes_keys_is_sent_away_before_others_wait_for_it(
    shared: Receivers, peer_authority: PeerAuthority, both: bool
) -> None:
    begins, before = shared.count(), memory(shared)
    shared.failures.clear()
    with (
        good_sender(shared, peer_authority) as other,
        LibsslClient(shared.port) as client,
        suppress(BrokenPipeError),
    ):
        assert client.send(FRAME)
        sent = sum(
            1 for _ in takewhile(bool, (client.update_keys(both=both) for _ in range(10**5)))
        )
        other.send(FRAME).end()
    assert 10**3 < sent < 10**5, "nobody objected"
    assert shared.expect_failure("too_many_key_updates").address == LOOPBACK
    assert sum(one.count for one in shared.failures) == 1
    with Sender(shared.port, peer_authority) as again:
        again.send(FRAME).end()
    assert shared.expect(begins + 3)[begins:] == [MESSAGE] * 3
    grown = memory(shared) - before
    assert grown < 2048, f"{grown} kB"
    assert shared.lost == []


def test_who_changes_keys_and_sends_is_served(shared: Receivers) -> None:
    begins = shared.count()
    with LibsslClient(shared.port) as client:
        for number in range(3000):
            assert client.update_keys(both=False)
            assert number % 100 or client.send(FRAME)
        client.end()
    assert shared.expect(begins + 30)[begins:] == [MESSAGE] * 30


def test_early_data_is_not_taken(
    shared: Receivers, peer_authority: PeerAuthority, tmp_path: Path
) -> None:
    begins = shared.count()
    session, early = tmp_path / "session.pem", tmp_path / "early"
    early.write_bytes(FRAME)
    trust = ("-tls1_3", "-CAfile", str(peer_authority.ca))
    s_client(shared.port, *trust, "-sess_out", str(session), data=b"")
    assert not session.exists() or not session.read_bytes(), "a ticket was given"
    said = s_client(shared.port, *trust, "-early_data", str(early), data=FRAME)
    assert b"Early data was not sent" in said.stdout or b"rejected" in said.stdout
    assert shared.expect(begins + 1)[-1] == MESSAGE


# -- RFC 9662 --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rsa_identity() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = CLOCK.now()
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now.replace(year=now.year + 1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(pem).decode(), private.decode()


@pytest.mark.parametrize("legacy", [False, True])
def test_the_ciphers_of_rfc_9662(
    tmp_path: Path, rsa_identity: tuple[str, str], legacy: bool
) -> None:
    tls = TlsMaterial((rsa_identity,), ClientCertificate.OFF, legacy_cbc=legacy)
    with Receivers(tmp_path / "journal", tls) as receivers:
        mandatory = ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
        assert s_client(receivers.port, *mandatory).returncode == 0
        # Who can do better gets better, whatever it would like best.
        s_client(receivers.port, "-tls1_2", "-cipher", "AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256")
        assert {one.connection.cipher for one in _both(receivers)} == {
            "ECDHE-RSA-AES128-GCM-SHA256"
        }
        old = s_client(receivers.port, "-tls1_2", "-cipher", "AES128-SHA")
        if legacy:
            receivers.expect(3)
            assert receivers.received()[-1].connection.cipher == "AES128-SHA"
        else:
            assert old.returncode != 0
            receivers.expect_failure("no_shared_cipher")
        for refused in ("AES256-SHA", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256"):
            assert s_client(receivers.port, "-tls1_2", "-cipher", refused).returncode != 0
        assert s_client(receivers.port, "-tls1_3").returncode == 0
        receivers.expect(4 if legacy else 3)


def _both(receivers: Receivers) -> list[ReceivedMessage]:
    receivers.expect(2)
    return receivers.received()


# -- limits ----------------------------------------------------------------------------------------


def good_sender(receivers: Receivers, authority: PeerAuthority) -> Sender:
    """From an address of its own."""
    return Sender(receivers.port, authority, source=OTHER)


def test_an_address_with_too_many_connections_disturbs_no_other(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    journal = tmp_path / "journal"
    with Receivers(journal, material(server), plain=True, source_connections=5) as receivers:
        with ExitStack() as open_ones:
            mine = [
                open_ones.enter_context(Sender(receivers.port, peer_authority)) for _ in "12345"
            ]
            port = receivers.pool.listeners()[1].port
            one_more = socket.create_connection((LOOPBACK, port), 10)
            with one_more, suppress(ConnectionResetError):
                assert one_more.recv(1) == b""
            assert receivers.expect_failure("too_many_connections").address == LOOPBACK
            with good_sender(receivers, peer_authority) as other:
                other.send(FRAME).end()
            receivers.expect(1)
            for one in mine:
                one.send(FRAME).end()
        receivers.expect(6)
        with Sender(receivers.port, peer_authority) as again:
            again.send(FRAME).end()
        receivers.expect(7)
        assert receivers.alarms == []


def test_who_has_most_handshakes_loses_them_when_there_are_too_many(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    with Receivers(tmp_path / "journal", material(server), handshakes=20) as receivers:
        with ExitStack() as open_ones:
            early = open_ones.enter_context(
                socket.create_connection((LOOPBACK, receivers.port), 10, (OTHER, 0))
            )
            for _ in range(60):
                open_ones.enter_context(socket.create_connection((LOOPBACK, receivers.port), 10))
            receivers.expect_failure("handshake_crowded_out")
            eventually(lambda: bool(receivers.alarms), "no alarm")
            # The one that came first is of another address, and was left alone.
            early.settimeout(0.05)
            with pytest.raises(TimeoutError):
                early.recv(1)
        assert {one.address for one in receivers.failures} == {LOOPBACK}
        assert receivers.alarms[0][1] == "handshakes_crowded"


def test_deadlines_end_who_waits_forever_and_keep_what_was_whole(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    limits = {
        "first_message_seconds": 0.6,
        "message_seconds": 0.6,
        "idle_seconds": 0.8,
        "farewell_seconds": 0.4,
    }
    journal = tmp_path / "journal"
    with Receivers(journal, material(server), plain=True, **limits) as receivers:
        with ExitStack() as open_ones:
            silent, idle, begun = (
                open_ones.enter_context(Sender(receivers.port, peer_authority)) for _ in "123"
            )
            plain = open_ones.enter_context(
                socket.create_connection((LOOPBACK, receivers.pool.listeners()[1].port), 10)
            )
            idle.send(FRAME)
            begun.send(FRAME + FRAME[:20])
            for one in (silent.socket, idle.socket, plain):
                assert one.recv(1) == b"", "no farewell came"
            # What was under way when the farewell came is taken.
            idle.send(FRAME)
            for reason in ("silent_connection", "idle_connection", "message_timeout"):
                assert receivers.expect_failure(reason).address == LOOPBACK
            receivers.expect_failure("farewell_timeout")
        assert receivers.expect(3) == [MESSAGE] * 3
        assert receivers.statistics().faults["incomplete"] == 1


def test_messages_that_never_end_hold_bounded_memory(
    tmp_path: Path, server: TlsFiles, peer_authority: PeerAuthority
) -> None:
    limits = {"buffered_bytes": 4_000_000, "source_buffered_bytes": 1_000_000}
    journal = tmp_path / "journal"
    with Receivers(journal, material(server), plain=True, **limits) as receivers:
        port = receivers.pool.listeners()[1].port
        with ExitStack() as open_ones:
            for _ in range(40):
                one = open_ones.enter_context(socket.create_connection((LOOPBACK, port), 10))
                one.sendall(b"65000 <1>" + b"x" * 60_000)
            assert receivers.expect_failure("source_buffers_full").address == LOOPBACK
            with good_sender(receivers, peer_authority) as other:
                other.send(FRAME).end()
            assert receivers.expect(1) == [MESSAGE]
            for number in range(10, 20):
                for _ in range(14):
                    source = (f"127.0.0.{number}", 0)
                    one = open_ones.enter_context(
                        socket.create_connection((LOOPBACK, port), 10, source)
                    )
                    one.sendall(b"65000 <1>" + b"x" * 60_000)
            receivers.expect_failure("buffers_full")
            eventually(lambda: bool(receivers.alarms), "no alarm")
        assert receivers.alarms[0][1] == "buffers_full"
