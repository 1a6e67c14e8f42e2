"""Changes of a certificate's status: revoked for good, on hold, released.

Each change is one transaction: the certificate's row, a request of its own with its number, and
two audit records. A change that the table of transitions does not know is refused, and that it
was asked for is kept in the same way. Whether ``actor`` may ask was decided by the caller
(``sealwire.access.roles``).
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.audit.ca_events import status_change_processed, status_change_request
from sealwire.audit.events import Outcome
from sealwire.ca.enrollment import TRAIL
from sealwire.ca.ports import (
    CertificateStatus,
    Request,
    RequestStatus,
    RequestType,
    RevocationReason,
)
from sealwire.ca.register import own_certificates
from sealwire.ca.requests import check_reason
from sealwire.ca.review import stored_certificate
from sealwire.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    SealwireError,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sealwire.audit.ca_events import StatusChange
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ports import CaTx, IssuedCertificate
    from sealwire.clock import Clock

CHANGES_SETTING: Final = "ca.status-changes"
"""Holds the number of the last request that changed a status: what a CRL must not be behind."""

_LONGEST_SERIAL_BITS: Final = 159


class Standing(StrEnum):
    """What the CA says of a certificate, whatever its dates."""

    VALID = "valid"
    ON_HOLD = "on hold"
    REVOKED = "revoked"


class Change(StrEnum):
    """What can be asked for, in the audit log's words."""

    REVOKE = "revoke"
    HOLD = "on-hold"
    RELEASE = "off-hold"


TRANSITIONS: Final[Mapping[tuple[Standing, Change], Standing]] = {
    (Standing.VALID, Change.REVOKE): Standing.REVOKED,
    (Standing.VALID, Change.HOLD): Standing.ON_HOLD,
    (Standing.ON_HOLD, Change.REVOKE): Standing.REVOKED,
    (Standing.ON_HOLD, Change.RELEASE): Standing.VALID,
}
"""Every allowed step; a pair that is not here is refused. ``revoked`` is final."""

_REFUSED: Final[Mapping[Standing, tuple[str, str]]] = {
    Standing.VALID: ("certificate.not_on_hold", "is not on hold"),
    Standing.ON_HOLD: ("certificate.on_hold", "is on hold already"),
    Standing.REVOKED: ("certificate.revoked", "is revoked already, which is final"),
}

_CHANGE_OF: Final[Mapping[RevocationReason, Change]] = {
    RevocationReason.CERTIFICATE_HOLD: Change.HOLD,
    RevocationReason.REMOVE_FROM_CRL: Change.RELEASE,
}

REASON_WORDS: Final[Mapping[RevocationReason, str]] = {
    RevocationReason.UNSPECIFIED: "Unspecified",
    RevocationReason.KEY_COMPROMISE: "Key_Compromise",
    RevocationReason.CA_COMPROMISE: "CA_Compromise",
    RevocationReason.AFFILIATION_CHANGED: "Affiliation_Changed",
    RevocationReason.SUPERSEDED: "Superseded",
    RevocationReason.CESSATION_OF_OPERATION: "Cessation_of_Operation",
    RevocationReason.CERTIFICATE_HOLD: "Certificate_Hold",
    RevocationReason.REMOVE_FROM_CRL: "Remove_from_CRL",
    RevocationReason.PRIVILEGE_WITHDRAWN: "Privilege_Withdrawn",
    RevocationReason.AA_COMPROMISE: "AA_Compromise",
}
"""Dogtag's words for the reasons."""


def standing(certificate: IssuedCertificate) -> Standing:
    """Where ``certificate`` stands in the table of transitions."""
    if certificate.revoked is None:
        return Standing.VALID
    if certificate.revocation_reason is RevocationReason.CERTIFICATE_HOLD:
        return Standing.ON_HOLD
    return Standing.REVOKED


