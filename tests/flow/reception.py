"""Receivers under test, and senders that are nothing but a socket with Python's TLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from sealwire.clock import SystemClock
from sealwire.net.limits import ReceiverLimits
from sealwire.net.pool_settings import PoolSettings
from sealwire.net.workers import ReceiverPool
from sealwire.sensor.journal import Position
from sealwire.sensor.receiving import ClientCertificate, TlsMaterial, Transport
from sealwire.sensor.statistics import Statistics, TlsFailure
from sealwire.stores.journal.reader import JournalReadings
from sealwire.stores.journal.recovery import JournalRecovery
from tests.flow.authority import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sealwire.sensor.journal import ReceivedMessage, Recovery
    from tests.flow.authority import PeerAuthority, TlsFiles

PATIENCE = 20.0


def eventually(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until ``holds``; fail with ``what`` when it does not."""
    deadline = time.monotonic() + seconds  # noqa: TID251 - a test's patience
    while not holds():
        assert time.monotonic() < deadline, what  # noqa: TID251 - same
        time.sleep(0.01)


def material(
    server: TlsFiles,
    mode: ClientCertificate = ClientCertificate.OFF,
    trust: Sequence[Path] = (),
) -> TlsMaterial:
    """TLS for a listener from files."""
    identity = (server.certificate.read_text(), server.key.read_text())
    return TlsMaterial((identity,), mode, "".join(path.read_text() for path in trust))


class Receivers:
    """A pool of real worker processes with one port, and what it reports.

    ``plain``: also one port for TCP and one for UDP. ``early``: the workers are begun before they
    are told to serve; ``begun`` are their process ids then.
    """

    def __init__(
        self,
        folder: Path,
        tls: TlsMaterial,
        *,
        host: str = LOOPBACK,
        workers: int = 1,
        plain: bool = False,
        early: bool = False,
        **limits: float,
    ) -> None:
        self.folder = folder
        self.early = early
        self.begun: dict[int, int] = {}
        self.recoveries: list[Recovery] = []
        self.lost: list[tuple[int, str]] = []
        self.failures: list[TlsFailure] = []
        self.troubles: list[tuple[int, str | None]] = []
        self.alarms: list[tuple[int, str, str]] = []
        settings = PoolSettings(
            folder,
            "sensor-under-test",
            ports=(0,),
            tcp_ports=(0,) if plain else (),
            udp_ports=(0,) if plain else (),
            host=host,
            workers=workers,
            limits=replace(ReceiverLimits(), **limits),
        )
        self.pool = ReceiverPool(settings, JournalRecovery(folder), SystemClock())
        self._tls = tls
        self._reader = JournalReadings(folder)

    def __enter__(self) -> Self:
        self.pool.bind()
        if self.early:
            self.pool.warm()
            self.begun = self.pool.pids
        try:
            self.pool.start(self._tls, self)
        except BaseException:
            self.pool.stop(0)
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.pool.stop(0.2)

    @property
    def port(self) -> int:
        return self.pool.ports[0]

    def plain_port(self, transport: Transport) -> int:
        (port,) = self.pool.ports_of(transport)
        return port

    # What the pool tells.

    def slot_recovered(self, recovery: Recovery) -> None:
        self.recoveries.append(recovery)

    def worker_lost(self, slot: int, reason: str) -> None:
        self.lost.append((slot, reason))

    def connections_refused(self, failures: Sequence[TlsFailure]) -> None:
        self.failures.extend(failures)

    def journal_trouble(self, slot: int, trouble: str | None) -> None:
        self.troubles.append((slot, trouble))

    def receiver_alarm(self, slot: int, code: str, text: str) -> None:
        self.alarms.append((slot, code, text))

    def moment_passed(self) -> None:
        """Nothing is kept here."""

    # What arrived.

    def statistics(self, ends: Mapping[int, Position] | None = None) -> Statistics:
        """Counted anew from the beginning of the journal."""
        statistics = Statistics()
        for slot, end in (ends or self.pool.positions()).items():
            for block in self._reader.summaries(slot, Position(), end):
                statistics.apply(slot, block)
        return statistics

    def count(self) -> int:
        return int(self.statistics().document()["packets_received"])

    def received(self) -> list[ReceivedMessage]:
        ends = self.pool.positions()
        found = [
            message
            for slot, end in ends.items()
            for message in self._reader.messages(slot, Position(), end)
        ]
        assert len(found) == self.statistics(ends).document()["packets_received"]
        return sorted(found, key=lambda message: message.received_ns)

    def messages(self) -> list[bytes]:
        return [message.message for message in self.received()]

    def expect(self, count: int) -> list[bytes]:
        """Wait for exactly ``count`` packets."""
        eventually(lambda: self.count() >= count, f"{self.count()} of {count} packets counted")
        assert self.count() == count
        return self.messages()

    def expect_failure(self, reason: str) -> TlsFailure:
        """Wait until somebody failed at TLS for this reason."""
        eventually(
            lambda: any(one.reason == reason for one in self.failures),
            f"nobody failed with {reason}: {self.failures}",
        )
        return next(one for one in self.failures if one.reason == reason)


class Sender:
    """One TLS connection, checked against the CA that issued the server's certificate."""

    def __init__(
        self,
        port: int,
        authority: PeerAuthority,
        *,
        host: str = LOOPBACK,
        source: str | None = None,
        client: TlsFiles | None = None,
        version: ssl.TLSVersion | None = None,
    ) -> None:
        context = ssl.create_default_context(cafile=str(authority.ca))
        if client is not None:
            context.load_cert_chain(client.certificate, client.key)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        raw = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        raw.settimeout(PATIENCE)
        if source:
            raw.bind((source, 0))
        # Wrapped first: a connection that breaks while it is being wrapped would never be closed.
        self.socket = context.wrap_socket(raw, server_hostname="localhost")
        try:
            self.socket.connect((host, port))
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Sender:
        self.socket.sendall(data)
        return self

    def end(self) -> None:
        """Send close_notify and wait for the answer."""
        self.socket.unwrap().close()


class Load:
    """Threads that send numbered messages until stopped or the connection breaks."""

    def __init__(self, port: int, authority: PeerAuthority, connections: int = 4) -> None:
        self._port = port
        self._authority = authority
        self._stopped = threading.Event()
        self.sent = [0] * connections
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(connections)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        try:
            with Sender(self._port, self._authority) as sender:
                while not self._stopped.is_set():
                    message = b"<14>1 - h a - - - c%d n%d " % (number, self.sent[number])
                    sender.send(b"%d %b" % (len(message), message))
                    self.sent[number] += 1
        except OSError:
            return
