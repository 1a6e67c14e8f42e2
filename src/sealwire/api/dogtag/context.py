"""What the handlers share: the use cases, the session behind a cookie, addresses of things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request, Response

from sealwire.api.services import present, services_of

if TYPE_CHECKING:
    from sealwire.api.dogtag.sessions import HttpSessions
    from sealwire.api.dogtag.versions import Version
    from sealwire.ca.service import CertificateAuthority
    from sealwire.clock import Clock

COOKIE: Final = "JSESSIONID"


def authority_of(request: Request) -> CertificateAuthority:
    """The CA. Raises NotFoundError ``role.absent``."""
    return present(services_of(request).ca, "ca")


def clock_of(request: Request) -> Clock:
    """The node's clock."""
    clock: Clock = request.app.state.clock
    return clock


def sessions_of(request: Request) -> HttpSessions:
    """The sessions of this app."""
    sessions: HttpSessions = request.app.state.sessions
    return sessions


@dataclass(frozen=True, slots=True)
class Cookie:
    """The session's cookie: as it came, and as it goes."""

    token: str
    response: Response

    def put(self, token: str) -> None:
        """Hand over a session's token; nothing when the client has it already."""
        if token != self.token:
            self.response.set_cookie(
                COOKIE, token, path="/ca", secure=True, httponly=True, samesite="strict"
            )

    def drop(self) -> None:
        """Have the client forget it."""
        self.response.delete_cookie(
            COOKIE, path="/ca", secure=True, httponly=True, samesite="strict"
        )


def _cookie(request: Request, response: Response) -> Cookie:
    return Cookie(request.cookies.get(COOKIE, ""), response)


SessionCookie = Annotated[Cookie, Depends(_cookie)]


def address(request: Request, version: Version, *parts: str) -> str:
    """The address of something below ``/ca/<version>``, as the client came here."""
    return "/".join((str(request.base_url).rstrip("/"), "ca", version.path, *parts))
