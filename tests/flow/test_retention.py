"""Retention, holds and exports on a real node, as its owner gives the commands."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.clock import SystemClock
from tests.flow.commands import Done, good, refused, run
from tests.flow.node import Node
from tests.flow.peers import wait_until
from tests.flow.test_store_process import Sender

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD_DAYS = (41, 40, 3)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    home = tmp_path_factory.mktemp("node") / "home"
    seal_days_ago(home, *OLD_DAYS)
    with Node(home) as running:
        yield running


@pytest.fixture(scope="module")
def stored(node: Node) -> str:
    """Ten lines whose class a rule chose; returns the class."""
    say(node, "sensor", "retention", "class", "set", "web", "--days", "1")
    say(node, "sensor", "retention", "rule", "add", "--class", "web", "--host", "*.example.com")
    say(node, "sensor", "retention", "rule", "add", "--class", "web", "--network", "127.0.0.0/8")
    policed = shown(node, "sensor", "retention", "show")
    assert [rule["number"] for rule in policed["rules"]] == [1, 2]
    sender = Sender(node.target.port, "kept")
    sender.send(10)
    # Until it is found, the command says on the side what it could not look at yet.
    wait_until(lambda: node.json("sensor", "search", "--count", "kept")["count"] == 10, "10", 20)
    return "web"


def say(node: Node, *words: str) -> str:
    """A command that works; within this process, because there are many."""
    return good(run(node.home, *words))


def shown(node: Node, *words: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(say(node, *words, "--json"))


def verified(node: Node, tar: Path) -> Done:
    return run(node.home / "no home", "sensor", "export", "--verify", str(tar))


def day(age: int) -> str:
    return str(today() - timedelta(days=age))


def today() -> date:
    return SystemClock().now().date()


def trail(node: Node, event: str) -> list[str]:
    lines = say(node, "audit", "list", "--trail", "sensor", "--json").splitlines()
    records = [json.loads(line) for line in lines]
    return [record["message"] for record in records if record["event"] == event]


def found(node: Node) -> list[dict[str, Any]]:
    lines = node.run("sensor", "search", "kept", "--json").splitlines()
    return [json.loads(line) for line in lines]


def segments_of(path: Path) -> list[str]:
    import tarfile  # noqa: PLC0415 - only here

    with tarfile.open(path) as archive:
        return [name for name in archive.getnames() if name.endswith(".parquet")]


def test_records_get_the_class_that_a_rule_says(node: Node, stored: str) -> None:
    assert {record["retention"] for record in found(node)} == {stored}
    view = shown(node, "sensor", "retention", "show")
    one = view["days"][-1]
    assert (one["retention"], one["records"], one["day"]) == (stored, 10, day(0))
    assert one["goes_on"] == day(-2)
    assert [each["day"] for each in view["next"]] == [day(0)]


def test_a_hold_is_in_force_at_once_and_released_with_a_reason(node: Node, stored: str) -> None:
    days = ("--first", day(5), "--last", day(0), "--class", stored)
    said = say(node, "sensor", "hold", "set", "case-7", *days, "--reason", "Smith v. Jones")
    assert said == "held: case-7, in force\n"
    (held,) = shown(node, "sensor", "hold", "list")
    assert (held["reason"], held["in_force"]) == ("Smith v. Jones", True)
    assert shown(node, "sensor", "retention", "show")["protected"][-1]["held_by"] == ["case-7"]
    assert run(node.home, "sensor", "retention", "class", "remove", stored).returncode == 2
    say(node, "sensor", "hold", "release", "case-7", "--reason", "settled")
    assert shown(node, "sensor", "hold", "list") == []
    first, second = trail(node, "LEGAL_HOLD_CHANGE")
    assert "Operation;;hold+" in first
    assert "reason;;Smith v. Jones" in first
    assert "Operation;;release+" in second
    assert "reason;;settled" in second


def test_an_export_proves_itself_and_one_byte_spoils_it(
    node: Node, stored: str, tmp_path: Path
) -> None:
    tar = tmp_path / "out.tar"
    assert stored
    assert "VERIFIED: " in say(
        node, "sensor", "export", "--since", "1h", "-o", str(tar), "--records"
    )
    lines = (tmp_path / "out.tar.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["message"] for line in lines] == [
        f"kept number{number} of many" for number in range(10)
    ]
    assert "10 records of sensor-1" in good(verified(node, tar))
    assert len(trail(node, "RECORDS_EXPORTED")) == 1
    (segment,) = segments_of(tar)
    good_bytes = tar.read_bytes()
    for place, told in (
        (good_bytes.index(b"PAR1") + 100, f"changed: {segment}: its SHA-256 is "),
        (good_bytes.index(b'"prev"') + 10, "break: sensor-1/chain/000000000000.jsonl: offset 0"),
    ):
        content = bytearray(good_bytes)
        content[place] ^= 1
        tar.write_bytes(content)
        spoilt = verified(node, tar)
        assert spoilt.returncode == 2
        assert spoilt.stdout.startswith(told)
        assert "NOT VERIFIED" in spoilt.stdout
    tar.write_bytes(good_bytes[:1000])
    refused(verified(node, tar), 2, "this is no whole export")


def test_what_the_store_process_deletes_stands_in_the_trail(node: Node) -> None:
    reason = ("--reason", "an older case")
    say(node, "sensor", "hold", "set", "old", "--first", day(41), "--last", day(41), *reason)
    shorter = ("sensor", "retention", "class", "set", "default", "--days", "30")
    refused(run(node.home, *shorter), 2, "10 stored records deleted at once")
    assert trail(node, "RECORDS_DELETED") == []
    say(node, *shorter, "--sure")
    wait_until(lambda: trail(node, "RECORDS_DELETED"), "the event", 20.0)
    (event,) = trail(node, "RECORDS_DELETED")
    assert "[SubjectID=$System$][Outcome=Success]" in event
    assert f"[Day={day(40)}][RetentionClass=default][Reason=expired][Records=10]" in event
    view = shown(node, "sensor", "retention", "show")
    assert [each["day"] for each in view["days"]] == [day(41), day(3), day(0)]
    assert [(each["day"], each["held_by"]) for each in view["protected"]] == [(day(41), ["old"])]


def test_a_stopped_node_exports_what_it_had_received(
    node: Node, stored: str, tmp_path: Path
) -> None:
    Sender(node.target.port, "lastly").send(7)
    node.stop()
    tar = tmp_path / "stopped.tar"
    told = say(node, "sensor", "export", "--class", stored, "-o", str(tar), "--json")
    assert (json.loads(told)["verified"], json.loads(told)["records"]) == (True, 17)


def seal_days_ago(home: Path, *ages: int) -> None:
    """Ten records received so many days ago, for each, into the segments of a stopped node."""
    from sealwire.stores.segments.store import SegmentStore  # noqa: PLC0415 - heavy, and only here
    from tests.contract.records import records  # noqa: PLC0415 - same

    store = SegmentStore(home / "segments", "sensor-1", SystemClock())
    store.recover()
    for age in ages:
        noon = datetime.combine(today() - timedelta(days=age), datetime.min.time(), UTC)
        at_ns = int(noon.timestamp()) * 1_000_000_000 + 43_200 * 1_000_000_000
        store.seal(records([b"<13>old"] * 10, at_ns, "default"), {})
    store.close()
