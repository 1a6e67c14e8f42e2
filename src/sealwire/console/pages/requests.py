"""*Certificate Authority > Requests*: the queue, a new request, review and decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.ca.ports import RequestStatus
from sealwire.ca.requests import RequestAction, Requestor
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.errors import NotFoundError, RefusedError, SealwireError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.ca.review import Review
    from sealwire.ca.service import CertificateAuthority
    from sealwire.console.visit import Visit

_PAGE: Final = "/authority/requests"
_PAGE_SIZE: Final = 50
_DONE: Final = {
    RequestAction.APPROVE: "approved",
    RequestAction.REJECT: "rejected",
    RequestAction.CANCEL: "canceled",
}


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
    return visit.page(
        "request.html",
        request=authority.request(request.request_id) if review else request,
        review=review,
        trouble=trouble,
        decides=visit.may(Action.DECIDE_REQUEST) and request.status is RequestStatus.PENDING,
        reason=visit.text("reason"),
    )


def _review(
    visit: Visit, authority: CertificateAuthority, request_id: int
) -> tuple[Review | None, SealwireError | None]:
    if not visit.may(Action.DECIDE_REQUEST):
        return None, None
    try:
        return authority.review(request_id), None
    except RefusedError as trouble:
        # The profile refuses it now: it can still be rejected or canceled.
        return None, trouble


def decide(visit: Visit) -> Response:
    """Approve, reject or cancel; an approval holds for the bytes that were shown, and no others."""
    authority, request_id = _ca(visit), visit.number("request_id")
    action = visit.path("decision")
    if action not in {done.value for done in _DONE}:
        raise NotFoundError("page.unknown", "There is no such page.")
    match RequestAction(action):
        case RequestAction.APPROVE:
            seen = visit.text("tbs_sha256") or "nothing"
            decided = authority.approve(
                request_id,
                actor=visit.actor,
                tbs_sha256=seen,
                credential=visit.principal.credential,
            )
            if decided.status is RequestStatus.PENDING:
                return visit.see(f"{_PAGE}/{request_id}", "counted")
        case RequestAction.REJECT:
            authority.reject(request_id, visit.text("reason"), actor=visit.actor)
        case RequestAction.CANCEL:
            authority.cancel(request_id, visit.text("reason"), actor=visit.actor)
    return visit.see(f"{_PAGE}/{request_id}", _DONE[RequestAction(action)])


def _ca(visit: Visit) -> CertificateAuthority:
    return present(visit.services.ca, "CA")


ROUTES: Final = (
    get(_PAGE, Action.LIST_REQUESTS, queue),
    get(f"{_PAGE}/new", Action.SUBMIT_REQUEST, new_request),
    post(f"{_PAGE}/new", Action.SUBMIT_REQUEST, submit, again=new_request),
    get(f"{_PAGE}/{{request_id}}", Action.READ_REQUEST, show),
    post(f"{_PAGE}/{{request_id}}/{{decision}}", Action.DECIDE_REQUEST, decide, again=show),
)
