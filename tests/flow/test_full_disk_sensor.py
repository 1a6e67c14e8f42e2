"""A sensor whose disk is full reads no more, says so, and goes on by itself: nothing is missing."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.bootstrap.client import home_client
from sealwire.syslog.framing import encode_octet_frame
from tests.flow.authority import LOOPBACK
from tests.flow.commands import state
from tests.flow.node import COUNTER_LAG, Node
from tests.flow.peers import wait_until
from tests.flow.small_disk import SmallDisk, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 100, 6_000
FRAME = encode_octet_frame(b"<14>1 2026-01-01T00:00:00Z host app - - - " + b"x" * 214)


def stats(node: Node) -> dict[str, Any]:
    """``sensor stats``, asked without a process for each question."""
    with home_client(node.home) as client:
        found: dict[str, Any] = client.call("GET", "/api/v1/sensor/stats")
        return found


def packets(node: Node) -> int:
    return int(stats(node)["packets_received"])


def wait_for(node: Node, count: int) -> None:
    wait_until(lambda: packets(node) >= count, f"{count} packets", 60)
    time.sleep(COUNTER_LAG)
    assert packets(node) == count


@pytest.fixture(scope="module")
def disk() -> Iterator[SmallDisk]:
    with small_disk() as mounted:
        yield mounted


@pytest.fixture(scope="module")
def node(disk: SmallDisk) -> Iterator[Node]:
    options = ["--roles", "sensor", "--tcp-ports", "0,0", "--udp-ports", "0", "--legacy-cbc"]
    with Node(disk.share("home"), options=options, within=disk.within) as running:
        yield running


def test_all_listeners_are_shown_with_what_they_speak(node: Node) -> None:
    ports: dict[str, Any] = state(node.home)
    (tls,), (first, second), (udp,) = (ports[f"{name}_ports"] for name in ("tls", "tcp", "udp"))
    plain = {"client_certificate": None, "legacy_cbc": False, "open": True}
    tls_one = {"client_certificate": "off", "legacy_cbc": True, "open": True}
    assert node.json("sensor", "listener", "list") == [
        {"port": tls, "transport": "tls", **tls_one},
        {"port": first, "transport": "tcp", **plain},
        {"port": second, "transport": "tcp", **plain},
        {"port": udp, "transport": "udp", **plain},
    ]
    shown = node.run("sensor", "listener", "list")
    assert "LEGACY CBC" in shown
    assert len(shown.splitlines()) == 5
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"<1>datagram", (LOOPBACK, udp))
    wait_for(node, 1)


def test_full_and_freed_again_nothing_is_missing(node: Node, disk: SmallDisk) -> None:
    begins = packets(node)
    port = int(state(node.home)["tcp_ports"][0])
    with ExitStack() as open_ones:
        senders = [
            open_ones.enter_context(socket.create_connection((LOOPBACK, port), 60))
            for _ in range(2)
        ]
        for one in senders:
            one.sendall(FRAME * FEW)
        wait_for(node, begins + 2 * FEW)
        disk.fill()
        threads = [threading.Thread(target=one.sendall, args=(FRAME * MANY,)) for one in senders]
        for thread in threads:
            thread.start()
        wait_until(lambda: bool(stats(node)["journal_trouble"]), "an alarm")
        assert stats(node)["journal_trouble"] == ["No space left on device"]
        # What was counted was durable before; nothing is counted that is not on the disk.
        assert packets(node) < begins + 2 * (FEW + MANY)
        disk.clear()
        for thread in threads:
            thread.join(60)
        wait_for(node, begins + 2 * (FEW + MANY))
        assert stats(node)["journal_trouble"] == [], "the alarm stays"


def test_killed_with_a_full_disk_and_started_with_room_nothing_counted_is_missing(
    node: Node, disk: SmallDisk
) -> None:
    begins = packets(node)
    port = int(state(node.home)["tcp_ports"][0])
    with socket.create_connection((LOOPBACK, port), 60) as sender:
        sender.sendall(FRAME * FEW)
        wait_for(node, begins + FEW)
        disk.fill()
        sender.sendall(FRAME * FEW)
        wait_until(lambda: bool(stats(node)["journal_trouble"]), "an alarm")
        node.kill()
    disk.clear()
    node.start()
    assert packets(node) == begins + FEW
    assert stats(node)["journal_trouble"] == []
