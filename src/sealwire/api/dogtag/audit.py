"""``audit``: what is recorded, and the signed audit log's files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Request
from fastapi.responses import StreamingResponse

from sealwire.access.roles import Principal
from sealwire.api.dogtag.access import Use, permits
from sealwire.api.dogtag.bodies import Posted, first, inner, objects, text
from sealwire.api.dogtag.errors import bad_request
from sealwire.api.dogtag.routing import Router
from sealwire.api.dogtag.shapes import Json, JsonObject
from sealwire.api.services import services_of
from sealwire.audit.configuration import AuditChange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.audit.configuration import AuditConfig

router = Router(prefix="/audit")

_NUMBERS: Final = {
    "flush_interval": ("interval", "Interval"),
    "buffer_size": ("bufferSize", "BufferSize"),
}


@router.get("")
def show(request: Request, _who: Annotated[Principal, permits(Use.GET_AUDIT)]) -> JsonObject:
    """The audit configuration."""
    return _shown(services_of(request).audit.show())


@router.patch("")
def modify(
    request: Request, who: Annotated[Principal, permits(Use.MODIFY_AUDIT)], body: Posted
) -> JsonObject:
    """Change what the body names; everything else stays."""
    if first(body, "signed", "Signed") is False:
        raise bad_request("The audit log file is always signed")
    change = AuditChange(numbers=_numbers(body), events=_events(body))
    return _shown(services_of(request).audit.modify(who.name, change))


@router.post("")
def switch(
    request: Request, who: Annotated[Principal, permits(Use.SWITCH_AUDIT)], action: str = ""
) -> JsonObject:
    """``enable`` or ``disable`` the signed file. The trail itself cannot be switched off."""
    if action not in {"enable", "disable"}:
        raise bad_request(f"Invalid action {action[:64]}")
    change = AuditChange(enabled=action == "enable")
    return _shown(services_of(request).audit.modify(who.name, change))


@router.get("/files")
def files(
    request: Request, _who: Annotated[Principal, permits(Use.FIND_AUDIT_FILES)]
) -> JsonObject:
    """The files, the oldest first."""
    found = services_of(request).audit.files()
    entries: list[Json] = [{"name": name, "size": size} for name, size in found]
    return {"total": len(entries), "entries": entries}


@router.get("/files/{name}")
def file(
    request: Request, _who: Annotated[Principal, permits(Use.GET_AUDIT_FILE)], name: str
) -> StreamingResponse:
    """One file, as it is now."""
    content = services_of(request).audit.file(name)
    return StreamingResponse(content, media_type="application/octet-stream")


def _shown(config: AuditConfig) -> JsonObject:
    events: dict[str, Json] = dict(config.events)
    return {
        "status": "Enabled" if config.file.enabled else "Disabled",
        "signed": True,
        "interval": config.file.flush_interval,
        "bufferSize": config.file.buffer_size,
        "Events": events,
    }


def _numbers(body: JsonObject) -> Mapping[str, int]:
    found = {}
    for name, spellings in _NUMBERS.items():
        digits = text(body, *spellings)
        if digits is not None:
            if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10):  # noqa: PLR2004 - digits of 32 bits
                raise bad_request(f"{spellings[0]} must be a number")
            found[name] = int(digits)
    return found


def _events(body: JsonObject) -> Mapping[str, str]:
    """A map of names, or the list that older clients send."""
    listed = inner(body, "Events", "eventConfigs")
    if isinstance(listed.get("Event"), list):
        pairs = ((text(each, "name"), text(each, "value")) for each in objects(listed, "Event"))
    else:
        pairs = ((name, text(listed, name)) for name in listed)
    return {name: status for name, status in pairs if name is not None and status is not None}
