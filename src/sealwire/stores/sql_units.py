"""Units of the appliance and its lease in one SQL transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.stores import promises
from sealwire.stores import sql_rows as rows
from sealwire.stores import sql_schema as schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.appliance.ports import Lease, UnitRow
    from sealwire.stores.sql_connection import TransactionConnection


class SqlUnits:
    """The part of a transaction that satisfies UnitTx."""

    _sql: TransactionConnection

    def put_unit(self, unit: UnitRow) -> None:
        """See UnitTx."""
        promises.check_texts(unit)
        self._sql.put(schema.units, rows.UNITS.values(unit))

    def units(self) -> Sequence[UnitRow]:
        """See UnitTx."""
        return self._sql.all(rows.UNITS, rows.UNITS.select().order_by(schema.units.c.name))

    def lease(self) -> Lease | None:
        """See UnitTx."""
        return self._sql.first(rows.LEASES, rows.LEASES.select())

    def put_lease(self, lease: Lease) -> None:
        """See UnitTx."""
        self._sql.must_write()
        promises.check_texts(lease)
        stored = self.lease()
        if lease.term != (stored.term if stored else 0) + 1:
            raise promises.lease_changed()
        self._sql.put(schema.lease, rows.LEASES.values(lease) | {"row": 1})
