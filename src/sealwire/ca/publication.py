"""Tells the world which certificates hold: CRLs when they are due, answers when somebody asks.

A CRL follows each change of a status; who calls ``tend`` once a second gathers the changes of that
second into one. Several nodes on one database may all tend it: of two that made the same number
one is kept, and the other sees that its work is done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.audit.ca_events import (
    crl_generation,
    crl_publishing,
    crl_schedule,
    crl_signing_info,
)
from sealwire.audit.events import SYSTEM, Outcome
from sealwire.ca.addresses import Addresses
from sealwire.ca.crl import build_crl
from sealwire.ca.enrollment import TRAIL
from sealwire.ca.ocsp_signer import OcspSigners
from sealwire.ca.ports import IssuedCrl
from sealwire.ca.register import own_certificates
from sealwire.ca.responder import OcspResponder
from sealwire.ca.revocation import CHANGES_SETTING
from sealwire.errors import ConflictError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.access.ports import Turns
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ocsp_signer import NodeIssuer
    from sealwire.ca.ports import CaCertificates, CaTx, RevokedEntry, SigningKeys
    from sealwire.ca.responder import OcspAnswer
    from sealwire.clock import Clock

_ATTEMPTS: Final = 5


class CrlName(StrEnum):
    """Whose CRL, by the name under which it is published."""

    ISSUING = "ca"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long a CRL holds, and how often the next one follows: the difference is the overlap."""

    lifetime: timedelta
    every: timedelta


SCHEDULES: Final[Mapping[CrlName, Schedule]] = {
    CrlName.ISSUING: Schedule(timedelta(hours=24), timedelta(hours=4)),
    # Nothing but the issuing CA's certificate can stand in it.
    CrlName.ROOT: Schedule(timedelta(days=90), timedelta(days=30)),
}


@dataclass(frozen=True, slots=True)
class CrlHead:
    """What is known of the latest CRL without reading it.

    ``changes`` is the number of the last change of a status that it takes into account.
    """

    number: int
    this_update: datetime
    next_update: datetime
    entries: int
    changes: int

    def document(self) -> str:
        """As it is kept."""
        return json.dumps(
            {
                "number": self.number,
                "this_update": self.this_update.isoformat(),
                "next_update": self.next_update.isoformat(),
                "entries": self.entries,
                "changes": self.changes,
            }
        )


def _read_head(document: str | None) -> CrlHead | None:
    if document is None:
        return None
    kept = json.loads(document)
    times = {name: datetime.fromisoformat(kept[name]) for name in ("this_update", "next_update")}
    return CrlHead(**{**kept, **times})


@dataclass(frozen=True, slots=True)
class _Authority:
    """Who signs a CRL."""

    name: CrlName
    pem: str
    key_id: str

    @property
    def certificate(self) -> x509.Certificate:
        """Parsed when somebody wants to sign: what is due is looked at every second."""
        return x509.load_pem_x509_certificate(self.pem.encode())

    @property
    def setting(self) -> str:
        return f"ca.crl.{self.key_id}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one moment's state says should be in the next CRL."""

    authority: _Authority
    head: CrlHead | None
    changes: int
    entries: Sequence[RevokedEntry]


