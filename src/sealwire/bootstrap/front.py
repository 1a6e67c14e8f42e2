"""The web apps. On the TLS listener: the console at its own addresses, the API at all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.api.app import create_app, create_clear_app
from sealwire.bootstrap.compose import VERSION
from sealwire.console.app import Console
from sealwire.console.services import ConsoleServices

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sealwire.bootstrap.roles import Roles


class Front:
    """Passes each request to the one whose address it is."""

    def __init__(self, console: Console, api: FastAPI, clear: ASGIApp) -> None:
        self._console = console
        self.api = api
        self.clear = clear

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        ours = scope["type"] == "http" and self._console.owns(scope["path"])
        await (self._console if ours else self.api)(scope, receive, send)

    def close(self) -> None:
        """Let live pages and who follows end, so that the listeners can close."""
        self._console.close()
        self.api.state.closing = True


def front_of(roles: Roles) -> Front:
    """Console and API over the same use cases, and the little that is served in clear."""
    base, services = roles.base, roles.services
    console = Console(
        ConsoleServices(
            log_in=services.log_in,
            people=services.people,
            trails=services.trails,
            audit=services.audit,
            ca=services.ca,
            appliance=services.appliance,
            sensor=services.sensor,
            sensor_name=base.config.sensor_name,
            host_name=base.config.host_name,
            version=VERSION,
            clock=base.clock,
            random=base.random,
            ca_setup=services.ca_setup,
            revocations=services.revocations,
            status_publisher=services.status_publisher,
            peer_lists=services.peer_lists,
            doctor=services.doctor,
            expiry=services.expiry,
        )
    )
    api = create_app(services, version=VERSION)
    return Front(console, api, create_clear_app(services))
