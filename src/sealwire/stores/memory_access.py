"""Users' end, their sessions and log-in attempts in one transaction of the store in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sealwire.stores import promises

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.access.ports import Attempts, Session, User


class AccessTables(Protocol):
    """The tables that this part of a transaction uses."""

    users: dict[str, User]
    sessions: dict[str, Session]
    attempts: dict[str, Attempts]


class MemoryAccess:
    """The part of a transaction that satisfies SessionTx, and ``remove_user``."""

    def _read(self) -> AccessTables:
        raise NotImplementedError

    def _write(self) -> AccessTables:
        raise NotImplementedError

    def remove_user(self, name: str) -> None:
        """See UserTx."""
        tables = self._write()
        if tables.users.pop(name, None) is None:
            raise promises.user_unknown(name)
        for session in self.sessions_of(name):
            del tables.sessions[session.token_sha256]

    def put_session(self, session: Session) -> None:
        """See SessionTx."""
        tables = self._write()
        promises.check_texts(session)
        if session.user_name not in tables.users:
            raise promises.user_unknown(session.user_name)
        tables.sessions[session.token_sha256] = session

    def session(self, token_sha256: str) -> Session | None:
        """See SessionTx."""
        return self._read().sessions.get(token_sha256)

    def sessions_of(self, user_name: str) -> Sequence[Session]:
        """See SessionTx."""
        found = [row for row in self._read().sessions.values() if row.user_name == user_name]
        return sorted(found, key=lambda row: (row.created, row.token_sha256))

    def remove_session(self, token_sha256: str) -> None:
        """See SessionTx."""
        self._write().sessions.pop(token_sha256, None)

    def remove_sessions_before(self, created: datetime, last_seen: datetime) -> int:
        """See SessionTx."""
        sessions = self._write().sessions
        old = [
            token
            for token, row in sessions.items()
            if row.created < created or row.last_seen < last_seen
        ]
        for token in old:
            del sessions[token]
        return len(old)

    def put_attempts(self, attempts: Attempts) -> None:
        """See SessionTx."""
        promises.check_texts(attempts)
        self._write().attempts[attempts.subject] = attempts

    def attempts(self, subject: str) -> Attempts | None:
        """See SessionTx."""
        return self._read().attempts.get(subject)

    def reset_attempts(self, user: str) -> int:
        """See SessionTx."""
        attempts = self._write().attempts
        found = [row for row in attempts.values() if row.user == user]
        attempts.update((row.subject, replace(row, count=0)) for row in found)
        return len(found)

    def remove_attempts_before(self, last: datetime) -> int:
        """See SessionTx."""
        attempts = self._write().attempts
        old = [subject for subject, row in attempts.items() if row.last < last]
        for subject in old:
            del attempts[subject]
        return len(old)
