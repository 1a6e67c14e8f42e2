"""How much one request may bring: bodies are read before anybody is asked who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException

from sealwire.api.problems import status_problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY: Final = 16 * 1024 * 1024
TOO_LARGE: Final = 413
_DETAIL: Final = f"A request's body may have {LARGEST_BODY} bytes at most."


class BodyLimit:
    """Refuses a body of more than ``LARGEST_BODY`` bytes, announced or not, without keeping it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless its Content-Length says too much already."""
        if scope["type"] == "http" and _announced(scope) > LARGEST_BODY:
            answer = status_problem(TOO_LARGE, _DETAIL, headers={"Connection": "close"})
            await answer(scope, receive, send)
        else:
            await self._app(scope, _counted(receive), send)


def _announced(scope: Scope) -> int:
    """Content-Length; 0 when there is none or it is no number (the server refuses that)."""
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0


def _counted(receive: Receive) -> Receive:
    """``receive``, raising as soon as the parts together are too much."""
    received = 0

    async def counting() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LARGEST_BODY:
            raise HTTPException(TOO_LARGE, _DETAIL, headers={"Connection": "close"})
        return message

    return counting
