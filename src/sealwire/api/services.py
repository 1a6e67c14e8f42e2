"""The use cases that the API is handed; a role that this node does not run is None."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

    from sealwire.access.login import LogIn
    from sealwire.access.people import People
    from sealwire.appliance.service import Appliance
    from sealwire.audit.configuration import AuditConfiguration
    from sealwire.audit.ports import Store, TrailTx
    from sealwire.ca.ports import CaSetup
    from sealwire.ca.publication import StatusPublisher
    from sealwire.ca.revocation import Revocations
    from sealwire.ca.service import CertificateAuthority
    from sealwire.identity.examination import Examiner
    from sealwire.identity.expiry_watch import ExpiryWatch
    from sealwire.identity.peer_lists import PeerLists
    from sealwire.sensor.service import Sensor

RoleT = TypeVar("RoleT")


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
