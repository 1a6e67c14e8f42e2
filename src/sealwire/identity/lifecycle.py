"""A TLS end's certificate from CSR to rollback, each step with its audit record.

The appliance's audit log client certificate and the sensor's own are both kept by this; what
differs between them is said in ``End``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from cryptography import x509

from sealwire.audit.events import SYSTEM, Outcome
from sealwire.audit.node_events import (
    csr_discarded,
    csr_generated,
    identity_installed,
    identity_rolled_back,
)
from sealwire.audit.ports import TrailTx
from sealwire.errors import ConflictError, NotFoundError, RefusedError, SealwireError
from sealwire.identity import enrollment, installed
from sealwire.identity.orders import ordered_pem
from sealwire.identity.ports import IdentityTx
from sealwire.identity.request_check import NoLookup, check_csr
from sealwire.x509.certificate import certificate_sha256
from sealwire.x509.subject import dn_text, subject_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cryptography.x509 import Certificate

    from sealwire.audit.events import Event
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock, RandomSource
    from sealwire.identity.installed import CheckedIdentity
    from sealwire.identity.ports import InstalledIdentity, KeyStore, PendingCsr
    from sealwire.identity.request_check import CsrCheck, NameLookup
    from sealwire.x509.certificate import Purpose
    from sealwire.x509.chain import Order
    from sealwire.x509.keys import KeyType
    from sealwire.x509.subject import SubjectFields
    from sealwire.x509.wizard import CaKind


class LifecycleTx(TrailTx, IdentityTx, Protocol):
    """What one step touches."""


def _anybody(_tx: LifecycleTx) -> None:
    """Nobody is refused."""


def _nobody(_tx: LifecycleTx) -> Mapping[str, Sequence[Certificate]]:
    """There is no other end."""
    return {}


def _unheard(_text: str) -> None:
    """Nobody listens."""


TxT = TypeVar("TxT", bound=LifecycleTx)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class End(Generic[TxT]):
    """Which end this is.

    ``host_name``: what its certificate should carry, None when any name will do. ``known_roots``:
    where its chain may end, besides the roots that come with an import. ``swapped`` is called
    after the commit: new connections use the new certificate when it returns; when it raises, the
    identity before is put back, and ``alarm`` hears why. ``before_read`` and ``before_change``
    come first in each transaction and may refuse it, as a standby unit does. ``own_name``: what
    this host is called. ``others``: who may have signed the certificates at the other ends, by
    their names.
    """

    identity: str
    trail: str
    purpose: Purpose
    host_name: Callable[[TxT], str | None]
    known_roots: Callable[[], Sequence[Certificate]]
    swapped: Callable[[], None]
    before_read: Callable[[TxT], None] = _anybody
    before_change: Callable[[TxT], None] = _anybody
    own_name: Callable[[TxT], str | None] = _anybody
    others: Callable[[TxT], Mapping[str, Sequence[Certificate]]] = _nobody
    alarm: Callable[[str], None] = _unheard
    lookup: NameLookup = field(default_factory=NoLookup)


@dataclass(frozen=True, slots=True)
class IdentityView:
    """The certificate in use, what came before, and CSRs still out.

    ``trouble``: why the one in use could not be used from now on, empty when it could.
    """

    installed: InstalledIdentity | None
    history: Sequence[InstalledIdentity]
    pending: Sequence[PendingCsr]
    trouble: str = ""


class IdentityLifecycle(Generic[TxT]):
    """The use cases of one end's certificate. Safe to call from any thread."""

    def __init__(
        self,
        end: End[TxT],
        store: Store[TxT],
        keys: KeyStore,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._end = end
        self._store = store
        self._keys = keys
        self._recorder = recorder
        self._clock = clock

    @property
    def identity(self) -> str:
        """The identity's name in the store."""
        return self._end.identity

    def current(self) -> InstalledIdentity | None:
        """The certificate in use, if there is one."""
        return self._read(lambda tx: tx.installed_identity(self.identity))

    def show(self) -> IdentityView:
        """The certificate in use, what came before, and CSRs still out."""
        return self._read(self.view)

    def view(self, tx: TxT) -> IdentityView:
        """The same inside a transaction."""
        return IdentityView(
            tx.installed_identity(self.identity),
            tx.identity_history(self.identity),
            tx.pending_csrs(self.identity),
            self._trouble(tx),
        )

    def examine(self) -> str:
        """Why the certificate in use could not be used from now on; recorded when it could not."""
        trouble = self._store.read(self._trouble)
        if trouble:
            event = identity_installed(
                SYSTEM, Outcome.FAILURE, identity=self.identity, info=trouble
            )
            self._store.run(lambda tx: self._record(tx, event))
            self._end.alarm(trouble)
        return trouble

    def exported(self, order: Order) -> bytes:
        """The installed chain as PEM in a product's order. NotFoundError ``identity.absent``."""
        found = self.current()
        if found is None:
            raise NotFoundError("identity.absent", "There is no certificate yet.")
        return ordered_pem(found, order, self._end.purpose, self._end.known_roots())

    def check_csr(
        self, subject: SubjectFields, names: Sequence[str], key_type: KeyType, kind: CaKind
    ) -> CsrCheck:
        """Dry run of ``csr``: what is worth saying. RefusedError with all faults of syntax."""
        return check_csr(
            subject,
            names,
            key_type,
            kind=kind,
            own_name=self._read(self._end.own_name),
            lookup=self._end.lookup,
        )

    def csr(
        self, actor: str, subject: SubjectFields, names: Sequence[str], key_type: KeyType
    ) -> PendingCsr:
        """Make a key, which never leaves, and a CSR for it. RefusedError with all faults."""
        self._read(lambda _tx: None)
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

        def use_case(tx: TxT) -> PendingCsr:
            tx.add_pending_csr(pending)
            self._record(tx, event)
            return pending

        return self._change(use_case)

    def discard(self, actor: str, key_id: str) -> None:
        """Give up a CSR that waits, and its key. Raises NotFoundError ``csr.unknown``."""

        def use_case(tx: TxT) -> bool:
            if all(pending.key_id != key_id for pending in tx.pending_csrs(self.identity)):
                raise NotFoundError("csr.unknown", "There is no such CSR.")
            tx.remove_pending_csr(self.identity, key_id)
            event = csr_discarded(actor, identity=self.identity, key_id=key_id)
            self._record(tx, event)
            return any(one.key_id == key_id for one in tx.identity_history(self.identity))

        # After the commit: a crash between leaves a key that nobody asks for.
        if not self._change(use_case):
            self._keys.remove_key(key_id)

    def check(
        self,
        blobs: Sequence[tuple[str, bytes]],
        key_pem: bytes | None = None,
        password: bytes | None = None,
    ) -> CheckedIdentity:
        """Dry run of ``install``. Raises RefusedError with all findings."""
        return self._read(lambda tx: self._checked(tx, blobs, key_pem, password))

    def install(
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

        def use_case(tx: TxT) -> tuple[InstalledIdentity, CheckedIdentity]:
            checked = self._checked(tx, blobs, key_pem, password)
            identity = installed.install(tx, self._keys, checked, self._clock)
            self._record(tx, self._installed_event(actor, identity))
            return identity, checked

        try:
            result = self._change(use_case)
        except RefusedError as refusal:
            event = identity_installed(
                actor, Outcome.FAILURE, identity=self.identity, info=refusal.message
            )
            self._store.run(lambda tx: self._record(tx, event))
            raise
        self._use_now(actor, result[0])
        return result

    def rollback(self, actor: str) -> InstalledIdentity:
        """Use the identity before the present one again, as a new generation."""

        def use_case(tx: TxT) -> InstalledIdentity:
            identity = installed.rollback(tx, self._keys, identity=self.identity, clock=self._clock)
            leaf = leaf_of(identity)
            event = identity_rolled_back(
                actor,
                identity=self.identity,
                generation=identity.generation,
                subject=dn_text(leaf.subject),
                certificate_sha256=certificate_sha256(leaf),
            )
            self._record(tx, event)
            return identity

        identity = self._change(use_case)
        self._use_now(actor, identity)
        return identity

    def make_first(
        self, actor: str, names: Sequence[str], key_type: KeyType, random: RandomSource
    ) -> InstalledIdentity:
        """Install the self-signed certificate of a first run, unless there is an identity."""
        present = self.current()
        if present is not None:
            return present

        def use_case(tx: TxT) -> InstalledIdentity:
            made = installed.install_self_signed(
                tx,
                self._keys,
                identity=self.identity,
                names=names,
                key_type=key_type,
                clock=self._clock,
                random=random,
            )
            info = "self-signed certificate of a first run"
            self._record(tx, self._installed_event(actor, made, info))
            return made

        return self._change(use_case)

    def _use_now(self, actor: str, identity: InstalledIdentity) -> None:
        """Tell those who use it; when they cannot, the one before is put back."""
        try:
            self._end.swapped()
        except SealwireError as fault:
            info = f"{fault.message} The certificate before stays in use."
            self._store.run(lambda tx: self._put_back(tx, actor, identity, info))
            self._end.alarm(info)
            raise RefusedError(
                "identity.unusable",
                f"The certificate could not be put into use: {info}",
                hint=fault.hint,
                findings=fault.findings,
            ) from fault

    def _put_back(self, tx: TxT, actor: str, broken: InstalledIdentity, info: str) -> None:
        history = tx.identity_history(self.identity)
        if history[0].generation != broken.generation:
            raise ConflictError("identity.changed", "Another certificate was installed meanwhile.")
        if len(history) > 1:
            following = broken.generation + 1
            tx.install_identity(
                replace(history[1], generation=following, installed=self._clock.now())
            )
        event = identity_installed(actor, Outcome.FAILURE, identity=self.identity, info=info)
        self._record(tx, event)

    def _trouble(self, tx: TxT) -> str:
        found = tx.installed_identity(self.identity)
        return "" if found is None else installed.trouble_of(found, self._keys)

    def _read(self, query: Callable[[TxT], ResultT]) -> ResultT:
        def guarded(tx: TxT) -> ResultT:
            self._end.before_read(tx)
            return query(tx)

        return self._store.read(guarded)

    def _change(self, use_case: Callable[[TxT], ResultT]) -> ResultT:
        def guarded(tx: TxT) -> ResultT:
            self._end.before_change(tx)
            return use_case(tx)

        return self._store.run(guarded)

    def _checked(
        self,
        tx: TxT,
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
            purpose=self._end.purpose,
            host_name=self._end.host_name(tx),
            at=self._clock.now(),
            roots=self._end.known_roots(),
            password=password,
            others=self._end.others(tx),
        )

    def _installed_event(
        self, actor: str, identity: InstalledIdentity, info: str | None = None
    ) -> Event:
        leaf = leaf_of(identity)
        return identity_installed(
            actor,
            Outcome.SUCCESS,
            identity=self.identity,
            generation=identity.generation,
            subject=dn_text(leaf.subject),
            certificate_sha256=certificate_sha256(leaf),
            info=info,
        )

    def _record(self, tx: TxT, event: Event) -> None:
        self._recorder.record(tx, self._end.trail, event)


def leaf_of(identity: InstalledIdentity) -> x509.Certificate:
    """The end-entity certificate of an installed chain."""
    return x509.load_pem_x509_certificate(identity.chain_pem.encode("ascii"))
