"""Log-ins, log-outs and the change of one's own password, each with its audit record."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.access import sessions, throttle
from sealwire.access.authorization import Authorization
from sealwire.access.ports import AccessTx
from sealwire.access.roles import AuthenticatedBy
from sealwire.access.users import (
    PASSWORD_WEIGHT,
    authenticate_certificate,
    authenticate_password,
    check_new_password,
    hash_password,
)
from sealwire.audit.events import (
    EventName,
    Outcome,
    access_session_terminated,
    auth_failure,
    auth_success,
    config_change,
)
from sealwire.audit.ports import TrailTx
from sealwire.audit.repeats import Repeats, more, neighbourhood
from sealwire.clock import SystemClock, SystemRandom
from sealwire.errors import ConflictError, RefusedError, SealwireError, UnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSet, Sequence

    from argon2 import Parameters

    from sealwire.access.ports import Turns, User
    from sealwire.access.roles import Action, Principal
    from sealwire.access.sessions import Stay
    from sealwire.audit.events import Event
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock, RandomSource

BY_CERTIFICATE: Final = "certUserDBAuthMgr"
BY_USER_NAME: Final = "passwdUserDBAuthMgr"
"""Dogtag's names for the two ways to log in."""

_LONGEST_NAME: Final = 256
_MOST_SESSIONS_REMEMBERED: Final = 1024
_FAILURES_A_MINUTE: Final = 30
"""From one address, each with its own record; more of them share one."""


class LogInTx(TrailTx, AccessTx, Protocol):
    """What a log-in touches."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A session that has just begun. ``token`` is the cookie, to be handed over and forgotten."""

    principal: Principal
    token: str
    must_change_password: bool


