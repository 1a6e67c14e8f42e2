"""A request's way into the queue: judged, its bytes fixed and linted, pending or rejected."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.audit.events import NON_ROLE_USER, SYSTEM, profile_cert_request, request_invalid
from sealwire.ca.blueprint import issuer_of, signing_algorithm
from sealwire.ca.constraints import REJECTED, asked_subject, judge, quoted, rejected
from sealwire.ca.issuance import (
    FixedBytes,
    fix,
    require_csr_unaltered,
    require_fresh,
    require_profile_unaltered,
    with_bytes,
)
from sealwire.ca.objections import lint_reasons, waived
from sealwire.ca.ports import Request, RequestStatus
from sealwire.ca.profile_register import profile_in_force, require_enabled
from sealwire.ca.register import known_request, own_certificates
from sealwire.ca.requests import Requestor, check_requestor
from sealwire.ca.uniqueness import taken_reasons
from sealwire.errors import ConflictError, RefusedError, UnauthorizedError
from sealwire.x509.csr import read_csr
from sealwire.x509.lint import lint_certificate
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from datetime import datetime

    from sealwire.audit.events import Event
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.addresses import Addresses
    from sealwire.ca.blueprint import Issuer
    from sealwire.ca.objections import Linter
    from sealwire.ca.ports import CaTx, SigningKeys
    from sealwire.ca.profile_register import ProfileInForce
    from sealwire.ca.profiles import Profile
    from sealwire.clock import Clock, RandomSource
    from sealwire.errors import Finding
    from sealwire.x509.csr import CertificateRequest

TRAIL: Final = "ca"


@dataclass(frozen=True, slots=True)
class Submission:
    """A CSR for a profile, and who hands it in. ``subject`` in place of the CSR's, if not None."""

    profile_id: str
    csr: CertificateRequest
    requestor: Requestor
    actor: str
    remote_address: str
    subject: x509.Name | None = None

    @property
    def subject_text(self) -> str:
        """The subject asked for, as the request's row keeps it."""
        return dn_text(self.csr.name if self.subject is None else self.subject)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a submission would become under these rules, worked out before it is stored."""

    submission: Submission
    rules: ProfileInForce
    issuer: Issuer
    time: datetime
    fixed: FixedBytes | None
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for: a CSR, the subject, whose address."""

    csr_der: bytes
    subject: str
    email: str


@dataclass(frozen=True, slots=True)
class Tools:
    """What every request needs on its way; nothing of it keeps a state of the requests'."""

    keys: SigningKeys
    recorder: Recorder
    clock: Clock
    random: RandomSource
    addresses: Addresses
    linter: Linter = lint_certificate


