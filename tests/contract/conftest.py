"""The stores that one contract is tested on: in memory, SQLite, PostgreSQL."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import pytest

from sealwire.access.ports import AccessTx
from sealwire.appliance.ports import ApplianceTx
from sealwire.ca.ports import CaTx
from sealwire.identity.revocation import RevocationTx
from sealwire.sensor.ports import SensorTx
from sealwire.stores.memory import MemoryStore
from sealwire.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgresql import PostgresqlServer

AnyStore = MemoryStore | SqlStore


class AnyTx(AccessTx, CaTx, ApplianceTx, SensorTx, RevocationTx, Protocol):
    """What every store's transaction is: all ports in one."""


class MemoryOpener:
    """Opens the same database again and again; ``durable`` says whether it outlives its store."""

    durable = False

    def __init__(self, _folder: Path) -> None:
        self._store = MemoryStore()

    def __call__(self) -> AnyStore:
        return self._store


@cache
def fresh_sqlite() -> bytes:
    """A new database file, its migrations run once for all tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "state.db")
        SqlStore(f"sqlite:///{path}").close()
        return path.read_bytes()


class SqliteOpener:
    durable = True

    def __init__(self, folder: Path) -> None:
        path = folder / "state.db"
        path.write_bytes(fresh_sqlite())
        self._url = f"sqlite:///{path}"

    def __call__(self) -> AnyStore:
        return SqlStore(self._url)


class PostgresqlOpener:
    durable = True

    def __init__(self, server: PostgresqlServer) -> None:
        self._url = server.migrated_url()

    def __call__(self) -> AnyStore:
        return SqlStore(self._url)


Opener = MemoryOpener | SqliteOpener | PostgresqlOpener
ENGINES = ("memory", "sqlite", "postgresql")


@pytest.fixture(params=ENGINES)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "memory":
        return MemoryOpener(tmp_path)
    if request.param == "sqlite":
        return SqliteOpener(tmp_path)
    # Asked for only here: the other engines need no server.
    return PostgresqlOpener(request.getfixturevalue("postgresql"))


@pytest.fixture
def store(opener: Opener) -> Iterator[AnyStore]:
    opened = opener()
    yield opened
    opened.close()
