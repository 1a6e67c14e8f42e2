"""Certificate profiles in one SQL transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select

from sealwire.stores import promises
from sealwire.stores import sql_rows as rows
from sealwire.stores import sql_schema as schema
from sealwire.stores.sql_prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select

    from sealwire.ca.ports import ProfileState, StoredProfile
    from sealwire.stores.sql_connection import TransactionConnection

_IN_FORCE: Final = Prepared(
    select(
        *(schema.profile_states.c[name] for name in rows.PROFILE_STATES.columns),
        *(schema.profile_versions.c[name] for name in rows.PROFILE_VERSIONS.columns),
    ).where(
        schema.profile_states.c.profile_id == bindparam("wanted"),
        schema.profile_versions.c.profile_id == schema.profile_states.c.profile_id,
        schema.profile_versions.c.version == schema.profile_states.c.version,
    )
)


class SqlProfiles:
    """The part of a transaction that satisfies ProfileTx."""

    _sql: TransactionConnection

    def add_profile_version(self, profile: StoredProfile) -> None:
        """See ProfileTx."""
        self._sql.must_write()
        promises.check_texts(profile)
        last = self._sql.first(rows.PROFILE_VERSIONS, _versions(profile.profile_id).limit(1))
        follows = profile.version == (last.version if last else 0) + 1
        values = rows.PROFILE_VERSIONS.values(profile)
        if not follows or not self._sql.insert_new(schema.profile_versions, values):
            raise promises.profile_version(profile.profile_id)

    def profile_version(self, profile_id: str, version: int) -> StoredProfile | None:
        """See ProfileTx."""
        statement = _versions(profile_id).where(schema.profile_versions.c.version == version)
        return self._sql.first(rows.PROFILE_VERSIONS, statement)

    def profile_versions(self, profile_id: str) -> Sequence[StoredProfile]:
        """See ProfileTx."""
        return self._sql.all(rows.PROFILE_VERSIONS, _versions(profile_id))

    def put_profile_state(self, state: ProfileState) -> None:
        """See ProfileTx."""
        self._sql.must_write()
        promises.check_texts(state)
        if self.profile_version(state.profile_id, state.version) is None:
            raise promises.profile_unknown(state.profile_id)
        self._sql.put(schema.profile_states, rows.PROFILE_STATES.values(state))

    def profile_state(self, profile_id: str) -> ProfileState | None:
        """See ProfileTx."""
        table = schema.profile_states
        return self._sql.first(
            rows.PROFILE_STATES,
            rows.PROFILE_STATES.select().where(table.c.profile_id == profile_id),
        )

    def profile_in_force(self, profile_id: str) -> tuple[ProfileState, StoredProfile] | None:
        """See ProfileTx."""
        found, _ = self._sql.run(_IN_FORCE, {"wanted": profile_id})
        if not found:
            return None
        width = len(rows.PROFILE_STATES.columns)
        return (
            rows.PROFILE_STATES.make(*found[0][:width]),
            rows.PROFILE_VERSIONS.make(*found[0][width:]),
        )

    def profile_states(self) -> Sequence[ProfileState]:
        """See ProfileTx."""
        statement = rows.PROFILE_STATES.select().order_by(schema.profile_states.c.profile_id)
        return self._sql.all(rows.PROFILE_STATES, statement)

    def remove_profile_state(self, profile_id: str) -> None:
        """See ProfileTx."""
        table = schema.profile_states
        self._sql.change(delete(table).where(table.c.profile_id == profile_id))


def _versions(profile_id: str) -> Select[tuple[object, ...]]:
    table = schema.profile_versions
    statement = rows.PROFILE_VERSIONS.select().where(table.c.profile_id == profile_id)
    return statement.order_by(table.c.version.desc())
