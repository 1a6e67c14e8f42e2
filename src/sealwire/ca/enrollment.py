"""A request's way out of the queue: agents' decisions, and the certificate they lead to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sealwire.audit.ca_events import request_approval
from sealwire.audit.events import NON_ROLE_USER, request_approved
from sealwire.ca.constraints import REJECTED
from sealwire.ca.evidence import approval_of, counted_approvals
from sealwire.ca.intake import TRAIL, Draft, Intake, Submission, Tools
from sealwire.ca.issuance import check, preview, require_fresh, sign, stale
from sealwire.ca.ports import Request, RequestStatus
from sealwire.ca.profile_register import profile_in_force, require_enabled
from sealwire.ca.register import certificate_row, known_request
from sealwire.ca.requests import RequestAction, next_status
from sealwire.ca.uniqueness import taken_reasons
from sealwire.errors import ForbiddenError, RefusedError

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

    from sealwire.audit.events import Event
    from sealwire.ca.blueprint import Issuer
    from sealwire.ca.ports import CaTx, IssuedCertificate
    from sealwire.ca.profile_register import ProfileInForce

__all__ = ["TRAIL", "Draft", "Enrollment", "Submission", "Tools"]


class Enrollment(Intake):
    """What happens to requests, each method inside its caller's transaction. Safe to share."""

    def approve(
        self, tx: CaTx, request_id: int, actor: str, tbs_sha256: str | None, credential: str
    ) -> Request:
        """Keep the approval and, with enough of them, issue. Raises as the CA's ``approve``."""
        request = known_request(request_id, tx.lock_request(request_id))
        status = next_status(request.status, RequestAction.APPROVE)
        if tbs_sha256 is not None and tbs_sha256 != request.tbs_sha256:
            raise stale(request, "this is not what was looked at")
        rules, issuer = profile_in_force(tx, request.profile_id), self.issuer(tx)
        require_enabled(rules)
        _require_other_person(rules, request, actor)
        now = self._tools.clock.now()
        require_fresh(request, rules, issuer, now)
        tx.add_approval(approval_of(request, actor, now, credential))
        given = self._given(tx, request, rules)
        if given < rules.profile.approval.approvers:
            # Not the last one: still nobody may say yes to what would not be issued.
            preview(request, rules.profile, issuer)
            self.record(tx, _counted(actor, request, rules, given))
            return request
        certificate = self._issue(tx, request, rules, issuer, now)
        issued = certificate_row(certificate, request, issuer, issued=now, issued_by=actor)
        done = replace(request, status=status, modified=now, decided_by=actor)
        return self._complete(tx, done, issued)

    def _given(self, tx: CaTx, request: Request, rules: ProfileInForce) -> int:
        if rules.profile.approval.approvers == 1:
            return 1
        return len(counted_approvals(request, tx.approvals(request.request_id)))

    def _issue(
        self, tx: CaTx, request: Request, rules: ProfileInForce, issuer: Issuer, now: datetime
    ) -> x509.Certificate:
        reasons = taken_reasons(tx, rules.profile, request, now)
        token = check(request, rules, issuer, now, reasons=reasons)
        return sign(token, self._tools.keys.signer(issuer.key_id))

    def _complete(self, tx: CaTx, done: Request, issued: IssuedCertificate) -> Request:
        tx.insert_certificate(issued)
        tx.update_request(done, expected=RequestStatus.PENDING)
        approved = request_approved(
            issued.issued_by, done.request_id, serial=issued.serial, certificate_der=issued.der
        )
        self.record(tx, approved)
        return done

    def enter_and_issue(self, tx: CaTx, submission: Submission) -> IssuedCertificate:
        """Submit and approve at once, for the node itself.

        Raises RefusedError ``request.rejected``, and ForbiddenError ``approval.own_request`` or
        RefusedError ``approval.several`` when the profile wants other people's eyes.
        """
        request = self.enter(tx, self.draft(tx, submission))
        if request.status is RequestStatus.REJECTED:
            raise RefusedError(REJECTED, request.error_message or "")
        done = self.approve(tx, request.request_id, submission.actor, None, "")
        if done.status is not RequestStatus.COMPLETE:
            raise RefusedError(
                "approval.several", f"Profile {done.profile_id} wants several approvers."
            )
        issued = tx.certificate(done.serial or 0)
        if issued is None:
            message = "a certificate was inserted and is not there"
            raise LookupError(message)
        return issued

    def decide(
        self, tx: CaTx, request_id: int, action: RequestAction, event: Event, reason: str | None
    ) -> Request:
        """Reject or cancel, with its record."""
        request = known_request(request_id, tx.lock_request(request_id))
        decided = replace(
            request,
            status=next_status(request.status, action),
            modified=self._tools.clock.now(),
            decided_by=event.subject_id,
            reason=reason,
        )
        tx.update_request(decided, expected=request.status)
        self.record(tx, event)
        return decided

    def assign(self, tx: CaTx, request_id: int, owner: str | None) -> Request:
        """Say whose work it is; changes nothing about who may decide, and is not recorded."""
        action = RequestAction.UNASSIGN if owner is None else RequestAction.ASSIGN
        request = known_request(request_id, tx.lock_request(request_id))
        status = next_status(request.status, action)
        assigned = replace(request, owner=owner, modified=self._tools.clock.now())
        tx.update_request(assigned, expected=status)
        return assigned

    def update(self, tx: CaTx, request_id: int) -> Request:
        """Fix its bytes anew, which voids the approvals it had."""
        request = known_request(request_id, tx.lock_request(request_id))
        status = next_status(request.status, RequestAction.UPDATE)
        renewed = self.renewed(tx, request)
        tx.update_request(renewed, expected=status)
        return renewed


def _counted(actor: str, request: Request, rules: ProfileInForce, given: int) -> Event:
    needed = rules.profile.approval.approvers
    info = f"approval {given} of {needed}, to-be-signed SHA-256 {request.tbs_sha256}"
    return request_approval(actor, request.request_id, info)


def _require_other_person(rules: ProfileInForce, request: Request, actor: str) -> None:
    # Who submitted without a name may be anybody, the approver too.
    if rules.profile.approval.separate_submitter and request.submitted_by in {actor, NON_ROLE_USER}:
        raise ForbiddenError(
            "approval.own_request",
            f"{request.submitted_by} submitted request {request.request_id}:"
            f" {actor} may not approve it.",
            hint=f"Profile {rules.profile_id} wants somebody else to approve.",
        )