def next_standing(now: Standing, change: Change) -> Standing:
    """The standing after ``change``.

    Raises ConflictError ``certificate.revoked``, ``certificate.on_hold`` or
    ``certificate.not_on_hold``.
    """
    try:
        return TRANSITIONS[now, change]
    except KeyError:
        code, text = _REFUSED[now]
        raise ConflictError(code, f"The certificate {text}.") from None


def certificate_status(certificate: IssuedCertificate, now: datetime) -> CertificateStatus:
    """Dogtag's word for it at ``now``; on hold is ``REVOKED``."""
    expired = certificate.not_after < now
    if certificate.revoked is not None:
        return CertificateStatus.REVOKED_EXPIRED if expired else CertificateStatus.REVOKED
    if certificate.not_before > now:
        return CertificateStatus.INVALID
    return CertificateStatus.EXPIRED if expired else CertificateStatus.VALID


def reason_named(text: str) -> RevocationReason:
    """By Dogtag's word, in any case, ``-`` or blank for ``_``; or by number.

    Raises RefusedError ``revocation.reason`` for anything else.
    """
    wanted = text.strip().lower().replace("-", "_").replace(" ", "_")
    for reason, word in REASON_WORDS.items():
        if wanted in {word.lower(), str(int(reason))}:
            return reason
    raise RefusedError(
        "revocation.reason",
        f"There is no such reason for a revocation: {text[:100]}",
        hint=f"One of {', '.join(REASON_WORDS.values())}.",
    )


@dataclass(frozen=True, slots=True)
class _Wish:
    serial: int
    change: Change
    reason: RevocationReason
    actor: str
    comments: str | None
    invalidity: datetime | None = None
    authority: bool = False


class Revocations:
    """Revocation, hold and release. Safe to call from any thread: nothing is kept here."""

    def __init__(self, store: Store[CaTx], recorder: Recorder, *, clock: Clock) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock

    def revoke(
        self,
        serial: int,
        reason: RevocationReason,
        *,
        actor: str,
        comments: str | None = None,
        invalidity: datetime | None = None,
        authority: bool = False,
    ) -> Request:
        """Revoke, for good; the request that says so.

        With the reason ``CERTIFICATE_HOLD`` it is ``hold``, with ``REMOVE_FROM_CRL`` ``release``.
        ``invalidity``: since when the key is not to be trusted. ``authority`` has to be said for
        a CA's certificate. An expired certificate can be revoked.

        Raises NotFoundError ``certificate.unknown``; ConflictError ``certificate.revoked``,
        ``certificate.on_hold``, ``certificate.not_on_hold``; ForbiddenError
        ``certificate.authority`` (a CA's, and it was not said so), ``certificate.own`` (this
        CA's own: whoever signed it revokes it); RefusedError ``reason.invalid``. All but the last
        are recorded.
        """
        change = _CHANGE_OF.get(reason, Change.REVOKE)
        text = check_reason(comments)
        return self._make(_Wish(serial, change, reason, actor, text, invalidity, authority))

    def hold(self, serial: int, *, actor: str, comments: str | None = None) -> Request:
        """Revoke until it is released. Raises as ``revoke``."""
        return self.revoke(
            serial, RevocationReason.CERTIFICATE_HOLD, actor=actor, comments=comments
        )

    def release(self, serial: int, *, actor: str, comments: str | None = None) -> Request:
        """Take it off hold: it is as if it never had been revoked. Raises as ``revoke``."""
        reason = RevocationReason.REMOVE_FROM_CRL
        return self.revoke(serial, reason, actor=actor, comments=comments)

    def status(self, serial: int) -> CertificateStatus:
        """What it is now. Raises NotFoundError ``certificate.unknown``."""
        certificate = self._store.read(lambda tx: tx.certificate(serial))
        if certificate is None:
            raise _unknown(serial)
        return self.status_of(certificate)

    def status_of(self, certificate: IssuedCertificate) -> CertificateStatus:
        """What a certificate that was read is now."""
        return certificate_status(certificate, self._clock.now())

    def _make(self, wish: _Wish) -> Request:
        made = self._store.run(lambda tx: self._change(tx, wish))
        if isinstance(made, SealwireError):
            # What was refused is committed too: the request, and the records that say so.
            raise made
        return made

    def _change(self, tx: CaTx, wish: _Wish) -> Request | SealwireError:
        number, now = tx.next_request_id(), self._clock.now()
        certificate = tx.lock_certificate(wish.serial) if _plausible(wish.serial) else None
        request = _request(number, wish, certificate, now)
        try:
            changed = _changed(tx, wish, certificate, now)
        except (ConflictError, ForbiddenError, NotFoundError) as refusal:
            tx.insert_request(
                replace(request, status=RequestStatus.REJECTED, error_message=refusal.message)
            )
            self._record(tx, number, wish, refusal)
            return refusal
        tx.insert_request(request)
        tx.update_revocation(changed)
        tx.put_setting(CHANGES_SETTING, str(number))
        self._record(tx, number, wish, None)
        return request

    def _record(self, tx: CaTx, number: int, wish: _Wish, refusal: SealwireError | None) -> None:
        change: StatusChange = wish.change.value
        asked = status_change_request(wish.actor, number, wish.serial, change)
        self._recorder.record(tx, TRAIL, asked)
        processed = status_change_processed(
            wish.actor,
            number,
            wish.serial,
            change,
            reason=int(wish.reason),
            approval="complete" if refusal is None else "rejected",
            outcome=Outcome.SUCCESS if refusal is None else Outcome.FAILURE,
            info=None if refusal is None else refusal.message,
        )
        self._recorder.record(tx, TRAIL, processed)


