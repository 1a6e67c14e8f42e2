"""*Certificate Authority > Requests*: the queue, a new request, review and decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.ca.evidence import counted_approvals
from sealwire.ca.objections import is_waived
from sealwire.ca.ports import RequestStatus, RequestType
from sealwire.ca.profile_register import stored_profile
from sealwire.ca.requests import RequestAction, Requestor
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.errors import ConflictError, NotFoundError, RefusedError, SealwireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.responses import Response

    from sealwire.ca.ports import Approval, Request
    from sealwire.ca.review import Review
    from sealwire.ca.service import CertificateAuthority
    from sealwire.console.visit import Visit

_PAGE: Final = "/authority/requests"
_PAGE_SIZE: Final = 50
_DONE: Final = {
    RequestAction.APPROVE: "approved",
    RequestAction.REJECT: "rejected",
    RequestAction.CANCEL: "canceled",
    RequestAction.ASSIGN: "assigned",
    RequestAction.UNASSIGN: "unassigned",
}


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """One approval; ``holds``: it is for exactly the bytes that the request has now."""

    approval: Approval
    holds: bool


@dataclass(frozen=True, slots=True)
class EvidenceShown:
    """Every approval there was; ``needed`` is None where the profile's version cannot be read."""

    given: Sequence[GivenApproval]
    needed: int | None

    @property
    def holding(self) -> int:
        """How many count."""
        return sum(each.holds for each in self.given)


def queue(visit: Visit) -> Response:
    """Requests by number; those that wait unless others are asked for."""
    wanted = visit.query("status") or RequestStatus.PENDING.value
    status = RequestStatus(wanted) if wanted in set(RequestStatus) else None
    start = visit.query("start")
    first = int(start) if start.isascii() and start.isdecimal() and len(start) < 19 else 0  # noqa: PLR2004 - fits 63 bits
    page = _ca(visit).find(status=status, start=first, limit=_PAGE_SIZE)
    more = page.entries[-1].request_id + 1 if len(page.entries) == _PAGE_SIZE else None
    return visit.page(
        "requests.html",
        requests=page.entries,
        total=page.total,
        wanted="all" if status is None else status.value,
        statuses=["all", *RequestStatus],
        more=more,
    )


def new_request(visit: Visit) -> Response:
    """*New request*: a CSR under a profile."""
    profiles = [profile for profile in _ca(visit).profiles() if profile.visible]
    return visit.page("request_new.html", profiles=profiles, form=visit.form)


def submit(visit: Visit) -> Response:
    """Into the queue, or rejected at once by the profile; both are shown on its page."""
    uploaded = next((data for _, data in visit.form.uploads("csr_file")), b"")
    requestor = Requestor(
        visit.text("requestor_name"), visit.text("requestor_email"), visit.text("requestor_phone")
    )
    made = _ca(visit).submit(
        visit.text("profile"),
        uploaded or visit.text("csr").encode("utf-8", "replace"),
        requestor,
        actor=visit.actor,
        remote_address=visit.address,
    )
    done = "submitted" if made.status is RequestStatus.PENDING else ""
    return visit.see(f"{_PAGE}/{made.request_id}", done)


def show(visit: Visit) -> Response:
    """One request. Who may decide sees what would be signed, and where it is not what was asked."""
    authority = _ca(visit)
    request = authority.request(visit.number("request_id"))
    review, trouble = _review(visit, authority, request.request_id)
    if review is not None:
        # A look may have fixed the bytes anew.
        request = authority.request(request.request_id)
    pending = request.status is RequestStatus.PENDING
    return visit.page(
        "request.html",
        request=request,
        enrollment=request.request_type is RequestType.ENROLLMENT,
        review=review,
        lint=[] if review is None else [(each, is_waived(each)) for each in review.lint],
        evidence=_evidence(authority, request) if visit.may(Action.LIST_REQUESTS) else None,
        trouble=None if visit.error else trouble,
        decides=visit.may(Action.DECIDE_REQUEST) and pending,
        stale=visit.error is not None and visit.error.code == "request.stale",
        reason=visit.text("reason"),
    )


def _review(
    visit: Visit, authority: CertificateAuthority, request_id: int
) -> tuple[Review | None, SealwireError | None]:
    if not visit.may(Action.DECIDE_REQUEST):
        return None, None
    try:
        return authority.review(request_id), None
    except (ConflictError, RefusedError) as trouble:
        # What the profile refuses now, or was tampered with, can still be rejected or canceled.
        return None, trouble


def _evidence(authority: CertificateAuthority, request: Request) -> EvidenceShown | None:
    """Who said yes to what; None for a change of a status, which needs no approval."""
    if request.request_type is not RequestType.ENROLLMENT:
        return None
    found = authority.approvals(request.request_id)
    holding = counted_approvals(request, found)
    given = [GivenApproval(each, each in holding) for each in found]
    return EvidenceShown(given, _approvals_needed(authority, request))


def _approvals_needed(authority: CertificateAuthority, request: Request) -> int | None:
    """By the version of the profile that the request was judged by."""
    try:
        versions = authority.profile_register.versions(request.profile_id)
        rules = [stored_profile(v) for v in versions if v.version == request.profile_version]
    except (ConflictError, NotFoundError):
        return None
    return rules[0].approval.approvers if rules else None


def decide(visit: Visit) -> Response:
    """Approve, reject, cancel, assign or unassign."""
    request_id, word = visit.number("request_id"), visit.path("decision")
    if word not in {action.value for action in _DONE}:
        raise NotFoundError("page.unknown", "There is no such page.")
    action = RequestAction(word)
    decided = _DECISIONS[action](visit, _ca(visit), request_id)
    counted = action is RequestAction.APPROVE and decided.status is RequestStatus.PENDING
    return visit.see(f"{_PAGE}/{request_id}", "counted" if counted else _DONE[action])


def _approve(visit: Visit, authority: CertificateAuthority, request_id: int) -> Request:
    """An approval holds for the bytes that were shown, and no others."""
    return authority.approve(
        request_id,
        actor=visit.actor,
        tbs_sha256=visit.text("tbs_sha256") or "nothing",
        credential=visit.principal.credential,
    )


_DECISIONS: Final[dict[RequestAction, Callable[[Visit, CertificateAuthority, int], Request]]] = {
    RequestAction.APPROVE: _approve,
    RequestAction.REJECT: lambda visit, ca, number: ca.reject(
        number, visit.text("reason"), actor=visit.actor
    ),
    RequestAction.CANCEL: lambda visit, ca, number: ca.cancel(
        number, visit.text("reason"), actor=visit.actor
    ),
    RequestAction.ASSIGN: lambda visit, ca, number: ca.assign(number, actor=visit.actor),
    RequestAction.UNASSIGN: lambda visit, ca, number: ca.unassign(number, actor=visit.actor),
}


def _ca(visit: Visit) -> CertificateAuthority:
    return present(visit.services.ca, "CA")


ROUTES: Final = (
    get(_PAGE, Action.LIST_REQUESTS, queue),
    get(f"{_PAGE}/new", Action.SUBMIT_REQUEST, new_request),
    post(f"{_PAGE}/new", Action.SUBMIT_REQUEST, submit, again=new_request),
    get(f"{_PAGE}/{{request_id}}", Action.READ_REQUEST, show),
    post(f"{_PAGE}/{{request_id}}/{{decision}}", Action.DECIDE_REQUEST, decide, again=show),
)
