"""Our forwarder, through the product's commands, into a real rsyslog: every byte arrives."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.flow.authority import PeerAuthority
from tests.flow.node import Node
from tests.flow.peers import PeerError, wait_until
from tests.flow.rsyslog_listener import (
    RsyslogListener,
    certify_appliance,
    server_files,
    tlog,
    trail_of,
    trail_size,
    without_repeats,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.flow.authority import TlsFiles
    from tests.flow.conftest import Start

APPLIANCE = "fmc.example.test"
RSYSLOG = "rsyslog.example.test"
COUNT = 10_000
STREAMED = ("ca", "appliance", "sensor", "inputs")


def lines_of(tag: str, count: int) -> list[bytes]:
    """Lines as programs write them: plain ones, and now and then one that asks for trouble."""
    odd = [
        b"tab\tand escape \x1b[31m and bell \x07",
        "grüße, 東京 \N{GRINNING FACE}".encode(),
        b"no UTF-8: \xff\xfe\x80 at all",
        b"carriage return \r in the middle",
        b"  leading and trailing blanks   ",
        b"<13>1 2026-01-02T03:04:05Z host app - - - looks like syslog itself",
        b"17 counts like a frame",
        b"long " + b"x" * 30_000,
        b']"\\ [brackets@32473 a="b"]',
    ]
    return [
        b"%b %d: %b" % (tag.encode(), n, odd[n // 100 % len(odd)] if n % 100 == 50 else b"plain")
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node whose appliance has the certificate that its CA's agent approved."""
    folder = tmp_path_factory.mktemp("node")
    with Node(folder / "home") as running:
        certify_appliance(running, APPLIANCE, folder)
        yield running


