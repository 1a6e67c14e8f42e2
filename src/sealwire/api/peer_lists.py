"""``/api/v1/trust/crls/{side}``: revocation lists by which peers are judged; ``/api/v1/doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import LARGEST_FILE, Body, decoded, rfc3339
from sealwire.identity.checkup import checkup_document
from sealwire.identity.examination import Question
from sealwire.identity.peer_lists import DEFAULT_REFRESH_SECONDS
from sealwire.x509.revocation import StalePolicy

if TYPE_CHECKING:
    from datetime import datetime

    from sealwire.identity.peer_lists import PeerLists
    from sealwire.identity.revocation import RevocationSource

router = APIRouter(prefix="/api/v1", tags=["trust"])

ChangesAppliance = Annotated[Principal, guard(Action.CONFIGURE_APPLIANCE)]
_LONGEST_LOCATION = 2048
_BASE64_BYTES = LARGEST_FILE * 4 // 3 + 4


class ListBody(Body):
    """A new list: ``location`` (URL or absolute path), or ``content`` in base64 (PEM or DER)."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    location: Annotated[str, Field(max_length=_LONGEST_LOCATION)] = ""
    content: Annotated[str, Field(max_length=_BASE64_BYTES)] = ""
    stale_policy: Annotated[str, Field(max_length=16)] = StalePolicy.SOFT.value
    refresh_seconds: Annotated[int, Field(ge=1, le=10**8)] = DEFAULT_REFRESH_SECONDS


class DoctorBody(Body):
    """Whom to look at; ``trust`` and ``crls`` (base64) default to the node's own."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] = 6514
    server_name: Annotated[str, Field(max_length=253)] = ""
    trust: Annotated[str, Field(max_length=LARGEST_FILE)] = ""
    crls: Annotated[
        tuple[Annotated[str, Field(max_length=_BASE64_BYTES)], ...], Field(max_length=100)
    ] = ()
    show_certificate: bool = False
    message: bool = True
    timeout: Annotated[float, Field(ge=0.1, le=15)] = 5.0


@router.post("/doctor")
def doctor(request: Request, _who: ChangesAppliance, body: DoctorBody) -> dict[str, Any]:
    """Look at a TLS server step by step; takes as long as its slowest step may."""
    examiner = present(services_of(request).doctor, "appliance")
    question = Question(
        body.host,
        body.port,
        body.server_name,
        body.trust,
        tuple(map(decoded, body.crls)),
        body.show_certificate,
        body.message,
        body.timeout,
    )
    return checkup_document(examiner(question))


def _add_list_routes(side: str, reads: Action, changes: Action) -> None:
    """The lists by which ``side`` judges its peers' certificates: the same routes for both."""
    path = f"/trust/crls/{side}"
    reader: Principal = guard(reads)
    changer: Principal = guard(changes)

    @router.get(path)
    def lists(request: Request, _who: Principal = reader) -> list[dict[str, Any]]:
        """Every list, and how it is doing."""
        return [_source(each) for each in _lists(request, side).sources()]

    @router.post(path, status_code=201)
    def add(request: Request, body: ListBody, who: Principal = changer) -> dict[str, Any]:
        """Add one; it is loaded at once."""
        return _add(request, side, who.name, body)

    @router.post(f"{path}/refresh")
    def refresh_all(request: Request, _who: Principal = changer) -> list[dict[str, Any]]:
        """Load every list again now."""
        return [_source(each) for each in _lists(request, side).refresh()]

    @router.post(f"{path}/{{name}}/refresh")
    def refresh(request: Request, name: str, _who: Principal = changer) -> list[dict[str, Any]]:
        """Load one again now."""
        return [_source(each) for each in _lists(request, side).refresh(name)]

    @router.delete(f"{path}/{{name}}", status_code=204)
    def remove(request: Request, name: str, who: Principal = changer) -> Response:
        """Forget one."""
        _lists(request, side).remove(who.name, name)
        return Response(status_code=204)


def _lists(request: Request, side: str) -> PeerLists:
    services = services_of(request)
    present(services.sensor if side == "sensor" else services.appliance, side)
    return present(services.peer_lists.get(side), side)


def _add(request: Request, side: str, actor: str, body: ListBody) -> dict[str, Any]:
    added = _lists(request, side).add(
        actor,
        body.name,
        location=body.location,
        content=decoded(body.content),
        stale_policy=body.stale_policy,
        refresh_seconds=body.refresh_seconds,
    )
    return _source(added)


def _source(source: RevocationSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "location": source.location,
        "stale_policy": source.stale_policy,
        "refresh_seconds": source.refresh_seconds,
        "issuer": source.issuer,
        "this_update": _time(source.this_update),
        "next_update": _time(source.next_update),
        "entries": source.entries,
        "bytes": len(source.content),
        "checked": _time(source.checked),
        "loaded": _time(source.loaded),
        "last_error": source.last_error,
    }


def _time(when: datetime | None) -> str | None:
    return None if when is None else rfc3339(when)


_add_list_routes("sensor", Action.READ_SENSOR, Action.CONFIGURE_SENSOR)
_add_list_routes("appliance", Action.READ_APPLIANCE, Action.CONFIGURE_APPLIANCE)
