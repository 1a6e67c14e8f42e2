"""``/api/v1/users``: who there is and what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.security import address_of, guard
from sealwire.api.services import services_of
from sealwire.api.shapes import Body

if TYPE_CHECKING:
    from sealwire.access.people import People
    from sealwire.access.ports import User

router = APIRouter(prefix="/api/v1/users", tags=["users"])

own_router = APIRouter(prefix="/api/v1/password", tags=["users"])

Sets = Annotated[Principal, guard(Action.SET_PASSWORD)]
Personal = Annotated[Principal, guard(Action.CHANGE_OWN_PASSWORD)]
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


class NewPasswordBody(Body):
    """The password that somebody is to have."""

    new: Annotated[str, Field(max_length=4096)]


class OwnPasswordBody(NewPasswordBody):
    """The password that one has, and the one that one wants."""

    old: Annotated[str, Field(max_length=4096)]


class CertificateBody(Body):
    """A client certificate, PEM."""

    pem: Annotated[str, Field(min_length=1, max_length=1024 * 1024)]


@own_router.post("", status_code=204)
def change_own_password(request: Request, who: Personal, body: OwnPasswordBody) -> Response:
    """Change one's own password; every session of one's own ends."""
    services_of(request).log_in.change_own_password(
        who, body.old, body.new, address=address_of(request)
    )
    return Response(status_code=204)


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


@router.put("/{name}/password", status_code=204)
def set_password(request: Request, who: Sets, name: str, body: NewPasswordBody) -> Response:
    """A password to be kept; every session of the user ends."""
    _people(request).set_password(who.name, name, body.new)
    return Response(status_code=204)


@router.post("/{name}/certificates", status_code=201)
def add_certificate(
    request: Request, who: Manages, name: str, body: CertificateBody
) -> dict[str, str]:
    """Let somebody log in with this client certificate as well."""
    sha256 = _people(request).add_certificate(who.name, name, body.pem.encode("utf-8"))
    return {"name": name, "sha256": sha256}


@router.delete("/{name}/certificates/{sha256}", status_code=204)
def remove_certificate(request: Request, who: Manages, name: str, sha256: str) -> Response:
    """No longer let them log in with it."""
    _people(request).remove_certificate(who.name, name, sha256)
    return Response(status_code=204)


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
