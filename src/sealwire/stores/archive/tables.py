"""The engine with its errors turned into the project's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.stores.archive.engine import EngineError
from sealwire.stores.archive.limits import meant

ANY_SIZE: Final = {"max_table_size_to_drop": 0, "max_partition_size_to_drop": 0}

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from sealwire.stores.archive.dialect import Dialect
    from sealwire.stores.archive.engine import Engine, Parameter
    from sealwire.stores.archive.limits import Budget


class Tables:
    """What the index does with its engine. Raises what ``limits.meant`` says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def dialect(self) -> Dialect:
        """In what the engine's SQL differs."""
        return self._engine.dialect

    def ask(
        self,
        sql: str,
        parameters: Mapping[str, Parameter] | None = None,
        budget: Budget | None = None,
    ) -> pa.Table:
        """A table with the answer, within ``budget``."""
        settings = budget.settings() if budget is not None else None
        try:
            return self._engine.execute(sql, parameters, settings)
        except EngineError as error:
            raise meant(error) from None

    def run(self, statement: str) -> None:
        """Change tables, however large they are."""
        try:
            self._engine.execute(statement, None, ANY_SIZE)
        except EngineError as error:
            raise meant(error) from None

    def insert(self, table: str, rows: pa.Table, token: str | None) -> None:
        """Rows once for each ``token``, or however often it is called."""
        try:
            self._engine.insert(table, rows, token)
        except EngineError as error:
            raise meant(error) from None

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.close()
