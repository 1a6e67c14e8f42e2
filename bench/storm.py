"""Measure handshakes, many at once, beside rsyslog and syslog-ng: ``python -m bench.storm``.

Connections are opened by several threads at the same time, each with mutual TLS 1.3 and a client
certificate on P-256; every connection sends one message. The receiver's key is on P-256 or RSA
with 2048 bits. CPU is that of the receiver until all is stored and closed, by connection.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bench.ingest import OURS, Files, candidate
from bench.load import row, send
from bench.machine import description
from bench.receivers import PEERS
from bench.results import add_record_option, report
from tests.flow.authority import PeerAuthority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.flow.authority import TlsFiles

NAMES: Final = (OURS, *PEERS)
AT_ONCE: Final = 16

Storm = tuple[float, float]
"""Connections a second, CPU milliseconds for each."""


def storm(name: str, folder: Path, files: Files, connections: int) -> Storm:
    """Start one receiver anew and open ``connections``; RuntimeError when a message is missing."""
    with candidate(name, folder, files) as receiver:
        before = receiver.spent().receiving
        load = row(f"1/{connections}")
        sent = send(load, connections, receiver.port, files.client, threads=AT_ONCE)
        receiver.settle(connections)
        cpu = receiver.spent().receiving - before
    if receiver.stored() != connections:
        raise RuntimeError(f"{name}: sent {connections}, stored {receiver.stored()}")
    return connections / sent.handshakes, cpu / connections * 1000


def line(key: str, rounds: Sequence[dict[str, Storm]]) -> str:
    """One line of the table: medians, and the ratio to the better peer within each round."""
    rates = [f"{median(one[name][0] for one in rounds):.0f}" for name in NAMES]
    costs = [f"{median(one[name][1] for one in rounds):.2f}" for name in NAMES]
    faster = median(one[OURS][0] / max(one[peer][0] for peer in PEERS) for one in rounds)
    thriftier = median(min(one[peer][1] for peer in PEERS) / one[OURS][1] for one in rounds)
    return f"| {' | '.join([key, *rates, *costs, f'{faster:.2f}x', f'{thriftier:.2f}x'])} |"


def identities(authority: PeerAuthority) -> dict[str, TlsFiles]:
    """A server's files by kind of key."""
    return {
        "p256": authority.issue("p256.example.test", key=ec.generate_private_key(ec.SECP256R1())),
        "rsa2048": authority.issue(
            "rsa2048.example.test", key=rsa.generate_private_key(65537, 2048)
        ),
    }


def main(words: Sequence[str]) -> None:
    """Measure, print, and record when asked."""
    parser = argparse.ArgumentParser(prog="bench.storm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--connections", type=int, default=1000, help="(default 1000)")
    add_record_option(parser)
    asked = parser.parse_args(words)
    lines = []
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
        authority = PeerAuthority(Path(folder))
        client = authority.issue("client.example.test")
        for key, server in identities(authority).items():
            rounds: list[dict[str, Storm]] = []
            for number in range(asked.rounds):
                shift = number % len(NAMES)
                done: dict[str, Storm] = {}
                for name in (*NAMES[shift:], *NAMES[:shift]):
                    place = Path(folder) / f"{key}-{number}-{name}"
                    done[name] = storm(name, place, Files(server, client), asked.connections)
                    rate, cpu = done[name]
                    print(f"  {key:8} round {number + 1} {name:10} {rate:6.0f} /s {cpu:6.2f} ms")
                rounds.append(done)
            lines.append(line(key, rounds))
    head = ["key"]
    head += [f"{name} connections/s" for name in NAMES] + [f"{name} CPU ms" for name in NAMES]
    head += ["rate vs better peer", "CPU vs better peer"]
    how = (
        f"- medians of {asked.rounds} rounds, {asked.connections} connections, {AT_ONCE} opened "
        "at a time, mutual TLS 1.3, each sends one message; above 1x the sensor is better"
    )
    text = [
        *description(),
        how,
        "",
        f"| {' | '.join(head)} |",
        f"|---|{'--:|' * (len(head) - 1)}",
        *lines,
    ]
    report("Handshakes", text, record=asked.record)


if __name__ == "__main__":
    main(sys.argv[1:])
