"""Who asks, and whether they may: decided before a route runs, by the roles table alone."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from fastapi import Depends, Request

from sealwire.access.roles import ANONYMOUS, Action, Principal, home_owner
from sealwire.api.parameters import refuse_unknown_parameters
from sealwire.errors import ForbiddenError, UnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSet

EXTENSION = "sealwire.peer"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class ConnectionPeer(Protocol):
    """What the listener knows of the other end (see ``sealwire.net.http.Peer``)."""

    certificate: bytes | None
    local_user: str | None
    announced: set[str]


class LogIn(Protocol):
    """Recognises people; ``announce`` says whether to record a successful log-in."""

    def by_certificate(self, der: bytes, *, address: str, announce: bool) -> Principal:
        """Whose certificate this is. Raises UnauthorizedError."""
        ...

    def by_password(self, name: str, password: str, *, address: str, announce: bool) -> Principal:
        """Whose password this is. Raises UnauthorizedError, ThrottledError."""
        ...

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
        """Let pass or raise, and record which; see ``sealwire.access.login``."""
        ...


def principal_of(request: Request) -> Principal:
    """The owner of the home, somebody logged in, or nobody.

    A certificate is looked up at every request, also on an open connection: who lost a role has
    lost it at once.
    """
    peer = _peer_of(request)
    if peer is not None and peer.local_user is not None:
        return home_owner(peer.local_user)
    log_in: LogIn = request.app.state.services.log_in
    address = address_of(request)
    if peer is not None and peer.certificate is not None:
        return _once(
            peer,
            "certificate",
            lambda announce: log_in.by_certificate(
                peer.certificate or b"", address=address, announce=announce
            ),
        )
    credentials = _basic_credentials(request)
    if credentials is None:
        return ANONYMOUS
    name, password = credentials
    return _once(
        peer,
        f"password:{name}",
        lambda announce: log_in.by_password(name, password, address=address, announce=announce),
    )


def _peer_of(request: Request) -> ConnectionPeer | None:
    peer: ConnectionPeer | None = request.scope.get("extensions", {}).get(EXTENSION)
    return peer


def memory_of(request: Request) -> MutableSet[str]:
    """What was recorded on this connection."""
    peer = _peer_of(request)
    return set() if peer is None else peer.announced


def address_of(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else "local"


def guard(action: Action) -> Any:  # noqa: ANN401 - FastAPI's Depends has no public type
    """A route's dependency: the principal, once the roles table has let it pass; both recorded.

    A stranger is only asked to log in; who may ask is told of parameters that are none.
    """

    def _checked(request: Request) -> Principal:
        refuse_foreign_page(request)
        principal = principal_of(request)
        log_in: LogIn = request.app.state.services.log_in
        asked = f"{request.method} {request.scope['route'].path}"
        log_in.authorize(
            principal,
            action,
            seen=memory_of(request),
            info=asked,
            looks=request.method in SAFE_METHODS,
        )
        # Not of /metrics and the like: who watches many kinds of programs asks them all alike.
        if request.url.path.startswith("/api/"):
            refuse_unknown_parameters(request)
        return principal

    return Depends(_checked)


def refuse_foreign_page(request: Request) -> None:
    """A browser shows a client certificate to every page's requests: only ours may change things.

    Raises ForbiddenError ``access.cross_origin``. Other clients send no Origin (RFC 6454, 7.3).
    """
    origin = request.headers.get("origin")
    if origin is None or request.method in SAFE_METHODS:
        return
    if origin.partition("://")[2] != request.headers.get("host"):
        raise ForbiddenError("access.cross_origin", "A page of another site may not ask for this.")


def _once(peer: ConnectionPeer | None, mark: str, log_in: Callable[[bool], Principal]) -> Principal:
    """Log in, recording success once for each connection rather than at every request."""
    announced = set() if peer is None else peer.announced
    principal = log_in(mark not in announced)
    announced.add(mark)
    return principal


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        decoded = ""
    name, colon, password = decoded.partition(":")
    # RFC 7617, 2: neither may hold control characters.
    if scheme.lower() != "basic" or not colon or _CONTROL.search(decoded):
        raise UnauthorizedError("login.malformed", "The Authorization header is not HTTP Basic.")
    return name, password
