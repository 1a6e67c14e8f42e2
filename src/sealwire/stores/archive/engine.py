"""What the index needs of an engine, and ClickHouse inside this process (chDB)."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa
from chdb import session

from sealwire.errors import ConflictError, UnavailableError
from sealwire.stores.archive.dialect import Dialect, text_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Parameter = str | int
Setting = str | int | float

TIMEOUT: Final = 159
TOO_MANY_ROWS: Final = 158
TOO_SLOW: Final = 160
MEMORY: Final = 241
BAD_PATTERN: Final = 427

_CODE: Final = re.compile(r"(?:Code: |error code )(\d+)")
_LOCKED: Final = 76
_OTHER_PATH: Final = 36


PATIENCE_S: Final = 60.0
"""How long a question may wait for those before it, each of which may take some seconds."""


class EngineError(Exception):
    """The engine refused or failed. ``code`` is ClickHouse's number; 0 when it gave none."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Engine(Protocol):
    """Executes ClickHouse SQL.

    Concurrency: any thread may call; a question does not wait for an insert. Durability: when
    ``insert`` returns, the rows survive a power cut, as far as the tables' settings say so.
    ``insert`` with a ``token`` that the table has seen changes nothing; but when an insert was
    interrupted, the table may have seen its token and not have all its rows.
    """

    dialect: Dialect

    def execute(
        self,
        sql: str,
        parameters: Mapping[str, Parameter] | None = None,
        settings: Mapping[str, Setting] | None = None,
    ) -> pa.Table:
        """Answer of ``sql``, text as binary columns. Raises EngineError."""
        ...

    def insert(self, table: str, rows: pa.Table, token: str | None) -> None:
        """Put ``rows`` into the columns of their names, as one block. Raises EngineError."""
        ...

    def close(self) -> None:
        """Let go of everything. No other method may be called after it."""
        ...


def error_of(text: str) -> EngineError:
    """What the engine's words mean."""
    found = _CODE.search(text)
    return EngineError(int(found[1]) if found else 0, text)


ONE_BLOCK: Final[Mapping[str, Setting]] = {
    "max_insert_threads": 1,
    "max_threads": 1,
    "min_insert_block_size_rows": 1_000_000_000,
    "min_insert_block_size_bytes": 0,
    "max_insert_block_size": 1_000_000_000,
}
"""One block for each INSERT: deduplication by token counts blocks."""


def once_for(token: str | None) -> Mapping[str, Setting]:
    """Settings of an INSERT that is one for ``token``, or one more."""
    if token is None:
        return {"insert_deduplicate": 0}
    return {"insert_deduplicate": 1, "insert_deduplication_token": token}


ASKED: Final[Mapping[str, Setting]] = {
    "output_format_arrow_string_as_string": 0,
    "output_format_arrow_parallel_encoding": 0,
    "output_format_arrow_compression_method": "none",
    "use_statistics": 0,
    "use_top_k_dynamic_filtering": 0,
}
"""How chDB 26.5 answers. It waits for ever at times when several threads encode an answer that
comes in many blocks. Statistics of columns take longer to look at, from some minutes after the
start on, than most questions take; they are not kept either (``Dialect.table_settings``). To drop
rows that can no longer be among the newest costs more than it saves, the order being by time."""


class ChdbEngine:
    """ClickHouse in this process, on a folder of its own.

    One process can have the folder open, and a process can have one folder open: ConflictError
    ``index.in_use`` otherwise. Questions and inserts have a session each, so that they do not
    wait for one another; of each kind there is one at a time.

    A question that does not come back cannot be ended from outside: ``stuck`` is called when others
    have waited ``patience_s`` for it. What is in the folder is safe if the process is killed then.
    """

    def __init__(
        self,
        folder: Path,
        stuck: Callable[[], None] = lambda: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.dialect = Dialect()
        self._stuck = stuck
        self._patience_s = patience_s
        self._asking = threading.Lock()
        self._inserting = threading.Lock()
        try:
            self._questions, self._inserts = _session(folder), _session(folder)
        except RuntimeError as error:
            raise _cannot_open(str(error)) from None

    def execute(
        self,
        sql: str,
        parameters: Mapping[str, Parameter] | None = None,
        settings: Mapping[str, Setting] | None = None,
    ) -> pa.Table:
        """See Engine."""
        given = {**(settings or {}), **ASKED}
        escaped = {name: _escaped(value) for name, value in (parameters or {}).items()}
        if not self._asking.acquire(timeout=self._patience_s):
            self._stuck()
            raise EngineError(0, "It does not come back from an earlier question.")
        try:
            return _table(_told(self._questions, f"{sql} {_clause(given)}", escaped))
        finally:
            self._asking.release()

    def insert(self, table: str, rows: pa.Table, token: str | None) -> None:
        """See Engine."""
        columns = ", ".join(rows.column_names)
        settings = {**ONE_BLOCK, **once_for(token)}
        sql = f"INSERT INTO {table} ({columns}) {_clause(settings)} SELECT {columns} FROM "  # noqa: S608 - names of our own schema
        with self._inserting:
            _insert_table(self._inserts, sql, rows)

    def close(self) -> None:
        """See Engine."""
        with self._asking, self._inserting:
            self._questions.close()
            self._inserts.close()


def _session(folder: Path) -> Any:  # noqa: ANN401 - chDB tells no types
    return session.Session(str(folder))  # type: ignore[no-untyped-call]


def _insert_table(inserts: Any, sql: str, rows: pa.Table) -> None:  # noqa: ANN401 - the same
    # chDB finds the table by the name of a variable in the frame that calls it.
    rows_to_insert = rows  # noqa: F841 - read by name
    try:
        inserts.query(sql + "Python(rows_to_insert)")
    except RuntimeError as error:
        raise error_of(str(error)) from None


def _told(asked: Any, sql: str, parameters: Mapping[str, str]) -> bytes:  # noqa: ANN401 - the same
    try:
        answer = asked.query(sql, "Arrow", params=dict(parameters))
    except RuntimeError as error:
        raise error_of(str(error)) from None
    return bytes(answer.bytes()) if answer is not None else b""


def _table(answer: bytes) -> pa.Table:
    if not answer:
        return pa.table({})
    with pa.ipc.open_file(pa.BufferReader(answer)) as reader:
        return reader.read_all()


def _clause(settings: Mapping[str, Setting]) -> str:
    return "SETTINGS " + ", ".join(
        f"{name} = {_literal(value)}" for name, value in settings.items()
    )


def _literal(value: Setting) -> str:
    return text_literal(value) if isinstance(value, str) else str(value)


_ESCAPES: Final = {
    ord(char): escape
    for char, escape in (
        ("\\", "\\\\"),
        ("\t", "\\t"),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\0", "\\0"),
    )
}


def _escaped(value: Parameter) -> str:
    """A parameter's value as the engine reads it: its own format for text between tabs."""
    return str(value).translate(_ESCAPES)


def _cannot_open(text: str) -> ConflictError | UnavailableError:
    if error_of(text).code in {_LOCKED, _OTHER_PATH}:
        return ConflictError(
            "index.in_use",
            "The index is open in another process.",
            hint="Ask the running node, or stop it first.",
        )
    return UnavailableError("index.unavailable", f"The index cannot be opened: {text[:200]}")