class Intake:
    """Takes requests in, each method inside its caller's transaction. Safe to share."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def submission(
        self,
        profile_id: str,
        csr: bytes,
        *,
        subject: x509.Name | None = None,
        requestor: Requestor | None = None,
        actor: str = SYSTEM,
        remote_address: str = "",
    ) -> Submission:
        """What was handed in, read and checked. Raises as ``CertificateAuthority.submit``."""
        said = check_requestor(requestor or Requestor())
        return Submission(profile_id, read_csr(csr), said, actor, remote_address, subject)

    def require_acceptable(self, tx: CaTx, profile_id: str, actor: str) -> ProfileInForce:
        """The profile, if ``actor`` can submit under it.

        Raises NotFoundError ``profile.unknown``, RefusedError ``profile.disabled``,
        UnauthorizedError ``profile.login_required``.
        """
        rules = profile_in_force(tx, profile_id)
        require_enabled(rules)
        if rules.profile.approval.separate_submitter and actor == NON_ROLE_USER:
            raise UnauthorizedError(
                "profile.login_required",
                f"Profile {profile_id} takes requests only from who is logged in.",
                hint="Nobody may approve their own request, so it must be known whose it is.",
            )
        return rules

    def issuer(self, tx: CaTx) -> Issuer:
        """What the CA itself puts into certificates now."""
        return issuer_of(own_certificates(tx).issuing_pem, self._tools.addresses)

    def draft(self, tx: CaTx, submission: Submission) -> Draft:
        """Judge, fix and lint; changes nothing, so that it can be done outside the writer."""
        rules = self.require_acceptable(tx, submission.profile_id, submission.actor)
        issuer, now = self.issuer(tx), self._tools.clock.now()
        try:
            asked = _Asked(submission.csr.der, submission.subject_text, submission.requestor.email)
            fixed, findings = self._fixed(rules, issuer, now, asked)
        except RefusedError as refusal:
            if refusal.code != REJECTED:
                raise
            reasons = tuple(finding.message for finding in refusal.findings)
            return Draft(submission, rules, issuer, now, None, (), reasons)
        reasons = tuple(lint_reasons(findings))
        return Draft(submission, rules, issuer, now, fixed, findings, reasons)

    def enter(self, tx: CaTx, draft: Draft) -> Request:
        """Into the queue, or rejected by its profile; recorded either way."""
        draft = self._current(tx, draft)
        submission, rules = draft.submission, draft.rules
        request = _new_request(tx.next_request_id(), draft)
        self.record(
            tx,
            profile_cert_request(
                submission.actor, request.request_id, request.profile_id, request.subject
            ),
        )
        reasons = [*draft.reasons, *taken_reasons(tx, rules.profile, request, draft.time)]
        if draft.fixed is None or reasons:
            why = rejected(reasons).message
            request = replace(request, status=RequestStatus.REJECTED, error_message=why)
            invalid = request_invalid(request.request_id, why, subject_id=submission.actor)
            self.record(tx, invalid)
        else:
            request = with_bytes(request, rules, draft.issuer, draft.fixed, draft.findings)
        tx.insert_request(request)
        return request

    def _current(self, tx: CaTx, draft: Draft) -> Draft:
        """``draft``, made anew if profile or CA were changed since."""
        rules = self.require_acceptable(tx, draft.rules.profile_id, draft.submission.actor)
        same_rules = (rules.version, rules.digest) == (draft.rules.version, draft.rules.digest)
        if same_rules and self.issuer(tx).digest == draft.issuer.digest:
            return draft
        return self.draft(tx, draft.submission)

    def _fixed(
        self, rules: ProfileInForce, issuer: Issuer, now: datetime, asked: _Asked
    ) -> tuple[FixedBytes, tuple[Finding, ...]]:
        """The bytes, and what the linter says of them. Raises ``request.rejected``."""
        profile, csr = rules.profile, x509.load_der_x509_csr(asked.csr_der)
        grant = judge(
            profile,
            csr,
            subject=asked_subject(profile, csr, asked.subject),
            requestor_email=asked.email,
            algorithm=signing_algorithm(issuer, profile),
            depth=issuer.depth,
        )
        fixed = fix(profile, grant, issuer, now, self._tools.random)
        return fixed, waived(self._tools.linter(fixed.lintable_der), profile.lint.waivers)

    def renewed(self, tx: CaTx, request: Request) -> Request:
        """``request`` with bytes fixed and linted now. Stores nothing.

        Raises ConflictError ``request.altered``, RefusedError ``request.rejected``,
        ``profile.disabled`` or ``csr.invalid``.
        """
        require_csr_unaltered(request)
        stored = tx.profile_version(request.profile_id, request.profile_version)
        require_profile_unaltered(request, stored)
        read_csr(request.csr_der)
        rules, now = profile_in_force(tx, request.profile_id), self._tools.clock.now()
        require_enabled(rules)
        issuer = self.issuer(tx)
        asked = _Asked(request.csr_der, request.subject, request.requestor_email)
        fixed, findings = self._fixed(rules, issuer, now, asked)
        _require_form(rules.profile, request)
        reasons = [*lint_reasons(findings), *taken_reasons(tx, rules.profile, request, now)]
        if reasons:
            raise rejected(reasons)
        return with_bytes(request, rules, issuer, fixed, findings)

    def is_fresh(self, tx: CaTx, request: Request) -> bool:
        """Whether the bytes of a pending request may still be approved."""
        rules = profile_in_force(tx, request.profile_id)
        try:
            require_fresh(request, rules, self.issuer(tx), self._tools.clock.now())
        except ConflictError:
            return False
        return request.serial is None or tx.certificate(request.serial) is None

    def fix_anew(self, tx: CaTx, request_id: int) -> None:
        """Fix the bytes of a pending request anew when they may not be approved any more."""
        request = known_request(request_id, tx.lock_request(request_id))
        if request.status is RequestStatus.PENDING and not self.is_fresh(tx, request):
            tx.update_request(self.renewed(tx, request), expected=RequestStatus.PENDING)

    def record(self, tx: CaTx, event: Event) -> None:
        """Into the CA's trail."""
        self._tools.recorder.record(tx, TRAIL, event)


def _require_form(profile: Profile, request: Request) -> None:
    """Raises ``request.rejected`` when the form that said the subject is no longer there."""
    csr = x509.load_der_x509_csr(request.csr_der)
    if dn_text(asked_subject(profile, csr, request.subject)) != request.subject:
        raise rejected([f"Subject Name Not Matched {quoted(request.subject)}"])


def _new_request(request_id: int, draft: Draft) -> Request:
    submission = draft.submission
    csr, requestor = submission.csr, submission.requestor
    return Request(
        request_id=request_id,
        status=RequestStatus.PENDING,
        profile_id=draft.rules.profile_id,
        profile_version=draft.rules.version,
        profile_digest=draft.rules.digest,
        issuer_digest=draft.issuer.digest,
        csr_der=csr.der,
        csr_sha256=hashlib.sha256(csr.der).hexdigest(),
        subject=submission.subject_text,
        requestor_name=requestor.name,
        requestor_email=requestor.email,
        requestor_phone=requestor.phone,
        submitted_by=submission.actor,
        remote_address=submission.remote_address,
        created=draft.time,
        modified=draft.time,
    )
