"""Engines: how connections to SQLite and PostgreSQL are opened, for writing and for reading."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from sealwire.errors import UsageError
from sealwire.stores.promises import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, Connection, Engine

_OWNER_ONLY = 0o600
_WRITERS_LOCK: Final = int.from_bytes(b"sealwire", "big")


def open_writer(url: str, busy_timeout: float) -> Engine:
    """An engine with one connection, whose transactions have the write lock from the start.

    There is one writer at a time, in whatever process: what a use case reads stays true until it
    commits, and writers that wait for each other in a circle there are none.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        _make_file(Path(parsed.database or ""))
        engine = create_engine(parsed, pool_size=1, max_overflow=0)
        durable = {"journal_mode": "WAL", "synchronous": "FULL"}
        _tune_sqlite(engine, "BEGIN IMMEDIATE", busy_timeout, **durable)
        return engine
    engine = create_engine(
        parsed,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args=_postgresql_arguments(parsed, busy_timeout),
    )
    _lock_at_begin(engine, f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")
    return engine


def open_reader(url: str, busy_timeout: float) -> Engine:
    """An engine whose transactions see one committed state and cannot change it."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, pool_size=4, max_overflow=-1)
        _tune_sqlite(engine, "BEGIN", busy_timeout, query_only="ON")
        return engine
    return create_engine(
        parsed,
        pool_size=4,
        max_overflow=-1,
        pool_pre_ping=True,
        isolation_level="REPEATABLE READ",
        connect_args=_postgresql_arguments(parsed, busy_timeout),
    )


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _bad_url() from None
    if parsed.drivername == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        return parsed
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise _bad_url()


def _bad_url() -> UsageError:
    return UsageError(
        "store.url",
        "This is no URL of a database that Sealwire knows.",
        hint="sqlite:////absolute/path.db, or postgresql://user@host/database",
    )


def _make_file(path: Path) -> None:
    # SQLite gives its side files the mode of the main one: it must be right from the start.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY))
    except OSError as error:
        raise unavailable(error.strerror or "its file cannot be opened") from error


def _tune_sqlite(engine: Engine, begin: str, busy_timeout: float, **pragmas: str) -> None:
    settings = {"busy_timeout": str(int(busy_timeout * 1000)), "foreign_keys": "ON", **pragmas}
    event.listen(engine, "connect", _set_pragmas(settings))
    _lock_at_begin(engine, begin)


def _lock_at_begin(engine: Engine, statement: str) -> None:
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    event.listen(engine, "begin", on_begin)


def _postgresql_arguments(url: URL, busy_timeout: float) -> dict[str, Any]:
    """How long anything is waited for; ``options`` of the URL are kept.

    A node that freezes in a transaction, or whose machine is gone, must not keep the others from
    writing: the server ends its session after half the time that they wait.
    """
    milliseconds = int(busy_timeout * 1000)
    limits = {
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds // 2,
        "tcp_user_timeout": milliseconds,
    }
    given = url.query.get("options", "")
    words = [given] if isinstance(given, str) else list(given)
    words += [f"-c {name}={value}" for name, value in limits.items()]
    return {
        "options": " ".join(words).strip(),
        "connect_timeout": max(2, int(busy_timeout)),
        "tcp_user_timeout": milliseconds,
    }


def _set_pragmas(settings: dict[str, str]) -> Callable[[Any, object], None]:
    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
        # Transactions begin where we say, not where the driver guesses.
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            for name, value in settings.items():
                cursor.execute(f"PRAGMA {name}={value}")
        finally:
            cursor.close()

    return on_connect
