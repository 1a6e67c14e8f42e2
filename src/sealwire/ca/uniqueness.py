"""Whether a subject or a key has a certificate already, for profiles that ask for one of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.ca.constraints import quoted
from sealwire.ca.ports import RevocationReason
from sealwire.x509.keys import key_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sealwire.ca.ports import CertificateTx, IssuedCertificate, Request
    from sealwire.ca.profiles import Profile


def taken_reasons(
    tx: CertificateTx, profile: Profile, request: Request, now: datetime
) -> Iterator[str]:
    """Why ``request`` may not have its certificate beside those that were issued.

    As in Dogtag a subject is free again when its certificate expired or was revoked for good; a
    key never is, for who lost it may have it still.
    """
    if profile.constraints.subject.unique:
        found = tx.certificates_of_subject(request.subject)
        if any(_in_use(each, now) for each in found):
            yield f"Subject Name Not Unique {quoted(request.subject)}"
    if profile.constraints.key.unique:
        public_key = x509.load_der_x509_csr(request.csr_der).public_key()
        if tx.certificates_of_key(key_id(public_key)):
            yield "Public key duplication detected"


def _in_use(issued: IssuedCertificate, now: datetime) -> bool:
    held = issued.revocation_reason is RevocationReason.CERTIFICATE_HOLD
    return issued.not_after >= now and (issued.revoked is None or held)
