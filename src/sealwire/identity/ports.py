"""What a TLS identity needs of stores: rows in SQL, keys in files (never in SQL)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class PendingCsr:
    """A CSR whose certificate has not come back.

    ``key_id`` is the SHA-256 hex of the public key's SubjectPublicKeyInfo DER.
    """

    identity: str
    key_id: str
    csr_pem: str
    created: datetime


@dataclass(frozen=True, slots=True)
class InstalledIdentity:
    """Key and chain in use. ``chain_pem``: leaf first, each issuer after it, root left out.

    ``identity`` names the end: ``appliance:<unit>`` or ``sensor:<name>``. ``generation`` counts
    from 1. ``self_signed`` marks the default made on first run. ``root_pem``: where the chain ends,
    for those who want it along; empty when it is not known.
    """

    identity: str
    generation: int
    key_id: str
    chain_pem: str
    installed: datetime
    self_signed: bool
    root_pem: str = ""


class IdentityTx(Protocol):
    """Identities inside one transaction."""

    def add_pending_csr(self, pending: PendingCsr) -> None:
        """Keep a CSR; several may wait at once."""
        ...

    def pending_csrs(self, identity: str) -> Sequence[PendingCsr]:
        """Oldest first."""
        ...

    def remove_pending_csr(self, identity: str, key_id: str) -> None:
        """Forget one; no error when it is not there."""
        ...

    def install_identity(self, installed: InstalledIdentity) -> None:
        """Make this the one in use; earlier generations stay as history.

        Raises ConflictError unless ``generation`` is the last one plus one.
        """
        ...

    def installed_identity(self, identity: str) -> InstalledIdentity | None:
        """The newest generation."""
        ...

    def identity_history(self, identity: str) -> Sequence[InstalledIdentity]:
        """Every generation, newest first."""
        ...


class KeyStore(Protocol):
    """Private keys by key id. Written keys are durable and readable by their owner only."""

    def save_key(self, key_id: str, pkcs8_pem: bytes) -> None:
        """Write once; writing the same key again is no error."""
        ...

    def load_key(self, key_id: str) -> bytes:
        """PKCS#8 PEM. Raises NotFoundError ``key.unknown``."""
        ...

    def remove_key(self, key_id: str) -> None:
        """Forget one for good; no error when it is not there."""
        ...
