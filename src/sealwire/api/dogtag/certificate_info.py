"""A certificate as Dogtag's CertData, and as a line of its lists."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates

from sealwire.api.dogtag.contents import key_algorithm
from sealwire.api.dogtag.shapes import Json, JsonObject, epoch_ms, java_date, without_nulls
from sealwire.ca.review import certificate_text, stored_certificate
from sealwire.ca.revocation import certificate_status
from sealwire.x509.certificate import certificate_pem

if TYPE_CHECKING:
    from datetime import datetime

    from sealwire.ca.ports import IssuedCertificate


def certificate_data(row: IssuedCertificate, chain_pem: str, now: datetime) -> JsonObject:
    """All there is to say; the chain starts with the certificate itself."""
    certificate = stored_certificate(row.der)
    above = x509.load_pem_x509_certificates(chain_pem.encode())
    chain = serialize_certificates([certificate, *above], Encoding.DER)
    pem = certificate_pem(certificate).decode("ascii")
    return without_nulls(
        [
            ("id", hex(row.serial)),
            ("IssuerDN", row.issuer),
            ("SubjectDN", row.subject),
            ("PrettyPrint", certificate_text(certificate)),
            ("Encoded", pem.replace("\n", "\r\n")),
            ("PKCS7CertChain", base64.b64encode(chain).decode("ascii")),
            ("NotBefore", java_date(row.not_before)),
            ("NotAfter", java_date(row.not_after)),
            ("Status", certificate_status(row, now).value),
            *_revocation(row),
            ("RevocationReason", _reason(row)),
        ]
    )


def certificate_info(row: IssuedCertificate, now: datetime) -> JsonObject:
    """A line of a list; times are milliseconds since 1970, unlike those of CertData."""
    oid, length = key_algorithm(stored_certificate(row.der))
    return without_nulls(
        [
            ("id", hex(row.serial)),
            ("SubjectDN", row.subject),
            ("IssuerDN", row.issuer),
            ("Status", certificate_status(row, now).value),
            ("Type", "X.509"),
            # Dogtag says 2 where people say 3: it is the number in the encoding.
            ("Version", 2),
            ("KeyAlgorithmOID", oid),
            ("KeyLength", length),
            ("NotValidBefore", epoch_ms(row.not_before)),
            ("NotValidAfter", epoch_ms(row.not_after)),
            ("IssuedOn", epoch_ms(row.issued)),
            ("IssuedBy", row.issued_by),
            *_revocation(row),
        ]
    )


def _revocation(row: IssuedCertificate) -> list[tuple[str, Json]]:
    revoked = row.revoked
    return [
        ("RevokedOn", None if revoked is None else epoch_ms(revoked)),
        ("RevokedBy", row.revoked_by),
    ]


def _reason(row: IssuedCertificate) -> int | None:
    return None if row.revocation_reason is None else int(row.revocation_reason)
