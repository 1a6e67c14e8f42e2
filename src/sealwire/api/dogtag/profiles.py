"""``profiles``: list, look, put into force and out of it, make, change, remove."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import PlainTextResponse

from sealwire.access.roles import Principal, Role
from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.access import Use, permits
from sealwire.api.dogtag.bodies import Posted, PostedBytes
from sealwire.api.dogtag.context import address, authority_of
from sealwire.api.dogtag.errors import DogtagError, bad_request
from sealwire.api.dogtag.profile_documents import document_of
from sealwire.api.dogtag.profile_info import profile_data, profile_infos
from sealwire.api.dogtag.profile_raw import raw_of, read_raw
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
    """The profiles, hidden ones for agents and administrators only.

    ``visible``, ``enable`` and ``enableBy`` narrow it down.
    """
    query = request.query_params
    visible, enabled, by = (query.get(word) for word in ("visible", "enable", "enableBy"))
    shown = [
        each
        for each in _register(request).profiles()
        if _may_see(who, each)
        and visible in {None, _word(each.profile.visible)}
        and enabled in {None, _word(each.enabled)}
        and by in {None, each.changed_by}
    ]
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


@router.get("/{profile_id}/raw")
def show_raw(
    request: Request, who: Annotated[Principal, permits(Use.GET_PROFILE)], profile_id: str
) -> PlainTextResponse:
    """One profile in Dogtag's own format."""
    rules = _known(request, profile_id)
    if not _may_see(who, rules):
        raise _unknown(profile_id)
    return PlainTextResponse(raw_of(rules))


@router.post("/raw")
def create_raw(
    request: Request,
    version: Speaks,
    who: Annotated[Principal, permits(Use.CREATE_PROFILE)],
    data: PostedBytes,
) -> PlainTextResponse:
    """A new profile from that format."""
    made = _created(request, who, read_raw(data))
    location = address(request, version, "profiles", made.profile_id, "raw")
    return PlainTextResponse(raw_of(made), status_code=201, headers={"Location": location})


@router.put("/{profile_id}/raw")
def modify_raw(
    request: Request,
    who: Annotated[Principal, permits(Use.MODIFY_PROFILE)],
    profile_id: str,
    data: PostedBytes,
) -> PlainTextResponse:
    """Change one that is not in force, by that format."""
    return PlainTextResponse(raw_of(_modified(request, who, profile_id, read_raw(data))))


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
    made = _created(request, who, body)
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
    made = _modified(request, who, profile_id, body)
    return profile_data(made, first_shape="Input" in body)


@router.delete("/{profile_id}", status_code=204)
def delete(
    request: Request, who: Annotated[Principal, permits(Use.DELETE_PROFILE)], profile_id: str
) -> None:
    """Remove one that is not in force."""
    _known(request, profile_id)
    _register(request).remove(profile_id, actor=who.name)


def _created(request: Request, who: Principal, body: JsonObject) -> ProfileInForce:
    document = document_of(body, None)
    register = _register(request)
    if any(each.profile_id == body.get("id") for each in register.profiles()):
        raise DogtagError(409, "Profile already exists")
    return register.put(document.encode(), actor=who.name)


def _modified(
    request: Request, who: Principal, profile_id: str, body: JsonObject
) -> ProfileInForce:
    before = _known(request, profile_id)
    if bodies.text(body, "id") not in {None, profile_id}:
        raise bad_request("Unable to modify profile: Invalid Profile Id")
    document = document_of({**body, "id": profile_id}, before.profile)
    return _register(request).put(document.encode(), actor=who.name)


def _word(value: bool) -> str:  # noqa: FBT001 - a converter
    return "true" if value else "false"


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
