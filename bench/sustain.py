"""Measure parsing, sealing and indexing beside ingest: ``python -m bench.sustain``.

Sends lines of mixed real families at a steady rate to ``sealwire up`` with default settings, then
waits until every one is sealed and indexed. The sender repeats 200,000 lines: nothing in the sensor
looks that far back, but the figure for bytes on the disk is kinder than real life.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.load import LEGEND, Real, row, send
from bench.machine import description
from bench.real_lines import lines
from bench.receivers import memory_kb
from bench.results import add_record_option, report
from bench.sensor import Sensor
from sealwire.bootstrap.client import home_client
from sealwire.bootstrap.process_figures import ROLES, by_role, cpu_of
from sealwire.clock import SystemClock
from tests.flow.authority import PeerAuthority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.load import Row

CLOCK: Final = SystemClock()
LINES: Final = 200_000
LOOK_EVERY: Final = 1.0
DRAIN_TARGET: Final = 30.0
DRAIN_SECONDS: Final = 600.0


@dataclass
class Watch:
    """What was seen of the node's processes: the most memory (PSS, MiB) by role."""

    root: int
    memory: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ROLES, 0.0))

    def look(self) -> None:
        """Take the memory of now."""
        seen = by_role(self.root, lambda pid: memory_kb(pid) / 1024)
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


def measure(folder: Path, load: Row, rate: int, seconds: int) -> list[str]:
    """Run it once; lines of Markdown."""
    authority = PeerAuthority(folder)
    server = authority.issue("server.example.test")
    client = authority.issue("client.example.test")
    real = Real(folder / "lines", rate)
    real.file.write_bytes(b"\n".join(lines(0, LINES, CLOCK.now())))
    with Sensor(folder / "node", server) as sensor, ThreadPoolExecutor(1) as beside:
        watch = Watch(sensor.pid)
        before = by_role(sensor.pid, cpu_of)
        sending = beside.submit(send, load, rate * seconds, sensor.port, client, real=real)
        while not sending.done():
            watch.look()
            time.sleep(LOOK_EVERY)
        sent = sending.result()
        busy = by_role(sensor.pid, cpu_of)
        drained = drain(sensor.node.home, watch, sent.messages)
        after = by_role(sensor.pid, cpu_of)
    verdict = "yes" if drained <= DRAIN_TARGET else "no"
    rows = [
        f"| {role} | {busy[role] - before[role]:.1f} | {after[role] - before[role]:.1f} "
        f"| {(after[role] - before[role]) / sent.messages * 1e6:.1f} | {watch.memory[role]:.0f} |"
        for role in ROLES
    ]
    said = (
        f"- {sent.messages} messages, {rate} a second for {seconds} s, {load.name}; the sender was "
        f"at most {sent.behind:.2f} s behind; all counted, sealed and indexed {drained:.1f} s "
        f"after the last was sent (target {DRAIN_TARGET:.0f} s met: {verdict})"
    )
    return [
        said,
        "",
        "| process | CPU s while sending | CPU s in all | CPU s per million | most memory, MiB |",
        "|---|--:|--:|--:|--:|",
        *rows,
    ]


def main(words: Sequence[str]) -> None:
    """Measure, print, and record when asked."""
    parser = argparse.ArgumentParser(prog="bench.sustain", description=__doc__)
    parser.add_argument("--rate", type=int, default=50_000, help="messages a second (50000)")
    parser.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parser.add_argument("--row", type=row, default=row("1/10"), help="how it is sent (1/10)")
    add_record_option(parser)
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
        measured = measure(Path(folder), asked.row, asked.rate, asked.seconds)
    text = [*description(), *measured, "", f"- {LEGEND}"]
    report("Sustained", text, record=asked.record)


if __name__ == "__main__":
    main(sys.argv[1:])
