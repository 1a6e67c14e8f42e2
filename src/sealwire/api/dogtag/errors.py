"""Errors as Dogtag's clients know them: a class name that they map, or no JSON at all.

Dogtag's Python client turns a JSON error into the exception of its class, swallows it when it
does not know the class, and raises ``requests.HTTPError`` when it is no JSON. So every class
named here is one that it knows, and who is not logged in is told so in HTML, as Tomcat does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from sealwire.access.throttle import ThrottledError
from sealwire.api.dogtag.shapes import attributes, read_number
from sealwire.errors import ForbiddenError, SealwireError, UnauthorizedError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_BASE: Final = "com.netscape.certsrv.base."
_BY_CODE: Final[Mapping[str, str]] = {
    "request.unknown": "com.netscape.certsrv.request.RequestNotFoundException",
    "certificate.unknown": "com.netscape.certsrv.cert.CertNotFoundException",
    "profile.unknown": "com.netscape.certsrv.profile.ProfileNotFoundException",
    "user.unknown": _BASE + "UserNotFoundException",
}
_BY_STATUS: Final[Mapping[int, str]] = {
    400: _BASE + "BadRequestException",
    403: _BASE + "ForbiddenException",
    404: _BASE + "ResourceNotFoundException",
    409: _BASE + "ConflictingOperationException",
    410: _BASE + "HTTPGoneException",
}
_ANY: Final = _BASE + "PKIException"

# Dogtag knows no 422: what was read and refused is a bad request.
_STATUS: Final[Mapping[int, int]] = {422: 400}

_NAMED: Final[Mapping[str, tuple[str, str]]] = {
    "request.unknown": ("requestId", "request_id"),
    "certificate.unknown": ("certId", "serial"),
    "profile.unknown": ("profileId", "profile_id"),
}
"""Under which name an error repeats which part of the path: what was not found."""


class DogtagError(SealwireError):
    """An answer in Dogtag's own words; the class follows from ``status``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__("dogtag.refused", message)
        self.status = status


def bad_request(message: str) -> DogtagError:
    """400 BadRequestException."""
    return DogtagError(400, message)


class AsciiJson(JSONResponse):
    """JSON in ASCII: what it quotes may hold halves of characters."""

    def render(self, content: object) -> bytes:
        """JSON with every other character escaped."""
        return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def answer(error: SealwireError, path: Mapping[str, str]) -> Response:
    """The answer for one error of the tree; ``path`` holds the path's parameters."""
    if isinstance(error, UnauthorizedError):
        return _page(401, {"WWW-Authenticate": 'Basic realm="Certificate Authority"'})
    if isinstance(error, ThrottledError):
        return _page(429, {"Retry-After": str(error.wait_seconds)})
    status = error.status if isinstance(error, DogtagError) else error.http_status
    status = _STATUS.get(status, status)
    kind = _BY_CODE.get(error.code) if status == HTTPStatus.NOT_FOUND else None
    # There is no field for hints, and who may not do something should know what it takes.
    said = error.message
    if isinstance(error, ForbiddenError) and error.hint:
        said = f"{said} {error.hint}"
    return _document(status, said, kind, named=_named(error.code, path))


def _named(code: str, path: Mapping[str, str]) -> dict[str, str]:
    name, parameter = _NAMED.get(code, ("", ""))
    value = path.get(parameter, "")
    if not value:
        return {}
    return {name: value if parameter == "profile_id" else str(read_number(value, name))}


def _document(
    status: int,
    message: str,
    kind: str | None = None,
    *,
    named: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    content = {
        "Attributes": attributes(named or {}),
        "ClassName": kind or _BY_STATUS.get(status, _ANY),
        "Code": status,
        "Message": message,
    }
    return AsciiJson(content, status_code=status, headers=dict(headers) if headers else None)


def _page(status: int, headers: Mapping[str, str]) -> Response:
    said = f"HTTP Status {status} - {HTTPStatus(status).phrase}"
    page = (
        f'<!doctype html><html lang="en"><head><title>{said}</title></head>'
        f"<body><h1>{said}</h1></body></html>"
    )
    return HTMLResponse(page, status_code=status, headers=dict(headers))


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error so."""

    @app.exception_handler(SealwireError)
    async def _ours(request: Request, error: SealwireError) -> Response:
        return answer(error, request.path_params)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> Response:
        faults = (f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        return _document(400, "; ".join(faults))

    @app.exception_handler(HTTPException)
    async def _other(_request: Request, error: HTTPException) -> Response:
        return _document(error.status_code, str(error.detail), headers=error.headers)

    # The server logs the exception itself; its words may hold secrets and are not sent.
    @app.exception_handler(Exception)
    async def _unforeseen(_request: Request, _error: Exception) -> Response:
        return _document(500, "Server Internal Error")
