"""From a judged request to a certificate, in two steps that cannot be taken apart.

At submit ``fix`` builds the to-be-signed bytes. At approval ``check`` builds them again from the
stored CSR and the profile in force and compares: only if nothing was changed in between there is
a token, and only a token can be signed, once. Nobody but ``ca.service`` imports this module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.ca.birth import BACKDATE, random_serial
from sealwire.ca.constraints import Grant, judge
from sealwire.ca.profiles import KeyUsageBit, Purpose, SigningAlgorithm
from sealwire.ca.signing import guarded, placeholder
from sealwire.errors import ConflictError, UnavailableError
from sealwire.x509.certificate import certificate_der

if TYPE_CHECKING:
    from sealwire.ca.ports import Request
    from sealwire.ca.profiles import Profile
    from sealwire.ca.signing import IssuerKey
    from sealwire.clock import RandomSource

LONGEST_WAIT: Final = timedelta(hours=24)
"""How old to-be-signed bytes may become before an agent has to look at new ones."""

_HASHES: Final[Mapping[SigningAlgorithm, type[hashes.SHA256 | hashes.SHA384]]] = {
    SigningAlgorithm.SHA256_RSA: hashes.SHA256,
    SigningAlgorithm.SHA256_EC: hashes.SHA256,
    SigningAlgorithm.SHA384_EC: hashes.SHA384,
}

_PURPOSES: Final[Mapping[Purpose, x509.ObjectIdentifier]] = {
    Purpose.SERVER_AUTH: ExtendedKeyUsageOID.SERVER_AUTH,
    Purpose.CLIENT_AUTH: ExtendedKeyUsageOID.CLIENT_AUTH,
    Purpose.EMAIL_PROTECTION: ExtendedKeyUsageOID.EMAIL_PROTECTION,
}


def signing_algorithm(issuer: x509.Certificate) -> SigningAlgorithm:
    """How the owner of ``issuer`` signs. Raises ConflictError ``ca.key`` for a key it cannot."""
    public_key = issuer.public_key()
    if isinstance(public_key, rsa.RSAPublicKey):
        return SigningAlgorithm.SHA256_RSA
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        wide = public_key.curve.key_size > ec.SECP256R1.key_size
        return SigningAlgorithm.SHA384_EC if wide else SigningAlgorithm.SHA256_EC
    raise ConflictError("ca.key", "The issuing CA's key is of a type that cannot be used.")


@dataclass(frozen=True, slots=True)
class FixedBytes:
    """To-be-signed bytes with what they were fixed for."""

    tbs_der: bytes
    tbs_sha256: str
    tbs_created: datetime
    serial: int


@dataclass(frozen=True, slots=True)
class _Plan:
    builder: x509.CertificateBuilder
    issuer: x509.Certificate
    approved: bytes


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
    profile: Profile, grant: Grant, issuer: x509.Certificate, now: datetime, random: RandomSource
) -> FixedBytes:
    """Fix serial number, dates and all other to-be-signed bytes.

    Raises ConflictError ``ca.expired`` when the issuing certificate is not valid at ``now``.
    """
    serial = random_serial(random)
    tbs = _unsigned(_builder(profile, grant, issuer, serial, now), issuer).tbs_certificate_bytes
    return FixedBytes(tbs, hashlib.sha256(tbs).hexdigest(), now, serial)


def with_bytes(request: Request, profile: Profile, fixed: FixedBytes) -> Request:
    """``request`` with ``fixed`` as what its approval would sign."""
    return replace(
        request,
        profile_digest=profile.digest,
        tbs_der=fixed.tbs_der,
        tbs_sha256=fixed.tbs_sha256,
        tbs_created=fixed.tbs_created,
        serial=fixed.serial,
        modified=fixed.tbs_created,
    )


def preview(request: Request, profile: Profile, issuer: x509.Certificate) -> x509.Certificate:
    """What approval would issue, with a signature of nothing.

    Raises ConflictError ``request.altered`` unless these are exactly the bytes fixed at submit.
    """
    return _unsigned(_rebuilt(request, profile, issuer), issuer)


def require_fresh(request: Request, profile: Profile, now: datetime) -> None:
    """Raises ConflictError ``request.stale`` when the fixed bytes are too old to be approved."""
    age = now - (request.tbs_created or now)
    if request.profile_digest != profile.digest:
        why = "its profile was changed since it was submitted"
    elif not timedelta() <= age <= LONGEST_WAIT:
        why = "what would be signed was fixed more than 24 hours ago"
    else:
        return
    raise ConflictError(
        "request.stale",
        f"Request {request.request_id} needs a new look: {why}.",
        hint="Review it again, then decide.",
    )


def check(
    request: Request, profile: Profile, issuer: x509.Certificate, now: datetime
) -> IssuanceToken:
    """Leave to sign what ``request`` says, if it is still what was submitted and looked at.

    Raises ConflictError ``request.altered`` when a digest or a byte differs from what the CSR and
    the profile give, ``request.stale`` when the bytes need a new look, RefusedError
    ``request.rejected`` when the profile refuses the CSR now.
    """
    require_fresh(request, profile, now)
    builder = _rebuilt(request, profile, issuer)
    return IssuanceToken(_Plan(builder, issuer, request.tbs_der or b""), proof=_CHECKED)


def sign(token: IssuanceToken, key: IssuerKey) -> x509.Certificate:
    """The certificate, parsed again and verified against its issuer before anybody gets it.

    Raises ConflictError ``issuance.token_used``, UnavailableError ``issuance.failed`` when the
    key did not give a signature that the issuing certificate verifies.
    """
    plan = token.take()
    algorithm = _HASHES[signing_algorithm(plan.issuer)]()
    try:
        signed = plan.builder.sign(guarded(key, plan.approved), algorithm)
        certificate = x509.load_der_x509_certificate(certificate_der(signed))
        certificate.verify_directly_issued_by(plan.issuer)
    except (InvalidSignature, ValueError, TypeError) as fault:
        raise UnavailableError(
            "issuance.failed",
            "The CA's key did not give a signature that its certificate verifies.",
            hint="Check that key and certificate of the issuing CA belong together.",
        ) from fault
    return certificate


def require_csr_unaltered(request: Request) -> None:
    """Raises ConflictError ``request.altered`` when the CSR is not the one that was submitted."""
    if hashlib.sha256(request.csr_der).hexdigest() != request.csr_sha256:
        raise _altered(request, "the CSR is not the one that was submitted")


def _rebuilt(
    request: Request, profile: Profile, issuer: x509.Certificate
) -> x509.CertificateBuilder:
    require_csr_unaltered(request)
    if request.serial is None or request.tbs_created is None or request.tbs_der is None:
        raise _altered(request, "its to-be-signed bytes are gone")
    if hashlib.sha256(request.tbs_der).hexdigest() != request.tbs_sha256:
        raise _altered(request, "its to-be-signed bytes are not those fixed at submit")
    grant = judge(
        profile,
        x509.load_der_x509_csr(request.csr_der),
        requestor_email=request.requestor_email,
        algorithm=signing_algorithm(issuer),
    )
    builder = _builder(profile, grant, issuer, request.serial, request.tbs_created)
    if _unsigned(builder, issuer).tbs_certificate_bytes != request.tbs_der:
        raise _altered(request, "its to-be-signed bytes do not follow from CSR and profile")
    return builder


def _altered(request: Request, how: str) -> ConflictError:
    return ConflictError(
        "request.altered",
        f"Request {request.request_id} was altered in the store: {how}.",
        hint="Do not approve it. Reject it, find out who can write to the store, submit it anew.",
    )


def _unsigned(builder: x509.CertificateBuilder, issuer: x509.Certificate) -> x509.Certificate:
    algorithm = _HASHES[signing_algorithm(issuer)]()
    return builder.sign(placeholder(issuer.public_key()), algorithm)


def _builder(
    profile: Profile, grant: Grant, issuer: x509.Certificate, serial: int, now: datetime
) -> x509.CertificateBuilder:
    not_before, not_after = _validity(profile, issuer, now)
    builder = (
        x509.CertificateBuilder()
        .subject_name(grant.subject)
        .issuer_name(issuer.subject)
        .public_key(grant.public_key)
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for extension, critical in _extensions(profile, grant, issuer):
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _validity(
    profile: Profile, issuer: x509.Certificate, now: datetime
) -> tuple[datetime, datetime]:
    if not issuer.not_valid_before_utc <= now < issuer.not_valid_after_utc:
        raise ConflictError("ca.expired", "The issuing CA's certificate is not valid at this time.")
    begin = max((now - BACKDATE).replace(microsecond=0), issuer.not_valid_before_utc)
    end = begin + timedelta(days=profile.defaults.validity.days)
    return begin, min(end, issuer.not_valid_after_utc)


def _extensions(
    profile: Profile, grant: Grant, issuer: x509.Certificate
) -> list[tuple[x509.ExtensionType, bool]]:
    defaults = profile.defaults
    is_rsa = isinstance(grant.public_key, rsa.RSAPublicKey)
    bits = defaults.key_usage.rsa if is_rsa else defaults.key_usage.ec
    purposes = [_PURPOSES[purpose] for purpose in defaults.extended_key_usage.purposes]
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (_authority_key_identifier(issuer), False),
        (x509.SubjectKeyIdentifier.from_public_key(grant.public_key), False),
        (_key_usage(bits), defaults.key_usage.critical),
        (x509.ExtendedKeyUsage(purposes), defaults.extended_key_usage.critical),
    ]
    if grant.names:
        extensions.append((x509.SubjectAlternativeName(grant.names), False))
    return extensions


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _key_usage(bits: tuple[KeyUsageBit, ...]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=KeyUsageBit.DIGITAL_SIGNATURE in bits,
        content_commitment=KeyUsageBit.NON_REPUDIATION in bits,
        key_encipherment=KeyUsageBit.KEY_ENCIPHERMENT in bits,
        data_encipherment=KeyUsageBit.DATA_ENCIPHERMENT in bits,
        key_agreement=KeyUsageBit.KEY_AGREEMENT in bits,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
