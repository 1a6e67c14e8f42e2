"""The sensor's own certificate: the first one, CSR, import, rollback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.audit.events import SYSTEM, Outcome
from sealwire.audit.node_events import csr_generated, identity_installed, identity_rolled_back
from sealwire.errors import RefusedError
from sealwire.identity import enrollment, installed
from sealwire.sensor.installation import TRAIL, SensorCases
from sealwire.x509.certificate import Purpose, certificate_sha256
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import dn_text, subject_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.identity.installed import CheckedIdentity
    from sealwire.identity.ports import InstalledIdentity, PendingCsr
    from sealwire.sensor.ports import SensorTx
    from sealwire.x509.subject import SubjectFields


@dataclass(frozen=True, slots=True)
class IdentityView:
    """The certificate in use, what came before, and CSRs still out."""

    installed: InstalledIdentity | None
    history: Sequence[InstalledIdentity]
    pending: Sequence[PendingCsr]


class CertificateCases(SensorCases):
    """The page *Syslog Server*: certificate, key and chain."""

    def ensure_identity(self) -> InstalledIdentity:
        """Make the self-signed certificate of a first run, unless there is an identity.

        RSA-2048, because the cipher suite that RFC 9662 makes mandatory is for RSA keys.
        """
        present = self._store.read(lambda tx: tx.installed_identity(self.identity))
        return present if present is not None else self._store.run(self._first_identity)

    def _first_identity(self, tx: SensorTx) -> InstalledIdentity:
        made = installed.install_self_signed(
            tx,
            self._keys,
            identity=self.identity,
            names=self._host_names,
            key_type=KeyType.RSA2048,
            clock=self._clock,
            random=self._random,
        )
        self._record_installed(tx, SYSTEM, made, info="self-signed certificate of a first run")
        return made

    def identity_show(self) -> IdentityView:
        """The certificate in use, what came before, and CSRs still out."""
        return self._store.read(
            lambda tx: IdentityView(
                tx.installed_identity(self.identity),
                tx.identity_history(self.identity),
                tx.pending_csrs(self.identity),
            )
        )

    def identity_csr(
        self, actor: str, subject: SubjectFields, names: Sequence[str], key_type: KeyType
    ) -> PendingCsr:
        """Make a key, which never leaves, and a CSR for it. RefusedError with all faults."""
        # The key is made before the transaction: a large one takes seconds.
        pending = enrollment.prepare_enrollment(
            self._keys,
            identity=self.identity,
            subject=subject,
            names=names,
            key_type=key_type,
            clock=self._clock,
        )
        event = csr_generated(
            actor,
            identity=self.identity,
            key_id=pending.key_id,
            subject=dn_text(subject_name(subject)),
        )

        def use_case(tx: SensorTx) -> PendingCsr:
            tx.add_pending_csr(pending)
            self._recorder.record(tx, TRAIL, event)
            return pending

        return self._store.run(use_case)

    def identity_check(
        self,
        blobs: Sequence[tuple[str, bytes]],
        key_pem: bytes | None = None,
        password: bytes | None = None,
    ) -> CheckedIdentity:
        """Dry run of ``identity_import``. Raises RefusedError with all findings."""
        return self._store.read(lambda tx: self._checked(tx, blobs, key_pem, password))

    def identity_import(
        self,
        actor: str,
        blobs: Sequence[tuple[str, bytes]],
        key_pem: bytes | None = None,
        password: bytes | None = None,
    ) -> tuple[InstalledIdentity, CheckedIdentity]:
        """Install certificate and chain from any files in any order; the key unless made here.

        New connections use it when this returns; those that stand live on. Raises RefusedError
        with all findings; the identity in use then stays, and the refusal is recorded.
        """

        def use_case(tx: SensorTx) -> tuple[InstalledIdentity, CheckedIdentity]:
            checked = self._checked(tx, blobs, key_pem, password)
            identity = installed.install(tx, self._keys, checked, self._clock)
            self._record_installed(tx, actor, identity)
            return identity, checked

        try:
            result = self._store.run(use_case)
        except RefusedError as refusal:
            event = identity_installed(
                actor, Outcome.FAILURE, identity=self.identity, info=refusal.message
            )
            self._store.run(lambda tx: self._recorder.record(tx, TRAIL, event))
            raise
        self.reload()
        return result

    def identity_rollback(self, actor: str) -> InstalledIdentity:
        """Use the certificate before the present one again, as a new generation."""

        def use_case(tx: SensorTx) -> InstalledIdentity:
            identity = installed.rollback(tx, self._keys, identity=self.identity, clock=self._clock)
            leaf = _leaf_of(identity)
            event = identity_rolled_back(
                actor,
                identity=self.identity,
                generation=identity.generation,
                subject=dn_text(leaf.subject),
                certificate_sha256=certificate_sha256(leaf),
            )
            self._recorder.record(tx, TRAIL, event)
            return identity

        identity = self._store.run(use_case)
        self.reload()
        return identity

    def _checked(
        self,
        tx: SensorTx,
        blobs: Sequence[tuple[str, bytes]],
        key_pem: bytes | None,
        password: bytes | None,
    ) -> CheckedIdentity:
        return installed.check_import(
            tx,
            self._keys,
            identity=self.identity,
            blobs=blobs,
            key_pem=key_pem,
            purpose=Purpose.SERVER,
            host_name=None,
            at=self._clock.now(),
            roots=self._known_roots(),
            password=password,
        )

    def _record_installed(
        self, tx: SensorTx, actor: str, identity: InstalledIdentity, info: str | None = None
    ) -> None:
        leaf = _leaf_of(identity)
        event = identity_installed(
            actor,
            Outcome.SUCCESS,
            identity=self.identity,
            generation=identity.generation,
            subject=dn_text(leaf.subject),
            certificate_sha256=certificate_sha256(leaf),
            info=info,
        )
        self._recorder.record(tx, TRAIL, event)


def _leaf_of(identity: InstalledIdentity) -> x509.Certificate:
    return x509.load_pem_x509_certificate(identity.chain_pem.encode("ascii"))
