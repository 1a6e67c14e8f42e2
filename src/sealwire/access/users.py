"""People, their passwords, and how they prove who they are.

Passwords are kept as Argon2id strings (RFC 9106, second recommended parameter set: 64 MiB, three
passes, four lanes). A user who does not exist costs the same time as a wrong password.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from sealwire.access.ports import User
from sealwire.access.roles import AuthenticatedBy, Principal, Role
from sealwire.errors import Finding, RefusedError, Severity, UnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.access.ports import AccessTx, UserTx
    from sealwire.clock import RandomSource

READABLE_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Digits and letters that cannot be taken for each other on paper (no 0 o 1 l i)."""

SHORTEST_PASSWORD: Final = 12
"""Of a password that somebody chose; no rule about kinds of characters (NIST SP 800-63B)."""

_GROUPS: Final = 4
_GROUP_LENGTH: Final = 5
_SALT_OCTETS: Final = 16
_LONGEST_PASSWORD: Final = 1024
_USER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

PASSWORD_WEIGHT: Final[Parameters] = RFC_9106_LOW_MEMORY
"""What a hash costs wherever nothing else is said."""


def one_time_password(random: RandomSource) -> str:
    """Four groups of five readable characters (99 bits), e.g. ``k7m2p-...``."""
    wanted = _GROUPS * _GROUP_LENGTH
    characters: list[str] = []
    # Octets past the last whole multiple are thrown away, or early letters would come more often.
    limit = 256 - 256 % len(READABLE_ALPHABET)
    while len(characters) < wanted:
        octets = random.token_bytes(wanted)
        characters += [READABLE_ALPHABET[o % len(READABLE_ALPHABET)] for o in octets if o < limit]
    text = "".join(characters[:wanted])
    return "-".join(text[i : i + _GROUP_LENGTH] for i in range(0, wanted, _GROUP_LENGTH))


def hash_password(password: str, random: RandomSource, weight: Parameters = PASSWORD_WEIGHT) -> str:
    """The Argon2id string to store, with a salt from ``random``.

    Raises RefusedError ``password.invalid`` when it is empty or over 1,024 characters.
    """
    if not 0 < len(password) <= _LONGEST_PASSWORD:
        raise RefusedError(
            "password.invalid", f"A password has 1 to {_LONGEST_PASSWORD} characters."
        )
    hasher = PasswordHasher.from_parameters(weight)
    return hasher.hash(password, salt=random.token_bytes(_SALT_OCTETS))


def check_new_password(new: str, *, old: str, user_name: str) -> None:
    """Raises RefusedError ``password.invalid`` with every fault of a password somebody chose."""
    faults = {
        f"It needs at least {SHORTEST_PASSWORD} characters.": len(new) < SHORTEST_PASSWORD,
        f"It may have {_LONGEST_PASSWORD} characters at most.": len(new) > _LONGEST_PASSWORD,
        "It must not be the old one.": new == old,
        "It must not be the user's name.": new.lower() == user_name.lower(),
        "It must not be one character again and again.": len(set(new)) == 1,
    }
    findings = [
        Finding("password.invalid", Severity.ERROR, text) for text, holds in faults.items() if holds
    ]
    if findings:
        text = " ".join(finding.message for finding in findings)
        message = f"This cannot be the new password. {text}"
        raise RefusedError("password.invalid", message, findings=findings)


def nobodys_hash(weight: Parameters = PASSWORD_WEIGHT) -> str:
    """Compared with when there is no such user, so that the answer takes as long.

    Nobody's password: the hash part is not the outcome of any known input.
    """
    cost = f"m={weight.memory_cost},t={weight.time_cost},p={weight.parallelism}"
    return f"$argon2id$v=19${cost}$bm9ib2R5LW5vYm9keS0wMA${'A' * 43}"


def _password_matches(user: User | None, password: str, weight: Parameters) -> bool:
    has_password = user is not None and user.enabled and bool(user.password_hash)
    stored = user.password_hash if user is not None and has_password else nobodys_hash(weight)
    try:
        # What is stored says its own weight.
        PasswordHasher().verify(stored, password[:_LONGEST_PASSWORD])
    except (Argon2Error, InvalidHashError):
        return False
    return has_password and len(password) <= _LONGEST_PASSWORD


def new_user(
    name: str,
    *,
    full_name: str,
    roles: Iterable[Role],
    password: str,
    random: RandomSource,
    certificate_sha256: Iterable[str] = (),
    weight: Parameters = PASSWORD_WEIGHT,
) -> User:
    """A user whose password must be changed after the first log-in.

    Raises RefusedError ``user.name`` when the name is not 1 to 64 letters, digits, ``._@-``.
    """
    if not _USER_NAME.fullmatch(name):
        raise RefusedError(
            "user.name",
            "A user name has 1 to 64 characters: letters, digits, and . _ @ - after the first.",
        )
    return User(
        name=name,
        full_name=full_name,
        roles=frozenset(str(Role(role)) for role in roles),
        password_hash=hash_password(password, random, weight),
        must_change_password=True,
        certificate_sha256=frozenset(certificate_sha256),
    )


def principal_of(user: User, authenticated_by: AuthenticatedBy) -> Principal:
    """Who ``user`` is to the roles table. Raises ValueError for a stored role nobody knows."""
    return Principal(user.name, frozenset(Role(role) for role in user.roles), authenticated_by)


def authenticate_password(
    tx: UserTx, name: str, password: str, weight: Parameters = PASSWORD_WEIGHT
) -> Principal:
    """Who this is.

    Raises UnauthorizedError ``login.refused``, the same for a wrong password, an unknown user,
    a disabled one, and one without a password.
    """
    user = tx.user(name)
    if not _password_matches(user, password, weight) or user is None:
        raise UnauthorizedError("login.refused", "User name or password is wrong.")
    return principal_of(user, AuthenticatedBy.PASSWORD)


def authenticate_certificate(tx: AccessTx, sha256: str) -> Principal:
    """Whose TLS client certificate this is; ``sha256`` is hex of the certificate's DER.

    The certificate's chain was verified by TLS; this says who it belongs to, today.
    Raises UnauthorizedError ``login.certificate`` when it is nobody's, or a disabled user's, and
    ``login.certificate_revoked`` while this installation's CA has revoked it or put it on hold.
    """
    user = tx.user_by_certificate(sha256)
    if user is None or not user.enabled:
        raise UnauthorizedError(
            "login.certificate",
            "This client certificate does not belong to a user.",
            hint="Use the certificate that was issued to you, or log in with a password.",
        )
    if tx.certificate_revoked(sha256):
        raise UnauthorizedError(
            "login.certificate_revoked",
            "This client certificate is revoked.",
            hint="Log in with a password, or with a new certificate.",
        )
    return replace(principal_of(user, AuthenticatedBy.CERTIFICATE), certificate_sha256=sha256)
