"""``/api/v1/ca``: requests, decisions, certificates, profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.findings import finding_json
from sealwire.api.problems import problem_json
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import Body, Number, rfc3339
from sealwire.ca.ports import RequestStatus
from sealwire.ca.requests import RequestAction, Requestor, WantedApproval
from sealwire.errors import SealwireError, UsageError

if TYPE_CHECKING:
    from sealwire.ca.ports import Approval
    from sealwire.ca.ports import Request as CertificateRequest
    from sealwire.ca.service import CertificateAuthority

router = APIRouter(prefix="/api/v1/ca", tags=["ca"])

Submits = Annotated[Principal, guard(Action.SUBMIT_REQUEST)]
Decides = Annotated[Principal, guard(Action.DECIDE_REQUEST)]
Text = Annotated[str, Field(max_length=1024)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Serial = Annotated[int, Field(ge=1, lt=2**160)]


class SubmitBody(Body):
    """A CSR (PEM) under a profile, and who asks."""

    profile: Annotated[str, Field(min_length=1, max_length=100)]
    csr: Annotated[str, Field(max_length=1024 * 1024)]
    requestor_name: Text = ""
    requestor_email: Text = ""
    requestor_phone: Text = ""


class DecisionBody(Body):
    """Why, for reject and cancel; for approve, optionally, the digest of what was reviewed."""

    reason: Text | None = None
    tbs_sha256: Digest | None = None


class ApprovedRequest(Body):
    """A request to be approved and, optionally, the digest of what was reviewed."""

    id: Number
    tbs_sha256: Digest | None = None


class ApprovalsBody(Body):
    """Many approvals."""

    requests: Annotated[list[ApprovedRequest], Field(min_length=1, max_length=1000)]


@router.post("/requests", status_code=201)
def submit(request: Request, who: Submits, body: SubmitBody) -> dict[str, Any]:
    """Submit; the answer is the request, pending or rejected by its profile."""
    requestor = Requestor(body.requestor_name, body.requestor_email, body.requestor_phone)
    made = _ca(request).submit(
        body.profile,
        body.csr.encode("latin-1", "replace"),
        requestor,
        actor=who.name,
        remote_address=request.client.host if request.client else "",
    )
    return _request(request, made)


@router.get("/requests", dependencies=[guard(Action.LIST_REQUESTS)])
def find(
    request: Request,
    status: str = "",
    start: Number = 0,
    size: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> dict[str, Any]:
    """Requests by id, ascending, ids >= ``start``."""
    page = _ca(request).find(status=_status(status), start=start, limit=size)
    return {
        "total": page.total,
        "audit_format": _ca(request).audit_format.value,
        "entries": [_request(request, each) for each in page.entries],
    }


@router.get("/requests/{request_id}", dependencies=[guard(Action.READ_REQUEST)])
def show(request: Request, request_id: Number) -> dict[str, Any]:
    """One request."""
    return _request(request, _ca(request).request(request_id))


@router.get("/requests/{request_id}/review", dependencies=[guard(Action.DECIDE_REQUEST)])
def review(request: Request, request_id: Number) -> dict[str, Any]:
    """What an agent looks at before deciding."""
    seen = _ca(request).review(request_id)
    return {
        **_request(request, seen.request),
        "profile_name": seen.profile_name,
        "inputs": [
            {
                "name": block.name,
                "attributes": [{"name": name, "value": value} for name, value in block.attributes],
            }
            for block in seen.inputs
        ],
        "certificate_text": seen.certificate_text,
        "differences": list(seen.differences),
        "tbs_sha256": seen.tbs_sha256,
        "lint": [finding_json(each) for each in seen.lint],
        "approvals": [_approval(each) for each in seen.approvals],
        "approvals_needed": seen.approvals_needed,
    }


@router.get("/requests/{request_id}/approvals", dependencies=[guard(Action.LIST_REQUESTS)])
def approvals(request: Request, request_id: Number) -> dict[str, Any]:
    """Every approval there was, those that a change made void too."""
    return {"entries": [_approval(each) for each in _ca(request).approvals(request_id)]}


@router.post("/requests/approve")
def approve_each(request: Request, who: Decides, body: ApprovalsBody) -> dict[str, Any]:
    """Approve many: for each, in order, the request as it is now, or the problem it met."""
    wanted = [WantedApproval(each.id, each.tbs_sha256) for each in body.requests]
    outcomes = _ca(request).approve_each(wanted, actor=who.name, credential=who.credential)
    entries = [
        {"id": each.request_id, "problem": problem_json(outcome)}
        if isinstance(outcome, SealwireError)
        else {"id": each.request_id, "request": _request(request, outcome)}
        for each, outcome in zip(wanted, outcomes, strict=True)
    ]
    return {"entries": entries}


@router.post("/requests/{request_id}/{action}")
def decide(
    request: Request, who: Decides, request_id: Number, action: str, body: DecisionBody
) -> dict[str, Any]:
    """Approve, reject, cancel, update, validate, assign or unassign."""
    authority = _ca(request)
    match action:
        case RequestAction.APPROVE:
            decided = authority.approve(
                request_id,
                actor=who.name,
                tbs_sha256=body.tbs_sha256,
                credential=who.credential,
            )
        case RequestAction.REJECT:
            decided = authority.reject(request_id, body.reason, actor=who.name)
        case RequestAction.CANCEL:
            decided = authority.cancel(request_id, body.reason, actor=who.name)
        case RequestAction.UPDATE:
            decided = authority.update(request_id, actor=who.name)
        case RequestAction.ASSIGN:
            decided = authority.assign(request_id, actor=who.name)
        case RequestAction.UNASSIGN:
            decided = authority.unassign(request_id, actor=who.name)
        case RequestAction.VALIDATE:
            authority.validate(request_id, actor=who.name)
            decided = authority.request(request_id)
        case _:
            raise UsageError("request.action", f"no such action: {action}")
    return _request(request, decided)


@router.get("/reconciliation", dependencies=[guard(Action.READ_AUDIT)])
def reconciliation(request: Request) -> dict[str, Any]:
    """Whether certificates, requests and audit records tell the same story."""
    found = _ca(request).reconcile()
    return {
        "ok": found.holds,
        "certificates": found.certificates,
        "complete_requests": found.complete_requests,
        "approvals": found.approvals,
        "status_changes": found.status_changes,
        "findings": [finding_json(each) for each in found.findings],
    }


@router.get("/chain", dependencies=[guard(Action.READ_CERTIFICATE)])
def chain(request: Request) -> PlainTextResponse:
    """The CA's own certificates, issuing CA first, root last."""
    return PlainTextResponse(_ca(request).chain_pem())


