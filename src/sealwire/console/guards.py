"""Cookies, form tokens, and where a form may come from."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from sealwire.access.sessions import check_form_token, new_token
from sealwire.errors import ForbiddenError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sealwire.clock import RandomSource

SESSION_COOKIE: Final = "__Host-sealwire"
STRANGER_COOKIE: Final = "__Host-sealwire-form"
"""Ties the log-in form to a browser, so that nobody can be logged in as somebody else unawares."""

TOKEN_FIELD: Final = "form_token"  # noqa: S105 - a field's name
_TOKEN: Final = re.compile(r"[0-9a-f]{64}\Z")


def set_cookie(response: Response, name: str, value: str) -> None:
    """Over TLS only, to this host only, not for scripts, not from other sites."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="strict")


def drop_cookie(response: Response, name: str) -> None:
    """Have the browser forget it."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


def stranger_token(request: Request) -> str:
    """The cookie of somebody not logged in, or nothing when it is none of ours."""
    value = request.cookies.get(STRANGER_COOKIE, "")
    return value if _TOKEN.match(value) else ""


def stranger_form_token(cookie: str) -> str:
    """What the log-in form carries: it follows from the cookie, and not the other way round."""
    return hashlib.sha256(f"form:{cookie}".encode()).hexdigest() if cookie else ""


def new_stranger(random: RandomSource) -> str:
    """A cookie for somebody who came for the first time."""
    return new_token(random)


def check_origin(request: Request) -> None:
    """Raises ForbiddenError ``form.origin`` unless the browser says that the form is ours.

    Browsers send ``Sec-Fetch-Site`` (Fetch Metadata) or ``Origin`` (RFC 6454) with every form;
    what sends neither is no browser, and has the API.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    same_site = site is None or site == "same-origin"
    same_origin = origin is None or origin == own
    if not (same_site and same_origin) or (site is None and origin is None):
        raise ForbiddenError(
            "form.origin",
            "This form was sent from another site. Nothing was changed.",
            hint="Open the page here and fill in the form anew.",
        )


def check_token(expected: str, given: str) -> None:
    """Raises ForbiddenError ``form.token``."""
    check_form_token(expected, given)
