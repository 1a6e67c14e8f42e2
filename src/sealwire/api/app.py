"""The node's web applications: the API on TLS and the owner's socket, and the little in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from sealwire.api import (
    appliance,
    audit,
    authority,
    ca,
    certificates,
    clear,
    expiry,
    health,
    metrics,
    peer_lists,
    problems,
    profiles,
    records,
    retention,
    senders,
    sensor,
    users,
)
from sealwire.api.dogtag.app import Beside, create_dogtag_app
from sealwire.api.limits import AnnouncedBodyLimit
from sealwire.api.shapes import LARGEST_BODY

if TYPE_CHECKING:
    from sealwire.api.services import Services
    from sealwire.clock import Clock, RandomSource


def create_app(
    services: Services,
    *,
    version: str,
    clock: Clock | None = None,
    random: RandomSource | None = None,
    closing: bool = False,
) -> FastAPI:
    """The API under ``/api/v1`` with its OpenAPI description, and Dogtag's beside it.

    ``closing``: nothing more will come, so that who follows is shown what is there; a node sets
    ``app.state.closing`` when it stops.
    """
    app = FastAPI(
        title="Sealwire",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.closing = closing
    problems.install(app)
    app.add_middleware(AnnouncedBodyLimit)
    for module in (
        authority,
        ca,
        certificates,
        profiles,
        appliance,
        senders,
        sensor,
        records,
        retention,
        audit,
        users,
        peer_lists,
        expiry,
        health,
        metrics,
    ):
        app.include_router(module.router, max_body_size=LARGEST_BODY)
    app.include_router(users.own_router, max_body_size=LARGEST_BODY)

    dogtag = create_dogtag_app(services, version=version, clock=clock, random=random)
    app.state.dogtag = dogtag
    # The outermost: neither limits nor errors of our API are to be met at Dogtag's addresses.
    app.add_middleware(Beside, dogtag=dogtag)
    return app


def create_clear_app(services: Services) -> FastAPI:
    """What is served without TLS: public by nature, and signed in itself."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.services = services
    problems.install(app)
    app.include_router(clear.router)
    return app
