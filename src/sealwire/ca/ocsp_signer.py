"""Who signs OCSP answers: a delegated responder, whose certificate the node renews by itself.

Its certificate goes the way of every other: a request under the profile ``caOCSPCert``, approved
by the node, recorded. Its key is made and stays where this node signs; of several nodes on one
database each has its own.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sealwire.audit.ca_events import ocsp_signing_info
from sealwire.ca.enrollment import TRAIL
from sealwire.ca.ocsp import Signer
from sealwire.ca.register import own_certificates
from sealwire.ca.review import stored_certificate
from sealwire.errors import NotFoundError, SealwireError
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, key_id
from sealwire.x509.subject import common_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.access.ports import Turns
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ports import CaTx, IssuedCertificate, SigningKeys
    from sealwire.clock import Clock

PROFILE: Final = "caOCSPCert"
SIGNERS_SETTING: Final = "ca.ocsp-signers"
"""Serial numbers of the responders' certificates, the oldest first, as a JSON array of texts."""

_LONGEST_COMMON_NAME: Final = 64


class NodeIssuer(Protocol):
    """Issues certificates to the node itself (``ca.service.CertificateAuthority``)."""

    def issue_for_node(self, csr: bytes, *, profile_id: str) -> IssuedCertificate:
        """Submit and approve at once. Raises RefusedError ``request.rejected``."""
        ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """The issuing CA's certificate, PEM, and the responders' that hold at one moment."""

    issuing_pem: str
    issuing_key_id: str
    certificates: Sequence[IssuedCertificate]


class OcspSigners:
    """Finds the signer, makes one when there is none. Safe to call from any thread.

    ``alone`` is entered while one is made, so that many who ask at once get the same.
    """

    def __init__(
        self,
        store: Store[CaTx],
        keys: SigningKeys,
        recorder: Recorder,
        issuer: NodeIssuer,
        *,
        clock: Clock,
        alone: Turns | None = None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._recorder = recorder
        self._issuer = issuer
        self._clock = clock
        self._alone = alone or nullcontext()

    def candidates(self, tx: CaTx) -> Candidates:
        """Which signers there are; neither revoked, nor out of date, nor of another CA's."""
        rows, now = own_certificates(tx), self._clock.now()
        serials = map(int, reversed(json.loads(tx.setting(SIGNERS_SETTING) or "[]")))
        known = (tx.certificate(serial) for serial in serials)
        holding = [
            row
            for row in known
            if row is not None
            and row.revoked is None
            and row.issuer_key_id == rows.issuing_key_id
            and row.not_before <= now < row.not_after
        ]
        return Candidates(rows.issuing_pem, rows.issuing_key_id, holding)

    def signer(self, candidates: Candidates) -> Signer:
        """One whose key is here and that is not due for renewal; made when there is none.

        Where none can be made, one that is due but still holds. Raises as issuing does.
        """
        found = self._found(candidates, due=False)
        if found is not None:
            return found
        with self._alone:
            fresh = self._store.read(self.candidates)
            found = self._found(fresh, due=False)
            if found is not None:
                return found
            try:
                return self._made(fresh)
            except SealwireError:
                old = self._found(fresh, due=True)
                if old is None:
                    raise
                return old

    def tend(self) -> None:
        """Renew in time, once there is one. Raises as issuing does."""
        candidates = self._store.read(lambda tx: self.candidates(tx) if _any(tx) else None)
        if candidates is not None and self._found(candidates, due=True) is not None:
            self.signer(candidates)

    def _found(self, candidates: Candidates, *, due: bool) -> Signer | None:
        now = self._clock.now()
        for row in candidates.certificates:
            if due or not _is_due(row, now):
                try:
                    return Signer(_parsed(row.der), self._keys.signer(row.key_id))
                except NotFoundError:
                    continue  # Another node's.
        return None

    def _made(self, candidates: Candidates) -> Signer:
        issuing = x509.load_pem_x509_certificate(candidates.issuing_pem.encode())
        is_rsa = isinstance(issuing.public_key(), rsa.RSAPublicKey)
        key = self._keys.make_key(KeyType.RSA2048 if is_rsa else KeyType.P256)
        signer = self._keys.signer(key_id(key))
        csr = build_csr(signer, _subject(issuing), ())
        issued = self._issuer.issue_for_node(csr, profile_id=PROFILE)
        digest = x509.SubjectKeyIdentifier.from_public_key(key).digest

        def remember(tx: CaTx) -> None:
            kept = [row.serial for row in reversed(self.candidates(tx).certificates)]
            serials = json.dumps([str(serial) for serial in (*kept, issued.serial)])
            tx.put_setting(SIGNERS_SETTING, serials)
            self._recorder.record(tx, TRAIL, ocsp_signing_info(digest.hex()))

        self._store.run(remember)
        return Signer(stored_certificate(issued.der), signer)


def _any(tx: CaTx) -> bool:
    return tx.setting(SIGNERS_SETTING) is not None


def _is_due(row: IssuedCertificate, now: datetime) -> bool:
    """Whether two thirds of its life are over."""
    return (now - row.not_before) * 3 >= (row.not_after - row.not_before) * 2


@lru_cache(maxsize=8)
def _parsed(der: bytes) -> x509.Certificate:
    return stored_certificate(der)


def _subject(issuing: x509.Certificate) -> x509.Name:
    """The issuing CA's name with another common name."""
    own = next(iter(common_names(issuing.subject)), "")
    name = f"{own} OCSP Responder"[-_LONGEST_COMMON_NAME:].strip()
    others = [each for each in issuing.subject if each.oid != x509.NameOID.COMMON_NAME]
    return x509.Name([*others, x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
