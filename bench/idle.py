"""Hold idle TLS connections and weigh the sensor: ``python -m bench.idle``.

Opens the connections with mutual TLS 1.3, lets them stand, and adds up the proportional memory
(PSS) of the node's processes: main, receivers, and whatever else it runs. In the end some of them
speak, to show that all were served.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.crowd import PATIENCE, Crowd, allow_descriptors, client_context, source_address
from bench.machine import description
from bench.receivers import memory_kb
from bench.results import add_record_option, report
from bench.sensor import Sensor
from sealwire.bootstrap.process_figures import cpu_seconds, tree
from tests.flow.authority import PeerAuthority

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

FRAME: Final = b"47 <14>1 2026-01-01T00:00:00Z host app - - - hello"
SPEAKERS: Final = 100
SETTLE_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 10.0


def weights(pid: int) -> dict[int, int]:
    """PSS in kB of a process and all beneath it."""
    return {one: memory_kb(one) for one in tree(pid)}


def measure(count: int, folder: Path) -> list[str]:
    """Markdown lines of one run."""
    authority = PeerAuthority(folder)
    server, client = authority.issue("server.example.test"), authority.issue("client.example.test")
    context = client_context(client)
    with Sensor(folder, server) as sensor, Crowd(sensor.port) as crowd:
        time.sleep(SETTLE_SECONDS)
        before, began = weights(sensor.pid), cpu_seconds(sensor.pid)
        for number in range(count - SPEAKERS):
            crowd.add_established(context, source_address(number))
        speakers = [
            context.wrap_socket(
                crowd.connect(source_address(count - SPEAKERS)), server_hostname="localhost"
            )
            for _ in range(SPEAKERS)
        ]
        shaken = cpu_seconds(sensor.pid)
        time.sleep(SETTLE_SECONDS)
        after, idle = weights(sensor.pid), cpu_seconds(sensor.pid)
        time.sleep(IDLE_SECONDS)
        idle = cpu_seconds(sensor.pid) - idle
        _speak(speakers)
        sensor.node.wait_for_packets(SPEAKERS, PATIENCE)
    total = sum(after.values())
    grown = total - sum(before.values())
    head = ["connections", "all processes, MB PSS", "before, MB", "kB a connection"]
    head += ["CPU ms a handshake", "idle CPU, ms/s"]
    cells = [f"{count}", f"{total / 1024:.0f}", f"{sum(before.values()) / 1024:.0f}"]
    cells += [f"{grown / count:.1f}", f"{(shaken - began) / count * 1000:.2f}"]
    cells += [f"{idle / IDLE_SECONDS * 1000:.1f}"]
    return [
        f"| {' | '.join(head)} |",
        f"|{'--:|' * len(head)}",
        f"| {' | '.join(cells)} |",
        "",
        f"- PSS of each process, MB: {', '.join(f'{kb / 1024:.0f}' for kb in after.values())}",
    ]


def _speak(speakers: Sequence[ssl.SSLSocket]) -> None:
    for one in speakers:
        one.sendall(FRAME)
        one.close()


def main(words: Sequence[str]) -> None:
    """Measure, print, and record when asked."""
    parser = argparse.ArgumentParser(prog="bench.idle", description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    add_record_option(parser)
    asked = parser.parse_args(words)
    if asked.connections <= SPEAKERS:
        parser.error(f"more than {SPEAKERS} connections")
    allow_descriptors(asked.connections + 100)
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
        text = [*description(), "", *measure(asked.connections, Path(folder))]
    report("Idle connections", text, record=asked.record)


if __name__ == "__main__":
    main(sys.argv[1:])
