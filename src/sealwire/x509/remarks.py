"""What is worth saying about one certificate, whatever chain it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.x509.advice import public_ca_advice
from sealwire.x509.certificate import certificate_names, is_ca, weak_hash
from sealwire.x509.diagnosis import label_of, signature_faults, validity_faults
from sealwire.x509.findings import Code, warning
from sealwire.x509.keys import weak_key_findings
from sealwire.x509.leaf import purpose_of

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

    from sealwire.errors import Finding


def certificate_remarks(certificate: x509.Certificate, at: datetime) -> list[Finding]:
    """Validity, key, signature; of an end certificate also its names and the public CAs' rules."""
    label = label_of(certificate)
    found = validity_faults(certificate, at)
    found += weak_key_findings(certificate.public_key(), label)
    if certificate.subject != certificate.issuer and weak_hash(certificate):
        found += signature_faults(certificate)
    if is_ca(certificate):
        return found
    if not certificate_names(certificate):
        text = "It has no subject alternative name; current clients ignore the common name."
        found.append(warning(Code.SAN_MISSING, text, label))
    return found + public_ca_advice(certificate, purpose_of(certificate))
