"""``/api/v1/appliance``: certificate, destinations, inputs, streaming."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.identities import identity_json, pending_json
from sealwire.api.identity_routes import Place, add_identity_routes
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import Body, trail_record

if TYPE_CHECKING:
    from sealwire.appliance.delivery import ProbeReport
    from sealwire.appliance.lease import HaStatus
    from sealwire.appliance.ports import Input
    from sealwire.appliance.service import Appliance, DestinationView

router = APIRouter(prefix="/api/v1/appliance", tags=["appliance"])

Reads = Annotated[Principal, guard(Action.READ_APPLIANCE)]
Changes = Annotated[Principal, guard(Action.CONFIGURE_APPLIANCE)]


class DestinationBody(Body):
    """A new destination; without ``trust`` the node's own CA is trusted."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] = 6514
    trust: str | None = None
    server_name: str = ""
    mutual: bool = True


class StartBody(Body):
    """How to start."""

    allow_name_mismatch: bool = False


class HostNameBody(Body):
    """The unit's own name."""

    host_name: Annotated[str, Field(min_length=1, max_length=253)]


class InputBody(Body):
    """A file to follow."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    path: Annotated[str, Field(min_length=1, max_length=4096)]


@router.get("")
def status(request: Request, _who: Reads) -> dict[str, Any]:
    """Everything about the unit."""
    view = _appliance(request).status()
    return {
        "unit": view.unit,
        "host_name": view.host_name,
        "identity": identity_json(view.certificate.installed),
        "pending": pending_json(view.certificate.pending),
        "destinations": [_destination(each) for each in view.destinations],
        "inputs": [_input(each) for each in view.inputs],
        "ha": _ha(view.ha),
        "alarms": [{"code": alarm.code, "text": alarm.text} for alarm in view.alarms],
    }


@router.get("/ha")
def ha_status(request: Request, _who: Reads) -> dict[str, Any]:
    """This unit's role, and which unit is active."""
    return _ha(_appliance(request).ha())


@router.post("/ha/promote")
def promote(request: Request, who: Changes) -> dict[str, Any]:
    """Make this unit the active one."""
    return _ha(_appliance(request).promote(who.name))


@router.post("/ha/demote")
def demote(request: Request, who: Changes) -> dict[str, Any]:
    """Make this unit standby."""
    return _ha(_appliance(request).demote(who.name))


@router.put("/host-name")
def set_host_name(request: Request, who: Changes, body: HostNameBody) -> dict[str, str]:
    """Set the name that the certificate must carry."""
    return {"host_name": _appliance(request).set_host_name(who.name, body.host_name)}


@router.get("/destinations")
def destinations(request: Request, _who: Reads) -> list[dict[str, Any]]:
    """Every destination and how it is doing."""
    return [_destination(view) for view in _appliance(request).destinations()]


@router.post("/destinations", status_code=201)
def add_destination(request: Request, who: Changes, body: DestinationBody) -> dict[str, Any]:
    """Add one; nothing is streamed to it yet."""
    added = _appliance(request).add_destination(
        who.name,
        body.name,
        body.host,
        body.port,
        trust_pem=body.trust or "",
        server_name=body.server_name,
        mutual=body.mutual,
    )
    return {"name": added.name}


@router.delete("/destinations/{name}", status_code=204)
def remove_destination(request: Request, who: Changes, name: str) -> Response:
    """Forget one."""
    _appliance(request).remove_destination(who.name, name)
    return Response(status_code=204)


@router.post("/destinations/{name}/test")
def try_destination(request: Request, _who: Changes, name: str) -> dict[str, Any]:
    """Try it for real, step by step."""
    return _report(_appliance(request).test_destination(name))


@router.post("/destinations/{name}/start")
def start(request: Request, who: Changes, name: str, body: StartBody) -> dict[str, Any]:
    """Turn streaming on."""
    _appliance(request).start_stream(who.name, name, allow_name_mismatch=body.allow_name_mismatch)
    return {"name": name, "enabled": True}


@router.post("/destinations/{name}/stop")
def stop(request: Request, who: Changes, name: str) -> dict[str, Any]:
    """Turn streaming off."""
    _appliance(request).stop_stream(who.name, name)
    return {"name": name, "enabled": False}


@router.get("/inputs")
def inputs(request: Request, _who: Reads) -> list[dict[str, Any]]:
    """The followed files."""
    return [_input(each) for each in _appliance(request).inputs()]


@router.post("/inputs", status_code=201)
def add_input(request: Request, who: Changes, body: InputBody) -> dict[str, Any]:
    """Follow a file from its beginning."""
    return _input(_appliance(request).add_input(who.name, body.name, body.path))


@router.delete("/inputs/{name}", status_code=204)
def remove_input(request: Request, who: Changes, name: str) -> Response:
    """Stop following one."""
    _appliance(request).remove_input(who.name, name)
    return Response(status_code=204)


@router.get("/audit")
def audit_tail(
    request: Request,
    _who: Annotated[Principal, guard(Action.READ_AUDIT)],
    count: Annotated[int, Query(ge=1, le=10_000)] = 20,
) -> list[dict[str, Any]]:
    """The newest records of the appliance's trail."""
    return [trail_record(record) for record in _appliance(request).audit_tail(count)]


def _appliance(request: Request) -> Appliance:
    return present(services_of(request).appliance, "appliance")


add_identity_routes(
    router,
    Place(
        "/certificate",
        "/csr",
        lambda request: _appliance(request).certificate,
        Action.READ_APPLIANCE,
        Action.CONFIGURE_APPLIANCE,
    ),
)


def _destination(view: DestinationView) -> dict[str, Any]:
    destination, status = view.destination, view.status
    return {
        "name": destination.name,
        "host": destination.host,
        "port": destination.port,
        "transport": destination.transport,
        "server_name": destination.server_name,
        "mutual": destination.mutual,
        "enabled": destination.enabled,
        "state": status.state,
        "last_error": status.last_error,
        "last_error_code": status.last_error_code,
        "hint": status.hint,
        "records_sent": status.records_sent,
        "backlog_by_trail": dict(status.backlog),
        "backlog": sum(status.backlog.values()),
        "next_retry_seconds": status.next_retry_seconds,
        "connected_to": status.connected_to,
        "tls": status.tls,
    }


def _ha(status: HaStatus) -> dict[str, Any]:
    return {
        "role": status.role.value,
        "unit": status.unit,
        "active_unit": status.active_unit,
        "active_url": status.active_url,
        "units": [
            {"name": row.name, "host_name": row.host_name, "console_url": row.console_url}
            for row in status.units
        ],
    }


def _input(source: Input) -> dict[str, Any]:
    return {"name": source.name, "path": source.path, "offset": source.offset}


def _report(report: ProbeReport) -> dict[str, Any]:
    return {
        "destination": report.destination,
        "ok": report.ok,
        "steps": [asdict(step) for step in report.steps],
    }
