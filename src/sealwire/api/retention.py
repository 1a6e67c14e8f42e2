"""``/api/v1/sensor/retention``, ``/holds``, ``/export``: how long records are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import LARGEST_NUMBER, Body
from sealwire.sensor.keeping_documents import keeping_document

if TYPE_CHECKING:
    from sealwire.sensor.holding import StandingHold
    from sealwire.sensor.service import Sensor

router = APIRouter(prefix="/api/v1/sensor", tags=["sensor"])

Reads = Annotated[Principal, guard(Action.READ_SENSOR)]
Changes = Annotated[Principal, guard(Action.CONFIGURE_RETENTION)]
Holds = Annotated[Principal, guard(Action.HOLD_RECORDS)]
Text = Annotated[str, Field(max_length=1000)]
Count = Annotated[int, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]


class ClassBody(Body):
    """``days``: whole days behind the day of receipt; null: for ever.

    ``sure``: also when that has stored records deleted at once.
    """

    days: Count | None
    sure: bool = False


class RuleBody(Body):
    """Which records belong to the class ``retention``: all that are given must fit.

    ``san``: in the sender's certificate. ``host`` may begin with ``*.``.
    ``position``: the rule's number, from 1; null: behind the others.
    """

    retention: Text
    network: Text | None = None
    certificate_sha256: Text | None = None
    san: Text | None = None
    host: Text | None = None
    position: Count | None = None


class BudgetBody(Body):
    """``bytes`` that segments and index may take; null: all of the disk. ``sure``: as above."""

    bytes: Count | None
    sure: bool = False


class HoldBody(Body):
    """Days of receipt (UTC) that are not deleted; ``retention`` null: of every class."""

    name: Text
    first: Text
    last: Text
    reason: Annotated[str, Field(max_length=4000)]
    retention: Text | None = None


class ReleaseBody(Body):
    """Why a hold ends. ``sure``: also when that has stored records deleted at once."""

    reason: Annotated[str, Field(max_length=4000)]
    sure: bool = False


@router.get("/retention")
def retention(request: Request, _who: Reads) -> dict[str, Any]:
    """Classes, rules, budget; what is stored of each day and class, and what goes next."""
    return keeping_document(_sensor(request).keeping())


@router.put("/retention/classes/{name}")
def set_class(request: Request, who: Changes, name: str, body: ClassBody) -> dict[str, Any]:
    """Make a class, or change how long its records are kept."""
    made = _sensor(request).set_class(who.name, name, body.days, sure=body.sure)
    return {"name": made.name, "days": made.days}


@router.delete("/retention/classes/{name}", status_code=204)
def remove_class(request: Request, who: Changes, name: str) -> Response:
    """Forget a class that no rule and no hold uses."""
    _sensor(request).remove_class(who.name, name)
    return Response(status_code=204)


@router.post("/retention/rules", status_code=201)
def add_rule(request: Request, who: Changes, body: RuleBody) -> dict[str, Any]:
    """Say which records belong to a class, from now on; the first rule that fits counts."""
    sensor = _sensor(request)
    number = sensor.add_rule(
        who.name,
        body.retention,
        network=body.network,
        certificate_sha256=body.certificate_sha256,
        san=body.san,
        host=body.host,
        position=body.position,
    )
    return {"number": number, "retention": body.retention}


@router.delete("/retention/rules/{number}", status_code=204)
def remove_rule(request: Request, who: Changes, number: str) -> Response:
    """Forget a rule."""
    _sensor(request).remove_rule(who.name, int(number) if number.isdecimal() else 0)
    return Response(status_code=204)


@router.put("/retention/budget")
def set_budget(request: Request, who: Changes, body: BudgetBody) -> dict[str, Any]:
    """Say how much of the disk the stored records may take."""
    _sensor(request).set_budget(who.name, body.bytes, sure=body.sure)
    return {"bytes": body.bytes}


@router.get("/holds")
def holds(request: Request, _who: Reads) -> list[dict[str, Any]]:
    """Legal holds that are not released."""
    return [hold_json(each) for each in _sensor(request).holds()]


@router.post("/holds", status_code=201)
def hold(request: Request, who: Holds, body: HoldBody) -> dict[str, Any]:
    """Keep days from being deleted until the hold is released."""
    made = _sensor(request).hold(
        who.name,
        body.name,
        first=body.first,
        last=body.last,
        reason=body.reason,
        retention=body.retention,
    )
    return {"name": made.name}


@router.post("/holds/{name}/release", status_code=204)
def release(request: Request, who: Holds, name: str, body: ReleaseBody) -> Response:
    """End a hold."""
    _sensor(request).release(who.name, name, body.reason, sure=body.sure)
    return Response(status_code=204)


@router.get("/export")
def export(
    request: Request,
    who: Reads,
    since: Annotated[str | None, Query(max_length=64)] = None,
    until: Annotated[str | None, Query(max_length=64)] = None,
    retention: Annotated[str | None, Query(max_length=64)] = None,
) -> StreamingResponse:
    """Segments of a time range as they are, the whole chain and a listing, as a tar archive.

    An answer that breaks off is no export.
    """
    pieces = _sensor(request).export(who.name, since, until, retention)
    headers = {"Content-Disposition": 'attachment; filename="records.tar"'}
    return StreamingResponse(pieces, media_type="application/x-tar", headers=headers)


def hold_json(standing: StandingHold) -> dict[str, Any]:
    """A hold; ``in_force``: the chain of manifests says so."""
    held, note = standing.hold, standing.note
    return {
        "name": held.name,
        "first": held.first.isoformat(),
        "last": held.last.isoformat(),
        "retention": held.retention,
        "reason": note.reason,
        "set_by": note.actor,
        "since": note.since,
        "in_force": standing.in_force,
    }


def _sensor(request: Request) -> Sensor:
    return present(services_of(request).sensor, "sensor")