class CrlPublisher:
    """Makes CRLs and hands out the latest. Safe to call from any thread."""

    def __init__(
        self, store: Store[CaTx], keys: SigningKeys, recorder: Recorder, *, clock: Clock
    ) -> None:
        self._store = store
        self._keys = keys
        self._recorder = recorder
        self._clock = clock
        self._latest: dict[CrlName, IssuedCrl] = {}

    def head(self, name: CrlName = CrlName.ISSUING) -> CrlHead | None:
        """What is known of the latest CRL; None before the first.

        Raises ConflictError ``ca.not_initialised``, NotFoundError ``crl.unknown``.
        """
        return self._store.read(lambda tx: _read_head(tx.setting(_authority(tx, name).setting)))

    def heads(self) -> Mapping[CrlName, CrlHead | None]:
        """The same of each that is made here. Raises ConflictError ``ca.not_initialised``."""
        return self._store.read(
            lambda tx: {
                authority.name: _read_head(tx.setting(authority.setting))
                for authority in _authorities(own_certificates(tx))
            }
        )

    def crl(self, name: CrlName = CrlName.ISSUING) -> IssuedCrl:
        """The latest; the first one is made when somebody asks for it.

        Raises ConflictError ``ca.not_initialised``, NotFoundError ``crl.unknown`` where the key
        that would sign it is not here, UnavailableError ``crl.failed``.
        """
        head, kept = self.head(name), self._latest.get(name)
        if head is not None and kept is not None and kept.number == head.number:
            return kept
        latest = self._stored(name)
        if latest is None:
            latest = self._attempt(name, SYSTEM) or self._stored(name)
        return latest or self.publish(name, actor=SYSTEM)

    def _stored(self, name: CrlName) -> IssuedCrl | None:
        found = self._store.read(lambda tx: tx.latest_crl(_authority(tx, name).key_id))
        if found is not None:
            self._latest[name] = found
        return found

    def publish(self, name: CrlName = CrlName.ISSUING, *, actor: str) -> IssuedCrl:
        """Make the next one now. Raises as ``crl``; failures are recorded."""
        for _ in range(_ATTEMPTS):
            crl = self._attempt(name, actor)
            if crl is not None:
                return crl
        raise ConflictError("crl.number", "Others issue CRLs faster than this node can.")

    def tend(self) -> None:
        """Publish what is due: after a change of a status, and in time before the end.

        Nothing before somebody asked for a CRL or changed a status. Raises as ``publish``.
        """
        for name in self._store.read(self._due):
            # Where somebody else was faster, the next look tells whether anything is left to do.
            self._attempt(name, SYSTEM)

    def _attempt(self, name: CrlName, actor: str) -> IssuedCrl | None:
        """The next one, or None when somebody else made this number meanwhile."""
        seen = self._store.read(lambda tx: _see(tx, name, self._clock.now()))
        crl = self._built(seen, actor)
        try:
            self._store.run(partial(self._keep, seen=seen, crl=crl, actor=actor))
        except ConflictError as conflict:
            if conflict.code != "crl.number":
                raise
            return None
        self._latest[name] = crl
        return crl

    def _due(self, tx: CaTx) -> list[CrlName]:
        rows, now = tx.ca_certificates(), self._clock.now()
        if rows is None:
            return []
        found = []
        for authority in _authorities(rows):
            head, changes = _read_head(tx.setting(authority.setting)), _changes(tx, authority)
            if head is None:
                due = changes > 0
            else:
                every = SCHEDULES[authority.name].every
                due = changes != head.changes or not head.this_update <= now < (
                    head.this_update + every
                )
            if due:
                found.append(authority.name)
        return found

    def _built(self, seen: _Seen, actor: str) -> IssuedCrl:
        now, schedule = self._clock.now(), SCHEDULES[seen.authority.name]
        number = seen.head.number + 1 if seen.head else 1
        until = now + schedule.lifetime
        try:
            key = self._keys.signer(seen.authority.key_id)
            der = build_crl(
                seen.authority.certificate,
                key,
                seen.entries,
                number=number,
                this_update=now,
                next_update=until,
            )
        except (NotFoundError, UnavailableError) as fault:
            failed = crl_generation(actor, Outcome.FAILURE, failure=fault.message)
            self._store.run(lambda tx: self._recorder.record(tx, TRAIL, failed))
            raise UnavailableError("crl.failed", fault.message, hint=fault.hint) from fault
        return IssuedCrl(number, seen.authority.key_id, now, until, len(seen.entries), der)

    def _keep(self, tx: CaTx, *, seen: _Seen, crl: IssuedCrl, actor: str) -> None:
        tx.put_crl(crl)
        head = CrlHead(crl.number, crl.this_update, crl.next_update, crl.entries, seen.changes)
        tx.put_setting(seen.authority.setting, head.document())
        certificate = seen.authority.certificate
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        if seen.head is None:
            self._recorder.record(tx, TRAIL, crl_signing_info(own.digest.hex()))
        if actor != SYSTEM:
            self._recorder.record(tx, TRAIL, crl_schedule(actor, Outcome.SUCCESS))
        for event in (crl_generation, crl_publishing):
            self._recorder.record(tx, TRAIL, event(actor, Outcome.SUCCESS, number=crl.number))


