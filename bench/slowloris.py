"""What hostile connections cost a good sender: ``python -m bench.slowloris``.

A good sender sends one message after another and the sensor's journal tells when each arrived and
how late. First alone; then beside connections that do nothing before their handshake, connections
that stop within it, and established ones that send a byte of a message now and then; then beside
four clients that do nothing but new handshakes, as fast as they can.
"""

from __future__ import annotations

import argparse
import re
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from bench.crowd import Crowd, allow_descriptors, client_context, source_address
from bench.idle import weights
from bench.machine import description
from bench.results import add_record_option, report
from bench.sensor import Sensor
from sealwire.clock import SystemClock
from sealwire.sensor.journal import Position
from sealwire.stores.journal.reader import JournalReadings
from tests.flow.authority import PeerAuthority

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    from tests.flow.authority import TlsFiles

EVERY: Final = 0.01
STORMERS: Final = 4
GOOD: Final = "127.0.0.9"
CLOCK: Final = SystemClock()


class Hostile:
    """Connections in thirds: before the handshake, within it, trickling a message."""

    def __init__(self, crowd: Crowd, context: ssl.SSLContext, count: int) -> None:
        self._crowd = crowd
        self._context = context
        self._trickling: list[ssl.SSLSocket] = []
        self._handshaking: list[socket.socket] = []
        self._turn = 0
        for number in range(count):
            (self._silent, self._begin, self._trickle)[number % 3](source_address(number))

    def act(self) -> None:
        """One byte more on one connection of each kind; each has its turn now and then."""
        self._turn += 1
        if self._trickling:
            self._poke(self._trickling[self._turn % len(self._trickling)].send)
        if self._handshaking:
            self._poke(self._handshaking[self._turn % len(self._handshaking)].send)

    def close(self) -> None:
        """Those that the crowd does not hold."""
        for one in self._trickling:
            one.close()

    def _silent(self, source: str) -> None:
        self._crowd.add_silent(source)

    def _begin(self, source: str) -> None:
        """Half a ClientHello."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with suppress(ssl.SSLWantReadError):
            self._context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        hello = outgoing.read()
        raw = self._crowd.add_silent(source)
        raw.send(hello[: len(hello) // 2])
        self._handshaking.append(raw)

    def _trickle(self, source: str) -> None:
        tls = self._context.wrap_socket(self._crowd.connect(source), server_hostname="localhost")
        tls.sendall(b"60000 <14>1 ")
        tls.settimeout(0)
        self._trickling.append(tls)

    def _poke(self, send: Callable[[bytes], int]) -> None:
        try:
            send(b"x")
        except OSError:
            return  # the sensor has ended it, as it should


def latencies(
    sensor: Sensor, context: ssl.SSLContext, tag: str, seconds: float, act: Callable[[], None]
) -> list[float]:
    """Milliseconds from a message's sending to its receiving, while ``act`` goes on."""
    crowd = Crowd(sensor.port)
    count = int(seconds / EVERY)
    with context.wrap_socket(crowd.connect(GOOD), server_hostname="localhost") as good:
        for _ in range(count):
            message = b"<14>1 - h %b - - - %d" % (tag.encode(), CLOCK.now_ns())
            good.sendall(b"%d %b" % (len(message), message))
            act()
            time.sleep(EVERY)
    found: list[float] = []
    deadline = CLOCK.monotonic() + 30
    while len(found) < count and CLOCK.monotonic() < deadline:
        time.sleep(0.1)
        found = _arrived(sensor, b" %b - - - " % tag.encode())
    if len(found) != count:
        raise RuntimeError(f"{len(found)} of {count} messages of the good sender arrived")
    return found


def _arrived(sensor: Sensor, mark: bytes) -> list[float]:
    readings = JournalReadings(sensor.node.home / "journal")
    everything = (Position(), Position(file=1 << 62))
    return [
        (one.received_ns - int(one.message.rpartition(b" ")[2])) / 1e6
        for slot in readings.slots()
        for one in readings.messages(slot, *everything)
        if mark in one.message
    ]


@contextmanager
def storm(port: int, client: TlsFiles, seconds: float) -> Iterator[list[int]]:
    """New handshakes by ``openssl s_time``; at the end how many each of its processes made."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-tls1_3"]
    command += ["-time", str(int(seconds)), "-cert", str(client.certificate)]
    command += ["-key", str(client.key), "-CAfile", str(client.ca)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(STORMERS)
    ]
    made: list[int] = []
    yield made
    for one in running:
        said, _ = one.communicate(timeout=60)
        found = re.search(r"(\d+) connections in \d+ real seconds", said)
        if found is None:
            raise RuntimeError(f"openssl s_time said: {said}")
        made.append(int(found[1]))


def measure(count: int, seconds: float, folder: Path) -> list[str]:
    """Markdown lines of one run."""
    authority = PeerAuthority(folder)
    server, client = authority.issue("server.example.test"), authority.issue("client.example.test")
    context = client_context(client)
    with Sensor(folder, server) as sensor, Crowd(sensor.port) as crowd:
        alone = latencies(sensor, context, "alone", seconds, lambda: None)
        hostile = Hostile(crowd, context, count)
        beset = latencies(sensor, context, "beset", seconds, hostile.act)
        memory = sum(weights(sensor.pid).values()) / 1024
        failures = sensor.node.json("sensor", "stats")["tls_failures"]
        hostile.close()
        with storm(sensor.port, client, seconds) as shaken:
            stormed = latencies(sensor, context, "stormed", seconds, lambda: None)
    ended: dict[str, int] = {}
    for one in failures:
        ended[one["reason"]] = ended.get(one["reason"], 0) + one["count"]
    rows = [
        f"| {name} | {median(found):.2f} | {quantiles(found, n=100)[98]:.2f} | {max(found):.2f} |"
        for name, found in (
            ("alone", alone),
            (f"beside {count} hostile", beset),
            ("beside a storm of handshakes", stormed),
        )
    ]
    shaken_rate = sum(shaken) / seconds
    return [
        "| the good sender | median ms | p99 ms | most ms |",
        "|---|--:|--:|--:|",
        *rows,
        "",
        f"- all processes {memory:.0f} MB PSS; ended so far: {ended}",
        f"- the storm: {shaken_rate:.0f} handshakes/s",
    ]


def main(words: Sequence[str]) -> None:
    """Measure, print, and record when asked."""
    parser = argparse.ArgumentParser(prog="bench.slowloris", description=__doc__)
    parser.add_argument("--connections", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    add_record_option(parser)
    asked = parser.parse_args(words)
    allow_descriptors(asked.connections + 100)
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
        text = [*description(), "", *measure(asked.connections, asked.seconds, Path(folder))]
    report("Slowloris", text, record=asked.record)


if __name__ == "__main__":
    main(sys.argv[1:])
