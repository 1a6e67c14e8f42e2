"""The use cases that the API is handed; a role that this node does not run is None."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from fastapi import Request

    from sealwire.access.login import LogIn
    from sealwire.access.people import People
    from sealwire.appliance.service import Appliance
    from sealwire.audit.configuration import AuditConfiguration
    from sealwire.audit.ports import Store, TrailTx
    from sealwire.ca.publication import StatusPublisher
    from sealwire.ca.revocation import Revocations
    from sealwire.ca.service import CertificateAuthority
    from sealwire.sensor.service import Sensor
    from sealwire.x509.keys import KeyType

RoleT = TypeVar("RoleT")


class CaSetup(Protocol):
    """Makes the CA and leaves its first credentials where the home's owner finds them."""

    def __call__(self, key_type: KeyType, organization: str, actor: str) -> dict[str, Any]:
        """Names and the one-time password. Raises ConflictError ``ca.initialised``."""
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
