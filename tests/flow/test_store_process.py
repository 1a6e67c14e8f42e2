"""The store process of a real node: what came is found soon, once, and with its evidence."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.bootstrap.client import home_client
from sealwire.clock import SystemClock
from sealwire.errors import NotFoundError, SealwireError
from tests.flow.authority import LOOPBACK
from tests.flow.commands import run
from tests.flow.live_node import living, workers_of
from tests.flow.node import Node
from tests.flow.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = "<38>1 2026-11-22T07:00:00Z web001 sshd 411 LOGIN - {mark} number{number} of many"
API = "/api/v1/sensor"
FOUND_SECONDS = 10.0
"""Of a machine that is busy with other tests; a second or two where it is not."""
PAUSE = 0.001


@dataclass
class Sender:
    """Sends numbered lines over TLS, one at a time, until it is stopped."""

    port: int
    mark: str
    sent: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def send(self, count: int) -> None:
        """So many lines over one connection, then an orderly end."""
        with self.connected() as connection:
            for _ in range(count):
                self.send_one(connection)
            connection.unwrap().close()

    def send_on(self) -> None:
        """Lines until ``stopping`` is set."""
        with self.connected() as connection:
            while not self.stopping.wait(PAUSE):
                self.send_one(connection)
            connection.unwrap().close()

    def connected(self) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(socket.create_connection((LOOPBACK, self.port)))

    def send_one(self, connection: ssl.SSLSocket) -> None:
        line = self.line(self.sent)
        connection.sendall(b"%d %b" % (len(line), line))
        self.sent += 1

    def line(self, number: int) -> bytes:
        return LINE.format(mark=self.mark, number=number).encode()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node") / "home") as running:
        yield running


def count(node: Node, *words: str) -> int:
    """As the API says: a command costs half a second each time."""
    with home_client(node.home) as client:
        return int(
            client.call("GET", f"{API}/search/count", params={"q": " ".join(words)})["count"]
        )


def found(node: Node, *words: str) -> list[dict[str, Any]]:
    """By the command, which also answers for a stopped node."""
    answer = node.run("sensor", "search", *words, "-n", "100000", "--oldest-first", "--json")
    return [json.loads(line) for line in answer.splitlines()]


def wait_for(node: Node, mark: str, number: int, seconds: float = FOUND_SECONDS) -> None:
    wait_until(lambda: count(node, mark) >= number, f"{number} records", seconds)


@pytest.fixture(scope="module")
def stored(node: Node) -> Sender:
    """A hundred lines that are found."""
    sender = Sender(node.target.port, "stored")
    sender.send(100)
    wait_for(node, "stored", 100)
    return sender


def test_what_was_sent_is_found_with_its_envelope(node: Node, stored: Sender) -> None:
    records = found(node, "stored")
    assert [record["raw"].encode() for record in records] == [stored.line(n) for n in range(100)]
    one = records[7]
    envelope = ("transport", "address", "grade", "rule", "severity", "host", "app", "procid")
    assert [one[name] for name in envelope] == [
        *("tls", LOOPBACK, "strict", "rfc5424", 6, "web001", "sshd", "411"),
    ]
    assert one["message"] == "stored number7 of many"
    assert [record["seq"] for record in found(node, "stored", "number7")] == [one["seq"]]


def test_pages_and_charts_agree_with_the_count(node: Node, stored: Sender) -> None:
    newest = node.run("sensor", "search", "stored", "-n", "7", "--since", "1h", "--json")
    numbers = [json.loads(line)["message"].split()[1] for line in newest.splitlines()]
    assert numbers == [f"number{n}" for n in range(99, 92, -1)]
    assert node.json("sensor", "search", "--count", "stored", "--until", "1h") == {"count": 0}


def test_the_api_pages_streams_and_charts(node: Node, stored: Sender) -> None:
    with home_client(node.home) as client:
        asked: dict[str, Any] = {"q": "stored", "order": "oldest", "limit": 30}
        paged, cursor = [], ""
        while cursor is not None:
            page = client.call("GET", f"{API}/search", params=asked)
            paged += [record["seq"] for record in page["records"]]
            cursor = asked["cursor"] = page["next"]
        with client.lines(f"{API}/search/stream", params={"q": "stored"}) as lines:
            streamed = [json.loads(line)["seq"] for line in lines]
        chart = client.call("GET", f"{API}/search/chart", params={"q": "stored", "step": 60})
        metrics = client.text("GET", "/metrics")
    assert len(paged) == len(set(paged)) == 100
    assert streamed == paged[::-1]
    assert sum(bar["counts"]["6"] for bar in chart["buckets"]) == 100
    assert "sealwire_archive_records_waiting 0.0" in metrics


def test_a_follower_is_told_what_comes(node: Node, stored: Sender) -> None:
    asked = {"count": 1, "follow": True}
    with home_client(node.home) as client, client.lines(f"{API}/tail", params=asked) as lines:
        assert json.loads(next(lines))["raw"].encode() == stored.line(99)
        later = Sender(node.target.port, "followed")
        later.send(3)
        told = [json.loads(next(lines))["raw"].encode() for _ in range(3)]
    assert told == [later.line(number) for number in range(3)]


def test_nothing_found_is_said_to_people_and_no_fault(node: Node, stored: Sender) -> None:
    words = ("sensor", "search", "stored", "--until", "1h", "--home", str(node.home))
    told = run(None, *words)
    assert (told.returncode, told.stdout) == (0, "")
    assert "note: no record was found\n" in told.stderr
    told = run(None, *words, "--json")
    assert (told.returncode, told.stdout) == (0, "")
    assert "no record" not in told.stderr


def test_a_question_that_is_none_is_refused(node: Node, stored: Sender) -> None:
    node.run("sensor", "search", "--since", "teatime", expect=1)
    with home_client(node.home) as client:
        for asked in ({"cursor": "x"}, {"since": "teatime"}, {"order": "odd"}, {"limit": 0}):
            with pytest.raises(SealwireError):
                client.call("GET", f"{API}/search", params=asked)
        with pytest.raises(NotFoundError, match="no record"):
            client.call("GET", f"{API}/records/999999999")


def test_evidence_names_the_bytes(node: Node, stored: Sender) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy, and only here

    seq = found(node, "stored", "number42")[0]["seq"]
    evidence = node.json("sensor", "record", str(seq))["evidence"]
    path = node.home / "segments" / evidence["segment"]
    assert sha256(path.read_bytes()).hexdigest() == evidence["sha256"]
    row = pq.ParquetFile(path).read().slice(evidence["row"], 1).to_pylist()[0]
    assert (row["seq"], row["raw"]) == (seq, stored.line(42))


def test_what_was_seen_of_messages_is_told(node: Node, stored: Sender) -> None:
    stats = node.json("sensor", "stats")
    (source,) = stats["sources"]
    assert source["grades"] == stats["grades"]
    assert source["formats"]["rfc5424"] >= 100
    assert set(source["framing"]) <= {"octets", "lines"}
    assert (source["sequence_missing"], source["host_not_allowed"]) == (0, 0)
    assert set(source["transports"]) == {"tls"}
    assert source["tls"][0]["version"] == "TLSv1.3"
    assert source["rates"]["messages_per_second_5m"] > 0
    told = json.loads(get(node, "/readyz"))
    assert told == {"status": "ready", "reasons": []}


def get(node: Node, path: str) -> str:
    with home_client(node.home) as client:
        return str(client.text("GET", path))


def test_the_lag_is_told(node: Node, stored: Sender) -> None:
    def lag() -> set[int]:
        archive = node.json("sensor", "stats")["archive"]
        return {archive["journal_bytes_waiting"], archive["records_waiting"]}

    wait_until(lambda: lag() == {0}, "nothing waits", 20)
    archive = node.json("sensor", "stats")["archive"]
    assert archive["indexed_records"] == archive["sealed_records"] >= 100
    assert archive["trouble"] is None


def test_building_the_index_again_changes_no_answer(node: Node, stored: Sender) -> None:
    before = found(node, "stored")
    steps = node.run("sensor", "reindex").splitlines()
    last, _, total = steps[-1].partition(" of ")
    assert total == f"{last} records"
    assert found(node, "stored") == before


def test_a_killed_store_process_loses_nothing_and_repeats_nothing(
    node: Node, stored: Sender, soak_rounds: int
) -> None:
    sender = Sender(node.target.port, "killed")
    sending = threading.Thread(target=sender.send_on)
    sending.start()
    try:
        for _ in range(soak_rounds):
            kill_store(node, after=sender.sent + 200, sender=sender)
    finally:
        sender.stopping.set()
        sending.join()
    wait_for(node, "killed", sender.sent, 30.0)
    numbers = [int(record["message"].split()[1][6:]) for record in found(node, "killed")]
    assert sorted(numbers) == list(range(sender.sent))
    stats = node.json("sensor", "stats")
    assert sum(stats["grades"].values()) == stats["packets_received"]
    events = node.run("audit", "list", "--trail", "sensor", "--json")
    assert "[Worker=store]" in events


def kill_store(node: Node, after: int, sender: Sender) -> None:
    """``kill -9`` once so many lines are sent; returns when another process has taken over."""
    wait_until(lambda: sender.sent >= after, f"{after} lines sent", 60.0)
    (old,) = wait_for_store(node)
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: old not in workers_of(node, "store_main"), "its end", 10.0)
    wait_for_store(node)


def wait_for_store(node: Node) -> list[int]:
    wait_until(lambda: living(workers_of(node, "store_main")), "a store process", 20.0)
    return living(workers_of(node, "store_main"))


def test_a_stopped_node_answers_the_same(node: Node, stored: Sender) -> None:
    before = found(node, "stored")
    last = Sender(node.target.port, "lastly")
    last.send(10)
    node.stop()
    assert found(node, "stored") == before
    assert len(found(node, "lastly")) == 10
    node.start()
    assert found(node, "stored") == before
    assert count(node, "lastly") == 10


def test_it_ends_with_a_killed_node(node: Node, stored: Sender) -> None:
    (store,) = wait_for_store(node)
    assert node.process is not None
    node.process.kill()
    node.process.wait()
    wait_until(lambda: not living([store]), "the end of the orphan", 10.0)
    started = SystemClock().monotonic()
    node.start()
    assert SystemClock().monotonic() - started < 15.0
    assert count(node, "stored") == 100
