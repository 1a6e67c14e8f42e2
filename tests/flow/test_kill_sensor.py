"""``kill -9`` of a node under load: what was counted is there, and it goes on."""

from __future__ import annotations

import json
import os
import signal
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemClock, SystemRandom
from sealwire.sensor.journal import Position
from sealwire.stores.journal.reader import JournalReadings
from tests.flow.live_node import (
    SteadySender,
    Watch,
    is_free,
    kill_main,
    living,
    median_and_worst,
    number_of,
    workers_of,
)
from tests.flow.node import COUNTER_LAG, Node
from tests.flow.peers import free_port, wait_until
from tests.flow.relp_client import RelpLoad, held_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.flow.authority import TlsFiles
    from tests.flow.conftest import Start

CLIENT = "fmc.example.test"
ORPHAN_SECONDS = 5.0
READY_SECONDS = 5.0
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that listens on the same port at each start, so that senders find it again."""
    folder = tmp_path_factory.mktemp("node")
    # The last of two --tls-ports is taken.
    with Node(folder / "home", options=("--tls-ports", str(free_port()))) as running:
        running.certify_sensor(folder)
        running.run("sensor", "listener", "set", "--client-certificate", "required")
        yield running


@pytest.fixture(scope="module")
def client(node: Node, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return node.client_files(CLIENT, tmp_path_factory.mktemp("client"))


@pytest.fixture
def sender(tmp_path: Path, start_peer: Start, node: Node, client: TlsFiles) -> SteadySender:
    return start_peer(SteadySender(tmp_path / "sender", node.target, client, []))


def events_of(node: Node, name: str) -> list[str]:
    """The sensor's audit records of one name."""
    listed = node.run("audit", "list", "--trail", "sensor", "--json").splitlines()
    return [each["message"] for each in map(json.loads, listed) if each["event"] == name]


def tail(node: Node, count: int) -> list[str]:
    lines = node.run("sensor", "tail", "-n", str(count), "--json").splitlines()
    return [json.loads(line)["raw"] for line in lines]


def torn_tails(node: Node) -> int:
    """Pieces that recovery cut off and kept."""
    return len(list((node.home / "journal").glob("*/*.torn")))


def timed_start(node: Node) -> float:
    begin = CLOCK.monotonic()
    node.start()
    return CLOCK.monotonic() - begin


def counts_on(node: Node, beyond: int) -> None:
    wait_until(lambda: node.packets_received() > beyond, f"more than {beyond} packets", 60)


RELP_MARK = " h a - - - t"


def assert_counter_is_the_journal(node: Node) -> None:
    """With nobody sending: the tail has exactly as many messages, each sender's in order."""
    messages = tail(node, 100_000)
    shown = node.packets_received()
    assert len(messages) == min(shown, 100_000)
    # What the senders of RELP have left is theirs to judge.
    numbers = [number_of(message) for message in messages if RELP_MARK not in message]
    # A sender that connects again may repeat, or have lost, what it had in hand.
    back = sum(after <= before for before, after in pairwise(numbers))
    assert back <= node_starts(node)


def assert_orphans_end(workers: list[int], port: int) -> None:
    wait_until(lambda: not living(workers), "no orphan", ORPHAN_SECONDS)
    wait_until(lambda: is_free(port), "the port is free", ORPHAN_SECONDS)


def node_starts(node: Node) -> int:
    return len(events_of(node, "AUDIT_LOG_STARTUP"))


@pytest.mark.soak
def test_killed_whole_under_load_nothing_counted_is_missing(
    node: Node,
    sender: SteadySender,
    soak_rounds: int,
    record_property: Callable[[str, object], None],
) -> None:
    random = SystemRandom()
    ready: list[float] = []
    port, before = node.target.port, node.packets_received()
    for turn in range(soak_rounds):
        load = before + 300 + random.token_bytes(1)[0]
        with Watch(node) as watch:
            wait_until(lambda wanted=load: watch.last > wanted, "a load", 60)
            workers = workers_of(node)
            assert workers
            # Every other time the workers have to notice by themselves that main is gone.
            node.kill() if turn % 2 else kill_main(node)
        if turn % 4 == 0:
            assert_orphans_end(workers, port)
        ready.append(timed_start(node))
        before = node.packets_received()
        assert before >= watch.last >= load
        assert not living(workers)
    record_property("ready again", median_and_worst(ready))
    assert len(events_of(node, "JOURNAL_RECOVERED")) == torn_tails(node)
    counts_on(node, node.packets_received())
    sender.stop()
    assert_counter_is_the_journal(node)
    # A busy machine is no fault of the node's: its best start is judged.
    assert min(ready) < READY_SECONDS, ready


