"""The forwarder against real TLS servers on the loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sealwire.appliance.forwarder import Policy
from sealwire.clock import SystemRandom
from tests.flow.authority import PeerAuthority
from tests.flow.streaming_unit import QUICK, StreamingUnit
from tests.flow.tls_receiver import TlsReceiver, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.flow.authority import TlsFiles


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PeerAuthority:
    return PeerAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: PeerAuthority) -> TlsFiles:
    return authority.issue("server")


@pytest.fixture(scope="module")
def client(authority: PeerAuthority) -> TlsFiles:
    return authority.issue("client", names=["unit.example.com"])


@pytest.fixture
def unit(client: TlsFiles) -> Iterator[StreamingUnit]:
    with StreamingUnit() as unit:
        unit.install(client)
        yield unit


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_ten_thousand_records_arrive_in_order_byte_for_byte(
    unit: StreamingUnit, server: TlsFiles, version: ssl.TLSVersion
) -> None:
    unit.record(10_000)
    with TlsReceiver(server, version=version) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        wait_until(lambda: unit.cursor() == 10_000, "the cursor at the end")
        assert receiver.messages() == unit.recorded()
        assert len(receiver.connections) == 1
        status = unit.status()
        assert (status.state, status.records_sent, status.last_error) == ("streaming", 10_000, "")
        assert status.tls.startswith(version.name.replace("_", "."))
        assert unit.dispatcher.stop()
        wait_until(lambda: receiver.connections[0].over, "the end of the connection")
        assert receiver.connections[0].said_goodbye
    assert [text.partition("]")[0] for text in unit.delivery_events()] == [
        "[AuditEvent=DELIVERY_CONNECTED",
        "[AuditEvent=DELIVERY_CLOSED",
    ]


def test_every_streamed_trail_travels_and_delivery_does_not(
    unit: StreamingUnit, server: TlsFiles
) -> None:
    trails = ("ca", "appliance", "sensor", "inputs", "delivery")
    for trail in trails:
        unit.record(3, trail)
    with TlsReceiver(server) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        wait_until(lambda: len(receiver.messages()) == 12, "twelve records")
        unit.record(1, "delivery")
        unit.record(1, "ca")
        wait_until(lambda: len(receiver.messages()) == 13, "one more")
        for trail in trails[:4]:
            assert [m for m in receiver.messages() if m in unit.recorded(trail)] == unit.recorded(
                trail
            )


def test_new_records_leave_at_once_when_the_sender_is_woken(
    unit: StreamingUnit, server: TlsFiles
) -> None:
    with TlsReceiver(server) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        wait_until(lambda: unit.status().state == "streaming", "a connection")
        for number in range(1, 21):
            unit.record(1)
            wait_until(lambda n=number: len(receiver.messages()) == n, "the record", 1)


@pytest.mark.soak
def test_no_gap_when_the_receiver_is_cut_at_random_moments(
    unit: StreamingUnit, server: TlsFiles, soak_rounds: int
) -> None:
    random = SystemRandom()
    with TlsReceiver(server) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        for _ in range(soak_rounds):
            before = len(receiver.connections)
            unit.record(2_000)
            wait_until(
                lambda n=before: receiver.connections and len(receiver.connections) >= n,
                "a connection",
            )
            threading.Event().wait(random.token_bytes(1)[0] / 400)
            for connection in receiver.connections:
                receiver.cut(connection, reset=bool(random.token_bytes(1)[0] & 1))
        total = 2_000 * soak_rounds
        wait_until(lambda: unit.cursor() == total, "everything delivered", 60)
        _assert_complete(receiver, unit)


def _assert_complete(receiver: TlsReceiver, unit: StreamingUnit) -> None:
    """Each connection is a run of the trail without gap; together they are all of it."""
    recorded = unit.recorded()
    index = {message: idx for idx, message in enumerate(recorded)}
    reached = 0
    for connection in receiver.connections:
        run = [index[message] for message in connection.messages()]
        if not run:
            continue
        assert run == list(range(run[0], run[0] + len(run)))
        assert run[0] <= reached, "a gap"
        reached = max(reached, run[-1] + 1)
    assert reached == len(recorded)


def test_a_restarted_server_gets_what_its_predecessor_did_not(
    unit: StreamingUnit, server: TlsFiles
) -> None:
    with TlsReceiver(server) as first:
        port = first.port
        unit.add(port, server)
        unit.start()
        unit.record(500)
        wait_until(lambda: unit.cursor() == 500, "the first half")
    unit.record(500)
    with TlsReceiver(server, port=port) as second:
        wait_until(lambda: unit.cursor() == 1000, "the second half")
        assert second.messages() == unit.recorded()[500:]


def test_the_forwarder_goes_on_where_its_predecessor_stopped(
    unit: StreamingUnit, server: TlsFiles
) -> None:
    with TlsReceiver(server) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        unit.record(300)
        wait_until(lambda: len(receiver.messages()) == 300, "the first half")
        assert unit.dispatcher.stop()
        assert unit.cursor() == 300
        unit.record(300)
        unit.dispatcher = unit.new_dispatcher()
        unit.start()
        wait_until(lambda: len(receiver.messages()) == 600, "the second half")
        assert receiver.messages() == unit.recorded()


@pytest.mark.soak
def test_one_message_after_the_server_closed_an_idle_connection_arrives(
    client: TlsFiles, server: TlsFiles, soak_rounds: int
) -> None:
    # Each message takes as many connections as it is tried on: none of them waits long.
    policy = replace(QUICK, first_wait=0.01, longest_wait=0.02, proving_grace=0.05)
    with StreamingUnit(policy) as unit, TlsReceiver(server, stop_after=1, lingers=0.02) as receiver:
        unit.install(client)
        unit.add(receiver.port, server)
        unit.start()
        for number in range(1, soak_rounds + 1):
            unit.record(1)
            # More often than once: the server's own goodbye does not say that it has read it.
            wait_until(lambda n=number: len(set(receiver.messages())) == n, f"message {number}")
            wait_until(lambda n=number: unit.cursor() == n, "the cursor")
        assert list(dict.fromkeys(receiver.messages())) == unit.recorded()


def test_a_server_that_says_goodbye_with_data_unread_gets_it_again(
    unit: StreamingUnit, server: TlsFiles
) -> None:
    unit.record(5_000)
    with TlsReceiver(server, stop_after=10) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        wait_until(lambda: receiver.connections and receiver.connections[0].over, "the goodbye")
        receiver.stop_after = None
        wait_until(lambda: unit.cursor() == 5_000, "everything delivered")
        _assert_complete(receiver, unit)


def test_a_certificate_that_the_server_refuses_loses_nothing_in_tls_1_3(
    unit: StreamingUnit, server: TlsFiles, client: TlsFiles, tmp_path: Path
) -> None:
    stranger = PeerAuthority(tmp_path).issue("stranger")
    unit.install(stranger)
    unit.record(5)
    with TlsReceiver(server, version=ssl.TLSVersion.TLSv1_3) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        wait_until(lambda: len(receiver.refusals) >= 2, "two refusals")
        status = unit.status()
        assert status.last_error_code == "tls.client_refused"
        assert status.last_error.startswith("server refused our client certificate")
        assert unit.cursor() == 0
        assert status.records_sent == 0
        unit.install(client)
        unit.dispatcher.poke()
        wait_until(lambda: receiver.messages() == unit.recorded(), "all records")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_wrong_name_is_said_with_the_names_there_are(
    unit: StreamingUnit, authority: PeerAuthority, server: TlsFiles, version: ssl.TLSVersion
) -> None:
    other = authority.issue("other", names=["other.example.com", "second.example.com"])
    with TlsReceiver(other, version=version) as receiver:
        unit.add(receiver.port, server, server_name="sensor.example.com")
        unit.start()
        wait_until(lambda: unit.status().last_error, "a fault")
        status = unit.status()
        assert status.last_error_code == "tls.name"
        assert status.last_error.startswith("name sensor.example.com not in certificate")
        if version is ssl.TLSVersion.TLSv1_3:
            assert status.last_error.endswith("(has: other.example.com, second.example.com)")
        assert status.hint


def test_an_unknown_ca_is_said_in_plain_words(
    unit: StreamingUnit, client: TlsFiles, tmp_path: Path
) -> None:
    theirs = PeerAuthority(tmp_path).issue("theirs")
    with TlsReceiver(theirs) as receiver:
        unit.add(receiver.port, client)
        unit.start()
        wait_until(lambda: unit.status().last_error, "a fault")
        assert unit.status().last_error.startswith("certificate signed by an unknown CA")
        assert unit.status().state == "refused"


def test_an_expired_server_certificate_is_said_in_plain_words(
    unit: StreamingUnit, tmp_path: Path
) -> None:
    authority = PeerAuthority(tmp_path)
    authority._now -= timedelta(days=60)
    expired = authority.issue("expired")
    with TlsReceiver(expired) as receiver:
        unit.add(receiver.port, expired)
        unit.start()
        wait_until(lambda: unit.status().last_error, "a fault")
        assert unit.status().last_error == "the server's certificate has expired"
        assert unit.status().state == "refused"


def test_a_plain_text_server_is_recognised(unit: StreamingUnit, server: TlsFiles) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.example.com ready to talk to you\r\n")
                connection.recv(4096)

        thread = threading.Thread(target=greet)
        thread.start()
        unit.add(listener.getsockname()[1], server)
        unit.start()
        wait_until(lambda: unit.status().last_error, "a fault")
        assert unit.status().last_error == "server speaks plain text"
        thread.join()


def test_a_server_that_never_answers_the_handshake_is_given_up(
    client: TlsFiles, server: TlsFiles
) -> None:
    policy = Policy(handshake_timeout=0.3, first_wait=0.05, longest_wait=0.1)
    with StreamingUnit(policy) as unit, socket.create_server(("127.0.0.1", 0)) as listener:
        unit.install(client)
        unit.add(listener.getsockname()[1], server)
        unit.start()
        wait_until(lambda: unit.status().last_error, "a fault", 3)
        assert unit.status().last_error_code == "tls.timeout"
        wait_until(lambda: unit.status().state != "backing-off", "another attempt", 3)


def test_nobody_listening_is_one_record_however_often_it_is_tried(
    client: TlsFiles, server: TlsFiles
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with StreamingUnit(replace(QUICK, stable_after=0.5)) as unit:
        unit.install(client)
        unit.record(1)
        unit.add(port, server)
        unit.start()
        wait_until(lambda: unit.status().last_error, "a fault")
        threading.Event().wait(1)
        assert unit.status().last_error == "no program listens on that port"
        assert len(unit.delivery_events()) == 1
        with TlsReceiver(server, port=port) as receiver:
            wait_until(lambda: len(receiver.messages()) == 1, "the record")
            wait_until(lambda: len(unit.delivery_events()) == 3, "the count", 8)
            counted, connected = unit.delivery_events()[1:]
    assert "[AuditEvent=DELIVERY_FAILED]" in counted
    assert "[Count=1]" not in counted
    assert "[AuditEvent=DELIVERY_CONNECTED]" in connected


def test_without_a_certificate_nothing_is_tried(server: TlsFiles) -> None:
    with StreamingUnit() as unit, TlsReceiver(server) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        wait_until(lambda: unit.status().last_error, "a fault")
        assert unit.status().last_error_code == "identity.missing"
        assert receiver.connections == []


def test_switching_off_ends_in_good_order_and_on_again_goes_on(
    unit: StreamingUnit, server: TlsFiles
) -> None:
    with TlsReceiver(server) as receiver:
        destination = unit.add(receiver.port, server)
        unit.start()
        unit.record(10)
        wait_until(lambda: len(receiver.messages()) == 10, "ten records")
        unit.switch(destination, enabled=False)
        wait_until(lambda: receiver.connections[0].over, "the end")
        assert receiver.connections[0].said_goodbye
        wait_until(lambda: not unit.dispatcher.status(), "nothing served")
        unit.record(10)
        threading.Event().wait(0.3)
        assert len(receiver.messages()) == 10
        unit.switch(destination, enabled=True)
        wait_until(lambda: receiver.messages() == unit.recorded(), "the rest")


def test_a_receiver_that_does_not_read_holds_no_memory_hostage(
    unit: StreamingUnit, server: TlsFiles
) -> None:
    unit.record(30_000)
    with TlsReceiver(server, reads=False) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        wait_until(lambda: unit.status().records_sent > 0, "a start")
        threading.Event().wait(1.5)
        held = unit.status().records_sent
        threading.Event().wait(0.5)
        assert unit.status().records_sent == held < 30_000
        assert unit.cursor() <= held
        receiver._reads = True
        wait_until(lambda: unit.cursor() == 30_000, "everything", 40)
        assert receiver.messages() == unit.recorded()


def test_a_store_that_fails_now_and_then_does_not_stop_delivery(
    unit: StreamingUnit, server: TlsFiles
) -> None:
    with TlsReceiver(server) as receiver:
        unit.add(receiver.port, server)
        unit.start()
        wait_until(lambda: unit.status().state == "streaming", "a connection")
        unit.record(10)
        unit.store.fail_before_commit()
        wait_until(lambda: unit.cursor() == 10, "the cursor")
        assert receiver.messages() == unit.recorded()
