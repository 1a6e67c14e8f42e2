"""The use cases that the console is handed; a role that this node does not run is None."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.access.login import LogIn
    from sealwire.access.people import People
    from sealwire.appliance.service import Appliance
    from sealwire.audit.configuration import AuditConfiguration
    from sealwire.audit.ports import Store, TrailTx
    from sealwire.ca.ports import CaSetup
    from sealwire.ca.publication import StatusPublisher
    from sealwire.ca.revocation import Revocations
    from sealwire.ca.service import CertificateAuthority
    from sealwire.clock import Clock, RandomSource
    from sealwire.identity.examination import Examiner
    from sealwire.identity.expiry_watch import ExpiryWatch
    from sealwire.identity.peer_lists import PeerLists
    from sealwire.sensor.service import Sensor

RoleT = TypeVar("RoleT")


class ConnectionPeer(Protocol):
    """What the listener knows of the other end (see ``sealwire.net.http.Peer``)."""

    certificate: bytes | None


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """What one node can do. ``sensor_name`` is how the console calls this node's sensor.

    ``peer_lists`` are revocation lists by the side that judges by them, ``sensor`` or
    ``appliance``.
    """

    log_in: LogIn
    people: People
    trails: Store[TrailTx]
    audit: AuditConfiguration
    ca: CertificateAuthority | None
    appliance: Appliance | None
    sensor: Sensor | None
    sensor_name: str
    host_name: str
    version: str
    clock: Clock
    random: RandomSource
    ca_setup: CaSetup | None = None
    revocations: Revocations | None = None
    status_publisher: StatusPublisher | None = None
    peer_lists: Mapping[str, PeerLists] = field(default_factory=dict)
    doctor: Examiner | None = None
    expiry: ExpiryWatch | None = None


def present(role: RoleT | None, name: str) -> RoleT:
    """``role``, or NotFoundError ``role.absent`` when this node does not run it."""
    if role is None:
        raise NotFoundError(
            "role.absent",
            f"This node does not run the role {name}.",
            hint="Open the console of the node that does.",
        )
    return role
