"""``/api/v1/sensor``: identity, listeners, trust, what arrived."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.identities import certificate_json
from sealwire.api.identity_routes import Place, add_identity_routes
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import Body
from sealwire.errors import UsageError
from sealwire.sensor.receiving import ClientCertificate, Transport
from sealwire.sensor.record_json import received_json
from sealwire.sensor.silence import silence_document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from sealwire.sensor.journal import Position, ReceivedMessage
    from sealwire.sensor.service import Sensor

router = APIRouter(prefix="/api/v1/sensor", tags=["sensor"])

Reads = Annotated[Principal, guard(Action.READ_SENSOR)]
Changes = Annotated[Principal, guard(Action.CONFIGURE_SENSOR)]
_FOLLOW_EVERY_S = 0.5
_LINES_AT_ONCE = 500


class ClientCertificateBody(Body):
    """``off``, ``wanted`` or ``required``."""

    mode: str


class TrustBody(Body):
    """CA certificates, PEM."""

    pem: Annotated[str, Field(min_length=1, max_length=4 * 1024 * 1024)]


class SilenceBody(Body):
    """``address`` None: every source that has no hours of its own."""

    hours: float
    address: Annotated[str, Field(min_length=1, max_length=64)] | None = None


@router.get("/listeners")
def listeners(request: Request, _who: Reads) -> list[dict[str, Any]]:
    """Where it listens, over what, and whether senders must show a certificate.

    Without TLS there is no certificate (null). ``legacy_cbc``: whether
    TLS_RSA_WITH_AES_128_CBC_SHA is offered too.
    """
    sensor = _sensor(request)
    mode = sensor.client_certificate().value
    return [
        {
            "port": each.port,
            "transport": each.transport.value,
            "client_certificate": mode if each.transport is Transport.TLS else None,
            "legacy_cbc": sensor.legacy_cbc and each.transport is Transport.TLS,
            "open": each.open,
        }
        for each in sensor.listeners()
    ]


@router.put("/client-certificate")
def set_client_certificate(
    request: Request, who: Changes, body: ClientCertificateBody
) -> dict[str, str]:
    """Say whether senders must show a certificate; for new connections."""
    try:
        mode = ClientCertificate(body.mode)
    except ValueError:
        raise UsageError(
            "listener.client_certificate",
            f"no such mode: {body.mode}",
            hint=f"one of {', '.join(ClientCertificate)}",
        ) from None
    _sensor(request).set_client_certificate(who.name, mode)
    return {"mode": mode.value}


@router.get("/trust")
def trust(request: Request, _who: Reads) -> list[dict[str, Any]]:
    """The anchors for senders' certificates."""
    return [certificate_json(each) for each in _sensor(request).trust_anchors()]


@router.post("/trust", status_code=201)
def add_trust(request: Request, who: Changes, body: TrustBody) -> list[dict[str, Any]]:
    """Accept what these CAs signed."""
    added = _sensor(request).add_trust_anchors(who.name, body.pem.encode("utf-8"))
    return [certificate_json(each) for each in added]


@router.delete("/trust/{sha256}", status_code=204)
def remove_trust(request: Request, who: Changes, sha256: str) -> Response:
    """No longer accept what this CA signed."""
    _sensor(request).remove_trust_anchor(who.name, sha256)
    return Response(status_code=204)


@router.get("/stats")
def stats(request: Request, _who: Reads) -> dict[str, Any]:
    """Packets Received, bytes, sources, and who failed at TLS and why."""
    return _sensor(request).stats()


@router.get("/sources")
def sources(request: Request, _who: Reads) -> list[dict[str, Any]]:
    """One entry for each address and certificate."""
    return _sensor(request).sources()


@router.get("/tail")
def tail(
    request: Request,
    _who: Reads,
    count: Annotated[int, Query(ge=0, le=100_000)] = 20,
    follow: bool = False,  # noqa: FBT001, FBT002 - a query parameter
) -> StreamingResponse:
    """The newest messages, one JSON object a line; with ``follow`` also what comes until a stop.

    The keys are those of a stored record, as far as they are known before it is taken apart.
    """
    sensor = _sensor(request)
    newest, position = sensor.tail(count)
    lines = _followed(request, newest, position) if follow else _by_many(newest)
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.get("/silence")
def silence(request: Request, _who: Reads) -> dict[str, Any]:
    """After how many hours of silence an alarm is raised (0: never), and for which sources else."""
    return silence_document(_sensor(request).silence())


@router.put("/silence")
def set_silence(request: Request, who: Changes, body: SilenceBody) -> dict[str, Any]:
    """Choose the hours for one address, or for all that have none of their own."""
    return silence_document(_sensor(request).set_silence(who.name, body.hours, body.address))


@router.delete("/silence/{address}")
def remove_silence(request: Request, who: Changes, address: str) -> dict[str, Any]:
    """The general hours count for this address again."""
    return silence_document(_sensor(request).remove_silence(who.name, address))


def _sensor(request: Request) -> Sensor:
    return present(services_of(request).sensor, "sensor")


add_identity_routes(
    router,
    Place(
        "/identity",
        "/identity/csr",
        lambda request: _sensor(request).certificate,
        Action.READ_SENSOR,
        Action.CONFIGURE_SENSOR,
    ),
)


async def _followed(
    request: Request, newest: Sequence[ReceivedMessage], position: Mapping[int, Position]
) -> AsyncIterator[str]:
    """No thread waits with a follower; one is taken for each look, which is bounded."""
    sensor, last = _sensor(request), False
    while newest or not last:
        if newest:
            yield await run_in_threadpool(_lines, newest)
        else:
            await asyncio.sleep(_FOLLOW_EVERY_S)
        last = request.app.state.closing
        newest, position = await run_in_threadpool(sensor.tail_from, position)


def _by_many(messages: Sequence[ReceivedMessage]) -> Iterator[str]:
    """Line by line, handing them over would take longer than making them."""
    for start in range(0, len(messages), _LINES_AT_ONCE):
        yield _lines(messages[start : start + _LINES_AT_ONCE])


def _lines(messages: Sequence[ReceivedMessage]) -> str:
    return "".join(map(_line, messages))


def _line(received: ReceivedMessage) -> str:
    return json.dumps(received_json(received)) + "\n"
