"""Builds full certificate revocation lists (RFC 5280 section 5). Pure: the key is handed in."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealwire.ca.ports import RevocationReason
from sealwire.errors import UnavailableError
from sealwire.x509.keys import signature_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.ca.ports import RevokedEntry
    from sealwire.ca.signing import IssuerKey

REASON_FLAGS: Final[Mapping[RevocationReason, x509.ReasonFlags]] = {
    RevocationReason.UNSPECIFIED: x509.ReasonFlags.unspecified,
    RevocationReason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    RevocationReason.CA_COMPROMISE: x509.ReasonFlags.ca_compromise,
    RevocationReason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    RevocationReason.SUPERSEDED: x509.ReasonFlags.superseded,
    RevocationReason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    RevocationReason.CERTIFICATE_HOLD: x509.ReasonFlags.certificate_hold,
    RevocationReason.REMOVE_FROM_CRL: x509.ReasonFlags.remove_from_crl,
    RevocationReason.PRIVILEGE_WITHDRAWN: x509.ReasonFlags.privilege_withdrawn,
    RevocationReason.AA_COMPROMISE: x509.ReasonFlags.aa_compromise,
}
"""The library's word for each reason."""


def build_crl(
    issuer: x509.Certificate,
    key: IssuerKey,
    entries: Iterable[RevokedEntry],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> bytes:
    """DER of a full CRL of everything that ``issuer`` signed; times are cut to the second.

    It covers all reasons and all certificates, so that it needs no IssuingDistributionPoint.
    Raises UnavailableError ``crl.failed`` when ``key`` gave no signature that ``issuer`` verifies.
    """
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.subject,
        last_update=this_update.replace(microsecond=0, tzinfo=None),
        next_update=next_update.replace(microsecond=0, tzinfo=None),
        # Handed over whole: adding them one by one copies the list each time.
        revoked_certificates=[_entry(each) for each in entries],
    )
    builder = builder.add_extension(_authority_key_identifier(issuer), critical=False)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    crl = builder.sign(key, signature_hash(key))
    if not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type] # RSA or EC, as the key is
        raise UnavailableError(
            "crl.failed",
            "The CA's key did not give a signature that its certificate verifies.",
            hint="Check that key and certificate of the CA belong together.",
        )
    return crl.public_bytes(Encoding.DER)


def _entry(entry: RevokedEntry) -> x509.RevokedCertificate:
    extensions: list[x509.Extension[x509.ExtensionType]] = []
    # RFC 5280, 5.3.1: no code at all rather than "unspecified".
    if entry.reason is not RevocationReason.UNSPECIFIED:
        extensions.append(_REASONS[entry.reason])
    if entry.invalidity is not None:
        date = x509.InvalidityDate(_utc(entry.invalidity).replace(microsecond=0, tzinfo=None))
        extensions.append(x509.Extension(date.oid, critical=False, value=date))
    return x509.RevokedCertificateBuilder(entry.serial, _utc(entry.revoked), extensions).build()


def _utc(time: datetime) -> datetime:
    """What the library takes for UTC, whatever zone is said; it drops fractions of seconds."""
    return time if time.tzinfo is UTC else time.astimezone(UTC)


_REASONS: Final[Mapping[RevocationReason, x509.Extension[x509.ExtensionType]]] = {
    reason: x509.Extension(x509.CRLReason.oid, critical=False, value=x509.CRLReason(flag))
    for reason, flag in REASON_FLAGS.items()
}


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
