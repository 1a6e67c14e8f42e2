"""Who there is: users and their roles, managed by administrators, each change with its record."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.access import sessions, throttle
from sealwire.access.roles import Role
from sealwire.access.users import (
    PASSWORD_WEIGHT,
    check_new_password,
    hash_password,
    new_user,
    one_time_password,
)
from sealwire.audit.events import EventName, Outcome, config_change
from sealwire.errors import ConflictError, Finding, NotFoundError, RefusedError, Severity
from sealwire.x509.bundle import read_bundle
from sealwire.x509.certificate import Purpose, certificate_sha256, is_ca, key_usages
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argon2 import Parameters

    from sealwire.access.login import LogInTx
    from sealwire.access.ports import Turns, User
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import RandomSource

_LONGEST_FULL_NAME: Final = 128

MOST_CERTIFICATES: Final = 20
"""Of one user, to log in with."""


class People:
    """The users of this installation. Whether ``actor`` may change them was decided before.

    Safe to call from any thread. One administrator who can log in is always left.
    """

    def __init__(
        self,
        store: Store[LogInTx],
        recorder: Recorder,
        trail: str,
        random: RandomSource,
        turns: Turns | None = None,
        *,
        weight: Parameters = PASSWORD_WEIGHT,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._trail = trail
        self._random = random
        self._turns = turns or nullcontext()
        self._weight = weight

    def users(self) -> Sequence[User]:
        """All, by name."""
        return self._store.read(lambda tx: tx.users())

    def add(self, actor: str, name: str, roles: Iterable[str], *, full_name: str = "") -> str:
        """A new user; the one-time password, which is told this once.

        Raises RefusedError ``user.name``, ``user.full_name``, ``user.roles``; ConflictError
        ``user.exists``.
        """
        _check_full_name(full_name)
        password = one_time_password(self._random)
        with self._turns:
            user = new_user(
                name,
                full_name=full_name,
                roles=known_roles(roles),
                password=password,
                random=self._random,
                weight=self._weight,
            )

        def use_case(tx: LogInTx) -> None:
            if tx.user(name) is not None:
                raise ConflictError("user.exists", f"There is a user {name} already.")
            tx.put_user(user)
            self._changed(tx, actor, "OP_ADD", user, roles=",".join(sorted(user.roles)))

        self._store.run(use_case)
        return password

    def set_roles(self, actor: str, name: str, roles: Iterable[str]) -> User:
        """From now on these and no others, in sessions that stand as well.

        Raises NotFoundError ``user.unknown``, RefusedError ``user.roles``, ConflictError
        ``user.last_administrator``.
        """
        wanted = frozenset(str(role) for role in known_roles(roles))

        def use_case(tx: LogInTx) -> User:
            user = _known(tx, name)
            changed = replace(user, roles=wanted)
            tx.put_user(changed)
            _leave_an_administrator(tx)
            before, after = (",".join(sorted(each.roles)) for each in (user, changed))
            self._changed(tx, actor, "OP_MODIFY", user, roles=after, before=before)
            return changed

        return self._store.run(use_case)

    def reset_password(self, actor: str, name: str) -> str:
        """A new one-time password; every session of the user ends. NotFoundError if unknown."""
        password = one_time_password(self._random)
        with self._turns:
            password_hash = hash_password(password, self._random, self._weight)

        def use_case(tx: LogInTx) -> None:
            user = _known(tx, name)
            tx.put_user(replace(user, password_hash=password_hash, must_change_password=True))
            sessions.end_all(tx, name)
            throttle.unlock(tx, name)
            self._changed(tx, actor, "OP_MODIFY", user, change="one-time password")

        self._store.run(use_case)
        return password

    def set_password(self, actor: str, name: str, password: str) -> None:
        """A password of somebody's choice, to be kept; every session of the user ends.

        Raises NotFoundError ``user.unknown``, RefusedError ``password.invalid``.
        """
        check_new_password(password, old="", user_name=name)
        with self._turns:
            password_hash = hash_password(password, self._random, self._weight)

        def use_case(tx: LogInTx) -> None:
            user = _known(tx, name)
            tx.put_user(replace(user, password_hash=password_hash, must_change_password=False))
            sessions.end_all(tx, name)
            throttle.unlock(tx, name)
            self._changed(tx, actor, "OP_MODIFY", user, change="password")

        self._store.run(use_case)

    def add_certificate(self, actor: str, name: str, blob: bytes) -> str:
        """Let somebody log in with this client certificate as well; its SHA-256, hex.

        ``blob`` holds one certificate, PEM or DER; those of CAs beside it are passed over. That
        TLS trusts who signed it is not looked at here: each connection does.
        Raises NotFoundError ``user.unknown``, RefusedError ``user.certificate``, ConflictError
        when it is somebody's already.
        """
        sha256, subject = log_in_certificate(blob)

        def use_case(tx: LogInTx) -> None:
            user = _known(tx, name)
            if len(user.certificate_sha256 | {sha256}) > MOST_CERTIFICATES:
                raise ConflictError(
                    "user.certificates", f"A user has {MOST_CERTIFICATES} certificates at most."
                )
            tx.put_user(replace(user, certificate_sha256=user.certificate_sha256 | {sha256}))
            details = {"change": "certificate added", "sha256": sha256, "subject": subject}
            self._changed(tx, actor, "OP_MODIFY", user, **details)

        self._store.run(use_case)
        return sha256

    def remove_certificate(self, actor: str, name: str, sha256: str) -> None:
        """No longer let them log in with it; sessions begun with it end.

        Raises NotFoundError ``user.unknown``, ``user.certificate_unknown``.
        """

        def use_case(tx: LogInTx) -> None:
            user = _known(tx, name)
            if sha256 not in user.certificate_sha256:
                raise NotFoundError(
                    "user.certificate_unknown", f"{name} has no such log-in certificate."
                )
            tx.put_user(replace(user, certificate_sha256=user.certificate_sha256 - {sha256}))
            self._changed(tx, actor, "OP_MODIFY", user, change="certificate removed", sha256=sha256)

        self._store.run(use_case)

    def unlock(self, actor: str, name: str) -> None:
        """End the wait after failed log-ins under this name. NotFoundError if unknown."""

        def use_case(tx: LogInTx) -> None:
            user = _known(tx, name)
            throttle.unlock(tx, name)
            self._changed(tx, actor, "OP_MODIFY", user, attempts="counted anew")

        self._store.run(use_case)

    def remove(self, actor: str, name: str) -> None:
        """With sessions and log-in certificates.

        Raises NotFoundError ``user.unknown``, ConflictError ``user.last_administrator``.
        """

        def use_case(tx: LogInTx) -> None:
            user = _known(tx, name)
            tx.remove_user(name)
            _leave_an_administrator(tx)
            self._changed(tx, actor, "OP_DELETE", user)

        self._store.run(use_case)

    def _changed(
        self, tx: LogInTx, actor: str, operation: str, user: User, **parameters: str
    ) -> None:
        named = {"Scope": "users", "Operation": operation, "Resource": user.name, **parameters}
        event = config_change(EventName.CONFIG_ROLE, actor, Outcome.SUCCESS, named)
        self._recorder.record(tx, self._trail, event)


def log_in_certificate(blob: bytes) -> tuple[str, str]:
    """SHA-256 (hex of DER) and subject of the one end-entity certificate in ``blob``.

    Raises RefusedError ``user.certificate``.
    """
    found = {
        certificate_sha256(certificate): certificate
        for certificate in read_bundle([("certificate", blob)]).certificates
        if not is_ca(certificate)
    }
    if len(found) != 1:
        said = "There is no user's certificate in it." if not found else "There are several in it."
        raise RefusedError(
            "user.certificate",
            f"A log-in takes one certificate. {said}",
            hint="Give the user's own certificate, PEM with its BEGIN and END lines.",
        )
    [(sha256, certificate)] = found.items()
    usages = key_usages(certificate)
    if usages is not None and Purpose.CLIENT.usage not in usages:
        raise RefusedError(
            "user.certificate", "This certificate is not for clients, so TLS would refuse it."
        )
    return sha256, dn_text(certificate.subject)


def known_roles(words: Iterable[str]) -> frozenset[Role]:
    """Roles by their words. Raises RefusedError ``user.roles`` with every word nobody knows."""
    given = tuple(words)
    unknown = [word for word in given if word not in set(Role)]
    if unknown or not given:
        findings = [
            Finding("user.roles", Severity.ERROR, f"There is no role {word!r}.", word)
            for word in unknown
        ] or [Finding("user.roles", Severity.ERROR, "A user needs at least one role.")]
        raise RefusedError(
            "user.roles",
            " ".join(finding.message for finding in findings),
            hint=f"Roles are {', '.join(Role)}.",
            findings=findings,
        )
    return frozenset(Role(word) for word in given)


def _check_full_name(full_name: str) -> None:
    if len(full_name) > _LONGEST_FULL_NAME or not full_name.isprintable():
        raise RefusedError(
            "user.full_name",
            f"A full name has at most {_LONGEST_FULL_NAME} characters, none of them for control.",
        )


def _known(tx: LogInTx, name: str) -> User:
    user = tx.user(name)
    if user is None:
        raise NotFoundError("user.unknown", f"There is no user {name!r}.")
    return user


def _leave_an_administrator(tx: LogInTx) -> None:
    if not any(user.enabled and Role.ADMINISTRATOR in user.roles for user in tx.users()):
        raise ConflictError(
            "user.last_administrator",
            "Nobody would be left to administer this installation.",
            hint="Give somebody else the role administrator first.",
        )
