"""A key made where it is used, and the request that asks for its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.identity.ports import PendingCsr
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import generate_key, key_id, private_key_pem
from sealwire.x509.subject import subject_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.clock import Clock
    from sealwire.identity.ports import IdentityTx, KeyStore
    from sealwire.x509.keys import KeyType
    from sealwire.x509.subject import SubjectFields


def begin_enrollment(
    tx: IdentityTx,
    keys: KeyStore,
    *,
    identity: str,
    subject: SubjectFields,
    names: Sequence[str],
    key_type: KeyType,
    clock: Clock,
) -> PendingCsr:
    """Make a key and a request, keep both; several may wait at once.

    The common name must be a host name or an IP address, and goes into the SAN before ``names``.
    Raises RefusedError ``subject.invalid`` or ``csr.names`` with all faults; then nothing is kept.
    """
    pending = prepare_enrollment(
        keys, identity=identity, subject=subject, names=names, key_type=key_type, clock=clock
    )
    tx.add_pending_csr(pending)
    return pending


def prepare_enrollment(
    keys: KeyStore,
    *,
    identity: str,
    subject: SubjectFields,
    names: Sequence[str],
    key_type: KeyType,
    clock: Clock,
) -> PendingCsr:
    """The slow half of ``begin_enrollment``, for callers that keep it out of their transaction.

    A large RSA key takes seconds. The key is durable before the request exists; a key whose
    request is then never added harms nobody.
    """
    name = subject_name(subject, host=True)
    key = generate_key(key_type)
    csr_pem = build_csr(key, name, names)
    identifier = key_id(key.public_key())
    keys.save_key(identifier, private_key_pem(key))
    return PendingCsr(identity, identifier, csr_pem.decode("ascii"), clock.now())
