"""A real PostgreSQL server for the tests: unpacked, in a folder of its own, on loopback only.

The server refuses to run as root; root's tests then run it as ``nobody``, in a folder that this
account may enter (pytest's own are closed to it).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import sql

from sealwire.clock import SystemClock
from sealwire.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Sequence

UNPACKED = Path(__file__).resolve().parent.parent / ".peers" / "postgresql"
LOOPBACK = "127.0.0.1"
USER = "sealwire"
PASSWORD = "kept-s3cret"
ACCOUNT = "nobody"
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "log_timezone": "GMT",
    "timezone": "GMT",
}
_TEMPLATE = "sealwire_template"


class PostgresqlError(AssertionError):
    """The server is missing, or did not start."""


@dataclass
class PostgresqlServer:
    """One server, and as many fresh databases as are asked for. A context manager."""

    folder: Path = field(init=False)
    port: int = field(default=0, init=False)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _made: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        if not UNPACKED.is_dir():
            raise PostgresqlError(f"PostgreSQL is not unpacked ({UNPACKED}): run 'make peers'")
        self.folder = Path(tempfile.mkdtemp(prefix="sealwire-postgresql-"))
        try:
            self._prepare()
            self._start()
            self._make_template()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            # "Immediate shutdown": nobody will read what it did not write yet.
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """What a node is given."""
        return f"postgresql://{USER}:{PASSWORD}@{LOOPBACK}:{self.port}/{database}"

    def fresh_url(self) -> str:
        """An empty database of its own."""
        return self._create("template0")

    def migrated_url(self) -> str:
        """A database of its own whose migrations have run: quicker where they are not the point."""
        return self._create(_TEMPLATE)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement as the owner; its rows."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def cut_off(self, url: str) -> None:
        """End every connection to that database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (url.rpartition("/")[2],),
            )

    def said(self) -> str:
        """The last lines of the server's log."""
        log = self.folder / "server.log"
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        return "\n".join(text.splitlines()[-20:])

    def _create(self, template: str) -> str:
        self._made += 1
        name = f"test_{self._made}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
        return self.url(name)

    def _make_template(self) -> None:
        self.ask(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        SqlStore(self.url(_TEMPLATE)).close()

    def _prepare(self) -> None:
        """The cluster, and as root a copy of the programs where the other account finds them."""
        if os.geteuid() == 0:
            shutil.copytree(UNPACKED, self.folder / "programs", symlinks=True)
            os.chown(self.folder, *_account())
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(secret, *_account())
        words = ("-U", USER, "--pwfile", str(secret), "-A", "scram-sha-256", "-E", "UTF8")
        self._run("initdb", *words, "--locale=C.UTF-8", "--no-sync", "-D", str(self.data)).wait(60)
        if not (self.data / "PG_VERSION").exists():
            raise PostgresqlError(f"initdb failed:\n{self.said()}")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _start(self) -> None:
        for _ in range(5):
            self.port = _free_port()
            settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
            self.process = self._run(
                "postgres", "-D", str(self.data), "-p", str(self.port), *settings
            )
            if self._answers():
                return
        raise PostgresqlError(f"PostgreSQL does not start:\n{self.said()}")

    def _answers(self) -> bool:
        """False when the process ended: the port may have been taken meanwhile."""
        assert self.process is not None
        clock = SystemClock()
        until = clock.monotonic() + 30
        while self.process.poll() is None and clock.monotonic() < until:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        as_root = os.geteuid() == 0
        root = self.folder / "programs" if as_root else UNPACKED
        path = next(iter(root.glob(f"usr/lib/postgresql/*/bin/{program}")), None)
        if path is None:
            raise PostgresqlError(f"{program} is not unpacked ({root}): run 'make peers'")
        environment = {"LD_LIBRARY_PATH": _library_path(root), "LC_ALL": "C.UTF-8", "TZ": "GMT"}
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [str(path), *words],
                cwd=self.folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=ACCOUNT if as_root else None,
                group=_account()[1] if as_root else None,
                extra_groups=[] if as_root else None,
            )


def _account() -> tuple[int, int]:
    entry = pwd.getpwnam(ACCOUNT)
    return entry.pw_uid, entry.pw_gid


def _library_path(root: Path) -> str:
    folders: Sequence[Path] = sorted({file.parent for file in root.glob("**/*.so.*")})
    return ":".join(map(str, folders))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
