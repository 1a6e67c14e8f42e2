"""One transaction of the store in memory, for every port."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sealwire.audit.events import check_event_name
from sealwire.audit.ports import TrailHead, TrailRecord
from sealwire.stores import promises
from sealwire.stores.memory_access import MemoryAccess
from sealwire.stores.memory_authority import MemoryAuthority
from sealwire.stores.memory_revocation import MemoryRevocation
from sealwire.stores.memory_units import MemoryUnits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.access.ports import AccessTx, Attempts, Session, User
    from sealwire.appliance.ports import ApplianceTx, Destination, Input, Lease, UnitRow
    from sealwire.ca.ports import (
        Approval,
        CaCertificates,
        CaTx,
        IssuedCertificate,
        IssuedCrl,
        ProfileState,
        Request,
        StoredProfile,
    )
    from sealwire.identity.ports import InstalledIdentity, PendingCsr
    from sealwire.identity.revocation import RevocationSource
    from sealwire.sensor.ports import SensorTx

_EMPTY = TrailHead(0, ())


@dataclass(frozen=True, slots=True)
class TrailRows:
    """A trail. ``records`` is shared between states, each of which sees its head's size of it."""

    records: list[TrailRecord]
    head: TrailHead


@dataclass(slots=True)
class Tables:
    """Everything stored. Rows are immutable, so a copy of the mappings is a snapshot."""

    users: dict[str, User] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    attempts: dict[str, Attempts] = field(default_factory=dict)
    requests: dict[int, Request] = field(default_factory=dict)
    last_request_id: int = 0
    certificates: dict[int, IssuedCertificate] = field(default_factory=dict)
    ca_certificates: CaCertificates | None = None
    approvals: tuple[Approval, ...] = ()
    profile_versions: dict[tuple[str, int], StoredProfile] = field(default_factory=dict)
    profile_states: dict[str, ProfileState] = field(default_factory=dict)
    crls: tuple[IssuedCrl, ...] = ()
    trails: dict[str, TrailRows] = field(default_factory=dict)
    pending_csrs: dict[tuple[str, str], PendingCsr] = field(default_factory=dict)
    identities: dict[tuple[str, int], InstalledIdentity] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    destinations: dict[str, Destination] = field(default_factory=dict)
    cursors: dict[tuple[str, str], int] = field(default_factory=dict)
    inputs: dict[str, Input] = field(default_factory=dict)
    units: dict[str, UnitRow] = field(default_factory=dict)
    lease: Lease | None = None
    revocation_sources: dict[tuple[str, str], RevocationSource] = field(default_factory=dict)

    def copy(self) -> Tables:
        """A state of its own that begins equal to this one."""
        return replace(
            self,
            users=dict(self.users),
            sessions=dict(self.sessions),
            attempts=dict(self.attempts),
            requests=dict(self.requests),
            certificates=dict(self.certificates),
            profile_versions=dict(self.profile_versions),
            profile_states=dict(self.profile_states),
            trails=dict(self.trails),
            pending_csrs=dict(self.pending_csrs),
            identities=dict(self.identities),
            settings=dict(self.settings),
            destinations=dict(self.destinations),
            cursors=dict(self.cursors),
            inputs=dict(self.inputs),
            units=dict(self.units),
            revocation_sources=dict(self.revocation_sources),
        )


