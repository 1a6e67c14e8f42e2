"""Dogtag's interface as an application of its own: no error of it speaks our API's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import FastAPI

from sealwire.api.dogtag import account, audit, certificates, enrollment, errors, profiles, requests
from sealwire.api.dogtag.sessions import HttpSessions
from sealwire.api.dogtag.versions import VERSIONS
from sealwire.clock import SystemClock, SystemRandom

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sealwire.api.services import Services
    from sealwire.clock import Clock, RandomSource

PREFIXES: Final = ("/ca/", "/pki/")


def create_dogtag_app(
    services: Services,
    *,
    version: str,
    clock: Clock | None = None,
    random: RandomSource | None = None,
) -> FastAPI:
    """``/ca/rest|v1|v2/...`` and ``/pki/rest|v1|v2/info``."""
    app = FastAPI(
        title="Sealwire",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        default_response_class=errors.AsciiJson,
    )
    app.state.services = services
    app.state.clock = clock or SystemClock()
    app.state.sessions = HttpSessions(app.state.clock, random or SystemRandom())
    errors.install(app)
    for path in VERSIONS:
        app.include_router(account.info_router, prefix=f"/pki/{path}")
        for module in (account, enrollment, requests, certificates, profiles, audit):
            app.include_router(module.router, prefix=f"/ca/{path}")
    return app


class Beside:
    """Middleware: hands Dogtag's addresses over to its application, all others on."""

    def __init__(self, app: ASGIApp, dogtag: ASGIApp) -> None:
        self._app = app
        self._dogtag = dogtag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        ours = scope["type"] == "http" and scope["path"].startswith(PREFIXES)
        await (self._dogtag if ours else self._app)(scope, receive, send)
