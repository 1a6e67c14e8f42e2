"""The certificate authority's use cases.

Each state change and its audit record are one transaction: without the record there is no change,
without a durable transaction there is no certificate. Whether ``actor`` may do it was decided by
the caller (``sealwire.access.roles``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.audit.events import (
    SYSTEM,
    request_canceled,
    request_not_issued,
    request_rejected,
)
from sealwire.ca.enrollment import TRAIL, Enrollment
from sealwire.ca.founding import Founding
from sealwire.ca.issuance import preview
from sealwire.ca.ports import Request, RequestStatus
from sealwire.ca.reconciliation import Reconciliation, reconcile
from sealwire.ca.register import (
    Register,
    issuing_certificate,
    known_request,
    own_certificates,
)
from sealwire.ca.requests import RequestAction, Requestor, check_reason
from sealwire.ca.review import Review, build_review, stored_certificate
from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from sealwire.audit.formats import AuditFormat
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ports import CaTx, IssuedCertificate, SigningKeys
    from sealwire.ca.profiles import ProfileCatalogue
    from sealwire.ca.setup import Initialised, SetupPlan
    from sealwire.clock import Clock, RandomSource

NODE_PROFILE: Final = "caAuditServerCert"


class CertificateAuthority(Register):
    """One CA: its queue of requests, its agents' decisions, its certificates.

    Safe to call from any thread: ``store`` gives each use case a transaction of its own, and
    nothing is kept here. Every method but ``is_initialised``, ``initialise`` and those about
    profiles raises ConflictError ``ca.not_initialised`` before there is a CA.
    """

    def __init__(
        self,
        store: Store[CaTx],
        keys: SigningKeys,
        recorder: Recorder,
        *,
        profiles: ProfileCatalogue,
        clock: Clock,
        random: RandomSource,
    ) -> None:
        super().__init__(store, profiles)
        self._recorder = recorder
        self._enrollment = Enrollment(keys, recorder, profiles=profiles, clock=clock, random=random)
        self._founding = Founding(store, keys, self._enrollment, clock=clock, random=random)

    @property
    def audit_format(self) -> AuditFormat:
        """Whose wording this CA uses; it also decides how numbers are printed."""
        return self._recorder.audit_format

    def initialise(self, plan: SetupPlan | None = None, *, actor: str = SYSTEM) -> Initialised:
        """Make root, issuing CA and first agent. Raises as ``Founding.initialise``."""
        return self._founding.initialise(plan, actor=actor)

    def issue_for_node(self, csr: bytes, *, profile_id: str = NODE_PROFILE) -> IssuedCertificate:
        """Submit and approve at once for the node itself, recorded as ``$System$``'s doing.

        For the node's own HTTPS certificate. Raises as ``submit`` and ``approve`` do, and
        RefusedError ``request.rejected`` when the profile refuses; then nothing is kept.
        """
        submission = self._enrollment.submission(profile_id, csr)
        return self._store.run(lambda tx: self._enrollment.enter_and_issue(tx, submission))

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
        submission = self._enrollment.submission(
            profile_id, csr, requestor=requestor, actor=actor, remote_address=remote_address
        )
        return self._store.run(lambda tx: self._enrollment.enter(tx, submission))

    def approve(self, request_id: int, *, actor: str, tbs_sha256: str | None = None) -> Request:
        """Issue the certificate. ``tbs_sha256``: what the agent looked at (see ``Review``).

        Raises NotFoundError ``request.unknown``; ConflictError ``request.not_pending``,
        ``request.stale`` (what would be signed is not what was looked at, or it is over 24 hours
        old, or the profile changed: fixed anew, and needs a new look), ``request.altered`` (the
        stored request was tampered with: recorded); RefusedError ``request.rejected`` (the profile
        refuses it now); UnavailableError. After each of them the request is as pending as before.
        """
        try:
            return self._store.run(
                lambda tx: self._enrollment.approve(tx, request_id, actor, tbs_sha256)
            )
        except SealwireError as refusal:
            if refusal.code == "request.stale":
                self._store.run(lambda tx: self._enrollment.fix_anew(tx, request_id))
            elif refusal.code in {"request.altered", "issuance.failed"}:
                event = request_not_issued(actor, request_id)
                self._store.run(lambda tx: self._enrollment.record(tx, event))
            raise

    def reject(self, request_id: int, reason: str | None = None, *, actor: str) -> Request:
        """Refuse it for good.

        Raises NotFoundError ``request.unknown``, ConflictError ``request.not_pending``,
        RefusedError ``reason.invalid``.
        """
        text = check_reason(reason)
        event = request_rejected(actor, request_id, text)
        action = RequestAction.REJECT
        return self._store.run(
            lambda tx: self._enrollment.decide(tx, request_id, action, event, text)
        )

    def cancel(self, request_id: int, reason: str | None = None, *, actor: str) -> Request:
        """Take it out of the queue. Raises as ``reject``."""
        text = check_reason(reason)
        event = request_canceled(actor, request_id, text)
        action = RequestAction.CANCEL
        return self._store.run(
            lambda tx: self._enrollment.decide(tx, request_id, action, event, text)
        )

    def review(self, request_id: int) -> Review:
        """What an agent should see before deciding.

        Bytes that may not be approved any more are fixed anew first. Raises NotFoundError
        ``request.unknown``, ConflictError ``request.altered``, RefusedError ``request.rejected``
        when the profile refuses the request now.
        """
        if self.request(request_id).status is RequestStatus.PENDING:
            self._store.run(lambda tx: self._enrollment.fix_anew(tx, request_id))
        return self._store.read(lambda tx: self._review(tx, request_id))

    def reconcile(self) -> Reconciliation:
        """Whether certificates, requests and audit records tell the same story."""
        return self._store.read(lambda tx: reconcile(tx, TRAIL))

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