class LogIn:
    """Recognises people and records who came and who was refused, in ``trail``.

    Safe to call from any thread.
    """

    def __init__(
        self,
        store: Store[LogInTx],
        recorder: Recorder,
        trail: str,
        clock: Clock | None = None,
        random: RandomSource | None = None,
        turns: Turns | None = None,
        *,
        weight: Parameters = PASSWORD_WEIGHT,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._trail = trail
        self._clock = clock or SystemClock()
        self._random = random or SystemRandom()
        self._turns = turns or nullcontext()
        self._weight = weight
        self._failures = Repeats(_FAILURES_A_MINUTE)
        self._authorization = Authorization(store, recorder, trail, self._clock)
        self._seen: dict[str, set[str]] = {}

    # Without a session: the API

    def by_certificate(self, der: bytes, *, address: str, announce: bool) -> Principal:
        """Whose certificate this is (DER, verified by TLS).

        ``announce`` records the success too. Raises UnauthorizedError, after recording it.
        """
        sha256 = hashlib.sha256(der).hexdigest()
        return self._recognised(
            BY_CERTIFICATE,
            f"certificate {sha256}",
            lambda tx: authenticate_certificate(tx, sha256),
            address=address,
            announce=announce,
        )

    def by_password(self, name: str, password: str, *, address: str, announce: bool) -> Principal:
        """Whose password this is.

        Raises UnauthorizedError, or ThrottledError after too many failures, after recording the
        name as typed, the address and the reason.
        """
        typed = name[:_LONGEST_NAME]
        self._count(typed, address)
        with self._turns:
            principal = self._recognised(
                BY_USER_NAME,
                typed,
                lambda tx: authenticate_password(tx, name, password, self._weight),
                address=address,
                announce=announce,
            )
        now = self._clock.now()
        self._store.run(lambda tx: throttle.attempt_succeeded(tx, typed, address, now))
        return principal

    def _count(self, name: str, address: str) -> None:
        now = self._clock.now()
        try:
            self._store.run(lambda tx: throttle.count_attempt(tx, name, address, now))
        except throttle.ThrottledError as error:
            self._refused(BY_USER_NAME, name, address, error)
            raise

    def _recognised(
        self,
        manager: str,
        attempted: str,
        recognise: Callable[[LogInTx], Principal],
        *,
        address: str,
        announce: bool,
    ) -> Principal:
        try:
            principal = self._store.read(recognise)
        except UnauthorizedError as error:
            self._refused(manager, attempted, address, error)
            raise
        if announce:
            self._record([auth_success(principal.name, manager)])
        return principal

    def _refused(self, manager: str, attempted: str, address: str, error: SealwireError) -> None:
        def event(count: int) -> Event:
            info = more(f"from {address}: {error.code}", count)
            return auth_failure(attempted, manager, info=info)

        self._record(self._failures.note(neighbourhood(address), self._clock.now(), event))

    def _record(self, events: Sequence[Event]) -> None:
        def use_case(tx: LogInTx) -> None:
            for event in events:
                self._recorder.record(tx, self._trail, event)

        if events:
            self._store.run(use_case)

    def authorize(
        self,
        principal: Principal,
        action: Action,
        *,
        seen: MutableSet[str],
        info: str | None = None,
        called: tuple[str, str] | None = None,
        looks: bool = False,
    ) -> None:
        """Let pass or raise, as ``access.roles.require`` does, and record AUTHZ and ROLE_ASSUME.

        To be called before every use case that not everybody may call. ``seen`` is the memory of
        the connection (``Peer.announced``) or of the session (``seen_in``): what is recorded once
        in each is recorded once. ``info`` says what was asked for, such as
        ``CertRequestService.approveRequest``, ``called`` resource and operation where they are
        others than the table ``access.authorization.RESOURCES`` says, ``looks`` that nothing will
        be changed: permissions to look are recorded once in each ``seen``.
        """
        self._authorization.authorize(
            principal, action, seen=seen, info=info, called=called, looks=looks
        )

    def seen_in(self, token_sha256: str) -> MutableSet[str]:
        """The memory of one session for ``authorize``; of the last 1,024 sessions only."""
        seen = self._seen.pop(token_sha256, None) or set()
        self._seen[token_sha256] = seen
        # Other threads change it meanwhile: over a copy.
        for oldest in list(self._seen)[:-_MOST_SESSIONS_REMEMBERED]:
            self._seen.pop(oldest, None)
        return seen

    def settle(self) -> None:
        """Record what minutes that are over still owe: failures beyond the first, as one record.

        To be called now and then.
        """
        self._record(self._failures.due(self._clock.now()))
        self._authorization.settle()

    # With a session: the console

    def begin_with_password(self, name: str, password: str, *, address: str) -> LoggedIn:
        """A new session. Raises as ``by_password``."""
        principal = self.by_password(name, password, address=address, announce=True)
        return self._begun(principal, address)

    def begin_with_certificate(self, der: bytes, *, address: str) -> LoggedIn:
        """A new session, which holds on connections with this user's certificate only."""
        principal = self.by_certificate(der, address=address, announce=True)
        return self._begun(principal, address)

    def _begun(self, principal: Principal, address: str) -> LoggedIn:
        now, method = self._clock.now(), principal.authenticated_by

        def use_case(tx: LogInTx) -> LoggedIn:
            user = _still_there(tx, principal.name)
            token = sessions.begin(tx, user, method, address=address, now=now, random=self._random)
            must_change = user.must_change_password and method is AuthenticatedBy.PASSWORD
            return LoggedIn(principal, token, must_change)

        return self._store.run(use_case)

    def resume(self, token: str, *, certificate: bytes | None) -> Stay | None:
        """The session behind a cookie, or None. ``certificate`` is the connection's, DER."""
        sha256 = None if certificate is None else hashlib.sha256(certificate).hexdigest()
        now = self._clock.now()
        stay = self._store.read(
            lambda tx: sessions.resume(tx, token, certificate_sha256=sha256, now=now)
        )
        if stay is not None and stay.stale_note:
            self._store.run(lambda tx: sessions.note_use(tx, stay.token_sha256, now))
        return stay

    def still_holds(self, token: str, *, certificate: bytes | None) -> Stay | None:
        """As ``resume``, without counting as use: for what asks again by itself."""
        sha256 = None if certificate is None else hashlib.sha256(certificate).hexdigest()
        now = self._clock.now()
        return self._store.read(
            lambda tx: sessions.resume(tx, token, certificate_sha256=sha256, now=now)
        )

    def end(self, stay: Stay, *, address: str, server: str, everywhere: bool) -> None:
        """Log out: this session, or every one of the user's."""
        info = "log-out everywhere" if everywhere else "log-out"
        name = stay.principal.name
        event = access_session_terminated(address, server, name, info=info)

        def use_case(tx: LogInTx) -> None:
            tx.remove_session(stay.token_sha256)
            if everywhere:
                sessions.end_all(tx, name)
            self._recorder.record(tx, self._trail, event)

        self._store.run(use_case)

    def change_password(self, stay: Stay, old: str, new: str, *, address: str) -> LoggedIn:
        """Change one's own password; every session ends, and a new one begins.

        Raises UnauthorizedError or ThrottledError as a log-in does when ``old`` is wrong,
        RefusedError ``password.invalid`` with every fault of ``new``.
        """
        name = stay.principal.name
        self.by_password(name, old, address=address, announce=False)
        replace_password = self._new_password(name, old, new)
        now = self._clock.now()

        def use_case(tx: LogInTx) -> LoggedIn:
            changed = replace_password(tx)
            token = sessions.begin(
                tx,
                changed,
                stay.principal.authenticated_by,
                address=address,
                now=now,
                random=self._random,
            )
            return LoggedIn(stay.principal, token, must_change_password=False)

        return self._store.run(use_case)

    def change_own_password(
        self, principal: Principal, old: str, new: str, *, address: str
    ) -> None:
        """The same without a session: every one ends, and none begins.

        Raises RefusedError ``password.old`` when ``old`` is wrong, ConflictError
        ``password.none`` for the home's owner, who has none, else as ``change_password``.
        """
        if principal.authenticated_by is AuthenticatedBy.HOME_OWNER:
            raise ConflictError(
                "password.none",
                "The home's owner is known by the machine and has no password.",
                hint="To set a user's: sealwire user password NAME",
            )
        try:
            self.by_password(principal.name, old, address=address, announce=False)
        except UnauthorizedError as wrong:
            raise RefusedError("password.old", "The present password is wrong.") from wrong
        self._store.run(self._new_password(principal.name, old, new))

    def _new_password(self, name: str, old: str, new: str) -> Callable[[LogInTx], User]:
        """The use case that sets it; hashed before the transaction, because that takes its time."""
        check_new_password(new, old=old, user_name=name)
        with self._turns:
            password_hash = hash_password(new, self._random, self._weight)
        parameters = {"Scope": "users", "Operation": "OP_MODIFY", "Resource": name}
        event = config_change(
            EventName.CONFIG_ROLE, name, Outcome.SUCCESS, {**parameters, "change": "own password"}
        )

        def use_case(tx: LogInTx) -> User:
            user = _still_there(tx, name)
            changed = replace(user, password_hash=password_hash, must_change_password=False)
            tx.put_user(changed)
            sessions.end_all(tx, name)
            self._recorder.record(tx, self._trail, event)
            return changed

        return use_case


def _still_there(tx: LogInTx, name: str) -> User:
    user = tx.user(name)
    if user is None or not user.enabled:
        raise UnauthorizedError("login.refused", "User name or password is wrong.")
    return user