@pytest.fixture(scope="module")
def server(node: Node, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return server_files(node, RSYSLOG, tmp_path_factory.mktemp("rsyslog-identity"))


def follow(node: Node, path: Path) -> None:
    node.run("appliance", "input", "add", str(path))


def stream_to(node: Node, name: str, rsyslog: RsyslogListener) -> None:
    """The destination with our CA as its trust and the server's name checked; streaming on."""
    address = f"127.0.0.1:{rsyslog.port}"
    node.run("appliance", "destination", "add", address, "--name", name, "--server-name", RSYSLOG)
    node.run("appliance", "stream", "start", name)


def wait_for_state(node: Node, name: str, wanted: str) -> None:
    """Until `destination list` shows it."""
    seen = ""

    def shown() -> bool:
        nonlocal seen
        (one,) = (d for d in node.json("appliance", "destination", "list") if d["name"] == name)
        seen = f"{one['state']}: {one['last_error']}"
        return seen == wanted

    try:
        wait_until(shown, wanted)
    except PeerError as error:
        raise PeerError(f"{error}, but {seen}") from None


def assert_whole(node: Node, messages: list[bytes]) -> None:
    """Every streamed trail is there, each in its order, byte for byte as the node has it."""
    for trail in STREAMED:
        recorded = trail_of(node.home, trail)
        arrived = [m for m in messages if tlog(m)[0].endswith(f"/{trail}")]
        # Our own commands go on writing events: what came last may still be under way.
        assert arrived == recorded[: len(arrived)], trail
        assert trail != "inputs" or len(arrived) == len(recorded)


def test_ten_thousand_lines_arrive_in_order_byte_for_byte(
    tmp_path: Path, start_peer: Start, node: Node, server: TlsFiles
) -> None:
    lines = lines_of("whole", COUNT)
    begin = trail_size(node.home, "inputs")
    source = tmp_path / "whole.log"
    source.write_bytes(b"".join(line + b"\n" for line in lines))
    rsyslog = start_peer(RsyslogListener(tmp_path / "rsyslog", server))
    stream_to(node, "whole", rsyslog)
    follow(node, source)

    wait_until(lambda: trail_size(node.home, "inputs") == begin + COUNT, "all lines are recorded")
    recorded = trail_of(node.home, "inputs")[begin:]
    assert [message[-len(line) :] for message, line in zip(recorded, lines, strict=True)] == lines
    wait_until(lambda: rsyslog.has(recorded[-1]), f"all delivered: {rsyslog.said()}")
    (arrived,) = rsyslog.runs()
    assert [message for message in arrived if b" whole " in message] == recorded
    assert_whole(node, arrived)
    wait_for_state(node, "whole", "streaming: ")
    node.run("appliance", "destination", "remove", "whole")


@pytest.mark.soak
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_nothing_is_missing_when_rsyslog_is_restarted_in_mid_stream(
    tmp_path: Path, start_peer: Start, node: Node, server: TlsFiles, soak_rounds: int, how: str
) -> None:
    """Plain RFC 5425 has no acknowledgement; the stated loss is what the peer's TCP had taken.

    A record is not sent again once the peer's TCP has had it for a second on a connection that
    lived on, or on ten connections. What a program leaves unread for that long, and then dies
    over, is lost. rsyslog on a machine that is not overloaded reads at once: nothing is.
    """
    source = tmp_path / f"{how}.log"
    source.touch()
    begin = trail_size(node.home, "inputs")
    rsyslog = start_peer(RsyslogListener(tmp_path / "rsyslog", server))
    stream_to(node, how, rsyslog)
    follow(node, source)

    lines = lines_of(how, max(COUNT, 500 * soak_rounds))
    written = threading.Thread(target=write_slowly, args=(source, lines))
    written.start()
    for _ in range(soak_rounds):
        before = len(rsyslog.runs()[-1])
        wait_until(lambda n=before: len(rsyslog.runs()[-1]) > n + 200, "records arrive", 30)
        rsyslog.kill() if how == "killed" else rsyslog.stop()
        rsyslog.restart()
    written.join()

    end = begin + len(lines)
    wait_until(lambda: trail_size(node.home, "inputs") == end, "all lines are recorded")
    last = trail_of(node.home, "inputs")[-1]
    wait_until(lambda: rsyslog.has(last), f"all delivered: {rsyslog.said()}")
    runs = rsyslog.runs()
    assert sum(len(run) > 0 for run in runs) > soak_rounds // 2
    assert_without_gap(runs)
    assert_whole(node, without_repeats([message for run in runs for message in run]))
    node.run("appliance", "destination", "remove", how)


def write_slowly(path: Path, lines: list[bytes]) -> None:
    """As a busy program does: some lines now, some in a moment."""
    with path.open("ab", buffering=0) as file:
        for start in range(0, len(lines), 50):
            file.write(b"".join(line + b"\n" for line in lines[start : start + 50]))
            time.sleep(0.02)


def assert_without_gap(runs: list[list[bytes]]) -> None:
    """On each connection a trail is a stretch without gap that begins no later than needed."""
    reached: dict[str, int] = {}
    for run in runs:
        here: dict[str, int] = {}
        for log, idx in map(tlog, run):
            assert idx == here.get(log, idx), "a gap within a connection"
            if log not in here:
                assert idx <= reached.get(log, 0), f"{log}: {reached.get(log, 0)} to {idx} is lost"
            here[log] = idx + 1
            reached[log] = max(reached.get(log, 0), idx + 1)


def test_a_server_that_refuses_our_certificate_is_named_and_nothing_is_lost(
    tmp_path: Path, start_peer: Start, node: Node, server: TlsFiles
) -> None:
    """In TLS 1.3 the refusal comes when our side believes that it is connected."""
    stranger = PeerAuthority(tmp_path)
    rsyslog = start_peer(RsyslogListener(tmp_path / "rsyslog", server, clients=stranger.ca))
    stream_to(node, "refusing", rsyslog)
    said = "server refused our client certificate: it does not know the CA that signed it"
    wait_for_state(node, "refusing", f"refused: {said}")
    rsyslog.stop()
    assert rsyslog.runs() == [[]]
    rsyslog.clients = None
    rsyslog.restart()
    node.run("appliance", "stream", "start", "refusing")
    for trail in ("appliance", "inputs"):
        last = trail_of(node.home, trail)[-1]
        wait_until(lambda message=last: rsyslog.has(message), f"delivered: {rsyslog.said()}")
    assert_whole(node, rsyslog.runs()[-1])
    node.run("appliance", "destination", "remove", "refusing")
