"""Errors as ``application/problem+json`` (RFC 9457): the code is stable, the text is user-safe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sealwire.access.throttle import ThrottledError
from sealwire.api.findings import finding_json
from sealwire.errors import Finding, RefusedError, SealwireError, Severity, UnauthorizedError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
_STATUS_CODES: Final[Mapping[int, str]] = {
    404: "http.not_found",
    405: "http.method_not_allowed",
    413: "input.too_large",
}


class ProblemResponse(JSONResponse):
    """A problem document, in ASCII: what it quotes may hold halves of characters."""

    media_type = MEDIA_TYPE

    def render(self, content: object) -> bytes:
        """JSON with every other character escaped."""
        return json.dumps(content, ensure_ascii=True).encode("ascii")


def invalid_input(faults: Sequence[str], hint: str = "") -> RefusedError:
    """The error for a request with these faults, each beginning with its place."""
    findings = [Finding("input.invalid", Severity.ERROR, fault) for fault in faults]
    return RefusedError("input.invalid", "; ".join(faults), hint=hint, findings=findings)


def problem_json(error: SealwireError) -> dict[str, Any]:
    """The same document for one error among other results."""
    document: dict[str, Any] = json.loads(bytes(problem(error).body))
    return document


def problem(error: SealwireError) -> ProblemResponse:
    """The answer for one error of the tree."""
    headers = {}
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = 'Basic realm="Sealwire"'
    if isinstance(error, ThrottledError):
        headers["Retry-After"] = str(error.wait_seconds)
    return _document(
        error.http_status,
        error.code,
        error.message,
        hint=error.hint,
        findings=error.findings,
        members=error.members,
        headers=headers,
    )


def status_problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None
) -> ProblemResponse:
    """The answer for what HTTP itself refuses."""
    code = _STATUS_CODES.get(status, f"http.{status}")
    return _document(status, code, detail, headers=headers)


def _document(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    findings: Sequence[Finding] = (),
    members: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    return ProblemResponse(
        {
            **(members or {}),
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
            "hint": hint,
            "findings": [finding_json(finding) for finding in findings],
        },
        status_code=status,
        headers=dict(headers) if headers else None,
    )


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error as a problem document."""

    @app.exception_handler(SealwireError)
    async def _ours(_request: Request, error: SealwireError) -> ProblemResponse:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> ProblemResponse:
        faults = error.errors()
        return problem(
            invalid_input(
                [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults]
            )
        )

    @app.exception_handler(HTTPException)
    async def _other(_request: Request, error: HTTPException) -> ProblemResponse:
        return status_problem(error.status_code, str(error.detail), headers=error.headers)

    # The server logs the exception itself; its words may hold secrets and are not sent.
    @app.exception_handler(Exception)
    async def _unforeseen(_request: Request, _error: Exception) -> ProblemResponse:
        return status_problem(500, "The node could not do this; its own log says why.")
