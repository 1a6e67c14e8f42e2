"""Active and standby: which unit of an appliance may change and stream, and how that changes hands.

All units share one database, in which one writes at a time. The lease names the active unit. A
change that only the active unit may make looks at the lease in its own transaction, so a unit that
lost it cannot change anything more, whatever it still believes. What it has sent already is sent
again by its successor at worst, with the same index.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sealwire.appliance.ports import Lease
from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.appliance.ports import UnitRow, UnitTx

PATIENCE: Final = 6
"""So many looks in a row without a beat of the active unit, and it counts as dead."""

LOOK_EVERY_S: Final = 1.0


class Role(StrEnum):
    """What a unit is."""

    ACTIVE = "active"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True)
class HaStatus:
    """A unit's role, and which is active; ``active_unit`` is empty when none is."""

    role: Role
    unit: str
    active_unit: str
    active_url: str
    units: Sequence[UnitRow]


@dataclass(frozen=True, slots=True)
class Silence:
    """The active unit gave no sign of life since this ``term`` and count of ``beats``."""

    unit: str
    term: int
    beats: int


def ha_status(tx: UnitTx, unit: str) -> HaStatus:
    """``unit``'s role. The first unit is active before it ever said so."""
    lease, units = tx.lease(), tx.units()
    holder = unit if lease is None else lease.holder
    url = next((row.console_url for row in units if row.name == holder), "")
    role = Role.ACTIVE if holder == unit else Role.STANDBY
    return HaStatus(role, unit, holder, url, units)


def is_active(tx: UnitTx, unit: str) -> bool:
    """Whether ``unit`` is the active one."""
    lease = tx.lease()
    return lease is None or lease.holder == unit


def require_active(tx: UnitTx, unit: str) -> None:
    """Raises ConflictError ``ha.standby``, which names the active unit and its console."""
    status = ha_status(tx, unit)
    if status.role is Role.ACTIVE:
        return
    if status.active_unit:
        where = f" at {status.active_url}" if status.active_url else ""
        said = f"the active unit is {status.active_unit}{where}"
        hint = "do it there, or make this unit the active one: sealwire appliance ha promote"
    else:
        said = "no unit is active"
        hint = "make this unit the active one: sealwire appliance ha promote"
    raise ConflictError(
        "ha.standby",
        f"{unit} is a standby unit, where certificate and streaming cannot be changed; {said}",
        hint=hint,
        members={"active_unit": status.active_unit, "active_url": status.active_url},
    )


def hand_over(tx: UnitTx, holder: str) -> Lease:
    """Give the lease to ``holder``, or to nobody when it is empty."""
    before = tx.lease()
    lease = Lease(holder, (before.term if before else 0) + 1)
    tx.put_lease(lease)
    return lease


def still_silent(tx: UnitTx, silence: Silence) -> bool:
    """Whether nothing was heard of the active unit up to this transaction."""
    lease = tx.lease()
    beats = {row.name: row.beats for row in tx.units()}
    return lease == Lease(silence.unit, silence.term) and beats.get(silence.unit) == silence.beats


class Watch:
    """A standby unit's view of the active one, told at every look.

    It counts looks rather than seconds: a unit that was itself frozen must not take that for the
    other's silence, and the clocks of two machines need not agree.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._seen: Silence | None = None
        self._looks = 0

    def look(self, lease: Lease | None, units: Sequence[UnitRow]) -> Silence | None:
        """The silence, once it has lasted; None as long as there is nothing to do."""
        beats = {row.name: row.beats for row in units}
        if lease is None or lease.holder in {"", self._unit} or lease.holder not in beats:
            self._seen = None
            return None
        seen = Silence(lease.holder, lease.term, beats[lease.holder])
        self._looks = self._looks + 1 if seen == self._seen else 0
        self._seen = seen
        return seen if self._looks >= PATIENCE else None
