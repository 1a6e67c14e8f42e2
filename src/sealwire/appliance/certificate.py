"""The audit log client certificate of one unit: CSR, import, rollback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealwire.appliance.unit import TRAIL, UnitCases, leaf_of
from sealwire.audit.events import Outcome
from sealwire.audit.node_events import csr_generated, identity_installed, identity_rolled_back
from sealwire.errors import RefusedError
from sealwire.identity import enrollment, installed
from sealwire.x509.certificate import Purpose, certificate_sha256
from sealwire.x509.subject import dn_text, subject_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.appliance.ports import ApplianceTx
    from sealwire.identity.installed import CheckedIdentity
    from sealwire.identity.ports import InstalledIdentity, PendingCsr
    from sealwire.x509.keys import KeyType
    from sealwire.x509.subject import SubjectFields


@dataclass(frozen=True, slots=True)
class CertificateView:
    """The installed audit log client certificate, what came before, and CSRs still out."""

    installed: InstalledIdentity | None
    history: Sequence[InstalledIdentity]
    pending: Sequence[PendingCsr]


class CertificateCases(UnitCases):
    """The pages *Audit Log Certificate*.

    All of it is the active unit's: a standby unit raises ConflictError ``ha.standby``.
    """

    def csr(
        self, actor: str, subject: SubjectFields, names: Sequence[str], key_type: KeyType
    ) -> PendingCsr:
        """Generate New CSR: the key is made here and never leaves. RefusedError with all faults."""
        self._store.read(self._require_active)
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

        def use_case(tx: ApplianceTx) -> PendingCsr:
            tx.add_pending_csr(pending)
            self._recorder.record(tx, TRAIL, event)
            return pending

        return self._change(use_case)

    def check_certificate(
        self,
        blobs: Sequence[tuple[str, bytes]],
        key_pem: bytes | None = None,
        password: bytes | None = None,
    ) -> CheckedIdentity:
        """Dry run of ``import_certificate``. Raises RefusedError with all findings."""

        def query(tx: ApplianceTx) -> CheckedIdentity:
            self._require_active(tx)
            return self._checked(tx, blobs, key_pem, password)

        return self._store.read(query)

    def import_certificate(
        self,
        actor: str,
        blobs: Sequence[tuple[str, bytes]],
        key_pem: bytes | None = None,
        password: bytes | None = None,
    ) -> tuple[InstalledIdentity, CheckedIdentity]:
        """Import Audit Client Certificate: any files in any order, the key unless made here.

        The new identity is used from the next connection on. Raises RefusedError with all
        findings; the identity in use then stays.
        """

        def use_case(tx: ApplianceTx) -> tuple[InstalledIdentity, CheckedIdentity]:
            checked = self._checked(tx, blobs, key_pem, password)
            identity = installed.install(tx, self._keys, checked, self._clock)
            leaf = leaf_of(identity)
            event = identity_installed(
                actor,
                Outcome.SUCCESS,
                identity=self.identity,
                generation=identity.generation,
                subject=dn_text(leaf.subject),
                certificate_sha256=certificate_sha256(leaf),
            )
            self._recorder.record(tx, TRAIL, event)
            return identity, checked

        try:
            result = self._change(use_case)
        except RefusedError as refusal:
            self._record_refused_import(actor, refusal)
            raise
        self._forwarder.poke()
        return result

    def show(self) -> CertificateView:
        """The certificate page. Raises ConflictError ``ha.standby``: a standby unit has none."""

        def query(tx: ApplianceTx) -> CertificateView:
            self._require_active(tx)
            return self._certificate(tx)

        return self._store.read(query)

    def rollback(self, actor: str) -> InstalledIdentity:
        """Use the identity before the present one again, as a new generation."""

        def use_case(tx: ApplianceTx) -> InstalledIdentity:
            identity = installed.rollback(tx, self._keys, identity=self.identity, clock=self._clock)
            leaf = leaf_of(identity)
            event = identity_rolled_back(
                actor,
                identity=self.identity,
                generation=identity.generation,
                subject=dn_text(leaf.subject),
                certificate_sha256=certificate_sha256(leaf),
            )
            self._recorder.record(tx, TRAIL, event)
            return identity

        identity = self._change(use_case)
        self._forwarder.poke()
        return identity

    def _certificate(self, tx: ApplianceTx) -> CertificateView:
        return CertificateView(
            tx.installed_identity(self.identity),
            tx.identity_history(self.identity),
            tx.pending_csrs(self.identity),
        )

    def _checked(
        self,
        tx: ApplianceTx,
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
            purpose=Purpose.CLIENT,
            host_name=self._host_name(tx),
            at=self._clock.now(),
            roots=self._known_roots(),
            password=password,
        )

    def _record_refused_import(self, actor: str, refusal: RefusedError) -> None:
        event = identity_installed(
            actor, Outcome.FAILURE, identity=self.identity, info=refusal.message
        )
        self._store.run(lambda tx: self._recorder.record(tx, TRAIL, event))
