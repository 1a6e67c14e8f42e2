"""Rows of tables as the ports' dataclasses: a field is a column of the same name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sqlalchemy import Select, Table, select

from sealwire.access.ports import Attempts, Session
from sealwire.appliance.ports import Destination, Input, Lease, UnitRow
from sealwire.audit.ports import TrailHead, TrailRecord
from sealwire.ca.ports import (
    Approval,
    CaCertificates,
    IssuedCertificate,
    IssuedCrl,
    ProfileState,
    Request,
    StoredProfile,
)
from sealwire.identity.ports import InstalledIdentity, PendingCsr
from sealwire.identity.revocation import RevocationSource
from sealwire.stores import sql_schema as schema
from sealwire.stores.sql_revocation_schema import revocation_sources

if TYPE_CHECKING:
    from collections.abc import Callable

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class RowKind(Generic[RowT]):
    """A table and the dataclass of its rows."""

    table: Table
    make: Callable[..., RowT]
    columns: tuple[str, ...]

    def select(self) -> Select[Any]:
        """All rows, their columns in the order of the dataclass's fields."""
        return select(*(self.table.c[name] for name in self.columns))

    def values(self, row: RowT) -> dict[str, Any]:
        """The columns of ``row``."""
        return {name: getattr(row, name) for name in self.columns}


def _kind(table: Table, make: type[RowT]) -> RowKind[RowT]:
    names = tuple(field.name for field in fields(make))  # type: ignore[arg-type]  # dataclasses all
    return RowKind(table, make, names)


HEADS: Final = _kind(schema.trails, TrailHead)
RECORDS: Final = _kind(schema.trail_records, TrailRecord)
REQUESTS: Final = _kind(schema.requests, Request)
CERTIFICATES: Final = _kind(schema.certificates, IssuedCertificate)
APPROVALS: Final = _kind(schema.approvals, Approval)
PROFILE_VERSIONS: Final = _kind(schema.profile_versions, StoredProfile)
PROFILE_STATES: Final = _kind(schema.profile_states, ProfileState)
CRLS: Final = _kind(schema.crls, IssuedCrl)
CA_CERTIFICATES: Final = _kind(schema.ca_certificates, CaCertificates)
PENDING_CSRS: Final = _kind(schema.pending_csrs, PendingCsr)
IDENTITIES: Final = _kind(schema.identities, InstalledIdentity)
DESTINATIONS: Final = _kind(schema.destinations, Destination)
SESSIONS: Final = _kind(schema.sessions, Session)
ATTEMPTS: Final = _kind(schema.attempts, Attempts)
UNITS: Final = _kind(schema.units, UnitRow)
LEASES: Final = _kind(schema.lease, Lease)
INPUTS: Final = _kind(schema.inputs, Input)
REVOCATION_SOURCES: Final = _kind(revocation_sources, RevocationSource)
