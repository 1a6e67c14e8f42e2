"""Findings and certificates as documents and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.cli.output import show_findings
from sealwire.clock import rfc3339
from sealwire.x509.certificate import (
    certificate_names,
    certificate_sha256,
    fingerprint_text,
    is_ca,
    key_usages,
    serial_number,
)
from sealwire.x509.keys import key_id, key_label
from sealwire.x509.subject import dn_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.x509 import Certificate

    from sealwire.errors import Finding


def finding_document(finding: Finding) -> dict[str, str | None]:
    """The JSON shape of a finding."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "subject": finding.subject,
    }


def show_remarks(findings: Iterable[Finding]) -> None:
    """One line a finding."""
    show_findings(finding_document(finding) for finding in findings)


def chain_entry(certificate: Certificate) -> dict[str, str]:
    """The JSON shape of one certificate of a chain."""
    return {
        "subject": dn_text(certificate.subject),
        "issuer": dn_text(certificate.issuer),
        "not_before": rfc3339(certificate.not_valid_before_utc),
        "not_after": rfc3339(certificate.not_valid_after_utc),
        "sha256": certificate_sha256(certificate),
    }


def certificate_document(certificate: Certificate, origin: str) -> dict[str, object]:
    """Everything about one certificate, safe to print."""
    usages = key_usages(certificate)
    return {
        "file": origin,
        **chain_entry(certificate),
        "serial": f"{serial_number(certificate):x}",
        "names": [printable(name) for name in certificate_names(certificate)],
        "is_ca": is_ca(certificate),
        "self_issued": certificate.subject == certificate.issuer,
        "key": key_label(certificate.public_key()),
        "key_id": key_id(certificate.public_key()),
        "extended_key_usage": None if usages is None else [_oid_word(oid) for oid in usages],
        "fingerprints": [
            fingerprint_text(certificate),
            fingerprint_text(certificate, "sha-1"),
        ],
    }


def _oid_word(oid: object) -> str:
    word = str(getattr(oid, "_name", ""))
    dotted = str(getattr(oid, "dotted_string", ""))
    return dotted if word in {"", "Unknown OID"} else word
