"""Several nodes on one database: one writes at a time, and none can stop the others for long."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import UnavailableError
from sealwire.stores.sql import SqlStore
from tests.postgresql import PASSWORD

if TYPE_CHECKING:
    from sealwire.stores.sql_transaction import SqlTransaction
    from tests.postgresql import PostgresqlServer


def count_up(tx: SqlTransaction) -> None:
    """Read, then write what was read and one more: lost when two do so at once."""
    value = int(tx.setting("count") or "0")
    time.sleep(0.001)
    tx.put_setting("count", str(value + 1))


def test_what_a_use_case_reads_stays_true_until_it_commits(database_url: str) -> None:
    with SqlStore(database_url) as one, SqlStore(database_url) as other:

        def work(store: SqlStore) -> None:
            for _ in range(25):
                store.run(count_up)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, (one, other, one, other)))
        assert one.read(lambda tx: tx.setting("count")) == "100"


def test_two_that_open_an_empty_database_at_once_migrate_it_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(SqlStore, [database_url] * 4))
    for store in stores:
        store.run(count_up)
        store.close()


def test_a_writer_that_waits_too_long_is_told_so(postgresql: PostgresqlServer) -> None:
    url = postgresql.migrated_url()
    holding, go_on = threading.Event(), threading.Event()

    def hold(_tx: SqlTransaction) -> None:
        holding.set()
        assert go_on.wait(10)

    with SqlStore(url) as one, SqlStore(url, busy_timeout=0.3) as other:
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(one.run, hold)
            assert holding.wait(10)
            with pytest.raises(UnavailableError, match="lock timeout"):
                other.run(count_up)
            go_on.set()
            held.result(10)
        other.run(count_up)


def test_a_writer_that_freezes_is_cut_off(postgresql: PostgresqlServer) -> None:
    url = postgresql.migrated_url()
    frozen = threading.Event()

    def freeze(tx: SqlTransaction) -> None:
        tx.put_setting("half", "done")
        frozen.set()
        time.sleep(1)

    with SqlStore(url, busy_timeout=0.6) as one, SqlStore(url) as other:
        with ThreadPoolExecutor(1) as pool:
            lost = pool.submit(one.run, freeze)
            assert frozen.wait(10)
            other.run(count_up)
            with pytest.raises(UnavailableError):
                lost.result(10)
        assert other.read(lambda tx: tx.setting("half")) is None
        one.run(count_up)
        assert one.read(lambda tx: tx.setting("count")) == "2"


def test_no_fault_tells_the_password(postgresql: PostgresqlServer) -> None:
    url = postgresql.url("postgres")
    wrong = "wr0ng-s3cret"
    for bad in (
        url.replace(PASSWORD, wrong),
        postgresql.url("no_such_database"),
        url.replace(f":{postgresql.port}/", ":1/"),
        url + "?no_such_option=1",
    ):
        with pytest.raises(UnavailableError) as refused:
            SqlStore(bad)
        told = f"{refused.value.message} {refused.value.hint}"
        assert PASSWORD not in told
        assert wrong not in told
