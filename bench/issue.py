"""Measure issuance side by side with cfssl: ``python -m bench.issue``.

A round has each CA issue the same number of certificates over 16 kept connections, the server on
one processor, the client on the other. cfssl reads the CSR, signs, and keeps nothing. Sealwire has
read and linted the CSR when it was submitted; what is measured is an agent's approval until the
certificate, the evidence and the audit record are durable and the answer is there. ``bulk`` is the
same with a hundred approvals to a call, ``call`` the use case called by 16 threads of one process,
without HTTP, TLS and log-in.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.cfssl import Cfssl
from bench.machine import description
from bench.results import add_record_option, report
from sealwire.bootstrap.bench_issue import approvals, as_agent, csr_text, submission
from sealwire.bootstrap.kept_connections import KeptConnections, post
from sealwire.bootstrap.process_figures import cpu_seconds
from sealwire.x509.keys import KeyType
from tests.flow.node import Node

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER_PROCESSOR: Final = "0"
CLIENT_PROCESSOR: Final = 1
CONNECTIONS: Final = 16
WAYS: Final = ("cfssl", "sealwire", "bulk", "call")
IN_BULK: Final = 100
KINDS: Final = (KeyType.P256, KeyType.RSA2048)


@dataclass(frozen=True)
class Figures:
    """Certificates a second, CPU milliseconds of the server for each."""

    rate: float
    cpu: float


def by_cfssl(kind: KeyType, folder: Path, count: int) -> Figures:
    """``cfssl serve``."""
    request = post("/api/v1/cfssl/sign", json.dumps({"certificate_request": csr_text(0)}).encode())
    with (
        Cfssl(folder, kind, SERVER_PROCESSOR) as cfssl,
        KeptConnections(cfssl.port, CONNECTIONS) as client,
    ):
        client.ask([request] * CONNECTIONS)
        before = cpu_seconds(cfssl.pid)
        took = client.ask([request] * count).seconds
        return Figures(count / took, (cpu_seconds(cfssl.pid) - before) / count * 1000)


def by_sealwire(kind: KeyType, folder: Path, count: int) -> Figures:
    """``sealwire up``: an agent with a client certificate approves over HTTPS."""
    return _approved(kind, folder, count, 1)


def by_bulk(kind: KeyType, folder: Path, count: int) -> Figures:
    """The same, a hundred approvals to a call."""
    return _approved(kind, folder, count, IN_BULK)


def _approved(kind: KeyType, folder: Path, count: int, bulk: int) -> Figures:
    """``bulk`` approvals to a call."""
    node = Node(folder / "home")
    node.home.parent.mkdir(parents=True)
    node.run("ca", "init", "--key-type", kind.value)
    with node:
        _pin(node.pid)
        submissions = [submission(number) for number in range(count + CONNECTIONS)]
        with KeptConnections(_console_port(node), CONNECTIONS, as_agent(node.home)) as agent:
            waiting = [json.loads(body)["id"] for body in agent.ask(submissions).bodies]
            agent.ask(approvals(waiting[:CONNECTIONS], 1))
            asked = approvals(waiting[CONNECTIONS:], bulk)
            before = cpu_seconds(node.pid)
            took = agent.ask(asked).seconds
            used = cpu_seconds(node.pid) - before
    _reconciled(node, count)
    return Figures(count / took, used / count * 1000)


def by_call(kind: KeyType, folder: Path, count: int) -> Figures:
    """The use case in a process of its own: ``python -m bench.approve``."""
    folder.mkdir(parents=True)
    command = ["taskset", "-c", SERVER_PROCESSOR, sys.executable, "-m", "bench.approve"]
    command += [kind.value, str(folder), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    return Figures(count / told["seconds"], told["cpu"] / count * 1000)


def _console_port(node: Node) -> int:
    state = json.loads((node.home / "run" / "node.json").read_text(encoding="utf-8"))
    return int(state["console_port"])


def _reconciled(node: Node, count: int) -> None:
    """What was measured was done: RuntimeError unless the books balance."""
    found = node.json("ca", "reconcile")
    if not found["ok"] or found["certificates"] < count:
        raise RuntimeError("certificates, requests and records do not tell the same story")


def _pin(root: int) -> None:
    subprocess.run(
        ["taskset", "-a", "-c", "-p", SERVER_PROCESSOR, str(root)], check=True, capture_output=True
    )


_BY: Final = {"cfssl": by_cfssl, "sealwire": by_sealwire, "bulk": by_bulk, "call": by_call}


def measure(kind: KeyType, rounds: int, count: int) -> list[dict[str, Figures]]:
    """Each way once a round; the order turns."""
    done = []
    for number in range(rounds):
        shift = number % len(WAYS)
        figures = {}
        for way in [*WAYS[shift:], *WAYS[:shift]]:
            with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
                told = figures[way] = _BY[way](kind, Path(folder) / way, count)
            line = (
                f"  {kind.value:8} round {number + 1} {way:9} {told.rate:8.0f}/s {told.cpu:6.2f} ms"
            )
            print(line, flush=True)
        done.append(figures)
    return done


def table(measured: dict[KeyType, list[dict[str, Figures]]]) -> list[str]:
    """Markdown: medians, and the medians of the ratios within the rounds (above 1 is better)."""
    head = ["CA key", *(f"{way} /s" for way in WAYS), *(f"{way} CPU ms" for way in WAYS)]
    head += [f"{way} vs cfssl" for way in WAYS[1:]]
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    for kind, rounds in measured.items():
        cells = [kind.value]
        cells += [f"{median(one[way].rate for one in rounds):.0f}" for way in WAYS]
        cells += [f"{median(one[way].cpu for one in rounds):.2f}" for way in WAYS]
        cells += [
            f"{median(one[way].rate / one['cfssl'].rate for one in rounds):.2f}x"
            for way in WAYS[1:]
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main(words: Sequence[str]) -> None:
    """Measure, print, and record when asked."""
    parser = argparse.ArgumentParser(prog="bench.issue", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--certificates", type=int, default=1000, help="of each run")
    add_record_option(parser)
    asked = parser.parse_args(words)
    os.sched_setaffinity(0, {CLIENT_PROCESSOR})
    measured = {kind: measure(kind, asked.rounds, asked.certificates) for kind in KINDS}
    how = (
        f"- medians of {asked.rounds} rounds, {asked.certificates} certificates each, 16 kept"
        " connections (call: 16 threads), server on one processor; cfssl stores nothing, Sealwire"
        " commits certificate, evidence and audit record before it answers"
    )
    text = [*description(), how, "", *table(measured)]
    report("Issuance", text, record=asked.record)


if __name__ == "__main__":
    main(sys.argv[1:])
