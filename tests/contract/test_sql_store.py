"""What the SQL store promises beyond the ports: its engine, its schema, its writer's batches."""

from __future__ import annotations

import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, text

from sealwire.audit.events import auth_success
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.audit.trail import head_of
from sealwire.clock import SystemClock
from sealwire.errors import (
    ConflictError,
    RefusedError,
    SealwireError,
    UnavailableError,
    UsageError,
)
from sealwire.stores.migrations import REVISIONS
from sealwire.stores.sql import SqlStore
from sealwire.stores.sql_engine import open_writer
from sealwire.stores.sql_schema import metadata
from tests.contract import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealwire.stores.sql_transaction import SqlTransaction

RECORDER = Recorder(SystemClock(), "ca1.example.com", AuditFormat.V10_4_5, "0.1.0")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    with SqlStore(f"sqlite:///{path}", busy_timeout=0.2) as opened:
        yield opened


def log_in(tx: SqlTransaction) -> int:
    return RECORDER.record(tx, "ca", auth_success("caadmin", "m")).idx


def statement(sql: str) -> Callable[[SqlTransaction], object]:
    """A use case that speaks to the engine itself."""
    return lambda tx: tx._sql.execute(text(sql)).fetchall()


def together(store: SqlStore, *use_cases: Callable[[SqlTransaction], object]) -> list[object]:
    """Results or errors of use cases that waited while the writer was busy: one batch."""
    started, go_on = threading.Event(), threading.Event()

    def busy(_tx: SqlTransaction) -> None:
        started.set()
        assert go_on.wait(10)

    def answer(use_case: Callable[[SqlTransaction], object]) -> object:
        try:
            return store.run(use_case)
        except (SealwireError, ZeroDivisionError) as error:
            return error

    with ThreadPoolExecutor(len(use_cases) + 1) as pool:
        first = pool.submit(store.run, busy)
        assert started.wait(10)
        waiting = [pool.submit(answer, use_case) for use_case in use_cases]
        queue = store._writer._queue
        while queue.qsize() < len(use_cases):
            threading.Event().wait(0.001)
        go_on.set()
        first.result(10)
        return [future.result(10) for future in waiting]


def test_the_file_is_its_owners_and_durable(store: SqlStore, path: Path) -> None:
    store.run(log_in)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for run in (store.run, store.read):
        assert run(statement("PRAGMA journal_mode")) == [("wal",)]
        assert run(statement("PRAGMA foreign_keys")) == [(1,)]
    assert store.run(statement("PRAGMA synchronous")) == [(2,)]
    assert store.read(statement("PRAGMA query_only")) == [(1,)]


@pytest.mark.parametrize(
    "url",
    ["", "state.db", "sqlite://", "sqlite:///:memory:", "mysql://x/y", "sqlite+other:///x.db"],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        SqlStore(url)
    assert refused.value.code == "store.url"


def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"this is no database, whatever its name says" * 50)
    for path in (tmp_path, tmp_path / "missing" / "state.db", tmp_path / "other"):
        with pytest.raises(UnavailableError) as failed:
            SqlStore(f"sqlite:///{path}")
        assert failed.value.code == "store.unavailable"


def test_migrations_make_what_the_tables_say(database_url: str) -> None:
    SqlStore(database_url).close()
    engine = open_writer(database_url, 1)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_every_migration_is_known_by_name() -> None:
    config = Config()
    config.set_main_option("script_location", "sealwire.stores:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(script.revision for script in scripts) == REVISIONS[::-1]


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    SqlStore(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RefusedError) as refused:
        SqlStore(f"sqlite:///{path}")
    assert refused.value.code == "store.schema_newer"
    assert "9999" in refused.value.message
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("9999",)]


@pytest.mark.parametrize(
    "change", ["UPDATE trail_records SET text = 'x'", "DELETE FROM trail_records"]
)
def test_trail_records_are_not_changed(store: SqlStore, path: Path, change: str) -> None:
    store.run(log_in)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(change)
    with pytest.raises(ConflictError):
        store.run(statement(change))
    assert len(store.read(lambda tx: tx.trail_records("ca", start=0, limit=9))) == 1


def test_a_refused_statement_cannot_be_swallowed(store: SqlStore) -> None:
    store.run(log_in)

    def use_case(tx: SqlTransaction) -> str:
        tx.put_setting("before", "1")
        with pytest.raises(ConflictError):
            statement("DELETE FROM trail_records")(tx)
        return "as if nothing had happened"

    with pytest.raises(ConflictError):
        store.run(use_case)
    results = together(store, use_case, lambda tx: tx.put_setting("other", "1"))
    assert isinstance(results[0], ConflictError)
    assert store.read(lambda tx: (tx.setting("before"), tx.setting("other"))) == (None, "1")


