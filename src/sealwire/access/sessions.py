"""Stays at the console: who somebody is between one request and the next.

The cookie holds a random token; what is stored is its SHA-256 only. A session ends by log-out,
after ``IDLE`` without a request, after ``LONGEST`` in any case, and with its user.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealwire.access.ports import Session
from sealwire.access.roles import AuthenticatedBy
from sealwire.access.users import principal_of
from sealwire.errors import ForbiddenError

if TYPE_CHECKING:
    from datetime import datetime

    from sealwire.access.ports import AccessTx, User
    from sealwire.access.roles import Principal
    from sealwire.clock import RandomSource

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
SKEW: Final = timedelta(minutes=5)
"""So far the clocks of nodes on one database may be apart."""

NOTED_EVERY: Final = timedelta(minutes=1)
"""A request notes that the session is in use, at most so often: not every page is a write."""

MOST_SESSIONS: Final = 20
"""Of one user; a further one ends the oldest."""

_TOKEN_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class Stay:
    """A session that holds: who it is, and what every form of theirs must carry."""

    principal: Principal
    form_token: str
    must_change_password: bool
    token_sha256: str
    stale_note: bool


def token_digest(token: str) -> str:
    """What is stored of a cookie."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_token(random: RandomSource) -> str:
    """256 random bits in hex."""
    return random.token_bytes(_TOKEN_OCTETS).hex()


def begin(
    tx: AccessTx,
    user: User,
    authenticated_by: AuthenticatedBy,
    *,
    address: str,
    now: datetime,
    random: RandomSource,
) -> str:
    """Start a session under a new token, which is returned: this once, and kept nowhere."""
    tx.remove_sessions_before(now - LONGEST, now - IDLE)
    standing = tx.sessions_of(user.name)
    for oldest in standing[: max(0, len(standing) - MOST_SESSIONS + 1)]:
        tx.remove_session(oldest.token_sha256)
    token = new_token(random)
    tx.put_session(
        Session(
            token_sha256=token_digest(token),
            user_name=user.name,
            created=now,
            last_seen=now,
            form_token=new_token(random),
            authenticated_by=authenticated_by.value,
            address=address,
        )
    )
    return token


def is_over(session: Session, now: datetime) -> bool:
    """Whether one of its times has run out, or lies ahead: by a clock that was set back since."""
    ahead = max(session.created, session.last_seen) - now > SKEW
    return ahead or now - session.created >= LONGEST or now - session.last_seen >= IDLE


def resume(
    tx: AccessTx, token: str, *, certificate_sha256: str | None, now: datetime
) -> Stay | None:
    """The session behind a cookie, or None when there is none that holds.

    The user's roles are those of now. A session begun with a client certificate holds only on a
    connection that shows a certificate of the same user which is not revoked: the cookie alone is
    not enough.
    """
    session = tx.session(token_digest(token))
    user = None if session is None else tx.user(session.user_name)
    if session is None or user is None or not user.enabled or is_over(session, now):
        return None
    method = AuthenticatedBy(session.authenticated_by)
    if method is AuthenticatedBy.CERTIFICATE and not _shows_own(tx, user, certificate_sha256):
        return None
    # Evidence names the certificate that is shown now, not only that there was one.
    shown = certificate_sha256 if method is AuthenticatedBy.CERTIFICATE else None
    return Stay(
        principal=replace(principal_of(user, method), certificate_sha256=shown or ""),
        form_token=session.form_token,
        must_change_password=user.must_change_password and method is AuthenticatedBy.PASSWORD,
        token_sha256=session.token_sha256,
        stale_note=now - session.last_seen >= NOTED_EVERY,
    )


def _shows_own(tx: AccessTx, user: User, sha256: str | None) -> bool:
    """Whether a connection's certificate is the user's, and not revoked meanwhile."""
    return sha256 in user.certificate_sha256 and not tx.certificate_revoked(sha256 or "")


def note_use(tx: AccessTx, token_sha256: str, now: datetime) -> None:
    """The session is in use; nothing when it has ended meanwhile."""
    session = tx.session(token_sha256)
    if session is not None and not is_over(session, now):
        tx.put_session(replace(session, last_seen=max(now, session.last_seen)))


def end_all(tx: AccessTx, user_name: str, *, but: str = "") -> int:
    """End every session of a user except the one with the digest ``but``; how many ended."""
    ended = [row.token_sha256 for row in tx.sessions_of(user_name) if row.token_sha256 != but]
    for token_sha256 in ended:
        tx.remove_session(token_sha256)
    return len(ended)


def check_form_token(expected: str, given: str) -> None:
    """Raises ForbiddenError ``form.token`` unless the form came from our own page."""
    if not expected or not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise ForbiddenError(
            "form.token",
            "This form was not made for this session. Nothing was changed.",
            hint="Open the page again and fill in the form anew.",
        )
