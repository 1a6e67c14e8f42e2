"""What access needs of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        """Insert or replace by name. ConflictError when another user has one of its certificates."""
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
