"""The installed chain in the orders that products ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from sealwire.x509.chain import BuiltChain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.x509 import Certificate

    from sealwire.identity.ports import InstalledIdentity
    from sealwire.x509.certificate import Purpose
    from sealwire.x509.chain import Order


def ordered_pem(
    installed: InstalledIdentity, order: Order, purpose: Purpose, roots: Iterable[Certificate]
) -> bytes:
    """PEM as ``BuiltChain.ordered`` says; the root is among ``roots`` unless it was kept."""
    chain = x509.load_pem_x509_certificates(installed.chain_pem.encode("ascii"))
    if installed.root_pem:
        chain.append(x509.load_pem_x509_certificate(installed.root_pem.encode("ascii")))
    else:
        chain += _root_of(chain[-1], roots)
    return BuiltChain(tuple(chain), purpose, ()).pem(order)


def _root_of(last: Certificate, roots: Iterable[Certificate]) -> list[Certificate]:
    if last.subject == last.issuer:
        return []
    return [root for root in roots if root.subject == last.issuer and _signed(last, root)][:1]


def _signed(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
