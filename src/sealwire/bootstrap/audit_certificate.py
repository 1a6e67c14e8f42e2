"""The key and certificate that sign the audit log file: made when the file is first wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.bootstrap.audit_file import LOG_IDENTITY
from sealwire.errors import ConflictError
from sealwire.identity.ports import InstalledIdentity
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, key_id
from sealwire.x509.subject import SubjectFields, subject_name

if TYPE_CHECKING:
    from sealwire.bootstrap.compose import Foundation
    from sealwire.ca.service import CertificateAuthority

LOG_PROFILE: Final = "caSignedLogCert"
_SUBJECT: Final = SubjectFields(common_name="Audit Log Signing Certificate")


def ensure_log_certificate(base: Foundation, authority: CertificateAuthority | None) -> None:
    """Have one issued unless there is one. It is kept for ever: verifiers need it long after.

    Raises ConflictError ``audit.no_ca``, and what issuing raises.
    """
    if log_certificate(base):
        return
    if authority is None or not authority.is_initialised():
        raise ConflictError(
            "audit.no_ca", "The signed audit file needs a CA on this node, and there is none."
        )
    identifier = key_id(base.signing.make_key(KeyType.P256))
    csr = build_csr(base.signing.signer(identifier), subject_name(_SUBJECT), ())
    issued = authority.issue_for_node(csr, profile_id=LOG_PROFILE)
    leaf = certificate_pem(x509.load_der_x509_certificate(issued.der)).decode("ascii")
    installed = InstalledIdentity(
        identity=LOG_IDENTITY,
        generation=1,
        key_id=identifier,
        chain_pem=leaf + authority.chain_pem(),
        installed=base.clock.now(),
        self_signed=False,
    )
    base.store.run(lambda tx: tx.install_identity(installed))


def log_certificate(base: Foundation) -> str:
    """The certificate, PEM, or nothing."""
    identity = base.store.read(lambda tx: tx.installed_identity(LOG_IDENTITY))
    if identity is None:
        return ""
    leaf = x509.load_pem_x509_certificate(identity.chain_pem.encode("ascii"))
    return certificate_pem(leaf).decode("ascii")
