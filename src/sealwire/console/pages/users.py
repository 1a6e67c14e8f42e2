"""*System > Configuration > Users*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action, Role
from sealwire.console.routing import get, post
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.console.visit import Visit

_PAGE: Final = "/system/users"
_ONE: Final = f"{_PAGE}/{{name}}"


def users(visit: Visit) -> Response:
    """Everybody, and the form for one more."""
    return _page(visit, password="", name="")


def _page(visit: Visit, *, password: str, name: str) -> Response:
    return visit.page(
        "users.html",
        users=visit.services.people.users(),
        roles=list(Role),
        form=visit.form,
        password=password,
        name=name,
    )


def add(visit: Visit) -> Response:
    """Somebody more; the one-time password is shown this once."""
    name = visit.text("name")
    password = visit.services.people.add(
        visit.actor, name, visit.form.all("role"), full_name=visit.text("full_name")
    )
    return _page(visit, password=password, name=name)


def set_roles(visit: Visit) -> Response:
    """These roles and no others."""
    visit.services.people.set_roles(visit.actor, visit.path("name"), visit.form.all("role"))
    return visit.see(_PAGE, "changed")


def reset_password(visit: Visit) -> Response:
    """A new one-time password, shown this once."""
    name = visit.path("name")
    password = visit.services.people.reset_password(visit.actor, name)
    return _page(visit, password=password, name=name)


def add_certificate(visit: Visit) -> Response:
    """A client certificate more to log in with."""
    uploaded = next((data for _, data in visit.form.uploads("certificate_file")), b"")
    blob = uploaded or visit.text("certificate").encode("utf-8", "replace")
    visit.services.people.add_certificate(visit.actor, visit.path("name"), blob)
    return visit.see(_PAGE, "added")


def remove_certificate(visit: Visit) -> Response:
    """One less."""
    sha256 = visit.text("sha256")
    visit.services.people.remove_certificate(visit.actor, visit.path("name"), sha256)
    return visit.see(_PAGE, "removed")


def unlock(visit: Visit) -> Response:
    """End the wait after failed log-ins."""
    visit.services.people.unlock(visit.actor, visit.path("name"))
    return visit.see(_PAGE, "unlocked")


def remove(visit: Visit) -> Response:
    """Only when that was said twice."""
    if visit.text("sure") != "yes":
        raise UsageError(
            "user.not_sure", "Nobody was removed.", hint="Tick the box beside Remove first."
        )
    visit.services.people.remove(visit.actor, visit.path("name"))
    return visit.see(_PAGE, "removed")


ROUTES: Final = (
    get(_PAGE, Action.MANAGE_USERS, users),
    post(_PAGE, Action.MANAGE_USERS, add, again=users),
    post(f"{_ONE}/roles", Action.MANAGE_USERS, set_roles, again=users),
    post(f"{_ONE}/reset-password", Action.MANAGE_USERS, reset_password, again=users),
    post(f"{_ONE}/certificates", Action.MANAGE_USERS, add_certificate, again=users),
    post(f"{_ONE}/certificates/remove", Action.MANAGE_USERS, remove_certificate, again=users),
    post(f"{_ONE}/unlock", Action.MANAGE_USERS, unlock, again=users),
    post(f"{_ONE}/remove", Action.MANAGE_USERS, remove, again=users),
)
