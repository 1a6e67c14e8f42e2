"""``/api/v1/ca/certificates`` and ``/api/v1/ca/crl``: what was issued, whether it still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import AwareDatetime, Field

from sealwire.access.roles import Action, Principal
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import Body, Number, rfc3339
from sealwire.ca.ports import (
    CertificateSearch,
    CertificateStatus,
    TimeRange,
)
from sealwire.ca.publication import CrlName
from sealwire.ca.review import stored_certificate
from sealwire.ca.revocation import REASON_WORDS, Standing, reason_named, standing
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.certificate import certificate_sha256 as sha256_of

if TYPE_CHECKING:
    from sealwire.ca.ports import IssuedCertificate, IssuedCrl
    from sealwire.ca.ports import Request as ChangeRequest
    from sealwire.ca.publication import CrlHead, StatusPublisher
    from sealwire.ca.revocation import Revocations
    from sealwire.ca.service import CertificateAuthority

router = APIRouter(prefix="/api/v1/ca", tags=["ca"])

Revokes = Annotated[Principal, guard(Action.REVOKE_CERTIFICATE)]
Serial = Annotated[int, Field(ge=1, lt=2**160)]
Text = Annotated[str, Field(max_length=1024)]
Value = Annotated[str, Field(max_length=256)]

_ATTRIBUTES: Final = ("cn", "o", "ou", "uid", "e", "c", "st", "l")


class CommentsBody(Body):
    """Why, in words; kept with the request and shown to agents."""

    comments: Text | None = None


class RevokeBody(CommentsBody):
    """``reason`` in Dogtag's words or as RFC 5280's number; ``authority`` for a CA's certificate.

    ``invalidity``: since when the key is not to be trusted.
    """

    reason: Annotated[str, Field(max_length=64)] = "Unspecified"
    invalidity: AwareDatetime | None = None
    authority: bool = False


class PublishBody(Body):
    """Whose CRL: ``ca`` is the issuing CA's, ``root`` the root's."""

    name: CrlName = CrlName.ISSUING


class SearchQuery(Body):
    """What to find; every one given narrows it down. Times are RFC 3339, both ends included.

    ``cn`` to ``l`` are attributes of the subject, of which a part is enough unless ``exact``.
    """

    start: Number = 0
    size: Annotated[int, Field(ge=1, le=1000)] = 1000
    serial_from: int | None = None
    serial_to: int | None = None
    cn: Value = ""
    o: Value = ""
    ou: Value = ""
    uid: Value = ""
    e: Value = ""
    c: Value = ""
    st: Value = ""
    l: Value = ""  # noqa: E741 - the attribute's name
    exact: bool = False
    status: CertificateStatus | None = None
    reason: Annotated[tuple[Value, ...], Field(max_length=10)] = ()
    revoked_by: Value | None = None
    issued_by: Value | None = None
    revoked_from: AwareDatetime | None = None
    revoked_to: AwareDatetime | None = None
    issued_from: AwareDatetime | None = None
    issued_to: AwareDatetime | None = None
    not_before_from: AwareDatetime | None = None
    not_before_to: AwareDatetime | None = None
    not_after_from: AwareDatetime | None = None
    not_after_to: AwareDatetime | None = None

    def search(self) -> CertificateSearch:
        """As the use case takes it. Raises RefusedError ``revocation.reason``."""
        return CertificateSearch(
            serial_from=self.serial_from,
            serial_to=self.serial_to,
            subject={name: text for name in _ATTRIBUTES if (text := getattr(self, name))},
            match_exactly=self.exact,
            status=self.status,
            revoked_by=self.revoked_by,
            revocation_reasons=frozenset(reason_named(word) for word in self.reason),
            issued_by=self.issued_by,
            revoked=TimeRange(self.revoked_from, self.revoked_to),
            issued=TimeRange(self.issued_from, self.issued_to),
            not_before=TimeRange(self.not_before_from, self.not_before_to),
            not_after=TimeRange(self.not_after_from, self.not_after_to),
        )


@router.get("/certificates", dependencies=[guard(Action.READ_CERTIFICATE)])
def certificates(request: Request, query: Annotated[SearchQuery, Query()]) -> dict[str, Any]:
    """What was issued, in that order, skipping ``start``."""
    page = _ca(request).search_certificates(query.search(), start=query.start, limit=query.size)
    return {"total": page.total, "entries": [_certificate(request, each) for each in page.entries]}


@router.get("/certificates/{serial}", dependencies=[guard(Action.READ_CERTIFICATE)])
def certificate(request: Request, serial: Serial) -> dict[str, Any]:
    """One certificate, with its PEM and the chain above it."""
    authority = _ca(request)
    found = authority.certificate(serial)
    return {**_certificate(request, found), "pem": _pem(found), "chain_pem": authority.chain_pem()}


@router.get("/certificates/{serial}/pem", dependencies=[guard(Action.READ_CERTIFICATE)])
def certificate_file(request: Request, serial: Serial) -> PlainTextResponse:
    """One certificate as a PEM file."""
    return PlainTextResponse(_pem(_ca(request).certificate(serial)))


@router.post("/certificates/{serial}/revoke")
def revoke(request: Request, who: Revokes, serial: Serial, body: RevokeBody) -> dict[str, Any]:
    """Revoke it for good; a hold with the reason Certificate_Hold."""
    made = _revocations(request).revoke(
        serial,
        reason_named(body.reason),
        actor=who.name,
        comments=body.comments,
        invalidity=body.invalidity,
        authority=body.authority,
    )
    return _changed(request, serial, made)


@router.post("/certificates/{serial}/hold")
def hold(request: Request, who: Revokes, serial: Serial, body: CommentsBody) -> dict[str, Any]:
    """Revoke it until it is released."""
    made = _revocations(request).hold(serial, actor=who.name, comments=body.comments)
    return _changed(request, serial, made)


@router.post("/certificates/{serial}/release")
def release(request: Request, who: Revokes, serial: Serial, body: CommentsBody) -> dict[str, Any]:
    """Take it off hold."""
    made = _revocations(request).release(serial, actor=who.name, comments=body.comments)
    return _changed(request, serial, made)


@router.get("/crl", dependencies=[guard(Action.READ_CERTIFICATE)])
def crls(request: Request) -> dict[str, Any]:
    """The latest CRL of each of the CA's keys that is here; ``number`` 0 before the first."""
    publisher = _publisher(request)
    heads = publisher.crl_heads().items()
    return {"entries": [_crl(publisher, name, head) for name, head in heads]}


