"""What public CAs may issue, as advice: a private CA is bound by none of it.

Sources: CA/Browser Forum, Baseline Requirements 6.3.2 (validity), 7.1.2.7 (subject, usage), and
the root programs' end of client authentication.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealwire.errors import Finding, Severity
from sealwire.x509.certificate import Purpose, extension_value, key_usages
from sealwire.x509.findings import Code
from sealwire.x509.subject import dn_text, printable

# Certificates of public CAs, and only those, carry one of the Forum's own policies.
_PUBLIC_POLICIES: Final = ("2.23.140.1.1", "2.23.140.1.2.")

# Most days of validity, by the day from which on certificates are issued (BR 6.3.2).
MOST_DAYS: Final = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
    (datetime(2018, 3, 1, tzinfo=UTC), 825),
)
_UNIT_ENDED: Final = datetime(2022, 9, 1, tzinfo=UTC)


def is_public(certificate: x509.Certificate) -> bool:
    """Whether a public CA issued it, told by the policy that it states."""
    policies = extension_value(certificate, x509.CertificatePolicies)
    return any(
        policy.policy_identifier.dotted_string.startswith(_PUBLIC_POLICIES)
        for policy in policies or ()
    )


def most_days(issued: datetime) -> int | None:
    """The longest validity that a public CA may give on that day; None before there was a rule."""
    return next((days for since, days in MOST_DAYS if issued >= since), None)


def public_ca_advice(leaf: x509.Certificate, purpose: Purpose) -> list[Finding]:
    """Warnings about a public CA's certificate, remarks about a private one's; never an error."""
    public = is_public(leaf)
    return [*_validity(leaf, public=public), *_unit(leaf, public=public), *_client(leaf, purpose)]


def _validity(leaf: x509.Certificate, *, public: bool) -> list[Finding]:
    issued = leaf.not_valid_before_utc
    # Both ends are part of the validity (RFC 5280 4.1.2.5).
    lasts = leaf.not_valid_after_utc - issued + timedelta(seconds=1)
    most = most_days(issued)
    if most is None or lasts <= timedelta(days=most):
        return []
    text = (
        f"It is valid for {-(-lasts // timedelta(days=1))} days; public CAs may issue for"
        f" {most} at most since {_since(issued):%Y-%m-%d}."
    )
    return [_advice(Code.PUBLIC_VALIDITY, text, leaf, public=public)]


def _since(issued: datetime) -> datetime:
    return next(since for since, _ in MOST_DAYS if issued >= since)


def _unit(leaf: x509.Certificate, *, public: bool) -> list[Finding]:
    units = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    if not units or leaf.not_valid_before_utc < _UNIT_ENDED:
        return []
    text = "Its subject has an organizational unit, which public CAs leave out since 2022-09-01."
    return [_advice(Code.PUBLIC_UNIT, text, leaf, public=public)]


def _client(leaf: x509.Certificate, purpose: Purpose) -> list[Finding]:
    usages = key_usages(leaf) or ()
    if purpose is not Purpose.CLIENT or ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        return []
    if not is_public(leaf):
        return []
    text = (
        "Public CAs no longer issue certificates for clients: root programs end it in 2026 and,"
        " at the latest, on 2027-03-15. Its renewal will have to come from a private CA."
    )
    return [_advice(Code.PUBLIC_CLIENT, text, leaf, public=True)]


def _advice(code: Code, text: str, leaf: x509.Certificate, *, public: bool) -> Finding:
    if public:
        return Finding(code.value, Severity.WARNING, text, _subject(leaf))
    return Finding(code.value, Severity.INFO, f"{text} A private CA is free to.", _subject(leaf))


def _subject(leaf: x509.Certificate) -> str:
    return printable(dn_text(leaf.subject))
