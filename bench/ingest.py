"""Measure the sensor side by side with rsyslog and syslog-ng: ``python -m bench.ingest``.

Every round sends the same load to each receiver in turn, started anew in an empty folder. Both
ends share this machine's processors, so CPU seconds of the receiver's processes are the figure to
trust, and ratios are taken within a round and then the median of the rounds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.load import LEGEND, MESSAGE_BYTES, STANDARD_ROWS, row, send
from bench.machine import description
from bench.receivers import PEERS, peer
from bench.results import add_record_option, report
from bench.sensor import Sensor
from tests.flow.authority import PeerAuthority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.load import Row
    from bench.receivers import Receiver, Spent
    from tests.flow.authority import TlsFiles

OURS: Final = "sealwire"
SETTLED_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Figures:
    """One receiver under one load: messages a second until stored, CPU seconds a million.

    ``later``: CPU seconds a million that the store process took meanwhile, beside receiving.
    """

    rate: float
    cpu: float
    later: float = 0.0


Round = dict[str, Figures]
"""What each receiver did in one round of one row."""


@dataclass(frozen=True)
class Files:
    """Certificates of the two ends."""

    server: TlsFiles
    client: TlsFiles


def candidate(name: str, folder: Path, files: Files) -> Receiver:
    """The receiver called ``name``, not started."""
    return Sensor(folder, files.server) if name == OURS else peer(name, folder, files.server)


def measure(receiver: Receiver, load: Row, messages: int, client: TlsFiles) -> Figures:
    """Start, load, wait until all is stored, count, end; RuntimeError when a message is missing."""
    with receiver:
        marks: list[Spent] = []

        def mark() -> None:
            # A server has work left with a handshake that is over for the client.
            time.sleep(SETTLED_SECONDS)
            marks.append(receiver.spent())

        sent = send(load, messages, receiver.port, client, connected=mark)
        finished = receiver.settle(messages)
        before, after = marks[0], receiver.spent()
    stored = receiver.stored()
    if stored != messages:
        raise RuntimeError(f"{receiver.name}, {load.name}: sent {messages}, stored {stored}")
    return Figures(
        messages / (finished - sent.started),
        (after.receiving - before.receiving) / messages * 1e6,
        (after.later - before.later) / messages * 1e6,
    )


def measure_row(
    load: Row, names: Sequence[str], rounds: int, messages: int | None, files: Files
) -> list[Round]:
    """Each receiver once a round; the order turns, so that none always comes first."""
    done: list[Round] = []
    for number in range(rounds):
        shift = number % len(names)
        figures: Round = {}
        for name in [*names[shift:], *names[:shift]]:
            with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
                under_test = candidate(name, Path(folder) / name, files)
                count = messages or load.messages
                figures[name] = measure(under_test, load, count, files.client)
            told = figures[name]
            print(
                f"  {load.name:6} round {number + 1} {name:10}"
                f" {told.rate / 1000:8.0f} k/s {told.cpu:7.2f} CPU-s/M",
                flush=True,
            )
        done.append(figures)
    return done


def cells(
    load: Row, rounds: Sequence[Round], names: Sequence[str], rivals: Sequence[str]
) -> list[str]:
    """One line of the table: medians over the rounds, ratios taken within each round."""
    rates = [median(one[name].rate for one in rounds) for name in names]
    costs = [median(one[name].cpu for one in rounds) for name in names]
    faster = [median(one[OURS].rate / one[name].rate for one in rounds) for name in rivals]
    thriftier = [median(one[name].cpu / one[OURS].cpu for one in rounds) for name in rivals]
    line = [
        *(f"{rate / 1000:.0f}" for rate in rates),
        *(f"{cost:.2f}" for cost in costs),
        *(f"{ratio:.1f}x" for ratio in (*faster, *thriftier)),
    ]
    if OURS in names:
        line.append(f"{median(one[OURS].later for one in rounds):.2f}")
    if rivals:
        line.append(verdict(load, min(faster), min(thriftier)))
    return line


def verdict(load: Row, faster: float, thriftier: float) -> str:
    """Whether the targets are met against the better peer, and which is not."""
    missed = [
        f"{what} {ratio:.2f}x of {target:.1f}x"
        for what, ratio, target in (("rate", faster, 1.0), ("CPU", thriftier, load.thriftier))
        if ratio < target
    ]
    return f"no: {', '.join(missed)}" if missed else "yes"


def table(measured: dict[Row, list[Round]], names: Sequence[str]) -> list[str]:
    """Markdown: medians for each receiver, then the ratios to each peer (above 1 is better)."""
    rivals = [name for name in names if name != OURS] if OURS in names else []
    head = ["load"]
    head += [f"{name} k/s" for name in names] + [f"{name} CPU-s/M" for name in names]
    head += [f"rate vs {rival}" for rival in rivals] + [f"CPU vs {rival}" for rival in rivals]
    head += ["store process CPU-s/M meanwhile"] if OURS in names else []
    head += ["target met"] if rivals else []
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    for load, rounds in measured.items():
        lines.append(f"| {' | '.join([load.name, *cells(load, rounds, names, rivals)])} |")
    return lines


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line; a row that does not exist is refused here."""
    parser = argparse.ArgumentParser(prog="bench.ingest", description=__doc__)
    known = (OURS, *PEERS)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each row (default 5)")
    parser.add_argument("--rows", default="", help=f"e.g. b1,1/10,k100; {LEGEND}")
    parser.add_argument("--messages", type=int, help="messages of each run (default: by row)")
    parser.add_argument("--receivers", default=",".join(known), help=f"of {', '.join(known)}")
    add_record_option(parser)
    parsed = parser.parse_args(words)
    try:
        parsed.rows = [row(name) for name in parsed.rows.split(",") if name] or list(STANDARD_ROWS)
    except ValueError as error:
        parser.error(str(error))
    parsed.receivers = [name for name in parsed.receivers.split(",") if name]
    if strangers := set(parsed.receivers) - set(known):
        parser.error(f"no receiver is called {', '.join(sorted(strangers))}")
    if parsed.rounds < 1 or (parsed.messages is not None and parsed.messages < 1):
        parser.error("rounds and messages are at least 1")
    return parsed


def main(words: Sequence[str]) -> None:
    """Measure, print, and record when asked."""
    asked = arguments(words)
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
        authority = PeerAuthority(Path(folder))
        files = Files(
            authority.issue("server.example.test"), authority.issue("client.example.test")
        )
        measured = {
            load: measure_row(load, asked.receivers, asked.rounds, asked.messages, files)
            for load in asked.rows
        }
    how = (
        f"- medians of {asked.rounds} rounds, {MESSAGE_BYTES}-byte messages, mutual TLS 1.3 with "
        "P-256, from the first message on (handshakes: bench.storm); the sensor makes its journal "
        "durable, the peers do not; above 1x the sensor is better; its CPU is that of main and the "
        "receivers, which receive, make durable and count; the store process parses and seals at "
        "low priority and goes on afterwards; target: no fewer messages a second than the better "
        "peer, whose CPU is 2x the sensor's, 3x in b rows, 1.5x in s rows"
    )
    text = [
        *description(),
        how,
        f"- {LEGEND}",
        "",
        *table(measured, asked.receivers),
    ]
    report("Ingest", text, record=asked.record)


if __name__ == "__main__":
    main(sys.argv[1:])
