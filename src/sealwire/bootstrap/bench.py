"""``sealwire bench ingest``: a sensor of its own under load, its speed, and that counts are exact.

What rsyslog and syslog-ng take for the same is measured by ``make bench`` in the source tree.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sealwire.bootstrap.client import home_client
from sealwire.bootstrap.home import Home
from sealwire.bootstrap.process_figures import by_role, cpu_of
from sealwire.bootstrap.scratch_node import scratch_node
from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.bootstrap.client import ApiClient

_LOOK_EVERY: Final = 0.1
_PATIENCE: Final = 300.0
_STATS: Final = "/api/v1/sensor/stats"
_FAULTS: Final = ("sequence_missing", "sequence_duplicates", "incomplete", "bad_count", "overlong")


@dataclass(frozen=True, slots=True)
class Load:
    """``size``: bytes of a message. ``batch``: messages in each TLS record."""

    messages: int
    connections: int
    size: int
    batch: int


def bench_ingest(load: Load) -> dict[str, Any]:
    """Measure, in a home that is removed again.

    Raises:
        UnavailableError: ``bench.stuck``, ``node.not_ready``.
        RefusedError: ``bench.counts``: something is missing or there twice.
    """
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder, ExitStack() as stack:
        home = Home(Path(folder) / "home")
        options = ("--roles", "sensor", "--tls-ports", "0")
        node = stack.enter_context(scratch_node(home.root, options, lambda _line: None))
        client = stack.enter_context(home_client(home.root))
        port = int(home.state()["tls_ports"][0])  # type: ignore[index]
        senders = stack.enter_context(_connected(load, port))
        return _measured(load, node.pid, client, senders)


def _measured(
    load: Load, node: int, client: ApiClient, senders: list[subprocess.Popen[str]]
) -> dict[str, Any]:
    clock = SystemClock()
    used, begun = by_role(node, cpu_of), clock.monotonic()
    for sender in senders:
        print("go", file=sender.stdin, flush=True)
    _until(clock, lambda: client.call("GET", _STATS)["packets_received"] >= load.messages)
    seconds, taken = clock.monotonic() - begun, by_role(node, cpu_of)
    _until(clock, lambda: _found(client.call("GET", _STATS)) >= load.messages)
    behind, in_all = clock.monotonic() - begun - seconds, by_role(node, cpu_of)
    stats = client.call("GET", _STATS)
    found = client.call("GET", "/api/v1/sensor/search/count", params={"q": "app=sealwire-bench"})
    check_counts(load, stats, found["count"])
    return {
        "messages": load.messages,
        "connections": load.connections,
        "bytes_per_message": load.size,
        "messages_per_tls_record": load.batch,
        "seconds": round(seconds, 3),
        "messages_per_second": round(load.messages / seconds),
        "seconds_until_all_was_found": round(behind, 3),
        "cpu_seconds_per_million": {
            "receivers": _per_million(load, used, taken, "receivers"),
            **{role: _per_million(load, used, in_all, role) for role in ("main", "store")},
        },
        "processors": len(os.sched_getaffinity(0)),
    }


def _found(stats: dict[str, Any]) -> int:
    return int(stats["archive"].get("indexed_records", 0))


def check_counts(load: Load, stats: dict[str, Any], found: int) -> None:
    """Every message is counted, stored and found, each once: their numbers say so."""
    counts = {"received": stats["packets_received"], "found": found}
    wrong = [f"{count} {name}" for name, count in counts.items() if count != load.messages]
    wrong += [f"{name} {stats[name]}" for name in _FAULTS if stats[name]]
    if wrong:
        raise RefusedError("bench.counts", f"{load.messages} were sent, but: {', '.join(wrong)}")


def _per_million(load: Load, before: dict[str, float], after: dict[str, float], role: str) -> float:
    return round((after[role] - before[role]) * 1e6 / load.messages, 2)


def _until(clock: SystemClock, holds: Callable[[], bool]) -> None:
    deadline = clock.monotonic() + _PATIENCE
    while not holds():
        if clock.monotonic() > deadline:
            raise UnavailableError("bench.stuck", f"nothing came of it within {_PATIENCE:.0f} s")
        time.sleep(_LOOK_EVERY)


@contextmanager
def _connected(load: Load, port: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Senders that have connected and wait for a word; their shares differ by one at most."""
    module = [sys.executable, "-m", "sealwire.bootstrap.bench_sender"]
    share, rest = divmod(load.messages, load.connections)
    with ExitStack() as stack:
        senders = []
        for number in range(load.connections):
            words = [port, number, share + (number < rest), load.size, load.batch]
            sender = stack.enter_context(
                subprocess.Popen(  # noqa: S603 - our own module
                    [*module, *map(str, words)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(sender.kill)
            senders.append(sender)
        for sender in senders:
            if sender.stdout is None or sender.stdout.readline() != "connected\n":
                raise UnavailableError("bench.stuck", "a sender did not connect")
        yield senders
