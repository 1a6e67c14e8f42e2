"""A body announced as too large is refused with a problem document, before a byte of it is read.

What comes without its length is counted by FastAPI (``max_body_size``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.api.problems import status_problem
from sealwire.api.shapes import LARGEST_BODY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_TOO_LARGE = 413


class AnnouncedBodyLimit:
    """Middleware: looks at Content-Length only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it and close: the body is not worth reading."""
        if scope["type"] == "http" and _announced(scope) > LARGEST_BODY:
            detail = f"A request's body may have {LARGEST_BODY} bytes at most."
            answer = status_problem(_TOO_LARGE, detail, headers={"Connection": "close"})
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _announced(scope: Scope) -> int:
    """Content-Length; 0 when there is none, or none that the server lets pass."""
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0
