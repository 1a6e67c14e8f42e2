"""Users' end, their sessions and log-in attempts in one SQL transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update

from sealwire.stores import promises
from sealwire.stores import sql_rows as rows
from sealwire.stores import sql_schema as schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.access.ports import Attempts, Session
    from sealwire.stores.sql_connection import TransactionConnection


class SqlAccess:
    """The part of a transaction that satisfies SessionTx, and ``remove_user``."""

    _sql: TransactionConnection

    def remove_user(self, name: str) -> None:
        """See UserTx."""
        table = schema.users
        if self._sql.change(delete(table).where(table.c.name == name)) != 1:
            raise promises.user_unknown(name)

    def put_session(self, session: Session) -> None:
        """See SessionTx."""
        self._sql.must_write()
        promises.check_texts(session)
        table = schema.users
        owner = select(table.c.name).where(table.c.name == session.user_name)
        if self._sql.execute(owner).first() is None:
            raise promises.user_unknown(session.user_name)
        self._sql.put(schema.sessions, rows.SESSIONS.values(session))

    def session(self, token_sha256: str) -> Session | None:
        """See SessionTx."""
        table = schema.sessions
        statement = rows.SESSIONS.select().where(table.c.token_sha256 == token_sha256)
        return self._sql.first(rows.SESSIONS, statement)

    def sessions_of(self, user_name: str) -> Sequence[Session]:
        """See SessionTx."""
        table = schema.sessions
        statement = rows.SESSIONS.select().where(table.c.user_name == user_name)
        ordered = statement.order_by(table.c.created, table.c.token_sha256)
        return self._sql.all(rows.SESSIONS, ordered)

    def remove_session(self, token_sha256: str) -> None:
        """See SessionTx."""
        table = schema.sessions
        self._sql.change(delete(table).where(table.c.token_sha256 == token_sha256))

    def remove_sessions_before(self, created: datetime, last_seen: datetime) -> int:
        """See SessionTx."""
        table = schema.sessions
        old = or_(table.c.created < created, table.c.last_seen < last_seen)
        return self._sql.change(delete(table).where(old))

    def put_attempts(self, attempts: Attempts) -> None:
        """See SessionTx."""
        promises.check_texts(attempts)
        self._sql.put(schema.attempts, rows.ATTEMPTS.values(attempts))

    def attempts(self, subject: str) -> Attempts | None:
        """See SessionTx."""
        statement = rows.ATTEMPTS.select().where(schema.attempts.c.subject == subject)
        return self._sql.first(rows.ATTEMPTS, statement)

    def reset_attempts(self, user: str) -> int:
        """See SessionTx."""
        table = schema.attempts
        return self._sql.change(update(table).where(table.c.user == user).values(count=0))

    def remove_attempts_before(self, last: datetime) -> int:
        """See SessionTx."""
        table = schema.attempts
        return self._sql.change(delete(table).where(table.c.last < last))
