"""The node's web applications: the API on TLS and the owner's socket, and the little in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import Response

from sealwire.api import appliance, audit, ca, problems, sensor
from sealwire.api.services import present, services_of

if TYPE_CHECKING:
    from sealwire.api.services import Services


def create_app(services: Services, *, version: str) -> FastAPI:
    """The API under ``/api/v1`` with its OpenAPI description."""
    app = FastAPI(
        title="Sealwire",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.services = services
    problems.install(app)
    for module in (ca, appliance, sensor, audit):
        app.include_router(module.router)

    @app.get("/healthz", include_in_schema=False)
    def _alive() -> dict[str, str]:
        return {"status": "ok"}

    return app


def create_clear_app(services: Services) -> FastAPI:
    """What is served without TLS: public by nature, and signed in itself."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    problems.install(app)

    @app.get("/ca.crt")
    def _issuing_certificate(request: Request) -> Response:
        authority = present(services_of(request).ca, "ca")
        return Response(authority.issuing_der(), media_type="application/pkix-cert")

    return app
