"""What access needs of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType


@dataclass(frozen=True, slots=True)
class User:
    """A person.

    ``password_hash`` is an Argon2id string or empty; certificates are SHA-256 hex of DER.
    """

    name: str
    full_name: str
    roles: frozenset[str]
    password_hash: str
    must_change_password: bool
    certificate_sha256: frozenset[str]
    enabled: bool = True


class UserTx(Protocol):
    """Users inside one transaction."""

    def put_user(self, user: User) -> None:
        """Insert or replace by name. ConflictError when another user has its certificate."""
        ...

    def user(self, name: str) -> User | None:
        """By name, exactly as spelled."""
        ...

    def user_by_certificate(self, sha256: str) -> User | None:
        """Whose log-in certificate this is."""
        ...

    def users(self) -> Sequence[User]:
        """All, by name."""
        ...

    def remove_user(self, name: str) -> None:
        """With certificates and sessions. Raises NotFoundError ``user.unknown``."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody's stay at the console.

    ``token_sha256`` is SHA-256 hex of the cookie, which itself is kept nowhere. ``form_token``
    must come back with every form. ``authenticated_by`` is ``password`` or ``certificate``.
    """

    token_sha256: str
    user_name: str
    created: datetime
    last_seen: datetime
    form_token: str
    authenticated_by: str
    address: str


@dataclass(frozen=True, slots=True)
class Attempts:
    """Log-in attempts that did not succeed (yet), counted for one subject.

    ``subject`` is a digest that stands for a user, an address, or both together; ``user`` is the
    digest of the user's name where there is one in it, else empty. ``succeeded`` is when a log-in
    last succeeded, for a user and an address together.
    """

    subject: str
    user: str
    count: int
    last: datetime
    succeeded: datetime | None = None


class SessionTx(Protocol):
    """Sessions and counted attempts inside one transaction."""

    def put_session(self, session: Session) -> None:
        """Insert or replace by token. Raises NotFoundError ``user.unknown``."""
        ...

    def session(self, token_sha256: str) -> Session | None:
        """By the digest of its token."""
        ...

    def sessions_of(self, user_name: str) -> Sequence[Session]:
        """Somebody's, the oldest first."""
        ...

    def remove_session(self, token_sha256: str) -> None:
        """End one; no error when it is not there."""
        ...

    def remove_sessions_before(self, created: datetime, last_seen: datetime) -> int:
        """End those created before the one or last seen before the other; how many."""
        ...

    def put_attempts(self, attempts: Attempts) -> None:
        """Insert or replace by subject."""
        ...

    def attempts(self, subject: str) -> Attempts | None:
        """Of one subject."""
        ...

    def reset_attempts(self, user: str) -> int:
        """Count anew from 0 wherever ``user`` is part of the subject; how many counts that were."""
        ...

    def remove_attempts_before(self, last: datetime) -> int:
        """Forget those whose last attempt was before that; how many."""
        ...


class CertificateStandingTx(Protocol):
    """What the CA of this installation says of certificates, where there is one."""

    def certificate_revoked(self, sha256: str) -> bool:
        """Whether it issued the one with this digest of its DER (hex), and revoked or holds it."""
        ...


class AccessTx(UserTx, SessionTx, CertificateStandingTx, Protocol):
    """Users, their sessions, attempts to become one of them, and what they show."""


class Turns(Protocol):
    """Entered around every password hash, which takes 64 MiB: who comes too many waits.

    Safe to enter from any thread, again and again; not entered twice by one thread.
    """

    def __enter__(self) -> object:
        """Wait for a turn."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Let the next one in."""
        ...
