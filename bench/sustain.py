"""Measure parsing, sealing and indexing beside ingest: ``python -m bench.sustain``.

Sends lines of mixed real families at a steady rate to ``sealwire up`` with default settings, then
waits until every one is sealed and indexed. The sender prepares 20,000 lines for each connection
and repeats them: nothing in the sensor looks that far back, but the figure for bytes on the disk
is kinder than real life.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.crowd import client_context
from bench.machine import description
from bench.real_lines import lines
from bench.receivers import memory_kb, tree
from bench.results import add_record_option, report
from bench.sensor import ROLES, Sensor, cpu_by_role, role_of
from sealwire.bootstrap.client import home_client
from sealwire.clock import SystemClock
from sealwire.syslog.framing import encode_octet_frame
from tests.flow.authority import LOOPBACK, PeerAuthority

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from tests.flow.authority import TlsFiles

CLOCK: Final = SystemClock()
LINES: Final = 20_000
TICK: Final = 0.02
LOOK_EVERY: Final = 1.0
DRAIN_TARGET: Final = 30.0
DRAIN_SECONDS: Final = 600.0


@dataclass
class Load:
    """``rate`` messages a second for ``seconds`` over ``connections``, ``record`` a TLS record."""

    rate: int
    seconds: int
    connections: int
    record: int
    sent: int = 0
    latest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, port: int, files: TlsFiles) -> None:
        """Send it all; returns when every connection was closed. RuntimeError when one broke."""
        context = client_context(files)
        faults: list[OSError] = []
        prepared = [self._records(number) for number in range(self.connections)]
        ready = threading.Barrier(self.connections)

        def run(number: int) -> None:
            try:
                self._send_one(prepared[number], port, context, ready)
            except OSError as fault:
                faults.append(fault)
                ready.abort()

        threads = [threading.Thread(target=run, args=(n,)) for n in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise RuntimeError(f"{len(faults)} connections broke: {faults[0]}")

    def _records(self, number: int) -> list[bytes]:
        frames = [encode_octet_frame(one) for one in lines(number * LINES, LINES, CLOCK.now())]
        return [b"".join(frames[at : at + self.record]) for at in range(0, LINES, self.record)]

    def _send_one(
        self, records: list[bytes], port: int, context: ssl.SSLContext, ready: threading.Barrier
    ) -> None:
        """One connection's share; a sender that fell behind sends more a tick until it has not."""
        total = self.rate * self.seconds // self.connections // self.record
        done, most = 0, 0.0
        plain = socket.create_connection((LOOPBACK, port))
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            ready.wait()
            start = CLOCK.monotonic()
            while done < total:
                now = CLOCK.monotonic()
                due = int((now - start) * total / self.seconds)
                while done < min(due, total):
                    tls.sendall(records[done % len(records)])
                    done += 1
                most = max(most, CLOCK.monotonic() - start - done * self.seconds / total)
                time.sleep(TICK)
            tls.unwrap()
        with self._lock:
            self.sent += done * self.record
            self.latest = max(self.latest, most)


@dataclass
class Watch:
    """What was seen of the node's processes: the most memory (PSS, MiB) by role."""

    root: int
    memory: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ROLES, 0.0))

    def look(self) -> None:
        """Take the memory of now."""
        seen = dict.fromkeys(ROLES, 0.0)
        for pid in tree(self.root):
            seen[role_of(pid)] += memory_kb(pid) / 1024
        self.memory = {role: max(self.memory[role], seen[role]) for role in ROLES}


def lag(stats: dict[str, Any], sent: int) -> str:
    """What is still to be done, from ``sensor stats``; empty when all is searchable."""
    archive = stats["archive"]
    if archive.get("trouble"):
        return str(archive["trouble"])
    uncounted = sent - stats["packets_received"]
    unsealed = sent - archive["sealed_records"]
    waiting = archive["records_waiting"]
    if uncounted or unsealed or waiting:
        return f"{uncounted} not counted, {unsealed} not sealed, {waiting} not indexed"
    return ""


def drain(home: Path, watch: Watch, sent: int) -> float:
    """Wait until all is sealed and indexed; seconds that it took. RuntimeError when it does not."""
    begun = CLOCK.monotonic()
    with home_client(home) as client:
        while rest := lag(client.call("GET", "/api/v1/sensor/stats"), sent):
            watch.look()
            if CLOCK.monotonic() - begun > DRAIN_SECONDS:
                raise RuntimeError(f"after {DRAIN_SECONDS:.0f} s: {rest}")
            time.sleep(LOOK_EVERY)
    return CLOCK.monotonic() - begun


def measure(folder: Path, load: Load) -> list[str]:
    """Run it once; lines of Markdown."""
    authority = PeerAuthority(folder)
    server = authority.issue("server.example.test")
    client = authority.issue("client.example.test")
    with Sensor(folder / "node", server) as sensor:
        watch = Watch(sensor.pid)
        before = cpu_by_role(sensor.pid)
        sender = threading.Thread(target=load.send, args=(sensor.port, client))
        sender.start()
        while sender.is_alive():
            watch.look()
            sender.join(LOOK_EVERY)
        busy = cpu_by_role(sensor.pid)
        seconds = drain(sensor.node.home, watch, load.sent)
        after = cpu_by_role(sensor.pid)
    if load.sent < load.rate * load.seconds * 0.99:
        raise RuntimeError(f"only {load.sent} messages were sent")
    verdict = "yes" if seconds <= DRAIN_TARGET else "no"
    rows = [
        f"| {role} | {busy[role] - before[role]:.1f} | {after[role] - before[role]:.1f} "
        f"| {watch.memory[role]:.0f} |"
        for role in ROLES
    ]
    said = (
        f"- {load.sent} messages, {load.rate} a second for {load.seconds} s over "
        f"{load.connections} connections, {load.record} a TLS record; the sender was at most "
        f"{load.latest:.2f} s behind; all counted, sealed and indexed {seconds:.1f} s after the "
        f"last was sent (target {DRAIN_TARGET:.0f} s met: {verdict})"
    )
    return [
        said,
        "",
        "| process | CPU s while sending | CPU s in all | most memory, MiB |",
        "|---|--:|--:|--:|",
        *rows,
    ]


def main(words: Sequence[str]) -> None:
    """Measure, print, and record when asked."""
    parser = argparse.ArgumentParser(prog="bench.sustain", description=__doc__)
    parser.add_argument("--rate", type=int, default=50_000, help="messages a second (50000)")
    parser.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parser.add_argument("--connections", type=int, default=10, help="(10)")
    parser.add_argument("--record-messages", type=int, default=1, help="in one TLS record (1)")
    add_record_option(parser)
    asked = parser.parse_args(words)
    load = Load(asked.rate, asked.seconds, asked.connections, asked.record_messages)
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
        measured = measure(Path(folder), load)
    text = [*description(), *measured]
    report("Sustained", text, record=asked.record)


if __name__ == "__main__":
    main(sys.argv[1:])
