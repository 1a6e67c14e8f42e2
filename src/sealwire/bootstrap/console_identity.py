"""The node's own HTTPS certificate: from its CA where it has one, self-signed where not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.bootstrap.network_names import own_names
from sealwire.identity import enrollment, installed
from sealwire.x509.certificate import Purpose, certificate_names, certificate_pem
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import SubjectFields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.bootstrap.compose import Foundation
    from sealwire.ca.service import CertificateAuthority
    from sealwire.identity.ports import InstalledIdentity
    from sealwire.stores.sql_transaction import SqlTransaction

# A node that starts with less than this left gets a new certificate.
_RENEW_BEFORE = timedelta(days=60)
_LONGEST_COMMON_NAME = 64


def console_identity(
    base: Foundation, authority: CertificateAuthority | None
) -> tuple[bytes, bytes]:
    """Chain and key, PEM; made anew when missing, near its end, or for other names."""
    identity = f"console:{base.config.unit}"
    if authority is not None and not authority.is_initialised():
        authority = None  # it waits for its own certificate
    names = own_names(base.config.host_name, base.config.listen)
    current = base.store.read(lambda tx: tx.installed_identity(identity))
    if current is None or not _serves(base, current, names, has_ca=authority is not None):
        current = (
            _self_signed(base, identity, names)
            if authority is None
            else _issued(base, identity, names, authority)
        )
    return current.chain_pem.encode("ascii"), base.keys.load_key(current.key_id)


def _serves(
    base: Foundation, current: InstalledIdentity, names: Sequence[str], *, has_ca: bool
) -> bool:
    leaf = x509.load_pem_x509_certificate(current.chain_pem.encode("ascii"))
    lasts = leaf.not_valid_after_utc - base.clock.now() > _RENEW_BEFORE
    return lasts and set(names) <= set(certificate_names(leaf)) and current.self_signed != has_ca


def _issued(
    base: Foundation, identity: str, names: Sequence[str], authority: CertificateAuthority
) -> InstalledIdentity:
    short = next(name for name in names if len(name) <= _LONGEST_COMMON_NAME)
    subject = SubjectFields(common_name=short)
    pending = base.store.run(
        lambda tx: enrollment.begin_enrollment(
            tx,
            base.keys,
            identity=identity,
            subject=subject,
            names=names,
            key_type=KeyType.P256,
            clock=base.clock,
        )
    )
    issued = authority.issue_for_node(pending.csr_pem.encode("ascii"))
    leaf = certificate_pem(x509.load_der_x509_certificate(issued.der))
    blobs = [("leaf", leaf), ("chain", authority.chain_pem().encode("ascii"))]

    def install(tx: SqlTransaction) -> InstalledIdentity:
        checked = installed.check_import(
            tx,
            base.keys,
            identity=identity,
            blobs=blobs,
            key_pem=None,
            purpose=Purpose.SERVER,
            host_name=None,
            at=base.clock.now(),
        )
        return installed.install(tx, base.keys, checked, base.clock)

    return base.store.run(install)


def _self_signed(base: Foundation, identity: str, names: Sequence[str]) -> InstalledIdentity:
    return base.store.run(
        lambda tx: installed.install_self_signed(
            tx,
            base.keys,
            identity=identity,
            names=names,
            key_type=KeyType.P256,
            clock=base.clock,
            random=base.random,
        )
    )
