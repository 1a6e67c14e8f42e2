"""One transaction's connection: statements that work on every engine, errors of our own tree."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from sealwire.errors import ConflictError, RefusedError, SealwireError
from sealwire.stores.promises import TransactionMisuseError, unavailable
from sealwire.stores.sql_prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, CursorResult, Executable, Table
    from sqlalchemy.dialects import postgresql

    from sealwire.stores.sql_rows import RowKind, RowT

    # Both dialects spell ON CONFLICT alike, and both classes have the same methods.
    Insert = sqlite.Insert | postgresql.Insert

_DISK_FULL: Final = frozenset({"SQLITE_FULL", "53100"})


def _insert(dialect: str, table: Table) -> Insert:
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - of no use to most nodes

        return postgresql.insert(table)
    return sqlite.insert(table)


def _prepared(table: Table, statement: Insert) -> Prepared:
    return Prepared(statement, [column.name for column in table.columns])


@cache
def insert_or_skip(dialect: str, table: Table) -> Prepared:
    """INSERT that leaves an existing row as it is (then no row is counted)."""
    return _prepared(table, _insert(dialect, table).on_conflict_do_nothing())


@cache
def insert_or_replace(dialect: str, table: Table) -> Prepared:
    """INSERT that overwrites the row of the same primary key."""
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key
    }
    return _prepared(table, statement.on_conflict_do_update(index_elements=keys, set_=changed))


@cache
def count_up(dialect: str, table: Table) -> Prepared:
    """INSERT of a counter at 1, or one more; returns its value."""
    statement = _insert(dialect, table)
    counted = statement.on_conflict_do_update(
        index_elements=["name"], set_={"value": table.c.value + 1}
    )
    return Prepared(counted.returning(table.c.value), ["name", "value"])


@cache
def move_forward(dialect: str, table: Table) -> Prepared:
    """INSERT of a cursor, or its move; counts no row when it would go back."""
    statement = _insert(dialect, table)
    moved = statement.on_conflict_do_update(
        index_elements=["destination", "trail"],
        set_={"next_idx": statement.excluded.next_idx},
        where=table.c.next_idx <= statement.excluded.next_idx,
    )
    return _prepared(table, moved)


def engine_error(error: DBAPIError) -> SealwireError:
    """``error`` in the words of our tree, without statement and values."""
    return driver_error(error.orig)


def driver_error(error: BaseException | None) -> SealwireError:
    """The driver's own error in the words of our tree."""
    # PostgreSQL's 53100 is disk_full.
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    if code in _DISK_FULL:
        return unavailable("the disk is full")
    reason = getattr(error, "sqlite_errorname", None) or str(error).partition("\n")[0]
    return unavailable(str(reason))


class TransactionConnection:
    """What a transaction's methods speak to the engine through.

    ``failure`` is the error after which this use case cannot be committed, even when it swallows
    it. ``engine_failed`` says that the engine may have ended the whole transaction by itself.
    """

    def __init__(self, connection: Connection, *, writable: bool) -> None:
        self._connection: Connection | None = connection
        self._writable = writable
        self._dialect = connection.dialect.name
        self.failure: SealwireError | None = None
        self.engine_failed = False

    def end(self) -> None:
        """After this, every use is a misuse."""
        self._connection = None

    def execute(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        """Run one statement.

        Raises UnavailableError ``store.unavailable`` when the engine cannot, ConflictError
        ``store.conflict`` and RefusedError ``store.value`` for what its constraints refuse.
        """
        connection = self._open()
        try:
            return connection.execute(statement, values)
        except DBAPIError as error:
            self.failure = self._judge(error.orig)
            raise self.failure from error

    def run(
        self, statement: Prepared, values: Mapping[str, Any] | None = None
    ) -> tuple[list[tuple[Any, ...]], int]:
        """Run one statement of the hot path: its rows, and how many it met. Raises as ``execute``.

        An engine's own error comes past SQLAlchemy here, or through it when a transaction begins.
        """
        connection = self._open()
        compiled = statement.on(connection.dialect)
        dbapi = connection.dialect.loaded_dbapi
        try:
            with closing(compiled.execute(connection, values)) as cursor:
                rows = compiled.rows(cursor) if cursor.description else []
                return rows, cursor.rowcount
        except dbapi.Error as error:
            self.failure = self._judge(error)
            raise self.failure from error
        except DBAPIError as error:
            self.failure = self._judge(error.orig)
            raise self.failure from error

    def _open(self) -> Connection:
        if self._connection is None:
            raise TransactionMisuseError("the transaction has ended")
        if self.failure is not None:
            raise self.failure
        return self._connection

    def _judge(self, error: BaseException | None) -> SealwireError:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "IntegrityError" in kinds:
            return ConflictError("store.conflict", "The database's rules do not allow this change.")
        if "DataError" in kinds:
            return RefusedError("store.value", "The database cannot keep one of these values.")
        self.engine_failed = True
        return driver_error(error)

    def must_write(self) -> None:
        """Refuse to go on in a read."""
        if self._connection is None:
            raise TransactionMisuseError("the transaction has ended")
        if not self._writable:
            raise TransactionMisuseError("a read does not write")

    def insert_new(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Whether the row is new and was inserted."""
        self.must_write()
        return self.run(insert_or_skip(self._dialect, table), values)[1] == 1

    def put(self, table: Table, values: Mapping[str, Any]) -> None:
        """Insert or replace by primary key."""
        self.must_write()
        self.run(insert_or_replace(self._dialect, table), values)

    def next_count(self, table: Table, name: str) -> int:
        """One more than ever before, from 1."""
        self.must_write()
        [(value,)], _ = self.run(count_up(self._dialect, table), {"name": name, "value": 1})
        return int(value)

    def move(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Whether the cursor was there or before, and now is there."""
        self.must_write()
        return self.run(move_forward(self._dialect, table), values)[1] == 1

    def change(
        self, statement: Executable | Prepared, values: Mapping[str, Any] | None = None
    ) -> int:
        """Run an INSERT, UPDATE or DELETE; how many rows it met."""
        self.must_write()
        if isinstance(statement, Prepared):
            return self.run(statement, values)[1]
        return self.execute(statement, values).rowcount

    def first(
        self,
        kind: RowKind[RowT],
        statement: Executable | Prepared,
        values: Mapping[str, Any] | None = None,
    ) -> RowT | None:
        """The first row found."""
        row: Sequence[Any] | None
        if isinstance(statement, Prepared):
            row = next(iter(self.run(statement, values)[0]), None)
        else:
            row = self.execute(statement, values).first()
        return None if row is None else kind.make(*row)

    def all(self, kind: RowKind[RowT], statement: Executable) -> list[RowT]:
        """Every row found."""
        return [kind.make(*row) for row in self.execute(statement)]
