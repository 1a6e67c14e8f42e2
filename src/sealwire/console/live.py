"""Counters that count while one looks: server-sent events, one line of JSON a second."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from sealwire.access.roles import Action, allowed_actions
from sealwire.console.guards import SESSION_COOKIE
from sealwire.console.visit import peer_certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from sealwire.console.services import ConsoleServices

EVERY_SECONDS: Final = 1.0
LONGEST: Final = 100
"""Who is shown: the last to speak."""


class LiveCounters:
    """The stream behind the pages about the sensor.

    It is open to whoever may see the page, looks at every event whether that still holds, and
    does not count as use of the session.
    """

    path: Final = "/sensors/{sensor}/live"
    gate: Final = Action.READ_SENSOR

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        self._closing = False

    def close(self) -> None:
        """End every stream within a second."""
        self._closing = True

    async def answer(self, request: Request) -> Response:
        """The stream, or 403."""
        if not await run_in_threadpool(self._may, request):
            return Response(status_code=403)
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(
            self._events(request), media_type="text/event-stream", headers=headers
        )

    async def _events(self, request: Request) -> AsyncIterator[str]:
        while not self._closing and await run_in_threadpool(self._may, request):
            document = await run_in_threadpool(self._document)
            yield f"data: {json.dumps(document)}\n\n"
            await asyncio.sleep(EVERY_SECONDS)

    def _may(self, request: Request) -> bool:
        sensor = request.path_params["sensor"]
        if self._services.sensor is None or sensor != self._services.sensor_name:
            return False
        token = request.cookies.get(SESSION_COOKIE, "")
        stay = self._services.log_in.still_holds(token, certificate=peer_certificate(request))
        if stay is None or stay.must_change_password:
            return False
        return self.gate in allowed_actions(stay.principal)

    def _document(self) -> dict[str, Any]:
        stats = {} if self._services.sensor is None else self._services.sensor.stats(LONGEST)
        return {
            **stats,
            "tls_failures": stats.get("tls_failures", [])[:LONGEST],
        }
