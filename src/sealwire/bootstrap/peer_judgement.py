"""How a node judges its peers: configured revocation lists of both sides, and the doctor."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from cryptography import x509

from sealwire.bootstrap.beat import Beat
from sealwire.bootstrap.compose import known_roots
from sealwire.errors import ConflictError, RefusedError, SealwireError, UnavailableError
from sealwire.identity.peer_lists import MAX_LIST_BYTES, PeerLists
from sealwire.identity.revocation import Side
from sealwire.net.crl_fetch import CrlFetch
from sealwire.net.doctor import Patient, examine, trial_frame
from sealwire.x509.hostnames import a_label
from sealwire.x509.revocation import read_revocation_lists

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.bootstrap.compose import Foundation
    from sealwire.identity.checkup import Checkup
    from sealwire.identity.examination import Question
    from sealwire.net.dispatcher import IdentitySource

LOOK_EVERY_S: Final = 2.0
MOST_LOOKS: Final = 4
"""The doctor's connections at a time: each holds a thread for as long as a dead server takes."""

log = structlog.get_logger(__name__)


class Listeners:
    """Hears that the lists of a side changed; told later what that means."""

    def __init__(self) -> None:
        self.action: Callable[[], None] = lambda: None

    def __call__(self) -> None:
        """Have new connections see it. What fails now is repaired by the next reload."""
        try:
            self.action()
        except SealwireError as error:
            log.warning("revocation lists not taken up", error=error.message)


@dataclass(frozen=True, slots=True)
class PeerJudgement:
    """The lists of both sides, and who is to be told when they change."""

    sensor: PeerLists
    appliance: PeerLists
    sensor_changed: Listeners
    appliance_changed: Listeners

    def by_side(self) -> dict[str, PeerLists]:
        """For the API."""
        return {Side.SENSOR.value: self.sensor, Side.APPLIANCE.value: self.appliance}


def peer_judgement(base: Foundation) -> PeerJudgement:
    """Over the node's store; nothing is told yet."""
    fetch = CrlFetch(base.clock, MAX_LIST_BYTES)
    sensor_changed, appliance_changed = Listeners(), Listeners()

    def lists(side: Side, changed: Listeners) -> PeerLists:
        return PeerLists(
            base.store,
            base.recorder,
            base.clock,
            side=side,
            fetch=fetch,
            turn=threading.Lock(),
            changed=changed,
        )

    return PeerJudgement(
        lists(Side.SENSOR, sensor_changed),
        lists(Side.APPLIANCE, appliance_changed),
        sensor_changed,
        appliance_changed,
    )


def revocation_watches(judgement: PeerJudgement) -> tuple[Beat, ...]:
    """The threads that fetch each side's lists whose time has come: neither waits for the other."""
    return tuple(
        Beat(
            f"revocation watch, {name}",
            side.refresh_due,
            every_s=LOOK_EVERY_S,
            trouble="revocation lists not refreshed",
        )
        for name, side in judgement.by_side().items()
    )


class NodeDoctor:
    """Fills ``identity.examination.Examiner`` with the node's own trust and certificate."""

    def __init__(
        self, base: Foundation, identity: IdentitySource, judgement: PeerJudgement
    ) -> None:
        self._base = base
        self._identity = identity
        self._judgement = judgement
        self._turns = threading.BoundedSemaphore(MOST_LOOKS)

    def __call__(self, question: Question) -> Checkup:
        """See Examiner."""
        patient = self._patient(question)
        if not self._turns.acquire(blocking=False):
            raise UnavailableError("doctor.busy", "the doctor is busy", hint="try again shortly")
        try:
            return examine(patient, self._base.clock)
        finally:
            self._turns.release()

    def _patient(self, question: Question) -> Patient:
        try:
            host = a_label(question.host)
            server_name = a_label(question.server_name or question.host)
        except ValueError as fault:
            raise RefusedError("doctor.host", f"that is no host name: {fault}") from fault
        identity = self._identity() if question.show_own else None
        if question.show_own and identity is None:
            raise ConflictError("identity.missing", "no audit log client certificate is installed")
        given = [one for content in question.lists for one in read_revocation_lists(content)]
        return Patient(
            host=host,
            port=question.port,
            server_name=server_name,
            anchors=self._anchors(question.trust_pem),
            identity=identity,
            lists=tuple(given or self._judgement.appliance.lists()),
            message=trial_frame(self._base.clock, self._base.config.host_name)
            if question.message
            else None,
            timeout=question.timeout,
        )

    def _anchors(self, trust_pem: str) -> tuple[x509.Certificate, ...]:
        if not trust_pem:
            return tuple(known_roots(self._base))
        try:
            return tuple(x509.load_pem_x509_certificates(trust_pem.encode()))
        except ValueError as error:
            raise RefusedError(
                "trust.unreadable",
                "the certificates that may sign the server's cannot be read",
                hint="give one or more certificates in PEM form",
            ) from error