def _authorities(rows: CaCertificates) -> list[_Authority]:
    """Those whose keys are here, or should be."""
    issuing = _Authority(CrlName.ISSUING, rows.issuing_pem, rows.issuing_key_id)
    if rows.root_key_id is None or rows.root_key_id == rows.issuing_key_id:
        return [issuing]
    return [issuing, _Authority(CrlName.ROOT, rows.root_pem, rows.root_key_id)]


def _authority(tx: CaTx, name: CrlName) -> _Authority:
    for authority in _authorities(own_certificates(tx)):
        if authority.name is name:
            return authority
    raise NotFoundError(
        "crl.unknown",
        "The root's CRL is not made here.",
        hint="Whoever has the root's key publishes its CRL.",
    )


def _changes(tx: CaTx, authority: _Authority) -> int:
    return int(tx.setting(CHANGES_SETTING) or 0) if authority.name is CrlName.ISSUING else 0


def _see(tx: CaTx, name: CrlName, now: datetime) -> _Seen:
    authority = _authority(tx, name)
    head = _read_head(tx.setting(authority.setting))
    # RFC 5280, 3.3: it leaves the CRL only after one that was issued beyond its validity.
    since = now if head is None else min(head.this_update, now)
    entries = tx.revoked_entries(authority.key_id, now=since)
    return _Seen(authority, head, _changes(tx, authority), entries)


class StatusPublisher:
    """All that the CA tells of its certificates' status, and where. Safe to call from any thread.

    ``issuer`` issues the OCSP responder's certificate; ``alone`` is entered while it does.
    """

    def __init__(
        self,
        store: Store[CaTx],
        keys: SigningKeys,
        recorder: Recorder,
        issuer: NodeIssuer,
        *,
        clock: Clock,
        addresses: Addresses | None = None,
        alone: Turns | None = None,
    ) -> None:
        self.addresses = addresses or Addresses()
        self._crls = CrlPublisher(store, keys, recorder, clock=clock)
        self._signers = OcspSigners(store, keys, recorder, issuer, clock=clock, alone=alone)
        self._responder = OcspResponder(store, recorder, self._signers, clock=clock)

    def crl(self, name: CrlName = CrlName.ISSUING) -> IssuedCrl:
        """The latest CRL; see ``CrlPublisher.crl``."""
        return self._crls.crl(name)

    def crl_head(self, name: CrlName = CrlName.ISSUING) -> CrlHead | None:
        """What is known of it; see ``CrlPublisher.head``."""
        return self._crls.head(name)

    def crl_heads(self) -> Mapping[CrlName, CrlHead | None]:
        """The same of every CRL that is made here. Raises ConflictError ``ca.not_initialised``."""
        return self._crls.heads()

    def publish_crl(self, name: CrlName = CrlName.ISSUING, *, actor: str = SYSTEM) -> IssuedCrl:
        """Make the next one now; see ``CrlPublisher.publish``."""
        return self._crls.publish(name, actor=actor)

    def ocsp(self, request: bytes) -> OcspAnswer:
        """The answer to an OCSP request; see ``OcspResponder.answer``."""
        return self._responder.answer(request)

    def tend(self) -> None:
        """What is due: CRLs, the OCSP responder's certificate. To be called every second.

        Raises as ``CrlPublisher.publish`` and ``OcspSigners.tend``.
        """
        self._responder.tend()
        self._crls.tend()
        self._signers.tend()
