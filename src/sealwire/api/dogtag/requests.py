"""``certrequests`` and ``agent/certrequests``: look, list, review, decide."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query, Request

from sealwire.access.roles import Principal
from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.access import Use, permits
from sealwire.api.dogtag.bodies import Posted
from sealwire.api.dogtag.context import (
    SessionCookie,
    authority_of,
    sessions_of,
)
from sealwire.api.dogtag.decisions import check_action, decide
from sealwire.api.dogtag.errors import bad_request
from sealwire.api.dogtag.request_info import request_info, request_infos
from sealwire.api.dogtag.reviews import review_json
from sealwire.api.dogtag.routing import Router
from sealwire.api.dogtag.shapes import LARGEST_REQUEST, JsonObject, read_number
from sealwire.api.dogtag.versions import Speaks
from sealwire.ca.ports import RequestStatus, RequestType
from sealwire.ca.service import CertificateAuthority

router = Router()

_LARGEST_PAGE: Final = 1000
_ALL: Final = "all"
_KIND: Final = "cert-request"

Size = Annotated[int, Query(ge=0)]


@router.get("/certrequests/{request_id}", dependencies=[permits(Use.GET_REQUEST)])
def show(request: Request, version: Speaks, request_id: str) -> JsonObject:
    """One request."""
    row = authority_of(request).request(number_of(request_id))
    return request_info(request, version, row)


@router.get("/agent/certrequests", dependencies=[permits(Use.LIST_REQUESTS)])
def find(
    request: Request,
    version: Speaks,
    start: str = "0",
    pageSize: Size = 20,  # noqa: N803 - Dogtag's word
    size: Size | None = None,
    maxResults: Size | None = None,  # noqa: N803 - Dogtag's word
) -> JsonObject:
    """A page of the requests, by number; what to find is in ``requestState`` and its like.

    ``maxResults`` is how many are looked for at all; what is beyond is not counted either.
    """
    query = request.query_params
    status = _status(query.get("requestState") or query.get("requestStatus"))
    kind, known = _type(query.get("requestType"))
    if not known:
        return request_infos(request, version, [], 0)
    authority = authority_of(request)
    begin = number_of(start)
    limit = min(pageSize if size is None else size, _LARGEST_PAGE)
    most = LARGEST_REQUEST if maxResults is None else maxResults
    if version.start_is_number:
        limit = min(limit, most)
    else:
        limit = min(limit, max(most - begin, 0))
        begin = _number_at(authority, begin, status=status, kind=kind)
    page = authority.find(status=status, request_type=kind, start=begin, limit=limit)
    return request_infos(request, version, page.entries, min(page.total, most))


def _number_at(
    authority: CertificateAuthority,
    skip: int,
    *,
    status: RequestStatus | None,
    kind: RequestType | None,
) -> int:
    """The number from which on those requests stand that come after the first ``skip``."""
    number = 0
    while skip > 0:
        limit = min(skip, _LARGEST_PAGE)
        passed = authority.find(status=status, request_type=kind, start=number, limit=limit)
        if len(passed.entries) < limit:
            return LARGEST_REQUEST
        number = passed.entries[-1].request_id + 1
        skip -= limit
    return number


@router.get("/agent/certrequests/{request_id}")
def review(
    request: Request,
    who: Annotated[Principal, permits(Use.REVIEW_REQUEST)],
    request_id: str,
    cookie: SessionCookie,
) -> JsonObject:
    """What an agent looks at, and the nonce that a decision needs."""
    number = number_of(request_id)
    authority = authority_of(request)
    if authority.request(number).request_type is not RequestType.ENROLLMENT:
        raise bad_request(f"Request {number:#x} is no enrollment request")
    seen = authority.review(number)
    token, nonce = sessions_of(request).issue(who, cookie.token, _KIND, number, seen.tbs_sha256)
    cookie.put(token)
    rules = authority.profile_register.get(seen.request.profile_id)
    return review_json(seen, rules, nonce)


@router.post("/agent/certrequests/{request_id}/{action}", status_code=204)
def change(
    request: Request,
    who: Annotated[Principal, permits(Use.CHANGE_REQUEST)],
    request_id: str,
    action: str,
    cookie: SessionCookie,
    body: Posted,
) -> None:
    """One of the seven actions, on what was looked at under the nonce."""
    check_action(action)
    number = number_of(request_id)
    row = authority_of(request).request(number)
    _same_request(body, number)
    nonce = sessions_of(request).redeem(who, cookie.token, _KIND, number, _nonce(body))
    decide(request, who, row, action, body, nonce.seen)


def number_of(request_id: str) -> int:
    """A request's number, decimal or hex. Raises UsageError."""
    return read_number(request_id, "request ID", LARGEST_REQUEST)


def _same_request(body: JsonObject, number: int) -> None:
    named = bodies.text(body, "requestId", "requestID")
    if named and number_of(named) != number:
        raise bad_request("The body is a review of another request")


def _nonce(body: JsonObject) -> int | None:
    text = bodies.text(body, "nonce", "Nonce")
    if text is None or not text.strip():
        return None
    return signed_number(text)


def signed_number(text: str) -> int:
    """A nonce: a signed number of 64 bits. Raises UsageError."""
    stripped = text.strip()
    value = read_number(stripped.removeprefix("-"), "nonce", 2**63)
    return -value if stripped.startswith("-") else value


def _status(word: str | None) -> RequestStatus | None:
    if word is None or word in {"", _ALL}:
        return None
    # Dogtag's own help has a second l.
    wanted = "canceled" if word == "cancelled" else word
    try:
        return RequestStatus(wanted)
    except ValueError:
        raise bad_request(f"Unknown request status: one of {', '.join(RequestStatus)}") from None


def _type(word: str | None) -> tuple[RequestType | None, bool]:
    """The type, and whether there are requests of it: Dogtag knows more of them."""
    if word is None or word in {"", _ALL}:
        return None, True
    return (RequestType(word), True) if word in set(RequestType) else (None, False)
