"""``certs`` and ``agent/certs``: look, search, review, revoke, hold, release."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Query, Request

from sealwire.access.roles import Principal
from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.access import Use, permits
from sealwire.api.dogtag.bodies import Posted
from sealwire.api.dogtag.certificate_info import certificate_data, certificate_info
from sealwire.api.dogtag.context import SessionCookie, authority_of, clock_of, sessions_of
from sealwire.api.dogtag.request_info import request_info
from sealwire.api.dogtag.requests import signed_number
from sealwire.api.dogtag.routing import Router
from sealwire.api.dogtag.searches import Search, certificate_status, read_search, search
from sealwire.api.dogtag.shapes import Json, JsonObject, read_number, time_of_ms
from sealwire.api.dogtag.versions import Speaks
from sealwire.api.services import present, services_of
from sealwire.ca.ports import CertificateSearch, RevocationReason
from sealwire.ca.ports import Request as RevocationRequest
from sealwire.ca.revocation import Revocations, reason_named

router = Router()

LARGEST_PAGE: Final = 10_000
_KIND: Final = "cert-revoke"

Offset = Annotated[int, Query(ge=0)]


@dataclass(frozen=True, slots=True)
class Page:
    """``size`` of what is found, ``start`` skipped, nothing behind the first ``most``."""

    start: int
    size: int
    most: int = sys.maxsize

    @property
    def limit(self) -> int:
        """How many to fetch."""
        return min(self.size, LARGEST_PAGE, max(self.most - self.start, 0))


@router.get("/certs/{serial}", dependencies=[permits(Use.GET_CERTIFICATE)])
def show(request: Request, serial: str) -> JsonObject:
    """One certificate."""
    return _data(request, _serial(serial))


@router.get("/certs", dependencies=[permits(Use.SEARCH_CERTIFICATES)])
def listing(
    request: Request, version: Speaks, status: str = "", start: Offset = 0, size: Offset = 20
) -> JsonObject:
    """All certificates, or those of one status."""
    wanted = Search(CertificateSearch(status=certificate_status(status)))
    return _found(request, wanted, Page(start, size), counts=version.counts_found)


@router.post("/certs/search", dependencies=[permits(Use.SEARCH_CERTIFICATES)])
def searched(
    request: Request,
    version: Speaks,
    body: Posted,
    start: Offset = 0,
    size: Offset = 20,
    maxResults: Offset | None = None,  # noqa: N803 - Dogtag's word
) -> JsonObject:
    """Those that fulfil every condition that the body says is in use.

    ``maxResults`` is how many are looked for at all; what is beyond is not counted either.
    """
    wanted = read_search(body)
    most = sys.maxsize if maxResults is None else maxResults
    return _found(request, wanted, Page(start, size, most), counts=version.counts_found)


@router.get("/agent/certs/{serial}")
def review(
    request: Request,
    who: Annotated[Principal, permits(Use.REVIEW_CERTIFICATE)],
    serial: str,
    cookie: SessionCookie,
) -> JsonObject:
    """One certificate, and the nonce that a revocation needs."""
    number = _serial(serial)
    shown = _data(request, number)
    token, nonce = sessions_of(request).issue(who, cookie.token, _KIND, number)
    cookie.put(token)
    return {**shown, "Nonce": nonce}


@router.post("/agent/certs/{serial}/revoke")
def revoke(
    request: Request,
    version: Speaks,
    who: Annotated[Principal, permits(Use.REVOKE)],
    serial: str,
    cookie: SessionCookie,
    body: Posted,
) -> JsonObject:
    """Revoke, hold, or release, by the reason in the body."""
    wish = _wish(request, who, _serial(serial), cookie.token, body)
    return request_info(request, version, wish.made(authority=False))


@router.post("/agent/certs/{serial}/revoke-ca")
def revoke_authority(
    request: Request,
    version: Speaks,
    who: Annotated[Principal, permits(Use.REVOKE_AUTHORITY)],
    serial: str,
    cookie: SessionCookie,
    body: Posted,
) -> JsonObject:
    """The same for the certificate of a CA."""
    wish = _wish(request, who, _serial(serial), cookie.token, body)
    return request_info(request, version, wish.made(authority=True))


@router.post("/agent/certs/{serial}/unrevoke")
def release(
    request: Request,
    version: Speaks,
    who: Annotated[Principal, permits(Use.RELEASE)],
    serial: str,
) -> JsonObject:
    """Off hold; Dogtag asks for no body and no nonce here."""
    number = _serial(serial)
    authority_of(request).certificate(number)
    return request_info(request, version, _revocations(request).release(number, actor=who.name))


@dataclass(frozen=True, slots=True)
class _Wish:
    """A revocation that was asked for properly."""

    revocations: Revocations
    serial: int
    actor: str
    reason: RevocationReason
    comments: str | None
    invalidity: datetime | None

    def made(self, *, authority: bool) -> RevocationRequest:
        """Do it. Raises as ``Revocations.revoke``."""
        return self.revocations.revoke(
            self.serial,
            self.reason,
            actor=self.actor,
            comments=self.comments,
            invalidity=self.invalidity,
            authority=authority,
        )


def _wish(request: Request, who: Principal, serial: int, token: str, body: JsonObject) -> _Wish:
    authority_of(request).certificate(serial)
    reason = _reason(bodies.text(body, "Reason", "reason"))
    comments = bodies.text(body, "Comments", "comments")
    invalidity = time_of_ms(
        bodies.first(body, "InvalidityDate", "invalidityDate"), "InvalidityDate"
    )
    wish = _Wish(_revocations(request), serial, who.name, reason, comments, invalidity)
    if reason is not RevocationReason.REMOVE_FROM_CRL:
        nonce = bodies.text(body, "Nonce", "nonce")
        value = signed_number(nonce) if nonce and nonce.strip() else None
        sessions_of(request).redeem(who, token, _KIND, serial, value)
    return wish


def _reason(word: str | None) -> RevocationReason:
    return RevocationReason.UNSPECIFIED if not word else reason_named(word)


def _serial(text: str) -> int:
    return read_number(text, "certificate ID")


def _revocations(request: Request) -> Revocations:
    return present(services_of(request).revocations, "ca")


def _data(request: Request, serial: int) -> JsonObject:
    authority = authority_of(request)
    row = authority.certificate(serial)
    return certificate_data(row, authority.chain_pem(), clock_of(request).now())


def _found(request: Request, wanted: Search, page: Page, *, counts: bool) -> JsonObject:
    found = search(authority_of(request), wanted, start=page.start, limit=page.limit)
    now = clock_of(request).now()
    entries: list[Json] = [certificate_info(row, now) for row in found.entries]
    total = min(found.total, page.most)
    return {"total": total, "entries": entries} if counts else {"entries": entries}
