"""What is sent to a cluster: the same SQL by the cluster's names, tokens and a quorum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from sealwire.clock import SystemClock
from sealwire.errors import RefusedError
from sealwire.sensor.query import Equals, Field, Search
from sealwire.stores.archive.clickhouse import ClickHouseEngine, cluster_dialect
from sealwire.stores.archive.index import Index
from sealwire.stores.archive.questions import Span
from sealwire.stores.archive.schema import create

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

EMPTY: dict[str, dict[str, list[Any]]] = {
    "seals": {"seals": [0], "upto": [0], "since_us": [0], "until_us": [0]},
    "marks": {"name": [b"schema"], "value": [1]},
    "log": {"received_us": [], "seq": []},
}


class Recorder:
    """Takes what a server would and refuses what it would not know."""

    def __init__(self, fault: str = "") -> None:
        self.said: list[str] = []
        self.asked: list[tuple[str, Any]] = []
        self.inserted: list[tuple[str, Any]] = []
        self.fault = fault

    def query_arrow(self, query: str, **named: object) -> pa.Table:
        assert set(named) == {"use_strings", "parameters", "settings"}
        if self.fault:
            raise DatabaseError(self.fault)
        self.asked.append((query, named))
        name = next(name for name in EMPTY if f"FROM {name}_all " in query)
        return pa.table(EMPTY[name])

    def insert_arrow(self, table: str, arrow_table: pa.Table, **named: object) -> None:
        assert arrow_table.num_rows
        self.inserted.append((table, named["settings"]))

    def command(self, cmd: str, **named: object) -> None:
        assert set(named) == {"settings"}
        self.said.append(cmd)

    def close(self) -> None:
        self.said.append("closed")


def test_tables_are_replicated_and_made_on_the_whole_cluster() -> None:
    statements = create(cluster_dialect("c1"))
    for name, statement in zip(("log", "minutes", "seals", "marks"), statements, strict=True):
        assert f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER `c1` (" in statement
        path = f"'/clickhouse/tables/{{shard}}/sealwire/{name}', '{{replica}}'"
        engine = "SummingMergeTree" if name == "minutes" else "MergeTree"
        assert f"ENGINE = Replicated{engine}({path}" in statement
        assert "non_replicated" not in statement
    assert "'{replica}', records)" in statements[1]


def test_questions_are_about_one_sensor_and_bound() -> None:
    client = Recorder()
    index = Index(ClickHouseEngine(cast("Client", client), "c1"), "sensor-1", SystemClock())
    index._ledger.span = Span(0, 10**15)
    index.search(Search(0, 10**15, Equals(Field.HOST, "x' OR 1")))
    query, named = client.asked[-1]
    assert "FROM log_all WHERE" in query
    assert " AND sensor = {p" in query
    assert "x' OR 1" not in query
    assert {"x' OR 1", "sensor-1"} <= set(named["parameters"].values())
    assert named["settings"]["max_execution_time"] <= 5
    assert named["settings"]["readonly"] == 2
    index.close()
    assert client.said[-1] == "closed"


def test_inserts_have_a_token_and_a_quorum() -> None:
    client = Recorder()
    ClickHouseEngine(cast("Client", client), "c1").insert(
        "log", pa.table({"seq": [1]}), "sensor-1:1"
    )
    table, settings = client.inserted[0]
    assert table == "log"
    assert settings["insert_deduplication_token"] == "sensor-1:1"
    assert settings["insert_quorum"] == "auto"


def test_what_the_server_says_is_understood() -> None:
    client = Recorder()
    index = Index(ClickHouseEngine(cast("Client", client), "c1"), "sensor-1", SystemClock())
    index._ledger.span = Span(0, 10**15)
    for text in (
        "Received ClickHouse exception, code: 159, server response: Code: 159. DB::Exception: t",
        "HTTPDriver for https://c.example.test returned response code 500\n Code: 241. memory",
    ):
        client.fault = text
        with pytest.raises(RefusedError) as raised:
            index.search(Search(0, 10**15))
        assert raised.value.code == "search.too_expensive"
