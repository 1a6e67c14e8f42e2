"""``kill -9`` of workers, store process and whole sensor under RELP load: all the way to the index.

What was acknowledged is sealed, is found, and is found once; nothing is found that was not sent.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.clock import SystemClock
from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.journal import Position
from sealwire.stores.journal.reader import JournalReadings
from sealwire.stores.segments.verification import verify_segments
from tests.flow.live_node import cpu_seconds, kill_main, living, median_and_worst, workers_of
from tests.flow.node import Node
from tests.flow.peers import free_port, wait_until
from tests.flow.relp_client import RelpLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.flow.authority import TlsFiles

SENSOR = "sensor-1"
CONNECTIONS = 4
FOUND_SECONDS = 60.0
SEED = "faults"
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    options = ("--tls-ports", str(free_port()))
    with Node(folder / "home", options=options, start_seconds=60) as running:
        running.certify_sensor(folder)
        running.run("sensor", "listener", "set", "--client-certificate", "required")
        yield running


@pytest.fixture(scope="module")
def client(node: Node, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return node.client_files("fmc.example.test", tmp_path_factory.mktemp("client"))


@dataclass
class Faults:
    """What is done to a node, at moments that follow from a seed."""

    node: Node
    load: RelpLoad
    ready: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def worker(self, number: int) -> None:
        """One of the two workers."""
        workers = sorted(workers_of(self.node))
        os.kill(workers[number % len(workers)], signal.SIGKILL)

    def store(self, _: int) -> None:
        """The store process; it is back before the next fault."""
        wait_until(lambda: living(workers_of(self.node, "store_main")), "a store process", 20.0)
        (old,) = living(workers_of(self.node, "store_main"))
        os.kill(old, signal.SIGKILL)

    def whole(self, number: int) -> None:
        """The process group or, every other time, main, with which all else ends by itself."""
        self.node.kill() if number % 2 else kill_main(self.node)
        begun, before = CLOCK.monotonic(), sum(self.load.sessions)
        with ThreadPoolExecutor(1) as watching:
            answered = watching.submit(self._answered_at, before)
            self.node.start()
            self.ready.append(CLOCK.monotonic() - begun)
            self.cpu.append(cpu_seconds(self.node.pid))
            self.answered.append(answered.result() - begun)

    def _answered_at(self, sessions: int) -> float:
        """When a session after so many got an answer: those before had unread ones."""
        wait_until(lambda: sum(self.load.sessions) > sessions, "a session", 60.0)
        before = sum(self.load.answered)
        wait_until(lambda: sum(self.load.answered) > before, "an answer", 60.0)
        return CLOCK.monotonic()

    def strike(self, turn: int) -> None:
        """One fault after some time under load."""
        dice = sha256(f"{SEED} {turn}".encode()).digest()
        before = sum(self.load.answered)
        wait_until(lambda: sum(self.load.answered) > before + 20, "answers", 60.0)
        time.sleep(dice[0] / 400)
        kinds: list[Callable[[int], None]] = [self.worker, self.store, self.whole]
        kind = kinds[turn % len(kinds)]
        kind(dice[1])
        self.done[kind.__name__] += 1


def found(node: Node, *words: str) -> list[dict[str, Any]]:
    answer = node.run("sensor", "search", *words, "-n", "1000000", "--oldest-first", "--json")
    return [json.loads(line) for line in answer.splitlines()]


def wait_until_indexed(node: Node) -> None:
    def settled() -> bool:
        archive = node.json("sensor", "stats")["archive"]
        waiting = archive.get("journal_bytes_waiting"), archive.get("records_waiting")
        return waiting == (0, 0) and archive["trouble"] is None

    wait_until(settled, "everything indexed", FOUND_SECONDS)


def sealed(home: Path) -> list[tuple[int, bytes, int, Any]]:
    """Number, bytes, flags and receipt of every record, from the Parquet files themselves."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy, and only here

    rows = []
    for path in (home / "segments").rglob("*.parquet"):
        table = pq.ParquetFile(path).read(["seq", "raw", "flags", "received"])
        rows += zip(*(column.to_pylist() for column in table.columns), strict=True)
    return sorted(rows)


def journalled(home: Path) -> list[bytes]:
    journal = JournalReadings(home / "journal")
    end = Position(1 << 30, 0)
    return [
        one.message for slot in journal.slots() for one in journal.messages(slot, Position(), end)
    ]


@pytest.mark.soak
def test_what_was_acknowledged_is_found_once_whatever_dies(
    node: Node,
    client: TlsFiles,
    soak_rounds: int,
    record_property: Callable[[str, object], None],
) -> None:
    port = node.target.port
    pace: dict[str, Any] = {"window": 60, "step": 4, "pause": 0.015}
    with RelpLoad(port, client, connections=CONNECTIONS, client=client, **pace) as load:
        faults = Faults(node, load)
        for turn in range(3 * soak_rounds):
            faults.strike(turn)
        after = sum(load.answered)
        wait_until(lambda: sum(load.answered) > after, "answers again", 60.0)
    assert load.answered == load.sent
    wanted = Counter(load.expected())
    wait_until_indexed(node)
    stats = node.json("sensor", "stats")
    shown = Counter(record["raw"].encode() for record in found(node))
    every = found(node, "--redelivered")
    node.stop()

    rows = sealed(node.home)
    told = {
        **faults.done,
        "acknowledged": sum(wanted.values()),
        "lost": sum((wanted - shown).values()),
        "doubled": sum((shown - wanted).values()),
        "redelivered": len(every) - sum(shown.values()),
        "sessions": sum(load.sessions),
        "ready again": median_and_worst(faults.ready),
        "answering again": median_and_worst(faults.answered),
        "CPU of main until ready": median_and_worst(faults.cpu),
    }
    for name, figure in told.items():
        record_property(name, figure)
    assert shown == wanted, told
    # The segments say the same by themselves, and hold what the journal held and nothing else.
    assert [seq for seq, *_ in rows] == list(range(1, len(rows) + 1))
    once = Counter(raw for _, raw, flags, _ in rows if not flags & RecordFlag.REDELIVERED)
    assert once == wanted
    assert Counter(raw for _, raw, *_ in rows) == Counter(journalled(node.home))
    # Numbers are given block by block, and blocks of two receivers overlap for some milliseconds.
    in_order = sorted(rows, key=lambda row: (row[3], row[0]))
    assert [record["seq"] for record in every] == [seq for seq, *_ in in_order]
    assert stats["packets_received"] == len(rows)
    verified = verify_segments(node.home / "segments", SENSOR)
    assert verified.damages == ()
    assert verified.rows == len(rows)
