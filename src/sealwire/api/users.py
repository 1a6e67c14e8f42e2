"""``/api/v1/users``: who there is and what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.security import guard
from sealwire.api.services import services_of
from sealwire.api.shapes import Body

if TYPE_CHECKING:
    from sealwire.access.people import People
    from sealwire.access.ports import User

router = APIRouter(prefix="/api/v1/users", tags=["users"])

Manages = Annotated[Principal, guard(Action.MANAGE_USERS)]
Roles = Annotated[list[str], Field(max_length=20)]


class UserBody(Body):
    """A new user."""

    name: Annotated[str, Field(max_length=256)]
    full_name: Annotated[str, Field(max_length=256)] = ""
    roles: Roles


class RolesBody(Body):
    """All the roles that somebody is to have."""

    roles: Roles


@router.get("")
def users(request: Request, _who: Manages) -> list[dict[str, Any]]:
    """Everybody, by name."""
    return [_user(each) for each in _people(request).users()]


@router.post("", status_code=201)
def add(request: Request, who: Manages, body: UserBody) -> dict[str, str]:
    """Add somebody; the one-time password is told this once."""
    password = _people(request).add(who.name, body.name, body.roles, full_name=body.full_name)
    return {"name": body.name, "password": password}


@router.put("/{name}/roles")
def set_roles(request: Request, who: Manages, name: str, body: RolesBody) -> dict[str, Any]:
    """These roles and no others, from now on."""
    return _user(_people(request).set_roles(who.name, name, body.roles))


@router.post("/{name}/reset-password")
def reset_password(request: Request, who: Manages, name: str) -> dict[str, str]:
    """A new one-time password; every session of the user ends."""
    return {"name": name, "password": _people(request).reset_password(who.name, name)}


@router.post("/{name}/unlock", status_code=204)
def unlock(request: Request, who: Manages, name: str) -> Response:
    """End the wait after failed log-ins."""
    _people(request).unlock(who.name, name)
    return Response(status_code=204)


@router.delete("/{name}", status_code=204)
def remove(request: Request, who: Manages, name: str) -> Response:
    """Remove somebody."""
    _people(request).remove(who.name, name)
    return Response(status_code=204)


def _people(request: Request) -> People:
    return services_of(request).people


def _user(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "full_name": user.full_name,
        "roles": sorted(user.roles),
        "must_change_password": user.must_change_password,
        "certificates": sorted(user.certificate_sha256),
        "enabled": user.enabled,
    }