def test_waiting_use_cases_are_committed_together(store: SqlStore) -> None:
    commits = []
    event.listen(store._writer._engine, "commit", commits.append)
    assert sorted(together(store, *[log_in] * 20)) == list(range(20))  # type: ignore[type-var]
    # One for the use case that kept the writer busy, one for the twenty that waited.
    assert len(commits) == 2


def test_in_a_batch_each_use_case_loses_only_its_own(store: SqlStore) -> None:
    def fail(tx: SqlTransaction) -> None:
        log_in(tx)
        tx.put_setting("failed", "1")
        raise ZeroDivisionError

    first, failed, second = together(store, log_in, fail, log_in)
    assert isinstance(failed, ZeroDivisionError)
    assert {first, second} == {0, 1}
    assert store.read(lambda tx: (tx.trail_head("ca").size, tx.setting("failed"))) == (2, None)


def test_a_failed_commit_fails_all_that_waited_for_it(store: SqlStore) -> None:
    def bad_at_commit(tx: SqlTransaction) -> None:
        statement_only = text("PRAGMA defer_foreign_keys=ON")
        tx._sql.execute(statement_only)
        tx._sql.execute(text("INSERT INTO cursors VALUES ('nobody', 'ca', 1)"))

    def own_error(_tx: SqlTransaction) -> None:
        raise ZeroDivisionError

    answers = together(store, log_in, bad_at_commit, own_error, log_in)
    assert [type(answer) for answer in answers] == [
        UnavailableError,
        UnavailableError,
        ZeroDivisionError,
        UnavailableError,
    ]
    assert store.read(lambda tx: tx.trail_head("ca").size) == 0
    assert store.run(log_in) == 0


def test_a_full_disk_refuses_the_work_and_is_got_over(store: SqlStore) -> None:
    store.run(log_in)
    swallowed = []

    def flood(tx: SqlTransaction) -> str:
        pages = statement("PRAGMA page_count")(tx)[0][0]  # type: ignore[index]
        statement(f"PRAGMA max_page_count={pages}")(tx)
        for number in range(100):
            try:
                tx.put_setting(str(number), "x" * 4000)
                log_in(tx)
            except UnavailableError as error:
                swallowed.append(error)
        return "as if nothing had happened"

    with pytest.raises(UnavailableError, match="the disk is full"):
        store.run(flood)
    assert swallowed
    answers = together(store, log_in, flood, log_in)
    assert [type(answer) for answer in answers] == [UnavailableError] * 3
    assert store.read(lambda tx: (tx.trail_head("ca").size, tx.setting("0"))) == (1, None)
    assert store.run(log_in) == 1


def test_a_lock_of_another_process_is_waited_for_and_then_reported(
    store: SqlStore, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="SQLITE_BUSY"):
            store.run(log_in)
        assert store.read(lambda tx: tx.trail_head("ca").size) == 0
        other.execute("ROLLBACK")
    assert store.run(log_in) == 0


def test_two_stores_share_a_file(path: Path) -> None:
    url = f"sqlite:///{path}"
    with SqlStore(url) as one, SqlStore(url) as two, ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(lambda n: (one, two)[n % 2].run(log_in), range(80)))
        assert sorted(answered) == list(range(80))
        records = one.read(lambda tx: tx.trail_records("ca", start=0, limit=99))
        assert [record.idx for record in records] == list(range(80))
        head = two.read(lambda tx: tx.trail_head("ca"))
        assert head == head_of(record.leaf for record in records)


def test_a_new_file_may_be_opened_by_many_at_once(path: Path) -> None:
    barrier = threading.Barrier(6)

    def open_and_log(_number: int) -> int:
        barrier.wait(10)
        with SqlStore(f"sqlite:///{path}") as opened:
            return opened.run(log_in)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(open_and_log, range(6))) == list(range(6))


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}")
    store.close()
    store.close()
    for use in (store.run, store.read):
        with pytest.raises(UnavailableError):
            use(lambda tx: tx.users())


def test_what_waits_is_done_before_closing(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}")
    with ThreadPoolExecutor(4) as pool:
        started = threading.Event()

        def slow(tx: SqlTransaction) -> int:
            started.set()
            threading.Event().wait(0.05)
            return log_in(tx)

        running = pool.submit(store.run, slow)
        assert started.wait(10)
        store.close()
        assert running.result(10) == 0
    assert list(path.parent.iterdir()) == [path]


def test_an_error_names_neither_statement_nor_values(store: SqlStore) -> None:
    with pytest.raises(UnavailableError) as failed:
        store.run(statement("SELECT 'hunter2' FROM nowhere"))
    assert "hunter2" not in failed.value.message + failed.value.hint


def test_rows_are_as_the_ports_say(store: SqlStore) -> None:
    store.run(lambda tx: tx.insert_request(rows.request()))
    found = store.read(statement("SELECT status, created, serial FROM requests"))
    assert found == [("pending", 1795342830123457, "7" + "f" * 39)]