def _ca(request: Request) -> CertificateAuthority:
    return present(services_of(request).ca, "ca")


def _status(text: str) -> RequestStatus | None:
    if not text:
        return None
    try:
        return RequestStatus(text)
    except ValueError:
        raise UsageError(
            "request.status", f"no such status: {text}", hint=f"one of {', '.join(RequestStatus)}"
        ) from None


def _request(request: Request, row: CertificateRequest) -> dict[str, Any]:
    issued = row.status is RequestStatus.COMPLETE
    return {
        "id": row.request_id,
        "type": row.request_type.value,
        "status": row.status.value,
        "profile": row.profile_id,
        "subject": row.subject,
        "serial": str(row.serial) if issued and row.serial is not None else None,
        "error_message": row.error_message,
        "reason": row.reason,
        "requestor_name": row.requestor_name,
        "requestor_email": row.requestor_email,
        "requestor_phone": row.requestor_phone,
        "submitted_by": row.submitted_by,
        "decided_by": row.decided_by,
        "created": rfc3339(row.created),
        "modified": rfc3339(row.modified),
        "csr_sha256": row.csr_sha256,
        "profile_version": row.profile_version,
        "owner": row.owner,
        "audit_format": _ca(request).audit_format.value,
    }


def _approval(row: Approval) -> dict[str, Any]:
    return {
        "approver": row.approver,
        "time": rfc3339(row.time),
        "credential": row.credential,
        "csr_sha256": row.csr_sha256,
        "profile_version": row.profile_version,
        "profile_digest": row.profile_digest,
        "tbs_sha256": row.tbs_sha256,
    }