def _plausible(serial: int) -> bool:
    return serial > 0 and serial.bit_length() <= _LONGEST_SERIAL_BITS


def _request(
    number: int, wish: _Wish, certificate: IssuedCertificate | None, now: datetime
) -> Request:
    released = wish.change is Change.RELEASE
    return Request(
        request_id=number,
        status=RequestStatus.COMPLETE,
        profile_id="",
        profile_digest="",
        csr_der=b"",
        csr_sha256="",
        subject=certificate.subject if certificate else "",
        requestor_name="",
        requestor_email="",
        requestor_phone="",
        submitted_by=wish.actor,
        remote_address="",
        created=now,
        modified=now,
        serial=wish.serial if _plausible(wish.serial) else None,
        decided_by=wish.actor,
        reason=wish.comments,
        request_type=RequestType.UNREVOCATION if released else RequestType.REVOCATION,
        profile_version=0,
    )


def _changed(
    tx: CaTx, wish: _Wish, certificate: IssuedCertificate | None, now: datetime
) -> IssuedCertificate:
    if certificate is None:
        raise _own(tx, wish.serial) or _unknown(wish.serial)
    after = next_standing(standing(certificate), wish.change)
    if after is Standing.VALID:
        return replace(
            certificate, revoked=None, revoked_by=None, revocation_reason=None, invalidity=None
        )
    if not wish.authority and _is_authority(certificate):
        raise ForbiddenError(
            "certificate.authority",
            "This is a CA's certificate: all that it issued would be void with it.",
            hint="Say that this is meant (revoke-ca).",
        )
    return replace(
        certificate,
        revoked=now,
        revoked_by=wish.actor,
        revocation_reason=wish.reason,
        invalidity=wish.invalidity,
    )


def _is_authority(certificate: IssuedCertificate) -> bool:
    extensions = stored_certificate(certificate.der).extensions
    try:
        return extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _own(tx: CaTx, serial: int) -> ForbiddenError | None:
    rows = own_certificates(tx)
    pem = rows.issuing_pem + rows.intermediates_pem + rows.root_pem
    if all(own.serial_number != serial for own in x509.load_pem_x509_certificates(pem.encode())):
        return None
    return ForbiddenError(
        "certificate.own",
        "This is the CA's own certificate; whoever signed it can revoke it, not the CA itself.",
    )


def _unknown(serial: int) -> NotFoundError:
    return NotFoundError("certificate.unknown", f"Certificate ID {serial:#x} not found")
