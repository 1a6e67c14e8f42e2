"""The control state in SQL: SQLite by default, or whatever the URL names.

One writer thread runs the waiting use cases, each in a savepoint, and commits them together: one
fsync for all of them (group commit). Readers have connections of their own and see what is
committed. On SQLite: WAL, ``synchronous=FULL``, foreign keys on, writes begin with BEGIN IMMEDIATE;
on PostgreSQL they begin with an advisory lock. So several processes may share the database, and
still one writes at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from sqlalchemy.exc import DBAPIError

from sealwire.stores.migrations import bring_up_to_date
from sealwire.stores.sql_connection import TransactionConnection, engine_error
from sealwire.stores.sql_engine import open_reader, open_writer
from sealwire.stores.sql_transaction import SqlTransaction
from sealwire.stores.sql_writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.errors import SealwireError

ResultT = TypeVar("ResultT")


class SqlStore:
    """Implements ``audit.ports.Store`` for every transaction port.

    ``url`` is ``sqlite:///PATH`` (the file is made, readable by its owner only) or
    ``postgresql://...``. ``busy_timeout`` is how many seconds a write waits for another process.
    Opening brings the schema up to date. Raises UsageError ``store.url`` for another URL,
    RefusedError ``store.schema_newer`` for a database of a newer release, and UnavailableError
    ``store.unavailable`` when the database cannot be opened.
    """

    def __init__(self, url: str, *, busy_timeout: float = 10.0, max_batch: int = 128) -> None:
        writing = open_writer(url, busy_timeout)
        try:
            bring_up_to_date(writing)
            self._reading = open_reader(url, busy_timeout)
        except DBAPIError as error:
            writing.dispose()
            raise engine_error(error) from error
        except BaseException:
            writing.dispose()
            raise
        self._writer = Writer(writing, max_batch)

    def run(self, use_case: Callable[[SqlTransaction], ResultT]) -> ResultT:
        """Run ``use_case`` in the writer's thread and answer after the commit."""
        return self._writer.run(use_case)

    def run_each(
        self, use_cases: Sequence[Callable[[SqlTransaction], ResultT]]
    ) -> list[ResultT | SealwireError]:
        """Run them in the writer's thread, as many to a commit as it takes; see Store."""
        return self._writer.run_each(use_cases)

    def read(self, query: Callable[[SqlTransaction], ResultT]) -> ResultT:
        """Run ``query`` in the caller's thread on one committed state."""
        self._writer.check_open()
        try:
            with self._reading.connect() as connection:
                sql = TransactionConnection(connection, writable=False)
                try:
                    return query(SqlTransaction(sql))
                finally:
                    sql.end()
        except DBAPIError as error:
            raise engine_error(error) from error

    def close(self) -> None:
        """Finish what waits, then close the connections. Closing again is no error."""
        self._writer.close()
        self._reading.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
