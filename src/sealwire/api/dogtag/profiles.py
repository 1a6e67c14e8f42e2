"""``profiles``: list, look, put into force and out of it, make, change, remove."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from sealwire.access.roles import Principal, Role
from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.access import Use, permits
from sealwire.api.dogtag.bodies import Posted
from sealwire.api.dogtag.context import address, authority_of
from sealwire.api.dogtag.errors import DogtagError, bad_request
from sealwire.api.dogtag.profile_documents import document_of
from sealwire.api.dogtag.profile_info import profile_data, profile_infos
from sealwire.api.dogtag.routing import Router
from sealwire.api.dogtag.shapes import JsonObject
from sealwire.api.dogtag.versions import Speaks
from sealwire.ca.profile_register import ProfileInForce, ProfileRegister
from sealwire.errors import NotFoundError

router = Router(prefix="/profiles")

Offset = Annotated[int, Query(ge=0)]


@router.get("")
def listing(
    request: Request,
    version: Speaks,
    who: Annotated[Principal, permits(Use.LIST_PROFILES)],
    start: Offset = 0,
    size: Offset = 20,
) -> JsonObject:
    """The profiles; hidden ones for agents and administrators only."""
    shown = [each for each in _register(request).profiles() if _may_see(who, each)]
    return profile_infos(request, version, shown, start, size)


@router.get("/{profile_id}")
def show(
    request: Request, who: Annotated[Principal, permits(Use.GET_PROFILE)], profile_id: str
) -> JsonObject:
    """One profile."""
    rules = _known(request, profile_id)
    if not _may_see(who, rules):
        raise _unknown(profile_id)
    # Of all clients, only Dogtag's Python one gives the type of a body that it does not send.
    first_shape = "json" in request.headers.get("content-type", "")
    return profile_data(rules, first_shape=first_shape)


@router.post("/{profile_id}", status_code=204)
def switch(
    request: Request,
    who: Annotated[Principal, permits(Use.SWITCH_PROFILE)],
    profile_id: str,
    action: str = "",
) -> None:
    """``enable`` or ``disable``."""
    register, rules = _register(request), _known(request, profile_id)
    match action:
        case "enable" if rules.enabled:
            raise DogtagError(409, "Profile already enabled")
        case "enable":
            register.enable(profile_id, actor=who.name)
        case "disable" if not rules.enabled:
            raise DogtagError(409, "Profile already disabled")
        case "disable":
            register.disable(profile_id, actor=who.name)
        case "":
            raise bad_request("Unable to modify profile state: Missing action")
        case _:
            raise bad_request("Invalid operation")


@router.post("", status_code=201)
def create(
    request: Request,
    version: Speaks,
    who: Annotated[Principal, permits(Use.CREATE_PROFILE)],
    body: Posted,
    response: Response,
) -> JsonObject:
    """A new profile; it is not in force until it is enabled."""
    document = document_of(body, None)
    register = _register(request)
    profile_id = str(body.get("id") or "")
    if any(each.profile_id == profile_id for each in register.profiles()):
        raise DogtagError(409, "Profile already exists")
    made = register.put(document.encode(), actor=who.name)
    response.headers["Location"] = address(request, version, "profiles", made.profile_id)
    return profile_data(made, first_shape="Input" in body)


@router.put("/{profile_id}")
def modify(
    request: Request,
    who: Annotated[Principal, permits(Use.MODIFY_PROFILE)],
    profile_id: str,
    body: Posted,
) -> JsonObject:
    """Change one that is not in force."""
    before = _known(request, profile_id)
    if bodies.text(body, "id") not in {None, profile_id}:
        raise bad_request("Unable to modify profile: Invalid Profile Id")
    document = document_of({**body, "id": profile_id}, before.profile)
    made = _register(request).put(document.encode(), actor=who.name)
    return profile_data(made, first_shape="Input" in body)


@router.delete("/{profile_id}", status_code=204)
def delete(
    request: Request, who: Annotated[Principal, permits(Use.DELETE_PROFILE)], profile_id: str
) -> None:
    """Remove one that is not in force."""
    _known(request, profile_id)
    _register(request).remove(profile_id, actor=who.name)


def _register(request: Request) -> ProfileRegister:
    return authority_of(request).profile_register


def _known(request: Request, profile_id: str) -> ProfileInForce:
    try:
        return _register(request).get(profile_id)
    except NotFoundError as fault:
        if fault.code != "profile.unknown":
            raise
        raise _unknown(profile_id) from None


def _unknown(profile_id: str) -> NotFoundError:
    return NotFoundError("profile.unknown", f"Profile ID {profile_id} not found")


def _may_see(who: Principal, rules: ProfileInForce) -> bool:
    return rules.profile.visible or bool({Role.AGENT, Role.ADMINISTRATOR} & who.roles)
