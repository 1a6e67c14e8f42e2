"""What public CAs may do is advice: louder about a public certificate, never a refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealwire.errors import Finding, Severity
from sealwire.x509.advice import is_public, most_days, public_ca_advice
from sealwire.x509.certificate import Purpose
from tests import pki

DV = "2.23.140.1.2.1"


def certificate(
    issued: datetime,
    days: int,
    *,
    policy: str | None = None,
    unit: str | None = None,
    client: bool = False,
) -> x509.Certificate:
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, "gw.example.com")]
    if unit:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Any CA")]))
        .public_key(pki.key("advice").public_key())
        .serial_number(7)
        .not_valid_before(issued)
        .not_valid_after(issued + timedelta(days=days) - timedelta(seconds=1))
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if policy is not None:
        information = x509.PolicyInformation(x509.ObjectIdentifier(policy), None)
        builder = builder.add_extension(x509.CertificatePolicies([information]), critical=False)
    return builder.sign(pki.key("advice"), hashes.SHA256())


def advice(one: x509.Certificate, purpose: Purpose = Purpose.SERVER) -> dict[str, Finding]:
    return {finding.code: finding for finding in public_ca_advice(one, purpose)}


@pytest.mark.parametrize(
    ("day", "days"),
    [
        ((2019, 1, 1), 825),
        ((2026, 3, 14), 398),
        ((2026, 3, 15), 200),
        ((2027, 3, 14), 200),
        ((2027, 3, 15), 100),
        ((2029, 3, 14), 100),
        ((2029, 3, 15), 47),
    ],
)
def test_the_longest_validity_goes_by_the_day_of_issue(
    day: tuple[int, int, int], days: int
) -> None:
    issued = datetime(*day, tzinfo=UTC)
    assert most_days(issued) == days
    assert "public_validity" not in advice(certificate(issued, days))
    long = advice(certificate(issued, days + 1))["public_validity"]
    assert f"{days + 1} days" in long.message
    assert f" {days} at most" in long.message


def test_a_private_ca_is_told_and_a_public_one_is_warned() -> None:
    issued = datetime(2026, 6, 1, tzinfo=UTC)
    private = certificate(issued, 900, unit="Ops")
    public = certificate(issued, 900, unit="Ops", policy=DV)
    assert not is_public(private)
    assert is_public(public)
    told, warned = advice(private), advice(public)
    assert set(told) == set(warned) == {"public_validity", "public_unit"}
    assert {finding.severity for finding in told.values()} == {Severity.INFO}
    assert {finding.severity for finding in warned.values()} == {Severity.WARNING}


def test_units_of_old_certificates_were_allowed() -> None:
    assert "public_unit" not in advice(certificate(datetime(2022, 8, 31, tzinfo=UTC), 90, unit="O"))


def test_clients_of_public_cas_are_warned_and_of_private_ones_not() -> None:
    issued = datetime(2026, 6, 1, tzinfo=UTC)
    public = certificate(issued, 90, policy=DV, client=True)
    assert set(advice(public, Purpose.CLIENT)) == {"public_client"}
    assert advice(certificate(issued, 90, client=True), Purpose.CLIENT) == {}
    assert advice(certificate(issued, 90, policy=DV)) == {}
