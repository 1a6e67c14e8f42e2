"""How an identity (key, chain, pending CSRs) is shown; appliance and sensor share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509

from sealwire.api.findings import finding_json
from sealwire.api.shapes import rfc3339
from sealwire.errors import UsageError
from sealwire.identity.import_report import import_report
from sealwire.identity.remarks import fix_of
from sealwire.x509.certificate import certificate_names, certificate_sha256
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import SubjectFields, dn_text
from sealwire.x509.wizard import CaKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealwire.api.shapes import CsrBody
    from sealwire.errors import Finding
    from sealwire.identity.installed import CheckedIdentity
    from sealwire.identity.ports import InstalledIdentity, PendingCsr
    from sealwire.identity.request_check import CsrCheck


def certificate_json(certificate: x509.Certificate) -> dict[str, Any]:
    """One certificate of a chain."""
    return {
        "subject": dn_text(certificate.subject),
        "issuer": dn_text(certificate.issuer),
        "serial": str(certificate.serial_number),
        "not_before": rfc3339(certificate.not_valid_before_utc),
        "not_after": rfc3339(certificate.not_valid_after_utc),
        "names": list(certificate_names(certificate)),
        "sha256": certificate_sha256(certificate),
    }


def identity_json(installed: InstalledIdentity | None) -> dict[str, Any] | None:
    """The installed identity with its chain, leaf first."""
    if installed is None:
        return None
    chain = x509.load_pem_x509_certificates(installed.chain_pem.encode("ascii"))
    return {
        "generation": installed.generation,
        "installed": rfc3339(installed.installed),
        "self_signed": installed.self_signed,
        "key_id": installed.key_id,
        "chain": [certificate_json(certificate) for certificate in chain],
        "chain_pem": installed.chain_pem,
    }


def pending_json(pending: Sequence[PendingCsr]) -> list[dict[str, Any]]:
    """CSRs whose certificate has not come back."""
    return [csr_json(csr) for csr in pending]


def csr_json(csr: PendingCsr) -> dict[str, Any]:
    """One CSR; the key stays where it was made."""
    request = x509.load_pem_x509_csr(csr.csr_pem.encode("ascii"))
    return {
        "key_id": csr.key_id,
        "subject": dn_text(request.subject),
        "csr": csr.csr_pem,
        "created": rfc3339(csr.created),
    }


def import_json(installed: InstalledIdentity, findings: Iterable[Finding]) -> dict[str, Any]:
    """What an import or a rollback has put in place."""
    return {
        "identity": identity_json(installed),
        "findings": [advised_json(finding) for finding in findings],
    }


def check_json(checked: CheckedIdentity) -> dict[str, Any]:
    """What an import would put in place; ``path`` is leaf first, trusted end last."""
    report = import_report(checked)
    return {
        "key_id": checked.key_id,
        "path": [certificate_json(certificate) for certificate in checked.chain.path],
        "sent": report.sent,
        "alternates": [
            [certificate_json(certificate) for certificate in reversed(tree)]
            for tree in report.alternates
        ],
        "certificates": [
            {
                "subject": dn_text(piece.certificate.subject),
                "sha256": certificate_sha256(piece.certificate),
                "file": piece.origin,
                "use": piece.use.value,
            }
            for piece in report.pieces
        ],
        "order": {
            "found": [dn_text(one.subject) for one in report.found],
            "needed": [dn_text(one.subject) for one in report.needed],
            "reordered": report.reordered,
        },
        "chain_pem": checked.chain_pem,
        "findings": [advised_json(finding) for finding in checked.findings],
    }


def advised_json(finding: Finding) -> dict[str, Any]:
    """A finding with what to do about it."""
    return {**finding_json(finding), "fix": fix_of(finding.code, finding.severity)}


def csr_check_json(check: CsrCheck) -> dict[str, Any]:
    """What a CSR would ask for, remarks, and the openssl commands for the same."""
    return {
        "subject": check.subject,
        "names": list(check.names),
        "findings": [advised_json(finding) for finding in check.findings],
        "openssl": check.openssl,
    }


def ca_kind(text: str) -> CaKind:
    """A kind of CA by its word. Raises UsageError ``csr.ca``."""
    try:
        return CaKind(text)
    except ValueError:
        raise UsageError(
            "csr.ca", f"no such kind of CA: {text}", hint=f"one of {', '.join(CaKind)}"
        ) from None


def subject_fields(body: CsrBody) -> SubjectFields:
    """The form's fields as the subject's."""
    return SubjectFields(
        country=body.country,
        state=body.state,
        locality=body.locality,
        organization=body.organization,
        unit=body.unit,
        common_name=body.common_name,
    )


def key_type(text: str) -> KeyType:
    """A key type by its word. Raises UsageError ``key.type``."""
    try:
        return KeyType(text)
    except ValueError:
        raise UsageError(
            "key.type", f"no such key type: {text}", hint=f"one of {', '.join(KeyType)}"
        ) from None
