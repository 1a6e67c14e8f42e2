"""A certificate request's life: which action is allowed in which state.

``pending`` is the only state that anything can be done in; the other three are terminal, as in
Dogtag (``complete``, ``rejected``, ``canceled``).
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sealwire.ca.ports import RequestStatus
from sealwire.errors import ConflictError, Finding, RefusedError, Severity


class RequestAction(StrEnum):
    """What an agent can do with a request, in the words of Dogtag's command line."""

    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
    UPDATE = "update"
    VALIDATE = "validate"
    ASSIGN = "assign"
    UNASSIGN = "unassign"


TRANSITIONS: Final[Mapping[tuple[RequestStatus, RequestAction], RequestStatus]] = {
    (RequestStatus.PENDING, RequestAction.APPROVE): RequestStatus.COMPLETE,
    (RequestStatus.PENDING, RequestAction.REJECT): RequestStatus.REJECTED,
    (RequestStatus.PENDING, RequestAction.CANCEL): RequestStatus.CANCELED,
    (RequestStatus.PENDING, RequestAction.UPDATE): RequestStatus.PENDING,
    (RequestStatus.PENDING, RequestAction.VALIDATE): RequestStatus.PENDING,
    (RequestStatus.PENDING, RequestAction.ASSIGN): RequestStatus.PENDING,
    (RequestStatus.PENDING, RequestAction.UNASSIGN): RequestStatus.PENDING,
}
"""Every allowed step; a pair that is not here is refused. An approval may leave it pending."""


def next_status(status: RequestStatus, action: RequestAction) -> RequestStatus:
    """The state after ``action``. Raises ConflictError ``request.not_pending``."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        raise ConflictError(
            "request.not_pending",
            "Request Not In Pending State",
            hint=f"The request is {status}; nothing more can be done with it.",
        ) from None


_LONGEST_FIELD: Final = 256
_LONGEST_REASON: Final = 1024


@dataclass(frozen=True, slots=True)
class Requestor:
    """What the submitter says about themselves: claims, shown to the agent, never checked."""

    name: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class WantedApproval:
    """A request to be approved; ``tbs_sha256`` is what the agent looked at (see ``Review``)."""

    request_id: int
    tbs_sha256: str | None = None


def _text_findings(field: str, text: str, longest: int) -> list[Finding]:
    findings = []
    if len(text) > longest:
        message = f"The {field} is longer than {longest} characters."
        findings.append(Finding("text.too_long", Severity.ERROR, message, field))
    if not text.isprintable():
        message = f"The {field} contains control characters."
        findings.append(Finding("text.control_characters", Severity.ERROR, message, field))
    return findings


def check_requestor(requestor: Requestor) -> Requestor:
    """As given, or RefusedError ``requestor.invalid`` with every fault."""
    findings = [
        *_text_findings("requestor's name", requestor.name, _LONGEST_FIELD),
        *_text_findings("requestor's e-mail address", requestor.email, _LONGEST_FIELD),
        *_text_findings("requestor's phone number", requestor.phone, _LONGEST_FIELD),
    ]
    if findings:
        message = " ".join(finding.message for finding in findings)
        raise RefusedError("requestor.invalid", message, findings=findings)
    return requestor


def check_reason(reason: str | None) -> str | None:
    """A reason without surrounding blanks, None when nothing is left.

    Raises RefusedError ``reason.invalid`` when it is too long or holds control characters, line
    ends among them: a reason becomes part of one audit line.
    """
    text = (reason or "").strip()
    findings = _text_findings("reason", text, _LONGEST_REASON)
    if findings:
        message = " ".join(finding.message for finding in findings)
        raise RefusedError("reason.invalid", message, findings=findings)
    return text or None
