"""A request's way inside one transaction: into the queue, and out of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.audit.events import (
    SYSTEM,
    profile_cert_request,
    request_approved,
    request_invalid,
)
from sealwire.ca.constraints import REJECTED, judge
from sealwire.ca.issuance import (
    FixedBytes,
    check,
    fix,
    require_csr_unaltered,
    require_fresh,
    sign,
    signing_algorithm,
    with_bytes,
)
from sealwire.ca.ports import Request, RequestStatus
from sealwire.ca.register import (
    certificate_row,
    issuing_certificate,
    known_request,
    own_certificates,
)
from sealwire.ca.requests import RequestAction, Requestor, check_requestor, next_status
from sealwire.errors import ConflictError, RefusedError
from sealwire.x509.csr import read_csr
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from sealwire.audit.events import Event
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ports import CaTx, IssuedCertificate, SigningKeys
    from sealwire.ca.profiles import Profile, ProfileCatalogue
    from sealwire.clock import Clock, RandomSource
    from sealwire.x509.csr import CertificateRequest

TRAIL: Final = "ca"


@dataclass(frozen=True, slots=True)
class Submission:
    """A CSR under a profile, and who hands it in."""

    profile: Profile
    csr: CertificateRequest
    requestor: Requestor
    actor: str
    remote_address: str


class Enrollment:
    """What happens to requests, each method inside its caller's transaction.

    Nothing is kept here: safe to share between threads.
    """

    def __init__(
        self,
        keys: SigningKeys,
        recorder: Recorder,
        *,
        profiles: ProfileCatalogue,
        clock: Clock,
        random: RandomSource,
    ) -> None:
        self._keys = keys
        self._recorder = recorder
        self._profiles = profiles
        self._clock = clock
        self._random = random

    def submission(
        self,
        profile_id: str,
        csr: bytes,
        *,
        requestor: Requestor | None = None,
        actor: str = SYSTEM,
        remote_address: str = "",
    ) -> Submission:
        """What was handed in, read and checked. Raises as ``CertificateAuthority.submit``."""
        profile = self._profiles.get(profile_id)
        said = check_requestor(requestor or Requestor())
        return Submission(profile, read_csr(csr), said, actor, remote_address)

    def enter(self, tx: CaTx, submission: Submission) -> Request:
        """Into the queue, or rejected by its profile; recorded either way."""
        request = self._new_request(tx, submission)
        self.record(
            tx,
            profile_cert_request(
                submission.actor, request.request_id, request.profile_id, request.subject
            ),
        )
        try:
            fixed = self._fixed(tx, request, submission.profile)
        except RefusedError as refusal:
            if refusal.code != REJECTED:
                raise
            request = replace(request, status=RequestStatus.REJECTED, error_message=refusal.message)
            invalid = request_invalid(
                request.request_id, refusal.message, subject_id=submission.actor
            )
            self.record(tx, invalid)
        else:
            request = with_bytes(request, submission.profile, fixed)
        tx.insert_request(request)
        return request

    def _new_request(self, tx: CaTx, submission: Submission) -> Request:
        csr, requestor, now = submission.csr, submission.requestor, self._clock.now()
        return Request(
            request_id=tx.next_request_id(),
            status=RequestStatus.PENDING,
            profile_id=submission.profile.profile_id,
            profile_digest=submission.profile.digest,
            csr_der=csr.der,
            csr_sha256=hashlib.sha256(csr.der).hexdigest(),
            subject=dn_text(csr.name),
            requestor_name=requestor.name,
            requestor_email=requestor.email,
            requestor_phone=requestor.phone,
            submitted_by=submission.actor,
            remote_address=submission.remote_address,
            created=now,
            modified=now,
        )

    def _fixed(self, tx: CaTx, request: Request, profile: Profile) -> FixedBytes:
        issuer = issuing_certificate(own_certificates(tx))
        grant = judge(
            profile,
            x509.load_der_x509_csr(request.csr_der),
            requestor_email=request.requestor_email,
            algorithm=signing_algorithm(issuer),
        )
        return fix(profile, grant, issuer, self._clock.now(), self._random)

    def fix_anew(self, tx: CaTx, request_id: int) -> None:
        """Fix the bytes of a pending request anew when they may not be approved any more."""
        request = known_request(request_id, tx.lock_request(request_id))
        profile = self._profiles.get(request.profile_id)
        if request.status is not RequestStatus.PENDING:
            return
        try:
            require_fresh(request, profile, self._clock.now())
        except ConflictError:
            require_csr_unaltered(request)
            read_csr(request.csr_der)
            renewed = with_bytes(request, profile, self._fixed(tx, request, profile))
            tx.update_request(renewed, expected=RequestStatus.PENDING)

    def approve(self, tx: CaTx, request_id: int, actor: str, tbs_sha256: str | None) -> Request:
        """Issue. Raises as ``CertificateAuthority.approve``."""
        request = known_request(request_id, tx.lock_request(request_id))
        status = next_status(request.status, RequestAction.APPROVE)
        if tbs_sha256 is not None and tbs_sha256 != request.tbs_sha256:
            raise ConflictError(
                "request.stale",
                f"Request {request_id} needs a new look: this is not what was looked at.",
                hint="Review it again, then decide.",
            )
        profile = self._profiles.get(request.profile_id)
        rows, now = own_certificates(tx), self._clock.now()
        token = check(request, profile, issuing_certificate(rows), now)
        certificate = sign(token, self._keys.signer(rows.issuing_key_id))
        issued = certificate_row(
            certificate, request, issued=now, issued_by=actor, issuer_key_id=rows.issuing_key_id
        )
        tx.insert_certificate(issued)
        done = replace(request, status=status, modified=now, decided_by=actor)
        tx.update_request(done, expected=RequestStatus.PENDING)
        approved = request_approved(
            actor, request_id, serial=issued.serial, certificate_der=issued.der
        )
        self.record(tx, approved)
        return done

    def enter_and_issue(self, tx: CaTx, submission: Submission) -> IssuedCertificate:
        """Submit and approve at once. Raises RefusedError ``request.rejected``."""
        request = self.enter(tx, submission)
        if request.status is RequestStatus.REJECTED:
            raise RefusedError(REJECTED, request.error_message or "")
        done = self.approve(tx, request.request_id, submission.actor, None)
        issued = tx.certificate(done.serial or 0)
        if issued is None:
            message = "a certificate was inserted and is not there"
            raise LookupError(message)
        return issued

    def decide(
        self, tx: CaTx, request_id: int, action: RequestAction, event: Event, reason: str | None
    ) -> Request:
        """Take one of the other steps, with its record."""
        request = known_request(request_id, tx.lock_request(request_id))
        decided = replace(
            request,
            status=next_status(request.status, action),
            modified=self._clock.now(),
            decided_by=event.subject_id,
            reason=reason,
        )
        tx.update_request(decided, expected=request.status)
        self.record(tx, event)
        return decided

    def record(self, tx: CaTx, event: Event) -> None:
        """Into the CA's trail."""
        self._recorder.record(tx, TRAIL, event)
