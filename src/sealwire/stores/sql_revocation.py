"""Revocation sources in one SQL transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from sealwire.stores import promises
from sealwire.stores import sql_rows as rows
from sealwire.stores import sql_schema as schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.identity.revocation import RevocationSource
    from sealwire.stores.sql_connection import TransactionConnection

_TABLE = schema.revocation_sources


class SqlRevocation:
    """The part of a transaction that satisfies RevocationTx."""

    _sql: TransactionConnection

    def put_revocation_source(self, source: RevocationSource) -> None:
        """See RevocationTx."""
        promises.check_texts(source)
        self._sql.put(_TABLE, rows.REVOCATION_SOURCES.values(source))

    def remove_revocation_source(self, side: str, name: str) -> None:
        """See RevocationTx."""
        one = delete(_TABLE).where(_TABLE.c.side == side, _TABLE.c.name == name)
        if self._sql.change(one) != 1:
            raise promises.unknown_revocation_source(name)

    def revocation_source(self, side: str, name: str) -> RevocationSource | None:
        """See RevocationTx."""
        kind = rows.REVOCATION_SOURCES
        return self._sql.first(
            kind, kind.select().where(_TABLE.c.side == side, _TABLE.c.name == name)
        )

    def revocation_sources(self, side: str) -> Sequence[RevocationSource]:
        """See RevocationTx."""
        kind = rows.REVOCATION_SOURCES
        found = kind.select().where(_TABLE.c.side == side).order_by(_TABLE.c.name)
        return self._sql.all(kind, found)
