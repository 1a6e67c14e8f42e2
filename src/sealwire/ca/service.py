"""The certificate authority's use cases.

Each state change and its audit record are one transaction: without the record there is no change,
without a durable transaction there is no certificate. Whether ``actor`` may do it was decided by
the caller (``sealwire.access.roles``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.audit.events import (
    SYSTEM,
    profile_cert_request,
    request_approved,
    request_canceled,
    request_invalid,
    request_not_issued,
    request_rejected,
)
from sealwire.ca.constraints import REJECTED, judge
from sealwire.ca.issuance import (
    BACKDATE,
    FixedBytes,
    check,
    fix,
    preview,
    random_serial,
    require_csr_unaltered,
    require_fresh,
    sign,
    signing_algorithm,
    with_bytes,
)
from sealwire.ca.ports import Request, RequestStatus
from sealwire.ca.reconciliation import Reconciliation, reconcile
from sealwire.ca.register import (
    Register,
    certificate_row,
    issuing_certificate,
    known_request,
    own_certificates,
)
from sealwire.ca.requests import (
    RequestAction,
    Requestor,
    check_reason,
    check_requestor,
    next_status,
)
from sealwire.ca.review import Review, build_review, stored_certificate
from sealwire.ca.setup import (
    Initialised,
    SetupPlan,
    authority_events,
    handed_over,
    make_agent,
    make_authorities,
    user_event,
)
from sealwire.errors import ConflictError, RefusedError, SealwireError
from sealwire.x509.csr import read_csr
from sealwire.x509.keys import load_private_key
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from sealwire.audit.events import Event
    from sealwire.audit.formats import AuditFormat
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ports import CaTx, IssuedCertificate
    from sealwire.ca.profiles import Profile, ProfileCatalogue
    from sealwire.clock import Clock, RandomSource
    from sealwire.identity.ports import KeyStore
    from sealwire.x509.csr import CertificateRequest
    from sealwire.x509.keys import PrivateKey

TRAIL: Final = "ca"
AGENT_PROFILE: Final = "caUserCert"
NODE_PROFILE: Final = "caAuditServerCert"


@dataclass(frozen=True, slots=True)
class _Submission:
    profile: Profile
    csr: CertificateRequest
    requestor: Requestor
    actor: str
    remote_address: str


class CertificateAuthority(Register):
    """One CA: its queue of requests, its agents' decisions, its certificates.

    Safe to call from any thread: ``store`` gives each use case a transaction of its own, and the
    only state here is a cache of loaded keys. Every method but ``is_initialised``, ``initialise``
    and those about profiles raises ConflictError ``ca.not_initialised`` before there is a CA.
    """

    def __init__(
        self,
        store: Store[CaTx],
        keys: KeyStore,
        recorder: Recorder,
        *,
        profiles: ProfileCatalogue,
        clock: Clock,
        random: RandomSource,
    ) -> None:
        super().__init__(store, profiles)
        self._keys = keys
        self._recorder = recorder
        self._clock = clock
        self._random = random
        self._loaded_keys: dict[str, PrivateKey] = {}

    @property
    def audit_format(self) -> AuditFormat:
        """Whose wording this CA uses; it also decides how numbers are printed."""
        return self._recorder.audit_format

    # Set-up

    def initialise(self, plan: SetupPlan | None = None, *, actor: str = SYSTEM) -> Initialised:
        """Make root, issuing CA, and the agent with password and client certificate.

        Keys go into the key store first; all the rest is one transaction. Raises ConflictError
        ``ca.initialised`` when there is a CA already, RefusedError for names that cannot be used.
        """
        plan = plan or SetupPlan()
        if self.is_initialised():
            raise _already_initialised()
        authorities = make_authorities(
            plan,
            not_before=self._clock.now() - BACKDATE,
            serial=lambda: random_serial(self._random),
        )
        agent = make_agent(plan.agent, self._random)
        submission = self._submission(AGENT_PROFILE, agent.csr_pem)
        authorities.save_keys(self._keys)

        def found(tx: CaTx) -> x509.Certificate:
            if tx.ca_certificates() is not None:
                raise _already_initialised()
            tx.put_ca_certificates(authorities.rows())
            for event in authority_events(actor, authorities):
                self._record(tx, event)
            certificate = stored_certificate(self._enter_and_issue(tx, submission).der)
            user = agent.user_with(certificate)
            tx.put_user(user)
            self._record(tx, user_event(actor, user))
            return certificate

        return handed_over(authorities, agent, self._store.run(found))

    def issue_for_node(self, csr: bytes, *, profile_id: str = NODE_PROFILE) -> IssuedCertificate:
        """Submit and approve at once for the node itself, recorded as ``$System$``'s doing.

        For the node's own HTTPS certificate. Raises as ``submit`` and ``approve`` do, and
        RefusedError ``request.rejected`` when the profile refuses; then nothing is kept.
        """
        submission = self._submission(profile_id, csr)
        return self._store.run(lambda tx: self._enter_and_issue(tx, submission))

    # Requests

    def submit(
        self,
        profile_id: str,
        csr: bytes,
        requestor: Requestor | None = None,
        *,
        actor: str,
        remote_address: str,
    ) -> Request:
        """Take a request in: ``pending``, or ``rejected`` with every violated constraint.

        ``csr`` is PEM or DER. Raises NotFoundError ``profile.unknown``, RefusedError
        ``csr.invalid`` or ``requestor.invalid`` with all findings; then nothing is stored.
        """
        submission = self._submission(
            profile_id, csr, requestor=requestor, actor=actor, remote_address=remote_address
        )
        return self._store.run(lambda tx: self._enter(tx, submission))

    def approve(self, request_id: int, *, actor: str, tbs_sha256: str | None = None) -> Request:
        """Issue the certificate. ``tbs_sha256``: what the agent looked at (see ``Review``).

        Raises NotFoundError ``request.unknown``; ConflictError ``request.not_pending``,
        ``request.stale`` (what would be signed is not what was looked at, or it is over 24 hours
        old, or the profile changed: fixed anew, and needs a new look), ``request.altered`` (the
        stored request was tampered with: recorded); RefusedError ``request.rejected`` (the profile
        refuses it now); UnavailableError. After each of them the request is as pending as before.
        """
        try:
            return self._store.run(lambda tx: self._approve(tx, request_id, actor, tbs_sha256))
        except SealwireError as refusal:
            if refusal.code == "request.stale":
                self._store.run(lambda tx: self._fix_anew(tx, request_id))
            elif refusal.code in {"request.altered", "issuance.failed"}:
                event = request_not_issued(actor, request_id)
                self._store.run(lambda tx: self._record(tx, event))
            raise

    def reject(self, request_id: int, reason: str | None = None, *, actor: str) -> Request:
        """Refuse it for good.

        Raises NotFoundError ``request.unknown``, ConflictError ``request.not_pending``,
        RefusedError ``reason.invalid``.
        """
        text = check_reason(reason)
        event = request_rejected(actor, request_id, text)
        action = RequestAction.REJECT
        return self._store.run(lambda tx: self._decide(tx, request_id, action, event, text))

    def cancel(self, request_id: int, reason: str | None = None, *, actor: str) -> Request:
        """Take it out of the queue. Raises as ``reject``."""
        text = check_reason(reason)
        event = request_canceled(actor, request_id, text)
        action = RequestAction.CANCEL
        return self._store.run(lambda tx: self._decide(tx, request_id, action, event, text))

    def review(self, request_id: int) -> Review:
        """What an agent should see before deciding.

        Bytes that may not be approved any more are fixed anew first. Raises NotFoundError
        ``request.unknown``, ConflictError ``request.altered``, RefusedError ``request.rejected``
        when the profile refuses the request now.
        """
        if self.request(request_id).status is RequestStatus.PENDING:
            self._store.run(lambda tx: self._fix_anew(tx, request_id))
        return self._store.read(lambda tx: self._review(tx, request_id))

    def reconcile(self) -> Reconciliation:
        """Whether certificates, requests and audit records tell the same story."""
        return self._store.read(lambda tx: reconcile(tx, TRAIL))

    # Inside one transaction

    def _submission(
        self,
        profile_id: str,
        csr: bytes,
        *,
        requestor: Requestor | None = None,
        actor: str = SYSTEM,
        remote_address: str = "",
    ) -> _Submission:
        profile = self._profiles.get(profile_id)
        said = check_requestor(requestor or Requestor())
        return _Submission(profile, read_csr(csr), said, actor, remote_address)

    def _enter(self, tx: CaTx, submission: _Submission) -> Request:
        request = self._new_request(tx, submission)
        self._record(
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
            self._record(tx, invalid)
        else:
            request = with_bytes(request, submission.profile, fixed)
        tx.insert_request(request)
        return request

    def _new_request(self, tx: CaTx, submission: _Submission) -> Request:
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

    def _fix_anew(self, tx: CaTx, request_id: int) -> None:
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

    def _approve(self, tx: CaTx, request_id: int, actor: str, tbs_sha256: str | None) -> Request:
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
        certificate = sign(token, self._key(rows.issuing_key_id))
        issued = certificate_row(certificate, request, issued=now, issued_by=actor)
        tx.insert_certificate(issued)
        done = replace(request, status=status, modified=now, decided_by=actor)
        tx.update_request(done, expected=RequestStatus.PENDING)
        approved = request_approved(
            actor, request_id, serial=issued.serial, certificate_der=issued.der
        )
        self._record(tx, approved)
        return done

    def _enter_and_issue(self, tx: CaTx, submission: _Submission) -> IssuedCertificate:
        request = self._enter(tx, submission)
        if request.status is RequestStatus.REJECTED:
            raise RefusedError(REJECTED, request.error_message or "")
        done = self._approve(tx, request.request_id, submission.actor, None)
        issued = tx.certificate(done.serial or 0)
        if issued is None:
            message = "a certificate was inserted and is not there"
            raise LookupError(message)
        return issued

    def _decide(
        self, tx: CaTx, request_id: int, action: RequestAction, event: Event, reason: str | None
    ) -> Request:
        request = known_request(request_id, tx.lock_request(request_id))
        decided = replace(
            request,
            status=next_status(request.status, action),
            modified=self._clock.now(),
            decided_by=event.subject_id,
            reason=reason,
        )
        tx.update_request(decided, expected=request.status)
        self._record(tx, event)
        return decided

    def _review(self, tx: CaTx, request_id: int) -> Review:
        request = known_request(request_id, tx.request(request_id))
        known = {profile.profile_id: profile for profile in self._profiles.all()}
        profile = known.get(request.profile_id)
        certificate = None
        if request.status is RequestStatus.COMPLETE and request.serial is not None:
            issued = tx.certificate(request.serial)
            certificate = stored_certificate(issued.der) if issued else None
        elif request.status is RequestStatus.PENDING and profile is not None:
            certificate = preview(request, profile, issuing_certificate(own_certificates(tx)))
        return build_review(request, profile, certificate)

    def _record(self, tx: CaTx, event: Event) -> None:
        self._recorder.record(tx, TRAIL, event)

    def _key(self, wanted: str) -> PrivateKey:
        key = self._loaded_keys.get(wanted)
        if key is None:
            key = self._loaded_keys[wanted] = load_private_key(self._keys.load_key(wanted))
        return key


def _already_initialised() -> ConflictError:
    return ConflictError("ca.initialised", "There is a CA already.")