@pytest.mark.soak
def test_killed_whole_nothing_answered_is_missing_and_nothing_twice(
    node: Node, client: TlsFiles, soak_rounds: int
) -> None:
    """RELP: what was not answered comes again, and what comes again is known."""
    with RelpLoad(node.target.port, client, client=client) as load:
        for turn in range(soak_rounds):
            before = sum(load.answered)
            wait_until(lambda wanted=before + 500: sum(load.answered) > wanted, "answers", 60)
            node.kill() if turn % 2 else kill_main(node)
            node.start()
        wanted = sum(load.answered)
        wait_until(lambda: sum(load.answered) > wanted, "answers again", 60)
    assert load.answered == load.sent
    journal = JournalReadings(node.home / "journal")
    received = [
        one
        for slot in journal.slots()
        for one in journal.messages(slot, Position(), Position(1 << 30, 0))
        if one.connection.transport == "relp"
    ]
    received.sort(key=lambda one: one.received_ns)
    assert sorted(held_once(received)) == sorted(load.expected())


def test_orphans_end_and_give_the_port_back(node: Node, sender: SteadySender) -> None:
    counts_on(node, node.packets_received())
    workers, port = workers_of(node), node.target.port
    kill_main(node)
    assert_orphans_end(workers, port)
    node.start()
    sender.stop()


def settled(node: Node) -> int:
    """The counter once what was under way has come."""
    shown = [-1, node.packets_received()]
    while shown[-1] != shown[-2]:
        time.sleep(2 * COUNTER_LAG)
        shown.append(node.packets_received())
    return shown[-1]


def test_a_torn_tail_is_cut_kept_and_reported(node: Node, sender: SteadySender) -> None:
    """Bytes that are no whole block, as a power cut in the middle of a write leaves them."""
    counts_on(node, node.packets_received())
    sender.stop()
    before = settled(node)
    reported, torn = len(events_of(node, "JOURNAL_RECOVERED")), torn_tails(node)
    node.kill()
    slots = [sorted(slot.glob("*.swj")) for slot in (node.home / "journal").iterdir()]
    newest = next(files[-1] for files in slots if files)
    whole = newest.read_bytes()
    tear = b"\xa5" * 1000
    newest.write_bytes(whole + tear)
    # Whoever only looks neither sees the tear nor repairs it in silence.
    assert node.packets_received() == before
    assert newest.read_bytes() == whole + tear
    node.start()
    assert newest.read_bytes() == whole
    assert node.packets_received() == before
    assert torn_tails(node) == torn + 1
    told = events_of(node, "JOURNAL_RECOVERED")
    assert len(told) == reported + 1
    slot, file = newest.parent.name, newest.stem
    assert f"[Journal={slot}/{file}][CutBytes=1000]" in told[-1]
    assert "torn tail cut: 1000 bytes" in told[-1]


def test_a_killed_worker_is_replaced_and_receiving_goes_on(
    node: Node, sender: SteadySender
) -> None:
    told = len(events_of(node, "WORKER_RESTARTED"))
    for turn in range(2):
        with Watch(node) as watch:
            wait_until(lambda: watch.answers > 2, "the counter")
            begin = watch.last
            wait_until(lambda n=begin: watch.last > n + 200, "a load")
            before = workers_of(node)
            counted = watch.last
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda b=before: len(set(workers_of(node)) - set(b)) == len(b), "new ones")
            # The sender itself waits longer after each failure.
            wait_until(lambda n=counted: watch.last > n + 200, "it goes on", seconds=60)
        expected = told + (turn + 1) * len(before)
        wait_until(lambda n=expected: len(events_of(node, "WORKER_RESTARTED")) == n, "it is told")
    assert "signal 9" in events_of(node, "WORKER_RESTARTED")[-1]
    sender.stop()
    assert_counter_is_the_journal(node)
