"""Log in, log out, change one's password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.users import SHORTEST_PASSWORD
from sealwire.console import guards
from sealwire.console.routing import Gate, get, post
from sealwire.errors import RefusedError, UnauthorizedError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.access.login import LoggedIn
    from sealwire.access.sessions import Stay
    from sealwire.console.visit import Visit


def log_in_page(visit: Visit) -> Response:
    """*Log in*."""
    if visit.stay is not None and visit.error is None:
        return visit.see("/")
    wanted = visit.query("next") or visit.text("next")
    return visit.page(
        "login.html", next=_ours(wanted), has_certificate=visit.certificate is not None
    )


def log_in(visit: Visit) -> Response:
    """With name and password."""
    begun = visit.services.log_in.begin_with_password(
        visit.form.text("user"), visit.form.text("password"), address=visit.address
    )
    return _entered(visit, begun)


def log_in_with_certificate(visit: Visit) -> Response:
    """With the client certificate that the browser shows anyway."""
    certificate = visit.certificate
    if certificate is None:
        raise UnauthorizedError(
            "login.certificate",
            "The browser has shown no client certificate.",
            hint="Import the certificate into the browser, close it, and open this page again.",
        )
    begun = visit.services.log_in.begin_with_certificate(certificate, address=visit.address)
    return _entered(visit, begun)


def _entered(visit: Visit, begun: LoggedIn) -> Response:
    """A session of its own token from here on: whatever the browser brought is dropped."""
    if visit.stay is not None:
        visit.services.log_in.end(
            visit.stay, address=visit.address, server=visit.server, everywhere=False
        )
    path = "/password" if begun.must_change_password else _ours(visit.text("next"))
    response = visit.see(path)
    guards.set_cookie(response, guards.SESSION_COOKIE, begun.token)
    return response


def log_out(visit: Visit) -> Response:
    """End this session."""
    return _left(visit, everywhere=False)


def log_out_everywhere(visit: Visit) -> Response:
    """End every session of this user."""
    return _left(visit, everywhere=True)


def _left(visit: Visit, *, everywhere: bool) -> Response:
    visit.services.log_in.end(
        _stay(visit), address=visit.address, server=visit.server, everywhere=everywhere
    )
    response = visit.see("/login")
    guards.drop_cookie(response, guards.SESSION_COOKIE)
    return response


def password_page(visit: Visit) -> Response:
    """*Change password*."""
    return visit.page(
        "password.html",
        shortest=SHORTEST_PASSWORD,
        must_change=visit.stay is not None and visit.stay.must_change_password,
    )


def change_password(visit: Visit) -> Response:
    """Change it; everybody who used the old one is out."""
    new = visit.form.text("new")
    if new != visit.form.text("again"):
        raise RefusedError("password.differs", "The new password was not typed twice alike.")
    begun = visit.services.log_in.change_password(
        _stay(visit), visit.form.text("old"), new, address=visit.address
    )
    response = visit.see("/", "password")
    guards.set_cookie(response, guards.SESSION_COOKIE, begun.token)
    return response


def _stay(visit: Visit) -> Stay:
    if visit.stay is None:
        raise UnauthorizedError("access.login_required", "This needs a log-in.")
    return visit.stay


def _ours(path: str) -> str:
    """``path`` when it leads to a page of ours, else home: an address may not lead away."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


ROUTES: Final = (
    get("/login", Gate.ANYBODY, log_in_page),
    post("/login", Gate.ANYBODY, log_in, again=log_in_page),
    post("/login/certificate", Gate.ANYBODY, log_in_with_certificate, again=log_in_page),
    post("/logout", Gate.LOGGED_IN, log_out),
    post("/logout/everywhere", Gate.LOGGED_IN, log_out_everywhere),
    get("/password", Gate.LOGGED_IN, password_page),
    post("/password", Gate.LOGGED_IN, change_password, again=password_page),
)
