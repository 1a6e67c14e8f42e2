"""Journal, segments and index on one small disk: full and freed again, nothing is lost.

RELP senders go on all the time; what they were answered is found once in the end.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.stores.segments.verification import verify_segments
from tests.flow.live_node import living, workers_of
from tests.flow.node import Node
from tests.flow.peers import free_port, wait_until
from tests.flow.relp_client import RelpLoad
from tests.flow.small_disk import SmallDisk, small_disk
from tests.flow.test_full_disk_sensor import stats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.flow.authority import TlsFiles

SPARE = (0, 30_000, 300_000)
"""Bytes that are left: then it is not the journal that finds no room first."""


@pytest.fixture(scope="module")
def disk() -> Iterator[SmallDisk]:
    with small_disk() as mounted:
        yield mounted


@pytest.fixture(scope="module")
def node(disk: SmallDisk) -> Iterator[Node]:
    options = ("--tls-ports", str(free_port()))
    with Node(disk.share("home"), options=options, start_seconds=60, within=disk.within) as running:
        running.certify_sensor(disk.folder.parent)
        yield running


@pytest.fixture(scope="module")
def client(node: Node, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return node.client_files("fmc.example.test", tmp_path_factory.mktemp("client"))


def found(node: Node) -> Counter[bytes]:
    answer = node.run("sensor", "search", "-n", "1000000", "--json")
    return Counter(json.loads(line)["raw"].encode() for line in answer.splitlines())


def troubles(node: Node) -> tuple[Any, Any]:
    document = stats(node)
    return document["journal_trouble"], document["archive"].get("trouble")


def killed(node: Node, spare: int) -> None:
    """While the disk is full, one time the store process dies, and another the whole node."""
    if spare == SPARE[1]:
        (store,) = living(workers_of(node, "store_main"))
        os.kill(store, signal.SIGKILL)
        wait_until(lambda: [store] != living(workers_of(node, "store_main")), "its end", 20)
    elif spare == SPARE[2]:
        node.kill()


def test_full_and_freed_again_what_was_answered_is_found_once(
    node: Node, client: TlsFiles, disk: SmallDisk
) -> None:
    pace: dict[str, Any] = {"window": 40, "step": 4, "pause": 0.02}
    with RelpLoad(node.target.port, client, connections=2, client=client, **pace) as load:
        for spare in SPARE:
            before = sum(load.answered)
            wait_until(lambda begun=before: sum(load.answered) > begun + 200, "answers", 60)
            disk.fill(spare)
            wait_until(lambda: troubles(node)[0], "an alarm of the journal", 60)
            wait_until(lambda: troubles(node)[1], "an alarm of the store", 60)
            time.sleep(1.0)
            killed(node, spare)
            disk.clear()
            if node.process is None or node.process.poll() is not None:
                node.start()
            wait_until(lambda: troubles(node) == ([], None), "no alarm", 60)
    assert load.answered == load.sent
    wanted = Counter(load.expected())
    wait_until(lambda: found(node) == wanted, "everything found once", 60)
    node.stop()
    verified = verify_segments(node.home / "segments", "sensor-1")
    assert verified.damages == ()
