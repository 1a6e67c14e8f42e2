"""From a judged request to a certificate, in two steps that cannot be taken apart.

At submit ``fix`` builds the to-be-signed bytes. At approval ``check`` judges the stored CSR by the
profile in force again and gives a token; only a token can be signed, once, and ``sign`` builds the
bytes again and lets the CA's key see them only if they are the very bytes that were approved.
Nobody but ``ca.enrollment`` and its kin import this module.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from sealwire.ca.birth import random_serial
from sealwire.ca.blueprint import certificate_builder, signature_hash, signing_algorithm
from sealwire.ca.constraints import Grant, asked_subject, judge
from sealwire.ca.objections import lint_document
from sealwire.ca.signing import NotApprovedError, guarded, placeholder, throwaway
from sealwire.errors import ConflictError, RefusedError, UnavailableError
from sealwire.x509.certificate import certificate_der

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.ca.blueprint import Issuer, SignatureHash
    from sealwire.ca.ports import Request, StoredProfile
    from sealwire.ca.profile_register import ProfileInForce
    from sealwire.ca.profiles import Profile
    from sealwire.ca.signing import IssuerKey
    from sealwire.clock import RandomSource
    from sealwire.errors import Finding

LONGEST_WAIT: Final = timedelta(hours=24)
"""How old to-be-signed bytes may become before an agent has to look at new ones."""


@dataclass(frozen=True, slots=True)
class FixedBytes:
    """To-be-signed bytes with what they were fixed for.

    ``lintable_der`` is a certificate of just these bytes, signed by a key that is thrown away.
    """

    tbs_der: bytes
    tbs_sha256: str
    tbs_created: datetime
    serial: int
    lintable_der: bytes


@dataclass(frozen=True, slots=True)
class _Plan:
    builder: x509.CertificateBuilder
    issuer: Issuer
    algorithm: SignatureHash
    approved: bytes
    request: Request


class IssuanceToken:
    """Leave to sign one certificate, once. Only ``check`` makes one."""

    __slots__ = ("_plans",)

    def __init__(self, plan: _Plan, *, proof: object) -> None:
        if proof is not _CHECKED:
            message = "only check() gives leave to sign"
            raise TypeError(message)
        self._plans = [plan]

    def take(self) -> _Plan:
        """Use the token up. Raises ConflictError ``issuance.token_used`` the second time."""
        try:
            return self._plans.pop()
        except IndexError:
            raise ConflictError(
                "issuance.token_used", "This leave to sign was used already."
            ) from None


_CHECKED: Final = object()


def fix(
    profile: Profile, grant: Grant, issuer: Issuer, now: datetime, random: RandomSource
) -> FixedBytes:
    """Fix serial number, dates and all other to-be-signed bytes.

    Raises ConflictError ``ca.expired`` when the issuing certificate is not valid at ``now``.
    """
    serial = random_serial(random)
    builder = certificate_builder(profile, grant, issuer, serial, now)
    key = throwaway(issuer.certificate.public_key())
    certificate = builder.sign(key, signature_hash(issuer, profile))
    tbs = certificate.tbs_certificate_bytes
    digest = hashlib.sha256(tbs).hexdigest()
    return FixedBytes(tbs, digest, now, serial, certificate_der(certificate))


def with_bytes(
    request: Request,
    rules: ProfileInForce,
    issuer: Issuer,
    fixed: FixedBytes,
    findings: Iterable[Finding],
) -> Request:
    """``request`` with ``fixed`` as what its approval would sign."""
    return replace(
        request,
        profile_version=rules.version,
        profile_digest=rules.digest,
        issuer_digest=issuer.digest,
        tbs_der=fixed.tbs_der,
        tbs_sha256=fixed.tbs_sha256,
        tbs_created=fixed.tbs_created,
        serial=fixed.serial,
        lint=lint_document(findings),
        modified=fixed.tbs_created,
    )


def preview(request: Request, profile: Profile, issuer: Issuer) -> x509.Certificate:
    """What approval would issue, with a signature of nothing.

    Raises ConflictError ``request.altered`` unless these are exactly the bytes fixed at submit.
    """
    builder, approved = _rebuilt(request, profile, issuer, ())
    key = placeholder(issuer.certificate.public_key())
    certificate = builder.sign(key, signature_hash(issuer, profile))
    if certificate.tbs_certificate_bytes != approved:
        raise _bytes_altered(request)
    return certificate


def require_fresh(request: Request, rules: ProfileInForce, issuer: Issuer, now: datetime) -> None:
    """Raises ConflictError ``request.stale`` when the fixed bytes may not be approved any more."""
    age = now - (request.tbs_created or now)
    if (request.profile_version, request.profile_digest) != (rules.version, rules.digest):
        raise stale(request, "its profile was changed since it was submitted")
    if request.issuer_digest != issuer.digest:
        raise stale(request, "the CA's own certificate or addresses were changed")
    if not timedelta() <= age <= LONGEST_WAIT:
        raise stale(request, "what would be signed was fixed more than 24 hours ago")


def stale(request: Request, why: str) -> ConflictError:
    """Why an agent has to look at ``request`` again."""
    return ConflictError(
        "request.stale",
        f"Request {request.request_id} needs a new look: {why}.",
        hint="Review it again, then decide.",
    )


def check(
    request: Request,
    rules: ProfileInForce,
    issuer: Issuer,
    now: datetime,
    *,
    reasons: Iterable[str] = (),
) -> IssuanceToken:
    """Leave to sign what ``request`` says, if it is still what was submitted and looked at.

    ``reasons`` are why it may not be issued any more, beside what the profile alone says.
    Raises ConflictError ``request.altered`` when a digest does not fit, ``request.stale`` when
    the bytes need a new look, RefusedError ``request.rejected`` when the profile refuses the CSR
    now. Whether the bytes follow from CSR and profile is for ``sign`` to find out.
    """
    require_fresh(request, rules, issuer, now)
    builder, approved = _rebuilt(request, rules.profile, issuer, reasons)
    algorithm = signature_hash(issuer, rules.profile)
    return IssuanceToken(_Plan(builder, issuer, algorithm, approved, request), proof=_CHECKED)


def sign(token: IssuanceToken, key: IssuerKey) -> x509.Certificate:
    """The certificate, parsed again and verified against its issuer before anybody gets it.

    Raises ConflictError ``issuance.token_used``; ``request.altered``, with the key untouched,
    when CSR and profile do not give the approved bytes; UnavailableError ``issuance.failed`` when
    the key did not give a signature that the issuing certificate verifies.
    """
    plan = token.take()
    issuer = plan.issuer.certificate
    try:
        _require_key_of(issuer, key)
        signed = plan.builder.sign(guarded(key, plan.approved), plan.algorithm)
        certificate = x509.load_der_x509_certificate(certificate_der(signed))
        certificate.verify_directly_issued_by(issuer)
    except NotApprovedError:
        raise _bytes_altered(plan.request) from None
    except (InvalidSignature, ValueError, TypeError) as fault:
        raise UnavailableError(
            "issuance.failed",
            "The CA's key did not give a signature that its certificate verifies.",
            hint="Check that key and certificate of the issuing CA belong together.",
        ) from fault
    return certificate


def _require_key_of(issuer: x509.Certificate, key: IssuerKey) -> None:
    if key.public_key() != issuer.public_key():
        message = "this is another CA's key"
        raise ValueError(message)


def require_csr_unaltered(request: Request) -> None:
    """Raises ConflictError ``request.altered`` when the CSR is not the one that was submitted."""
    if hashlib.sha256(request.csr_der).hexdigest() != request.csr_sha256:
        raise _altered(request, "the CSR is not the one that was submitted")


def require_profile_unaltered(request: Request, stored: StoredProfile | None) -> None:
    """Raises ConflictError ``request.altered`` when it was judged by no version of its profile.

    ``stored`` is the version that the request names. Requests from before there were versions
    name none.
    """
    if request.profile_version == 0:
        return
    if stored is None or stored.digest != request.profile_digest:
        raise _altered(request, "it was not submitted under this profile")


def _rebuilt(
    request: Request, profile: Profile, issuer: Issuer, reasons: Iterable[str]
) -> tuple[x509.CertificateBuilder, bytes]:
    """What gives the bytes again, and the bytes that were approved."""
    require_csr_unaltered(request)
    if request.serial is None or request.tbs_created is None or request.tbs_der is None:
        raise _altered(request, "its to-be-signed bytes are gone")
    if hashlib.sha256(request.tbs_der).hexdigest() != request.tbs_sha256:
        raise _altered(request, "its to-be-signed bytes are not those fixed at submit")
    csr = x509.load_der_x509_csr(request.csr_der)
    try:
        subject = asked_subject(profile, csr, request.subject)
    except RefusedError:
        # The profile is the one it was submitted under, and it did not say so then.
        raise _altered(request, "its subject is not its CSR's") from None
    grant = judge(
        profile,
        csr,
        subject=subject,
        requestor_email=request.requestor_email,
        algorithm=signing_algorithm(issuer, profile),
        depth=issuer.depth,
        reasons=reasons,
    )
    builder = certificate_builder(profile, grant, issuer, request.serial, request.tbs_created)
    return builder, request.tbs_der


def _bytes_altered(request: Request) -> ConflictError:
    return _altered(request, "its to-be-signed bytes do not follow from CSR and profile")


def _altered(request: Request, how: str) -> ConflictError:
    return ConflictError(
        "request.altered",
        f"Request {request.request_id} was altered in the store: {how}.",
        hint="Do not approve it. Reject it, find out who can write to the store, submit it anew.",
    )
