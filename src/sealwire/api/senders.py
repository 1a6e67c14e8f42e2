"""``/api/v1/sensor/senders``: who may come in, which HOSTNAME each may claim, how each frames."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import Body
from sealwire.sensor.admission import checked_sender

router = APIRouter(prefix="/api/v1/sensor/senders", tags=["sensor"])

Reads = Annotated[Principal, guard(Action.READ_SENSOR)]
Changes = Annotated[Principal, guard(Action.CONFIGURE_SENSOR)]
Text = Annotated[str, Field(max_length=300)]


class SenderBody(Body):
    """A sender by name, and what says that somebody is it: all that are given must fit."""

    name: Text
    san: Text | None = None
    fingerprint: Text | None = None
    network: Text | None = None
    hosts: Annotated[tuple[Text, ...], Field(max_length=1000)] = ()
    framing: Text = "auto"


@router.get("")
def senders(request: Request, _who: Reads) -> list[dict[str, Any]]:
    """Named senders."""
    sensor = present(services_of(request).sensor, "sensor")
    return [sender.document() for sender in sensor.senders()]


@router.post("", status_code=201)
def admit(request: Request, who: Changes, body: SenderBody) -> dict[str, Any]:
    """Name a sender; for connections and records from now on."""
    sender = checked_sender(
        body.name,
        san=body.san,
        fingerprint=body.fingerprint,
        network=body.network,
        hosts=body.hosts,
        framing=body.framing,
    )
    present(services_of(request).sensor, "sensor").admit(who.name, sender)
    return sender.document()


@router.delete("/{name}", status_code=204)
def dismiss(request: Request, who: Changes, name: str) -> Response:
    """Forget a named sender."""
    present(services_of(request).sensor, "sensor").dismiss(who.name, name)
    return Response(status_code=204)
