"""The node's web applications: the API on TLS and the owner's socket, and the little in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.x509 import load_pem_x509_certificate
from fastapi import FastAPI, Request
from fastapi.responses import Response

from sealwire.api import appliance, audit, ca, problems, sensor, users
from sealwire.api.limits import AnnouncedBodyLimit
from sealwire.api.services import present, services_of
from sealwire.api.shapes import LARGEST_BODY
from sealwire.x509.certificate import certificate_der

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
        redirect_slashes=False,
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(AnnouncedBodyLimit)
    for module in (ca, appliance, sensor, audit, users):
        app.include_router(module.router, max_body_size=LARGEST_BODY)
    app.include_router(users.own_router, max_body_size=LARGEST_BODY)

    @app.get("/healthz", include_in_schema=False)
    def _alive() -> dict[str, str]:
        return {"status": "ok"}

    return app


def create_clear_app(services: Services) -> FastAPI:
    """What is served without TLS: public by nature, and signed in itself."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.services = services
    problems.install(app)

    @app.get("/ca.crt")
    def _issuing_certificate(request: Request) -> Response:
        authority = present(services_of(request).ca, "ca")
        issuing = load_pem_x509_certificate(authority.chain_pem().encode())
        return Response(certificate_der(issuing), media_type="application/pkix-cert")

    return app
