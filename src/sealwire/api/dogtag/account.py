"""``account``: log-in and log-out; and what the server says of itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request

from sealwire.access.authorization import ROLE_NAMES
from sealwire.access.roles import Principal
from sealwire.api.dogtag.access import Use, permits
from sealwire.api.dogtag.context import SessionCookie, sessions_of
from sealwire.api.dogtag.routing import Router
from sealwire.api.dogtag.shapes import NO_ATTRIBUTES, Json, JsonObject, attributes
from sealwire.api.dogtag.versions import Speaks
from sealwire.api.services import services_of

router = Router(prefix="/account")
info_router = Router()


@router.get("/login")
def log_in(
    request: Request, who: Annotated[Principal, permits(Use.LOG_IN)], cookie: SessionCookie
) -> JsonObject:
    """Who this is; a session begins."""
    cookie.put(sessions_of(request).begin(who, cookie.token))
    known = (user for user in services_of(request).people.users() if user.name == who.name)
    full_name = next((user.full_name for user in known), "") or who.name
    groups: list[Json] = [*sorted(ROLE_NAMES[role] for role in who.roles)]
    return {"id": who.name, "FullName": full_name, "Roles": groups, "Attributes": NO_ATTRIBUTES}


@router.get("/logout", status_code=204)
def log_out(
    request: Request, who: Annotated[Principal, permits(Use.LOG_OUT)], cookie: SessionCookie
) -> None:
    """The session ends, with its nonces."""
    sessions_of(request).end(who, cookie.token)
    cookie.drop()


@info_router.get("/info")
def info(request: Request, version: Speaks) -> JsonObject:
    """The version of Dogtag whose interface this is, and whose it is in truth.

    ``audit_format`` tells the command line how this CA prints its numbers.
    """
    name = f"Sealwire {request.app.version}"
    authority = services_of(request).ca
    said = {} if authority is None else {"audit_format": authority.audit_format.value}
    return {"Version": version.reported, "Name": name, "Attributes": attributes(said)}
