"""Watches over the node's own certificates: tells of those that end, renews those of its own CA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from cryptography import x509

from sealwire.audit.events import SYSTEM
from sealwire.bootstrap.beat import Beat
from sealwire.ca.ports import RequestStatus
from sealwire.errors import SealwireError
from sealwire.identity.expiry import Watched
from sealwire.identity.expiry_watch import ExpiryWatch
from sealwire.identity.renewal import Answer, Renewals
from sealwire.x509.certificate import certificate_der, certificate_pem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.api.services import Services
    from sealwire.appliance.service import Appliance
    from sealwire.bootstrap.compose import Foundation
    from sealwire.ca.service import CertificateAuthority
    from sealwire.identity.renewal import End
    from sealwire.sensor.service import Sensor
    from sealwire.stores.sql_transaction import SqlTransaction

LOOK_EVERY_S: Final = 10.0
"""How soon after its approval a renewed certificate is in use."""

log = structlog.get_logger(__name__)

_ANSWERS: Final = {
    RequestStatus.PENDING: Answer.WAITING,
    RequestStatus.COMPLETE: Answer.ISSUED,
    RequestStatus.REJECTED: Answer.REFUSED,
    RequestStatus.CANCELED: Answer.REFUSED,
}


class OwnAuthority:
    """The node's CA as the issuer of its own certificates."""

    def __init__(self, ca: CertificateAuthority) -> None:
        self._ca = ca

    def profile_of(self, leaf: x509.Certificate) -> str | None:
        """See Issuer."""
        if not self._ca.is_initialised():
            return None
        try:
            issued = self._ca.certificate(leaf.serial_number)
        except SealwireError:
            return None
        return issued.profile_id if issued.der == certificate_der(leaf) else None

    def submit(self, profile_id: str, csr_pem: str) -> int:
        """See Issuer."""
        csr = csr_pem.encode("ascii")
        return self._ca.submit(profile_id, csr, actor=SYSTEM, remote_address="").request_id

    def answer(self, request_id: int) -> Answer:
        """See Issuer."""
        return _ANSWERS[self._ca.request(request_id).status]

    def files(self, request_id: int) -> Sequence[tuple[str, bytes]]:
        """See Issuer."""
        issued = self._ca.certificate(self._ca.request(request_id).serial or 0)
        leaf = certificate_pem(x509.load_der_x509_certificate(issued.der))
        return [("certificate", leaf), ("chain", self._ca.chain_pem().encode("ascii"))]


@dataclass(frozen=True, slots=True)
class CertificateWatch:
    """Looks at every certificate that the node uses: renews what is due, tells of what ends."""

    expiry: ExpiryWatch
    renewals: Renewals | None
    ends: Sequence[End]

    def look(self) -> None:
        """Once. One end's trouble is not the others': a standby unit has a reason to wait."""
        if self.renewals is not None:
            for end in self.ends:
                try:
                    self.renewals.tend(end)
                except SealwireError as error:
                    log.warning("not renewed", identity=end.identity, error=error.message)
        self.expiry.look()


def certificate_watch(base: Foundation, services: Services) -> Beat | None:
    """The thread that looks, where somebody tells of what ends."""
    if services.expiry is None:
        return None
    ca = services.ca
    renewals = None if ca is None else Renewals(base.store, OwnAuthority(ca), base.clock)
    watch = CertificateWatch(services.expiry, renewals, _ends(services.appliance, services.sensor))
    return Beat(
        "certificate watch",
        watch.look,
        every_s=LOOK_EVERY_S,
        trouble="the certificates in use cannot be watched",
        at_once=True,
    )


def expiry_watch(
    base: Foundation, appliance: Appliance | None, sensor: Sensor | None, *, trail: str
) -> ExpiryWatch:
    """Over the certificates of the roles that run here, the console's and the CA's own."""
    names = [end.identity for end in _ends(appliance, sensor)] + [f"console:{base.config.unit}"]
    return ExpiryWatch(
        base.store,
        base.recorder,
        base.clock,
        trail=trail,
        in_use=lambda: base.store.read(lambda tx: list(_in_use(tx, names))),
    )


def _ends(appliance: Appliance | None, sensor: Sensor | None) -> list[End]:
    return [role.certificate for role in (appliance, sensor) if role is not None]


def _in_use(tx: SqlTransaction, identities: Sequence[str]) -> Iterator[Watched]:
    for name in identities:
        installed = tx.installed_identity(name)
        if installed is not None:
            yield Watched(name, _certificates(installed.chain_pem))
    own = tx.ca_certificates()
    if own is not None:
        yield Watched("ca", _certificates(own.issuing_pem + own.intermediates_pem + own.root_pem))


def _certificates(pem: str) -> Sequence[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem.encode("ascii"))
