"""Schema migrations (Alembic), shipped in the package and run when a store is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text

from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""Every revision this release knows, oldest first."""


def bring_up_to_date(engine: Engine) -> None:
    """Run the missing migrations in one transaction, alone: ``engine`` is a writer's.

    Raises RefusedError ``store.schema_newer`` when the database was made by a newer release.
    """
    with engine.begin() as connection:
        current = _current(connection)
        if current == REVISIONS[-1]:
            return
        if current is not None and current not in REVISIONS:
            raise RefusedError(
                "store.schema_newer",
                f"The database has schema {current}; this release knows {REVISIONS[-1]} at most.",
                hint="Start the newer release, or restore a backup made by this one.",
            )
        _upgrade(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return found


def _upgrade(connection: Connection) -> None:
    # Loaded only where a migration has to run: most starts need none.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", "sealwire.stores:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
