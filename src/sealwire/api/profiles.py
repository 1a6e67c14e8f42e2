"""``/api/v1/ca/profiles``: what may be asked for, in which version, and whether it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import Body, rfc3339

if TYPE_CHECKING:
    from sealwire.ca.ports import StoredProfile
    from sealwire.ca.profile_register import ProfileInForce, ProfileRegister

router = APIRouter(prefix="/api/v1/ca/profiles", tags=["ca"])

Configures = Annotated[Principal, guard(Action.CONFIGURE_CA)]
Approves = Annotated[Principal, guard(Action.APPROVE_PROFILE)]


class ProfileBody(Body):
    """A profile's TOML document."""

    document: Annotated[str, Field(min_length=1, max_length=64 * 1024)]


@router.get("", dependencies=[guard(Action.READ_PROFILE)])
def profiles(request: Request) -> dict[str, Any]:
    """What may be asked for, and what is disabled."""
    return {"entries": [_profile(each) for each in _register(request).profiles()]}


@router.post("", status_code=201)
def put(request: Request, who: Configures, body: ProfileBody) -> dict[str, Any]:
    """Store a profile, or the next version of a disabled one; an agent enables it afterwards."""
    return _profile(_register(request).put(body.document.encode(), actor=who.name))


@router.get("/{profile_id}", dependencies=[guard(Action.READ_PROFILE)])
def profile(request: Request, profile_id: str) -> dict[str, Any]:
    """One profile, all that it says."""
    found = _register(request).get(profile_id)
    rules = found.profile.model_dump(
        mode="json", include={"inputs", "constraints", "defaults", "approval", "lint"}
    )
    return {**_profile(found), **rules}


@router.delete("/{profile_id}", status_code=204)
def remove(request: Request, who: Configures, profile_id: str) -> None:
    """Take a disabled profile away."""
    _register(request).remove(profile_id, actor=who.name)


@router.get("/{profile_id}/document", dependencies=[guard(Action.READ_PROFILE)])
def document(request: Request, profile_id: str) -> PlainTextResponse:
    """The TOML document in force."""
    return PlainTextResponse(_register(request).document(profile_id))


@router.get("/{profile_id}/versions", dependencies=[guard(Action.READ_PROFILE)])
def versions(request: Request, profile_id: str) -> dict[str, Any]:
    """Every version there was, the newest first."""
    return {"entries": [_version(each) for each in _register(request).versions(profile_id)]}


@router.post("/{profile_id}/enable")
def enable(request: Request, who: Approves, profile_id: str) -> dict[str, Any]:
    """Let it be asked for."""
    return _profile(_register(request).enable(profile_id, actor=who.name))


@router.post("/{profile_id}/disable")
def disable(request: Request, who: Approves, profile_id: str) -> dict[str, Any]:
    """Take it out of use."""
    return _profile(_register(request).disable(profile_id, actor=who.name))


def _register(request: Request) -> ProfileRegister:
    return present(services_of(request).ca, "ca").profile_register


def _profile(rules: ProfileInForce) -> dict[str, Any]:
    return {
        "id": rules.profile_id,
        "name": rules.profile.name,
        "description": rules.profile.description,
        "visible": rules.profile.visible,
        "enabled": rules.enabled,
        "version": rules.version,
        "digest": rules.digest,
        "changed": rfc3339(rules.changed),
        "changed_by": rules.changed_by,
    }


def _version(stored: StoredProfile) -> dict[str, Any]:
    return {
        "version": stored.version,
        "digest": stored.digest,
        "created": rfc3339(stored.created),
        "created_by": stored.created_by,
    }
