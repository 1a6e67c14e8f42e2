"""Statements of the hot path: compiled once for each engine, then run by the driver alone.

SQLAlchemy says what a statement is and how each value is kept, here as everywhere; only its
bookkeeping for each single execution, which costs more than the engine's own work, is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql import ClauseElement

    Process = Callable[[Any], Any]


class Prepared:
    """One statement, whose values are all bound by name; no list of unknown length among them.

    ``columns`` are those that an INSERT without values of its own is given.
    """

    def __init__(self, statement: ClauseElement, columns: Iterable[str] | None = None) -> None:
        self._statement = statement
        self._columns = None if columns is None else list(columns)
        self._compiled: dict[str, _Compiled] = {}

    def on(self, dialect: Dialect) -> _Compiled:
        """As that engine takes it."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = _Compiled(self._statement, self._columns, dialect)
            self._compiled[dialect.name] = compiled
        return compiled


class _Compiled:
    def __init__(
        self, statement: ClauseElement, columns: Sequence[str] | None, dialect: Dialect
    ) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
        self._text: str = compiled.string
        self._given: dict[str, Any] = dict(compiled.params)
        kept = {
            name: bound.type.dialect_impl(dialect).bind_processor(dialect)
            for bound, name in compiled.bind_names.items()
        }
        self._positional: bool = dialect.positional
        names = compiled.positiontup if dialect.positional else list(compiled.params)
        self._order: Sequence[tuple[str, Process | None]] = [(name, kept[name]) for name in names]
        kinds = [column[3] for column in compiled._result_columns or ()]  # noqa: SLF001 - nowhere else does the library tell a column's type
        self._read: list[Process | None] = [
            kind.dialect_impl(dialect).result_processor(dialect, None) for kind in kinds
        ]

    def execute(self, connection: Connection, values: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - the driver's cursor
        """The driver's cursor, after execution; whoever asked closes it."""
        given = self._given if values is None else {**self._given, **values}
        if not connection.in_transaction():
            connection.begin()
        cursor = connection.connection.cursor()
        kept = (
            (name, given[name] if keep is None else keep(given[name])) for name, keep in self._order
        )
        cursor.execute(self._text, [value for _, value in kept] if self._positional else dict(kept))
        return cursor

    def rows(self, cursor: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - as above
        """Every row, its values as Python has them."""
        return [
            tuple(
                value if read is None else read(value)
                for value, read in zip(row, self._read, strict=True)
            )
            for row in cursor.fetchall()
        ]
