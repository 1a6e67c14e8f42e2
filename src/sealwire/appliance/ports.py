"""What the appliance needs of a store, and the rows it keeps there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sealwire.audit.ports import SettingsTx, TrailTx
from sealwire.identity.ports import IdentityTx

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the appliance streams to.

    ``transport`` is ``tls`` (RFC 5425). ``trust_pem`` holds the anchors for the server's
    certificate. ``server_name`` is what the server's certificate must name (default ``host``).
    ``mutual`` says whether the audit log client certificate is shown. ``enabled`` = streaming on.
    """

    name: str
    host: str
    port: int
    transport: str
    server_name: str
    trust_pem: str
    mutual: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class Input:
    """A local file whose lines become audit records; ``inode``, ``offset``: how far it was read."""

    name: str
    path: str
    inode: int
    offset: int


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit of the appliance that uses this database.

    ``console_url`` is where its console was at its last start. ``beats`` rises while its node runs
    and is active beside other units.
    """

    name: str
    host_name: str
    console_url: str
    beats: int


@dataclass(frozen=True, slots=True)
class Lease:
    """Which unit is active: ``holder`` is its name, empty when it stepped down.

    ``term`` is 1 at first and one more with every change.
    """

    holder: str
    term: int


class UnitTx(Protocol):
    """Units inside one transaction; one writes at a time, so what is read here stays true."""

    def put_unit(self, unit: UnitRow) -> None:
        """Insert or replace by name."""
        ...

    def units(self) -> Sequence[UnitRow]:
        """By name, ascending."""
        ...

    def lease(self) -> Lease | None:
        """None as long as no unit was ever active."""
        ...

    def put_lease(self, lease: Lease) -> None:
        """Replace it. ConflictError ``lease.changed`` unless ``term`` is the stored one plus 1."""
        ...


class ApplianceTx(TrailTx, IdentityTx, UnitTx, SettingsTx, Protocol):
    """All that one use case of the appliance may touch, in one transaction."""

    def put_destination(self, destination: Destination) -> None:
        """Insert or replace by name."""
        ...

    def remove_destination(self, name: str) -> None:
        """With its cursors. Raises NotFoundError ``destination.unknown``."""
        ...

    def destination(self, name: str) -> Destination | None:
        """By name."""
        ...

    def destinations(self) -> Sequence[Destination]:
        """By name, ascending."""
        ...

    def cursor(self, destination: str, trail: str) -> int:
        """Index of the first record that the destination is not known to have; 0 at first."""
        ...

    def put_cursor(self, destination: str, trail: str, next_idx: int) -> None:
        """Move it. Raises ConflictError when it would go back.

        Raises NotFoundError ``destination.unknown`` too.
        """
        ...

    def put_input(self, source: Input) -> None:
        """Insert or replace by name."""
        ...

    def remove_input(self, name: str) -> None:
        """Raises NotFoundError ``input.unknown``."""
        ...

    def inputs(self) -> Sequence[Input]:
        """By name, ascending."""
        ...
