"""What is served without TLS: public by nature, and signed in itself.

The issuing CA's certificate, CRLs (RFC 5280) and OCSP (RFC 6960 appendix A, caching as RFC 5019
section 6.2 describes it).
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.x509 import load_pem_x509_certificate
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from sealwire.api.services import present, services_of
from sealwire.ca.ocsp import LARGEST_REQUEST
from sealwire.ca.publication import CrlName
from sealwire.errors import NotFoundError
from sealwire.x509.certificate import certificate_der

if TYPE_CHECKING:
    from sealwire.ca.publication import StatusPublisher
    from sealwire.ca.responder import OcspAnswer

router = APIRouter()

_NOT_MODIFIED = 304
_CRL_KEPT_S = 300
"""How long a cache may keep a CRL: what was revoked should be seen soon."""
_OCSP_KEPT_S = 300


@router.get("/ca.crt")
def issuing_certificate(request: Request) -> Response:
    """The issuing CA's certificate, DER."""
    authority = present(services_of(request).ca, "ca")
    issuing = load_pem_x509_certificate(authority.chain_pem().encode())
    return Response(certificate_der(issuing), media_type="application/pkix-cert")


@router.api_route("/crl/{file_name}", methods=["GET", "HEAD"])
def crl(request: Request, file_name: str) -> Response:
    """The latest CRL, DER: ``ca.crl`` the issuing CA's, ``root.crl`` the root's."""
    found = _publisher(request).crl(_crl_name(file_name))
    tag = f'"{found.issuer_key_id[:16]}-{found.number}"'
    headers = {
        "ETag": tag,
        "Last-Modified": _http_time(found.this_update),
        "Expires": _http_time(found.next_update),
        "Cache-Control": f"public, max-age={_CRL_KEPT_S}, no-transform, must-revalidate",
    }
    if tag in _tags(request) or _unchanged_since(request, found.this_update):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(found.der, media_type="application/pkix-crl", headers=headers)


def _crl_name(file_name: str) -> CrlName:
    stem, dot, suffix = file_name.rpartition(".")
    if (dot, suffix) != (".", "crl") or stem not in set(CrlName):
        known = ", ".join(f"{name}.crl" for name in CrlName)
        raise NotFoundError("crl.unknown", "There is no such CRL.", hint=f"There are: {known}")
    return CrlName(stem)


def _tags(request: Request) -> set[str]:
    given = request.headers.get("if-none-match", "").split(",")
    return {tag.strip().removeprefix("W/") for tag in given}


def _unchanged_since(request: Request, time: datetime) -> bool:
    """If-Modified-Since, which does not count where If-None-Match is given (RFC 9110, 13.1.3)."""
    if "if-none-match" in request.headers:
        return False
    given = request.headers.get("if-modified-since", "")
    try:
        since = datetime.strptime(given, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return False
    return since >= time.replace(microsecond=0)


@router.post("/ocsp")
async def ocsp_post(request: Request) -> Response:
    """The answer to an OCSP request, DER in and out, whatever its media type is said to be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REQUEST:
            break  # Too large, and answered so; the rest is not worth reading.
    answer = await run_in_threadpool(_publisher(request).ocsp, bytes(body))
    return _ocsp_response(answer, keep=False)


@router.get("/ocsp/{encoded:path}")
def ocsp_get(request: Request, encoded: str) -> Response:
    """The same, the request in base64 as part of the address."""
    try:
        der = base64.b64decode(encoded[: 2 * LARGEST_REQUEST], validate=True)
    except (binascii.Error, ValueError):
        der = b""
    return _ocsp_response(_publisher(request).ocsp(der), keep=True)


def _ocsp_response(answer: OcspAnswer, *, keep: bool) -> Response:
    headers = {"Cache-Control": "no-store"}
    if keep and answer.times is not None:
        headers = {
            "Cache-Control": f"public, max-age={_OCSP_KEPT_S}, no-transform, must-revalidate",
            "Last-Modified": _http_time(answer.times.produced),
            "Expires": _http_time(answer.times.until),
            "ETag": f'"{sha256(answer.der).hexdigest()}"',
        }
    return Response(answer.der, media_type="application/ocsp-response", headers=headers)


def _http_time(time: datetime) -> str:
    return format_datetime(time.astimezone(UTC).replace(microsecond=0), usegmt=True)


def _publisher(request: Request) -> StatusPublisher:
    return present(services_of(request).status_publisher, "ca")
