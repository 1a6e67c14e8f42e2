"""The index in an existing ClickHouse cluster, over HTTPS. Import it only for those who have one.

Only what ``cluster_dialect`` tells differs from the engine in this process. Rows are written to
the tables of the server that is asked (one shard for each sensor, whose replicas copy them) and
read through Distributed tables, which the cluster's administrator makes: ``log_all`` over ``log``,
and so on. Not tried against a cluster of today: what is tested is what is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from sealwire.errors import UnavailableError
from sealwire.stores.archive.dialect import Dialect
from sealwire.stores.archive.engine import ONE_BLOCK, EngineError, error_of, once_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

    from sealwire.stores.archive.engine import Parameter, Setting

_REPLICA: Final = "('/clickhouse/tables/{shard}/sealwire/{table}', '{replica}'"

QUORUM: Final[Mapping[str, Setting]] = {
    **ONE_BLOCK,
    "insert_quorum": "auto",
    "insert_quorum_parallel": 0,
}


def cluster_dialect(cluster: str) -> Dialect:
    """In what the SQL for a cluster of this name differs."""
    return Dialect(
        merge_tree="ReplicatedMergeTree" + _REPLICA + ")",
        summing="ReplicatedSummingMergeTree" + _REPLICA + ", {columns})",
        on_cluster=f" ON CLUSTER `{cluster}`",
        table_settings="replicated_deduplication_window = 10000,"
        " replicated_deduplication_window_seconds = 2592000",
        read_suffix="_all",
        shared=True,
    )


class ClickHouseEngine:
    """See Engine."""

    def __init__(self, client: Client, cluster: str) -> None:
        self.dialect = cluster_dialect(cluster)
        self._client = client

    def execute(
        self,
        sql: str,
        parameters: Mapping[str, Parameter] | None = None,
        settings: Mapping[str, Setting] | None = None,
    ) -> pa.Table:
        """See Engine."""
        given = dict(settings or {})
        try:
            if sql.startswith("SELECT"):
                bound = dict(parameters or {})
                return self._client.query_arrow(
                    sql, parameters=bound, settings=given, use_strings=False
                )
            self._client.command(sql, settings=given)
        except ClickHouseError as error:
            raise _meant(error) from None
        return None

    def insert(self, table: str, rows: pa.Table, token: str | None) -> None:
        """See Engine."""
        settings = {**QUORUM, **once_for(token)}
        try:
            self._client.insert_arrow(table, rows, settings=settings)
        except ClickHouseError as error:
            raise _meant(error) from None

    def close(self) -> None:
        """See Engine."""
        self._client.close()


def connect(url: str, cluster: str, user: str, password: str) -> ClickHouseEngine:
    """An engine at ``https://host:port/database``. Raises UnavailableError."""
    try:
        client = clickhouse_connect.get_client(dsn=url, username=user, password=password)
    except ClickHouseError as error:
        text = f"The ClickHouse cluster cannot be reached: {str(error)[:200]}"
        raise UnavailableError("index.unavailable", text) from None
    return ClickHouseEngine(client, cluster)


def _meant(error: Exception) -> EngineError:
    return error_of(str(error))
