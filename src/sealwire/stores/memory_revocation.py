"""Revocation sources in one transaction of the store in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sealwire.stores import promises

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.identity.revocation import RevocationSource


class RevocationTables(Protocol):
    """The table that this part of a transaction uses."""

    revocation_sources: dict[tuple[str, str], RevocationSource]


class MemoryRevocation:
    """The part of a transaction that satisfies RevocationTx."""

    def _read(self) -> RevocationTables:
        raise NotImplementedError

    def _write(self) -> RevocationTables:
        raise NotImplementedError

    def put_revocation_source(self, source: RevocationSource) -> None:
        """See RevocationTx."""
        tables = self._write()
        promises.check_texts(source)
        tables.revocation_sources[source.side, source.name] = source

    def remove_revocation_source(self, side: str, name: str) -> None:
        """See RevocationTx."""
        if self._write().revocation_sources.pop((side, name), None) is None:
            raise promises.unknown_revocation_source(name)

    def revocation_source(self, side: str, name: str) -> RevocationSource | None:
        """See RevocationTx."""
        return self._read().revocation_sources.get((side, name))

    def revocation_sources(self, side: str) -> Sequence[RevocationSource]:
        """See RevocationTx."""
        found = sorted(self._read().revocation_sources.items())
        return [source for (its_side, _), source in found if its_side == side]
