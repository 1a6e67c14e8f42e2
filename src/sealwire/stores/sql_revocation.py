"""Revocation sources in one SQL transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from sealwire.stores import promises
from sealwire.stores import sql_rows as rows
from sealwire.stores.sql_revocation_schema import revocation_sources as table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.identity.revocation import RevocationSource
    from sealwire.stores.sql_connection import TransactionConnection


class SqlRevocation:
    """The part of a transaction that satisfies RevocationTx."""

    _sql: TransactionConnection

    def put_revocation_source(self, source: RevocationSource) -> None:
        """See RevocationTx."""
        promises.check_texts(source)
        self._sql.put(table, rows.REVOCATION_SOURCES.values(source))

    def remove_revocation_source(self, side: str, name: str) -> None:
        """See RevocationTx."""
        one = delete(table).where(table.c.side == side, table.c.name == name)
        if self._sql.change(one) != 1:
            raise promises.unknown_revocation_source(name)

    def revocation_source(self, side: str, name: str) -> RevocationSource | None:
        """See RevocationTx."""
        kind = rows.REVOCATION_SOURCES
        return self._sql.first(
            kind, kind.select().where(table.c.side == side, table.c.name == name)
        )

    def revocation_sources(self, side: str) -> Sequence[RevocationSource]:
        """See RevocationTx."""
        kind = rows.REVOCATION_SOURCES
        found = kind.select().where(table.c.side == side).order_by(table.c.name)
        return self._sql.all(kind, found)
