"""The use cases that the console is handed; a role that this node does not run is None."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from sealwire.access.login import LogIn
    from sealwire.access.people import People
    from sealwire.appliance.service import Appliance
    from sealwire.audit.ports import Store, TrailTx
    from sealwire.ca.service import CertificateAuthority
    from sealwire.clock import Clock, RandomSource
    from sealwire.sensor.service import Sensor

RoleT = TypeVar("RoleT")


class ConnectionPeer(Protocol):
    """What the listener knows of the other end (see ``sealwire.net.http.Peer``)."""

    certificate: bytes | None


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """What one node can do. ``sensor_name`` is how the console calls this node's sensor."""

    log_in: LogIn
    people: People
    trails: Store[TrailTx]
    ca: CertificateAuthority | None
    appliance: Appliance | None
    sensor: Sensor | None
    sensor_name: str
    host_name: str
    version: str
    clock: Clock
    random: RandomSource


def present(role: RoleT | None, name: str) -> RoleT:
    """``role``, or NotFoundError ``role.absent`` when this node does not run it."""
    if role is None:
        raise NotFoundError(
            "role.absent",
            f"This node does not run the role {name}.",
            hint="Open the console of the node that does.",
        )
    return role
