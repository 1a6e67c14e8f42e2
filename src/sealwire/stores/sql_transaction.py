"""One SQL transaction, for every port. The statements are the same on every engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select, update

from sealwire.access.ports import User
from sealwire.audit.events import check_event_name
from sealwire.audit.ports import TrailHead
from sealwire.stores import promises
from sealwire.stores import sql_rows as rows
from sealwire.stores import sql_schema as schema
from sealwire.stores.sql_access import SqlAccess
from sealwire.stores.sql_certificates import SqlCertificates
from sealwire.stores.sql_prepared import Prepared
from sealwire.stores.sql_profiles import SqlProfiles
from sealwire.stores.sql_requests import SqlRequests
from sealwire.stores.sql_revocation import SqlRevocation
from sealwire.stores.sql_units import SqlUnits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Select

    from sealwire.access.ports import AccessTx
    from sealwire.appliance.ports import ApplianceTx, Destination, Input
    from sealwire.audit.ports import TrailRecord
    from sealwire.ca.ports import CaTx
    from sealwire.identity.ports import InstalledIdentity, PendingCsr
    from sealwire.sensor.ports import SensorTx
    from sealwire.stores.sql_connection import TransactionConnection

_EMPTY: Final = TrailHead(0, ())
_ONE_HEAD: Final = rows.HEADS.select().where(schema.trails.c.name == bindparam("trail"))
_HEAD: Final = Prepared(_ONE_HEAD)
_LOCK_HEAD: Final = Prepared(_ONE_HEAD.with_for_update())
_INSERT_RECORD: Final = Prepared(schema.trail_records.insert(), rows.RECORDS.columns)
_SETTING: Final = Prepared(
    select(schema.settings.c.document).where(schema.settings.c.name == bindparam("setting"))
)
_MOVE_HEAD: Final = Prepared(
    update(schema.trails)
    .where(schema.trails.c.name == bindparam("trail"), schema.trails.c.size == bindparam("idx"))
    .values(
        size=bindparam("new_size"), frontier=bindparam("new_frontier"), log=bindparam("new_log")
    )
)


class SqlTransaction(SqlAccess, SqlUnits, SqlRequests, SqlProfiles, SqlCertificates, SqlRevocation):
    """Satisfies every transaction port; see there for the promises."""

    def __init__(self, connection: TransactionConnection) -> None:
        self._sql = connection
        self._locked_trails: set[str] = set()

    # Trails

    def lock_trail(self, trail: str) -> TrailHead:
        """See TrailTx."""
        self._sql.must_write()
        promises.check_text(trail)
        head = self._sql.first(rows.HEADS, _LOCK_HEAD, {"trail": trail})
        if head is None:
            self._sql.insert_new(
                schema.trails, {"name": trail, "size": 0, "frontier": (), "log": ""}
            )
            head = self._sql.first(rows.HEADS, _LOCK_HEAD, {"trail": trail})
        self._locked_trails.add(trail)
        return head or _EMPTY

    def append_record(self, record: TrailRecord, head: TrailHead) -> None:
        """See TrailTx. Raises RefusedError ``audit.event_unknown`` outside the catalogue."""
        self._sql.must_write()
        check_event_name(record.event)
        promises.check_texts(record)
        if record.trail not in self._locked_trails:
            raise promises.TransactionMisuseError("a trail is locked before it is appended to")
        values = {
            "trail": record.trail,
            "idx": record.idx,
            "new_size": head.size,
            "new_frontier": head.frontier,
            "new_log": head.log,
        }
        if head.size != record.idx + 1 or self._sql.change(_MOVE_HEAD, values) != 1:
            raise promises.trail_index(record.trail)
        self._sql.change(_INSERT_RECORD, rows.RECORDS.values(record))

    def trail_head(self, trail: str) -> TrailHead:
        """See TrailTx."""
        return self._sql.first(rows.HEADS, _HEAD, {"trail": trail}) or _EMPTY

    def trail_names(self) -> Sequence[str]:
        """See TrailTx."""
        names = select(schema.trails.c.name).where(schema.trails.c.size > 0)
        return list(self._sql.execute(names.order_by(schema.trails.c.name)).scalars())

    def trail_records(self, trail: str, *, start: int, limit: int) -> Sequence[TrailRecord]:
        """See TrailTx."""
        table = schema.trail_records
        statement = rows.RECORDS.select().where(table.c.trail == trail, table.c.idx >= start)
        return self._sql.all(rows.RECORDS, statement.order_by(table.c.idx).limit(limit))

    # Users

    def put_user(self, user: User) -> None:
        """See UserTx."""
        self._sql.must_write()
        promises.check_texts(user)
        table = schema.user_certificates
        others = select(table.c.sha256).where(
            table.c.sha256.in_(user.certificate_sha256), table.c.user_name != user.name
        )
        if self._sql.execute(others).first() is not None:
            raise promises.user_certificate_taken()
        columns = (column.name for column in schema.users.columns)
        self._sql.put(schema.users, {name: getattr(user, name) for name in columns})
        self._sql.change(delete(table).where(table.c.user_name == user.name))
        for sha256 in sorted(user.certificate_sha256):
            self._sql.execute(table.insert(), {"sha256": sha256, "user_name": user.name})

    def user(self, name: str) -> User | None:
        """See UserTx."""
        return next(iter(self._users(_USER, {"wanted": name})), None)

    def user_by_certificate(self, sha256: str) -> User | None:
        """See UserTx."""
        return next(iter(self._users(_USER_BY_CERTIFICATE, {"wanted": sha256})), None)

    def users(self) -> Sequence[User]:
        """See UserTx."""
        return self._users(_USERS)

    def _users(self, statement: Prepared, wanted: Mapping[str, str] | None = None) -> list[User]:
        found: dict[str, User] = {}
        for *columns, sha256 in self._sql.run(statement, wanted)[0]:
            values = dict(zip(_USER_COLUMNS, columns, strict=True))
            user = found.setdefault(values["name"], User(**values, certificate_sha256=frozenset()))
            if sha256 is not None:
                certificates = user.certificate_sha256 | {sha256}
                found[user.name] = replace(user, certificate_sha256=certificates)
        return list(found.values())

    # Identities

    def add_pending_csr(self, pending: PendingCsr) -> None:
        """See IdentityTx."""
        promises.check_texts(pending)
        self._sql.put(schema.pending_csrs, rows.PENDING_CSRS.values(pending))

    def pending_csrs(self, identity: str) -> Sequence[PendingCsr]:
        """See IdentityTx."""
        table = schema.pending_csrs
        statement = rows.PENDING_CSRS.select().where(table.c.identity == identity)
        return self._sql.all(rows.PENDING_CSRS, statement.order_by(table.c.created, table.c.key_id))

    def remove_pending_csr(self, identity: str, key_id: str) -> None:
        """See IdentityTx."""
        table = schema.pending_csrs
        self._sql.change(
            delete(table).where(table.c.identity == identity, table.c.key_id == key_id)
        )

    def install_identity(self, installed: InstalledIdentity) -> None:
        """See IdentityTx."""
        self._sql.must_write()
        promises.check_texts(installed)
        last = self.installed_identity(installed.identity)
        follows = installed.generation == (last.generation if last else 0) + 1
        values = rows.IDENTITIES.values(installed)
        if not follows or not self._sql.insert_new(schema.identities, values):
            raise promises.identity_generation(installed.identity)

    def installed_identity(self, identity: str) -> InstalledIdentity | None:
        """See IdentityTx."""
        return self._sql.first(rows.IDENTITIES, _history(identity).limit(1))

    def identity_history(self, identity: str) -> Sequence[InstalledIdentity]:
        """See IdentityTx."""
        return self._sql.all(rows.IDENTITIES, _history(identity))

    # Settings

    def setting(self, name: str) -> str | None:
        """See SettingsTx."""
        found, _ = self._sql.run(_SETTING, {"setting": name})
        return found[0][0] if found else None

    def put_setting(self, name: str, document: str) -> None:
        """See SettingsTx."""
        promises.check_text(name)
        promises.check_text(document)
        self._sql.put(schema.settings, {"name": name, "document": document})

    # Destinations and inputs

    def put_destination(self, destination: Destination) -> None:
        """See ApplianceTx."""
        promises.check_texts(destination)
        self._sql.put(schema.destinations, rows.DESTINATIONS.values(destination))

    def remove_destination(self, name: str) -> None:
        """See ApplianceTx."""
        table = schema.destinations
        if self._sql.change(delete(table).where(table.c.name == name)) != 1:
            raise promises.destination_unknown(name)

    def destination(self, name: str) -> Destination | None:
        """See ApplianceTx."""
        statement = rows.DESTINATIONS.select().where(schema.destinations.c.name == name)
        return self._sql.first(rows.DESTINATIONS, statement)

    def destinations(self) -> Sequence[Destination]:
        """See ApplianceTx."""
        statement = rows.DESTINATIONS.select().order_by(schema.destinations.c.name)
        return self._sql.all(rows.DESTINATIONS, statement)

    def cursor(self, destination: str, trail: str) -> int:
        """See ApplianceTx."""
        table = schema.cursors
        statement = select(table.c.next_idx).where(
            table.c.destination == destination, table.c.trail == trail
        )
        return int(self._sql.execute(statement).scalar_one_or_none() or 0)

    def put_cursor(self, destination: str, trail: str, next_idx: int) -> None:
        """See ApplianceTx. Raises NotFoundError ``destination.unknown`` too."""
        self._sql.must_write()
        promises.check_text(trail)
        if self.destination(destination) is None:
            raise promises.destination_unknown(destination)
        values = {"destination": destination, "trail": trail, "next_idx": next_idx}
        if next_idx < 0 or not self._sql.move(schema.cursors, values):
            raise promises.cursor_backwards(destination)

    def put_input(self, source: Input) -> None:
        """See ApplianceTx."""
        promises.check_texts(source)
        self._sql.put(schema.inputs, rows.INPUTS.values(source))

    def remove_input(self, name: str) -> None:
        """See ApplianceTx."""
        table = schema.inputs
        if self._sql.change(delete(table).where(table.c.name == name)) != 1:
            raise promises.input_unknown(name)

    def inputs(self) -> Sequence[Input]:
        """See ApplianceTx."""
        statement = rows.INPUTS.select().order_by(schema.inputs.c.name)
        return self._sql.all(rows.INPUTS, statement)


_USER_COLUMNS: Final = tuple(column.name for column in schema.users.columns)
_EVERY_USER: Final = (
    select(*schema.users.columns, schema.user_certificates.c.sha256)
    .join_from(schema.users, schema.user_certificates, isouter=True)
    .order_by(schema.users.c.name)
)
_OWNER: Final = select(schema.user_certificates.c.user_name).where(
    schema.user_certificates.c.sha256 == bindparam("wanted")
)
_USERS: Final = Prepared(_EVERY_USER)
_USER: Final = Prepared(_EVERY_USER.where(schema.users.c.name == bindparam("wanted")))
_USER_BY_CERTIFICATE: Final = Prepared(
    _EVERY_USER.where(schema.users.c.name == _OWNER.scalar_subquery())
)


def _history(identity: str) -> Select[tuple[object, ...]]:
    table = schema.identities
    statement = rows.IDENTITIES.select().where(table.c.identity == identity)
    return statement.order_by(table.c.generation.desc())


if TYPE_CHECKING:

    def _satisfies(tx: SqlTransaction) -> tuple[AccessTx, CaTx, ApplianceTx, SensorTx]:
        """Checked by mypy only."""
        return tx, tx, tx, tx
