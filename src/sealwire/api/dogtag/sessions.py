"""HTTP sessions: where nonces are kept between the look at something and the decision on it.

A session is no credential. Tomcat's authenticates whoever shows its cookie; here every request
shows a password or a client certificate of its own, as Dogtag's clients do anyway, so that who
loses a role has lost it at once, and a cookie alone opens nothing. A session belongs to who it
was begun for, and is nobody else's.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from sealwire.errors import ForbiddenError, UsageError

if TYPE_CHECKING:
    from sealwire.access.roles import Principal
    from sealwire.clock import Clock, RandomSource

IDLE_SECONDS: Final = 30 * 60.0
MOST_SESSIONS: Final = 1_000
MOST_OF_ONE: Final = 100
"""Of one principal; a further one ends the one that was idle longest."""

MOST_NONCES: Final = 100
"""In one session, as in Dogtag; a further one takes the place of the oldest."""

_TOKEN_OCTETS: Final = 32
_NONCE_OCTETS: Final = 8

NonceKind = Literal["cert-request", "cert-revoke"]


@dataclass(frozen=True, slots=True)
class Nonce:
    """Leave for one decision. ``seen`` is the digest of what was looked at, if there is one."""

    value: int
    seen: str | None = None


@dataclass(slots=True)
class _Session:
    principal: Principal
    last_used: float
    nonces: OrderedDict[tuple[NonceKind, int], Nonce] = field(default_factory=OrderedDict)


class HttpSessions:
    """The sessions of one node, in memory: a restart ends them. Safe from any thread."""

    def __init__(self, clock: Clock, random: RandomSource) -> None:
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, principal: Principal, old: str = "") -> str:
        """A new session, its token for the cookie; ``old`` ends if it is this principal's."""
        with self._lock:
            if self._of(principal, old) is not None:
                del self._sessions[old]
            return self._begun(principal)

    def end(self, principal: Principal, token: str) -> None:
        """Log out; nothing when there is no such session of theirs."""
        with self._lock:
            if self._of(principal, token) is not None:
                del self._sessions[token]

    def issue(
        self,
        principal: Principal,
        token: str,
        kind: NonceKind,
        number: int,
        seen: str | None = None,
    ) -> tuple[str, int]:
        """A nonce for a decision on ``number``, which voids an earlier one.

        The session is the one of ``token`` when that is theirs, else a new one: its token and the
        nonce are returned.
        """
        with self._lock:
            session = self._of(principal, token)
            if session is None:
                token = self._begun(principal)
                session = self._sessions[token]
            octets = self._random.token_bytes(_NONCE_OCTETS)
            nonce = Nonce(int.from_bytes(octets, "big", signed=True), seen)
            session.nonces.pop((kind, number), None)
            session.nonces[kind, number] = nonce
            if len(session.nonces) > MOST_NONCES:
                session.nonces.popitem(last=False)
            return token, nonce.value

    def redeem(
        self, principal: Principal, token: str, kind: NonceKind, number: int, value: int | None
    ) -> Nonce:
        """Use a nonce, which is void from now on.

        Raises UsageError ``nonce.missing`` or ``nonce.unknown``, ForbiddenError ``nonce.wrong``,
        in Dogtag's words.
        """
        if value is None:
            raise UsageError("nonce.missing", "Missing nonce.")
        with self._lock:
            session = self._of(principal, token)
            nonce = None if session is None else session.nonces.get((kind, number))
            if session is None or nonce is None:
                message = f"Nonce for {kind} {number} does not exist"
                raise UsageError("nonce.unknown", message)
            if nonce.value != value:
                raise ForbiddenError("nonce.wrong", f"Invalid nonce: {value}")
            del session.nonces[kind, number]
            return nonce

    def _of(self, principal: Principal, token: str) -> _Session | None:
        """Theirs, and in use from now on."""
        self._drop_idle()
        session = self._sessions.get(token)
        if session is None or not _same_person(session.principal, principal):
            return None
        session.last_used = self._clock.monotonic()
        self._sessions.move_to_end(token)
        return session

    def _begun(self, principal: Principal) -> str:
        self._drop_idle()
        own = [
            token
            for token, session in self._sessions.items()
            if _same_person(session.principal, principal)
        ]
        if len(own) >= MOST_OF_ONE:
            del self._sessions[own[0]]
        if len(self._sessions) >= MOST_SESSIONS:
            self._sessions.popitem(last=False)
        token = self._random.token_bytes(_TOKEN_OCTETS).hex()
        self._sessions[token] = _Session(principal, self._clock.monotonic())
        return token

    def _drop_idle(self) -> None:
        # The one that was idle longest stands first.
        limit = self._clock.monotonic() - IDLE_SECONDS
        while self._sessions:
            token, oldest = next(iter(self._sessions.items()))
            if oldest.last_used >= limit:
                break
            del self._sessions[token]


def _same_person(one: Principal, other: Principal) -> bool:
    """The same name, known in the same way: a password does not take over a certificate's."""
    return (one.name, one.authenticated_by) == (other.name, other.authenticated_by)
