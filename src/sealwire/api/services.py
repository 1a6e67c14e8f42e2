"""The use cases that the API is handed; a role that this node does not run is None."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import Request

    from sealwire.access.login import LogIn
    from sealwire.access.people import People
    from sealwire.appliance.service import Appliance
    from sealwire.audit.configuration import AuditConfiguration
    from sealwire.audit.ports import Store, TrailTx
    from sealwire.ca.publication import StatusPublisher
    from sealwire.ca.revocation import Revocations
    from sealwire.ca.service import CertificateAuthority
    from sealwire.identity.examination import Examiner
    from sealwire.identity.expiry_watch import ExpiryWatch
    from sealwire.identity.peer_lists import PeerLists
    from sealwire.sensor.service import Sensor
    from sealwire.x509.keys import KeyType

    Blobs = Sequence[tuple[str, bytes]]

RoleT = TypeVar("RoleT")


class CaSetup(Protocol):
    """Makes and renews the CA; leaves its first credentials where the home's owner finds them.

    Files are (name, content). Who asks is ``actor``.
    """

    def __call__(
        self, key_type: KeyType, organization: str, actor: str, *, subject: str = ""
    ) -> dict[str, Any]:
        """Names and the one-time password. Raises as ``Founding.initialise``."""
        ...

    def request(
        self, key_type: KeyType, organization: str, actor: str, *, subject: str = ""
    ) -> dict[str, Any]:
        """The request for an outside CA. Raises as ``Founding.request_certificate``."""
        ...

    def accept(self, files: Blobs, roots: Blobs, actor: str) -> dict[str, Any]:
        """As ``__call__``, with findings. Raises as ``Founding.accept_certificate``."""
        ...

    def show(self) -> dict[str, Any]:
        """The CA's own certificates, where their keys are, and what is awaited."""
        ...

    def renew(self, actor: str) -> dict[str, Any]:
        """The issuing CA's new certificate. Raises as ``Renewal.renew``."""
        ...

    def request_renewal(self, actor: str) -> dict[str, Any]:
        """The request for an outside CA. Raises as ``Renewal.request``."""
        ...

    def accept_renewal(self, files: Blobs, roots: Blobs, actor: str) -> dict[str, Any]:
        """The new certificate, with findings. Raises as ``Renewal.accept``."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What one node can do."""

    log_in: LogIn
    trails: Store[TrailTx]
    ca: CertificateAuthority | None
    ca_setup: CaSetup | None
    appliance: Appliance | None
    sensor: Sensor | None
    people: People
    audit: AuditConfiguration
    revocations: Revocations | None = None
    status_publisher: StatusPublisher | None = None
    peer_lists: Mapping[str, PeerLists] = field(default_factory=dict)
    doctor: Examiner | None = None
    expiry: ExpiryWatch | None = None


def services_of(request: Request) -> Services:
    """The services of the app that this request came to."""
    services: Services = request.app.state.services
    return services


def present(role: RoleT | None, name: str) -> RoleT:
    """``role``, or NotFoundError ``role.absent`` when this node does not run it."""
    if role is None:
        raise NotFoundError(
            "role.absent",
            f"this node does not run the role {name}",
            hint="ask the node that does, or add the role to its configuration",
        )
    return role