class MemoryTransaction(MemoryAccess, MemoryAuthority, MemoryUnits, MemoryRevocation):
    """Satisfies every transaction port; see there for the promises."""

    def __init__(self, tables: Tables, *, writable: bool) -> None:
        self._tables: Tables | None = tables
        self._writable = writable
        self._locked_trails: set[str] = set()

    def end(self) -> None:
        """After this, every use of the transaction is a misuse."""
        self._tables = None

    def _read(self) -> Tables:
        if self._tables is None:
            raise promises.TransactionMisuseError("the transaction has ended")
        return self._tables

    def _write(self) -> Tables:
        tables = self._read()
        if not self._writable:
            raise promises.TransactionMisuseError("a read does not write")
        return tables

    # Trails

    def lock_trail(self, trail: str) -> TrailHead:
        """See TrailTx."""
        self._write()
        promises.check_text(trail)
        self._locked_trails.add(trail)
        return self.trail_head(trail)

    def append_record(self, record: TrailRecord, head: TrailHead) -> None:
        """See TrailTx. Raises RefusedError ``audit.event_unknown`` outside the catalogue."""
        tables = self._write()
        check_event_name(record.event)
        promises.check_texts(record)
        if record.trail not in self._locked_trails:
            raise promises.TransactionMisuseError("a trail is locked before it is appended to")
        rows = tables.trails.get(record.trail, TrailRows([], _EMPTY))
        if record.idx != rows.head.size or head.size != record.idx + 1:
            raise promises.trail_index(record.trail)
        # What stands behind the head was left by a transaction that did not come to its end.
        del rows.records[record.idx :]
        rows.records.append(record)
        tables.trails[record.trail] = TrailRows(rows.records, head)

    def trail_head(self, trail: str) -> TrailHead:
        """See TrailTx."""
        rows = self._read().trails.get(trail)
        return rows.head if rows else _EMPTY

    def trail_names(self) -> Sequence[str]:
        """See TrailTx."""
        return sorted(self._read().trails)

    def trail_records(self, trail: str, *, start: int, limit: int) -> Sequence[TrailRecord]:
        """See TrailTx."""
        rows = self._read().trails.get(trail)
        if rows is None:
            return []
        return rows.records[start : min(start + limit, rows.head.size)]

    # Users

    def put_user(self, user: User) -> None:
        """See UserTx."""
        tables = self._write()
        promises.check_texts(user)
        for other in tables.users.values():
            if other.name != user.name and other.certificate_sha256 & user.certificate_sha256:
                raise promises.user_certificate_taken()
        tables.users[user.name] = user

    def user(self, name: str) -> User | None:
        """See UserTx."""
        return self._read().users.get(name)

    def user_by_certificate(self, sha256: str) -> User | None:
        """See UserTx."""
        users = self._read().users.values()
        return next((user for user in users if sha256 in user.certificate_sha256), None)

    def users(self) -> Sequence[User]:
        """See UserTx."""
        return [user for _, user in sorted(self._read().users.items())]

    # Identities

    def add_pending_csr(self, pending: PendingCsr) -> None:
        """See IdentityTx."""
        promises.check_texts(pending)
        self._write().pending_csrs[pending.identity, pending.key_id] = pending

    def pending_csrs(self, identity: str) -> Sequence[PendingCsr]:
        """See IdentityTx."""
        found = [row for row in self._read().pending_csrs.values() if row.identity == identity]
        return sorted(found, key=lambda row: (row.created, row.key_id))

    def remove_pending_csr(self, identity: str, key_id: str) -> None:
        """See IdentityTx."""
        self._write().pending_csrs.pop((identity, key_id), None)

    def install_identity(self, installed: InstalledIdentity) -> None:
        """See IdentityTx."""
        tables = self._write()
        promises.check_texts(installed)
        last = self.installed_identity(installed.identity)
        if installed.generation != (last.generation if last else 0) + 1:
            raise promises.identity_generation(installed.identity)
        tables.identities[installed.identity, installed.generation] = installed

    def installed_identity(self, identity: str) -> InstalledIdentity | None:
        """See IdentityTx."""
        return next(iter(self.identity_history(identity)), None)

    def identity_history(self, identity: str) -> Sequence[InstalledIdentity]:
        """See IdentityTx."""
        found = [row for row in self._read().identities.values() if row.identity == identity]
        return sorted(found, key=lambda row: row.generation, reverse=True)

    # Settings

    def setting(self, name: str) -> str | None:
        """See SettingsTx."""
        return self._read().settings.get(name)

    def put_setting(self, name: str, document: str) -> None:
        """See SettingsTx."""
        promises.check_text(name)
        promises.check_text(document)
        self._write().settings[name] = document

    # Destinations and inputs

    def put_destination(self, destination: Destination) -> None:
        """See ApplianceTx."""
        promises.check_texts(destination)
        self._write().destinations[destination.name] = destination

    def remove_destination(self, name: str) -> None:
        """See ApplianceTx."""
        tables = self._write()
        if tables.destinations.pop(name, None) is None:
            raise promises.destination_unknown(name)
        for key in [key for key in tables.cursors if key[0] == name]:
            del tables.cursors[key]

    def destination(self, name: str) -> Destination | None:
        """See ApplianceTx."""
        return self._read().destinations.get(name)

    def destinations(self) -> Sequence[Destination]:
        """See ApplianceTx."""
        return [row for _, row in sorted(self._read().destinations.items())]

    def cursor(self, destination: str, trail: str) -> int:
        """See ApplianceTx."""
        return self._read().cursors.get((destination, trail), 0)

    def put_cursor(self, destination: str, trail: str, next_idx: int) -> None:
        """See ApplianceTx. Raises NotFoundError ``destination.unknown`` too."""
        tables = self._write()
        promises.check_text(trail)
        if destination not in tables.destinations:
            raise promises.destination_unknown(destination)
        if next_idx < self.cursor(destination, trail):
            raise promises.cursor_backwards(destination)
        tables.cursors[destination, trail] = next_idx

    def put_input(self, source: Input) -> None:
        """See ApplianceTx."""
        promises.check_texts(source)
        self._write().inputs[source.name] = source

    def remove_input(self, name: str) -> None:
        """See ApplianceTx."""
        if self._write().inputs.pop(name, None) is None:
            raise promises.input_unknown(name)

    def inputs(self) -> Sequence[Input]:
        """See ApplianceTx."""
        return [row for _, row in sorted(self._read().inputs.items())]


if TYPE_CHECKING:

    def _satisfies(tx: MemoryTransaction) -> tuple[AccessTx, CaTx, ApplianceTx, SensorTx]:
        """Checked by mypy only."""
        return tx, tx, tx, tx
