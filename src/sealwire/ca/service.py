"""The certificate authority's use cases.

Each state change and its audit record are one transaction: without the record there is no change,
without a durable transaction there is no certificate. Whether ``actor`` may do it was decided by
the caller (``sealwire.access.roles``).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sealwire.audit.ca_events import request_approval
from sealwire.audit.events import (
    SYSTEM,
    Outcome,
    request_canceled,
    request_not_issued,
    request_rejected,
)
from sealwire.ca.addresses import Addresses
from sealwire.ca.enrollment import TRAIL, Enrollment, Tools
from sealwire.ca.evidence import counted_approvals
from sealwire.ca.failed_submissions import FailedSubmissions
from sealwire.ca.founding import Founding
from sealwire.ca.issuance import preview, stale
from sealwire.ca.ports import Request, RequestStatus
from sealwire.ca.profile_register import ProfileRegister, profile_in_force
from sealwire.ca.reconciliation import Reconciliation, reconcile
from sealwire.ca.register import Register, known_request
from sealwire.ca.renewal import Renewal
from sealwire.ca.requests import RequestAction, Requestor, check_reason, next_status
from sealwire.ca.review import Review, build_review, stored_certificate
from sealwire.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    SealwireError,
    UnauthorizedError,
)
from sealwire.x509.lint import lint_certificate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography import x509

    from sealwire.audit.events import Event
    from sealwire.audit.formats import AuditFormat
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.objections import Linter
    from sealwire.ca.ports import CaTx, IssuedCertificate, SigningKeys
    from sealwire.ca.profiles import ProfileCatalogue
    from sealwire.ca.requests import WantedApproval
    from sealwire.ca.setup import Initialised, SetupPlan
    from sealwire.clock import Clock, RandomSource

NODE_PROFILE: Final = "caAuditServerCert"

_NOT_ISSUED: Final = frozenset({"request.altered", "profile.altered", "issuance.failed"})
_NOT_APPROVED: Final = frozenset(
    {
        "request.stale",
        "request.rejected",
        "profile.disabled",
        "profile.unknown",
        "approval.own_request",
        "ca.expired",
    }
)
"""Refused approvals that are recorded. The others are slips: no such request, decided already."""


class CertificateAuthority(Register):
    """One CA: its queue of requests, its agents' decisions, its certificates.

    ``founding`` makes it, ``renewal`` renews its own certificate.

    Safe to call from any thread: ``store`` gives each use case a transaction of its own, and
    nothing is kept here. ``profiles`` are the shipped ones; those in force are in the store (see
    ``profile_register``), which gets what is new in them when this is made. Every method but
    ``is_initialised``, ``initialise`` and those about profiles raises ConflictError
    ``ca.not_initialised`` before there is a CA.
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
        addresses: Addresses | None = None,
        linter: Linter = lint_certificate,
    ) -> None:
        register = ProfileRegister(store, recorder, clock=clock, shipped=profiles)
        super().__init__(store, register, clock)
        self._recorder = recorder
        tools = Tools(keys, recorder, clock, random, addresses or Addresses(), linter)
        self._enrollment = Enrollment(tools)
        self._failed = FailedSubmissions(clock)
        self.founding = Founding(store, keys, self._enrollment, clock=clock, random=random)
        self.renewal = Renewal(store, keys, self._enrollment, clock=clock, random=random)
        register.seed()

    @property
    def audit_format(self) -> AuditFormat:
        """Whose wording this CA uses; it also decides how numbers are printed."""
        return self._recorder.audit_format

    def initialise(self, plan: SetupPlan | None = None, *, actor: str = SYSTEM) -> Initialised:
        """Make root, issuing CA and first agent. Raises as ``Founding.initialise``."""
        return self.founding.initialise(plan, actor=actor)

    def issue_for_node(self, csr: bytes, *, profile_id: str = NODE_PROFILE) -> IssuedCertificate:
        """Submit and approve at once for the node itself, recorded as ``$System$``'s doing.

        For the node's own HTTPS certificate. Raises as ``submit`` and ``approve`` do, and
        RefusedError ``request.rejected`` when the profile refuses; then nothing is kept.
        """
        submission = self._enrollment.submission(profile_id, csr)
        return self._store.run(lambda tx: self._enrollment.enter_and_issue(tx, submission))

    def settle(self) -> None:
        """Record what many failed submissions still owe the trail. To be called now and then."""
        self._record_all(self._failed.due())

    def _record_all(self, events: Sequence[Event]) -> None:
        def use_case(tx: CaTx) -> None:
            for event in events:
                self._enrollment.record(tx, event)

        if events:
            self._store.run(use_case)

    # Requests

    def submit(
        self,
        profile_id: str,
        csr: bytes,
        requestor: Requestor | None = None,
        *,
        actor: str,
        remote_address: str,
        subject: x509.Name | None = None,
    ) -> Request:
        """Take a request in: ``pending``, or ``rejected`` with every violated constraint.

        ``subject`` takes the place of the CSR's where the profile has a form for it.
        ``csr`` is PEM or DER. Raises NotFoundError ``profile.unknown``, UnauthorizedError
        ``profile.login_required``, RefusedError ``profile.disabled``, ``csr.invalid`` or
        ``requestor.invalid`` with all findings; then nothing is stored but the record of it.
        """
        enrollment = self._enrollment
        try:
            self._store.read(lambda tx: enrollment.require_acceptable(tx, profile_id, actor))
            submission = enrollment.submission(
                profile_id,
                csr,
                subject=subject,
                requestor=requestor,
                actor=actor,
                remote_address=remote_address,
            )
        except (NotFoundError, RefusedError, UnauthorizedError) as fault:
            self.note_failed_submission(
                profile_id, fault, actor=actor, remote_address=remote_address
            )
            raise
        # Linting takes longer than all the rest: not while the store's one writer waits.
        draft = self._store.read(lambda tx: enrollment.draft(tx, submission))
        return self._store.run(lambda tx: enrollment.enter(tx, draft))

    def note_failed_submission(
        self, profile_id: str, fault: SealwireError, *, actor: str, remote_address: str
    ) -> None:
        """Record a request of which not even the CSR could be read from its form."""
        events = self._failed.events(profile_id, fault, actor=actor, address=remote_address)
        self._record_all(events)

    def approve(
        self,
        request_id: int,
        *,
        actor: str,
        tbs_sha256: str | None = None,
        credential: str = "",
    ) -> Request:
        """Keep ``actor``'s approval; issue the certificate if it is the last one needed.

        The answer is still pending when the profile wants more approvers. ``tbs_sha256`` is what
        the agent looked at (see ``Review``), ``credential`` how the agent was known.

        Raises NotFoundError ``request.unknown``; ConflictError ``request.not_pending``,
        ``request.stale`` (what would be signed is not what was looked at, or it is over 24 hours
        old, or profile or CA changed: fixed anew, and needs a new look), ``request.altered`` or
        ``profile.altered`` (tampered with in the store), ``approval.repeated``; ForbiddenError
        ``approval.own_request``; RefusedError ``request.rejected`` (the profile refuses it now),
        ``profile.disabled``; UnavailableError. After each of them the request is as pending as
        before, and each but slips is recorded.
        """
        try:
            return self._store.run(
                lambda tx: self._enrollment.approve(tx, request_id, actor, tbs_sha256, credential)
            )
        except SealwireError as refusal:
            told = self._refused(request_id, actor, refusal)
            if told is refusal:
                raise
            raise told from refusal

    def approve_each(
        self, wanted: Sequence[WantedApproval], *, actor: str, credential: str = ""
    ) -> list[Request | SealwireError]:
        """Approve many: for each what ``approve`` would have answered or raised.

        Each is judged, issued and recorded as if it came alone; they only share the moments at
        which the store makes its work durable. One that is refused holds up no other.
        """
        approve = self._enrollment.approve
        outcomes = self._store.run_each(
            [
                partial(
                    approve,
                    request_id=each.request_id,
                    actor=actor,
                    tbs_sha256=each.tbs_sha256,
                    credential=credential,
                )
                for each in wanted
            ]
        )
        return [
            self._refused_among_others(each.request_id, actor, outcome)
            if isinstance(outcome, SealwireError)
            else outcome
            for each, outcome in zip(wanted, outcomes, strict=True)
        ]

    def _refused_among_others(
        self, request_id: int, actor: str, refusal: SealwireError
    ) -> SealwireError:
        try:
            return self._refused(request_id, actor, refusal)
        except SealwireError as worse:
            return worse

    def _refused(self, request_id: int, actor: str, refusal: SealwireError) -> SealwireError:
        """What the agent is told, once it is recorded."""
        told = self._told(request_id, refusal)
        self._record_refusal(request_id, actor, told)
        return told

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

    def assign(self, request_id: int, *, actor: str) -> Request:
        """Make it ``actor``'s work. Who may decide stays as it is.

        Raises NotFoundError ``request.unknown``, ConflictError ``request.not_pending``.
        """
        return self._store.run(lambda tx: self._enrollment.assign(tx, request_id, actor))

    def unassign(self, request_id: int, *, actor: str) -> Request:
        """Make it nobody's work in particular. Raises as ``assign``."""
        del actor  # anybody who decides requests may
        return self._store.run(lambda tx: self._enrollment.assign(tx, request_id, None))

    def update(
        self, request_id: int, *, actor: str, values: Mapping[str, str] | None = None
    ) -> Request:
        """Fix what would be signed anew, judged and linted; approvals given before are void.

        ``values`` are what an agent wants changed. What an approval vouches for follows from CSR
        and profile alone, so every one is refused. Raises NotFoundError ``request.unknown``,
        ConflictError ``request.not_pending`` or ``request.altered``, RefusedError
        ``request.value_fixed``, ``request.rejected`` or ``profile.disabled``.
        """
        del actor  # Dogtag records no update either: who approves answers for the bytes
        if values:
            raise RefusedError(
                "request.value_fixed",
                f"What will be signed follows from request and profile: {', '.join(values)}"
                " cannot be set.",
                hint="Reject the request and have it submitted anew, or change the profile.",
            )
        return self._store.run(lambda tx: self._enrollment.update(tx, request_id))

    def validate(self, request_id: int, *, actor: str) -> None:
        """Judge and lint a pending request as approving it now would; changes nothing.

        Raises as ``update``.
        """
        del actor

        def judge(tx: CaTx) -> None:
            request = known_request(request_id, tx.request(request_id))
            next_status(request.status, RequestAction.VALIDATE)
            self._enrollment.renewed(tx, request)

        self._store.read(judge)

    def review(self, request_id: int) -> Review:
        """What an agent should see before deciding.

        Bytes that may not be approved any more are fixed anew first. Raises NotFoundError
        ``request.unknown``, ConflictError ``request.altered``, RefusedError ``request.rejected``
        when the profile refuses the request now, ``profile.disabled`` when it is. That something
        was altered in the store is recorded.
        """

        def is_stale(tx: CaTx) -> bool:
            request = known_request(request_id, tx.request(request_id))
            pending = request.status is RequestStatus.PENDING
            return pending and not self._enrollment.is_fresh(tx, request)

        try:
            if self._store.read(is_stale):
                self._store.run(lambda tx: self._enrollment.fix_anew(tx, request_id))
            return self._store.read(lambda tx: self._review(tx, request_id))
        except ConflictError as fault:
            if fault.code in _NOT_ISSUED:
                info = f"{fault.code}: {fault.message}"
                self._record_all(
                    [request_approval(SYSTEM, request_id, info, outcome=Outcome.FAILURE)]
                )
            raise

    def reconcile(self) -> Reconciliation:
        """Whether certificates, requests, approvals and audit records tell the same story."""
        return self._store.read(lambda tx: reconcile(tx, TRAIL))

    def _told(self, request_id: int, refusal: SealwireError) -> SealwireError:
        """What the agent is told; bytes that need a new look are fixed anew for it."""
        if refusal.code == "certificate.taken":
            # Another certificate has this serial number: never by chance, but somebody may try.
            refusal = stale(self.request(request_id), "its serial number was given away meanwhile")
        if refusal.code != "request.stale":
            return refusal
        try:
            self._store.run(lambda tx: self._enrollment.fix_anew(tx, request_id))
        except SealwireError as worse:
            return worse
        return refusal

    def _record_refusal(self, request_id: int, actor: str, refusal: SealwireError) -> None:
        if refusal.code in _NOT_ISSUED:
            event = request_not_issued(actor, request_id)
        elif refusal.code in _NOT_APPROVED:
            info = f"{refusal.code}: {refusal.message}"
            event = request_approval(actor, request_id, info, outcome=Outcome.FAILURE)
        else:
            return
        self._store.run(lambda tx: self._enrollment.record(tx, event))

    def _review(self, tx: CaTx, request_id: int) -> Review:
        request = known_request(request_id, tx.request(request_id))
        try:
            rules = profile_in_force(tx, request.profile_id)
        except NotFoundError:
            rules = None
        certificate = None
        if request.status is RequestStatus.COMPLETE and request.serial is not None:
            issued = tx.certificate(request.serial)
            certificate = stored_certificate(issued.der) if issued else None
        elif request.status is RequestStatus.PENDING and rules is not None:
            certificate = preview(request, rules.profile, self._enrollment.issuer(tx))
        approvals = counted_approvals(request, tx.approvals(request_id))
        return build_review(request, rules.profile if rules else None, certificate, approvals)
