"""``/healthz`` and ``/readyz``: for whoever watches the node. Without log-in they say little."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sealwire.api.services import services_of

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def alive() -> dict[str, str]:
    """It answers."""
    return {"status": "ok"}


@router.get("/readyz")
def ready(request: Request) -> JSONResponse:
    """200 when what is sent here is received, kept and taken on; otherwise 503 and why not."""
    sensor = services_of(request).sensor
    reasons = [] if sensor is None else sensor.unready()
    body = {"status": "not ready" if reasons else "ready", "reasons": reasons}
    return JSONResponse(body, status_code=503 if reasons else 200)
