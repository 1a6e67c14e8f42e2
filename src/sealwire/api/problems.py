"""Errors as ``application/problem+json`` (RFC 9457): the code is stable, the text is user-safe."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sealwire.errors import Finding, RefusedError, SealwireError, Severity

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"


def problem(error: SealwireError) -> JSONResponse:
    """The answer for one error of the tree."""
    headers = {"WWW-Authenticate": 'Basic realm="Sealwire"'} if error.http_status == 401 else None  # noqa: PLR2004 - the status itself
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(error.http_status).phrase,
            "status": error.http_status,
            "code": error.code,
            "detail": error.message,
            "hint": error.hint,
            "findings": [finding_json(finding) for finding in error.findings],
        },
        status_code=error.http_status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as every listing shows it."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "subject": finding.subject,
    }


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error as a problem document."""

    @app.exception_handler(SealwireError)
    async def _ours(_request: Request, error: SealwireError) -> JSONResponse:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        findings = [
            Finding(
                code="input.invalid",
                severity=Severity.ERROR,
                message=f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}",
            )
            for fault in error.errors()
        ]
        text = "; ".join(finding.message for finding in findings)
        return problem(RefusedError("input.invalid", text, findings=findings))

    @app.exception_handler(HTTPException)
    async def _other(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse(
            {
                "type": "about:blank",
                "title": HTTPStatus(error.status_code).phrase,
                "status": error.status_code,
                "code": "http." + HTTPStatus(error.status_code).name.lower(),
                "detail": str(error.detail),
                "hint": "",
                "findings": [],
            },
            status_code=error.status_code,
            media_type=MEDIA_TYPE,
            headers=error.headers,
        )