@router.post("/crl")
def publish(request: Request, who: Revokes, body: PublishBody) -> dict[str, Any]:
    """Make the next CRL now, outside its turn."""
    publisher = _publisher(request)
    made = publisher.publish_crl(body.name, actor=who.name)
    return _crl(publisher, body.name, made)


def _crl(
    publisher: StatusPublisher, name: CrlName, head: CrlHead | IssuedCrl | None
) -> dict[str, Any]:
    return {
        "name": name.value,
        "number": head.number if head else 0,
        "this_update": rfc3339(head.this_update) if head else None,
        "next_update": rfc3339(head.next_update) if head else None,
        "entries": head.entries if head else 0,
        "url": publisher.addresses.crl(name.value) or None,
    }


def _ca(request: Request) -> CertificateAuthority:
    return present(services_of(request).ca, "ca")


def _revocations(request: Request) -> Revocations:
    return present(services_of(request).revocations, "ca")


def _publisher(request: Request) -> StatusPublisher:
    return present(services_of(request).status_publisher, "ca")


def _changed(request: Request, serial: int, made: ChangeRequest) -> dict[str, Any]:
    """The certificate as it is now, and the number of the request that made it so."""
    found = _ca(request).certificate(serial)
    return {**_certificate(request, found), "change_request_id": made.request_id}


def _certificate(request: Request, row: IssuedCertificate) -> dict[str, Any]:
    reason = row.revocation_reason
    return {
        "serial": str(row.serial),
        "serial_hex": hex(row.serial),
        "request_id": row.request_id,
        "profile": row.profile_id,
        "subject": row.subject,
        "issuer": row.issuer,
        "not_before": rfc3339(row.not_before),
        "not_after": rfc3339(row.not_after),
        "issued": rfc3339(row.issued),
        "issued_by": row.issued_by,
        "sha256": sha256_of(stored_certificate(row.der)),
        "status": _revocations(request).status_of(row).value,
        "on_hold": standing(row) is Standing.ON_HOLD,
        "revoked": rfc3339(row.revoked) if row.revoked else None,
        "revoked_by": row.revoked_by,
        "revocation_reason": None if reason is None else REASON_WORDS[reason],
        "invalidity": rfc3339(row.invalidity) if row.invalidity else None,
    }


def _pem(row: IssuedCertificate) -> str:
    return certificate_pem(stored_certificate(row.der)).decode("ascii")
