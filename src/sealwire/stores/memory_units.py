"""Units of the appliance and its lease in one transaction of the store in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sealwire.stores import promises

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.appliance.ports import Lease, UnitRow


class UnitTables(Protocol):
    """The tables that this part of a transaction uses."""

    units: dict[str, UnitRow]
    lease: Lease | None


class MemoryUnits:
    """The part of a transaction that satisfies UnitTx."""

    def _read(self) -> UnitTables:
        raise NotImplementedError

    def _write(self) -> UnitTables:
        raise NotImplementedError

    def put_unit(self, unit: UnitRow) -> None:
        """See UnitTx."""
        promises.check_texts(unit)
        self._write().units[unit.name] = unit

    def units(self) -> Sequence[UnitRow]:
        """See UnitTx."""
        return [unit for _, unit in sorted(self._read().units.items())]

    def lease(self) -> Lease | None:
        """See UnitTx."""
        return self._read().lease

    def put_lease(self, lease: Lease) -> None:
        """See UnitTx."""
        tables = self._write()
        promises.check_texts(lease)
        if lease.term != (tables.lease.term if tables.lease else 0) + 1:
            raise promises.lease_changed()
        tables.lease = lease
