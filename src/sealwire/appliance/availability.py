"""The use cases of high availability: join, promote, demote, beat, take over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sealwire.appliance.lease import (
    HaStatus,
    Role,
    Silence,
    Watch,
    ha_status,
    hand_over,
    still_silent,
)
from sealwire.appliance.ports import UnitRow
from sealwire.appliance.unit import UnitCases
from sealwire.audit.events import SYSTEM, EventName

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.appliance.ports import ApplianceTx


class AvailabilityCases(UnitCases):
    """The page *High Availability*."""

    def ha(self) -> HaStatus:
        """This unit's role, and which unit is active."""
        return self._store.read(lambda tx: ha_status(tx, self._unit.name))

    def join(self, console_url: str) -> HaStatus:
        """Make this unit known at its node's start; the first of all becomes the active one."""

        def use_case(tx: ApplianceTx) -> HaStatus:
            known = {row.name: row for row in tx.units()}.get(self._unit.name)
            beats = known.beats + 1 if known else 0
            tx.put_unit(UnitRow(self._unit.name, self._host_name(tx), console_url, beats))
            if tx.lease() is None:
                hand_over(tx, self._unit.name)
            status = ha_status(tx, self._unit.name)
            if known is None:
                details = {"unit": self._unit.name, "role": str(status.role)}
                self._changed(tx, EventName.UNIT_CHANGE, SYSTEM, "join", details)
            return status

        return self._store.run(use_case)

    def promote(self, actor: str) -> HaStatus:
        """Make this unit the active one; the one that was becomes standby. Again is no change."""
        return self._turn(actor, "promote", Role.STANDBY, self._unit.name)

    def demote(self, actor: str) -> HaStatus:
        """Make this unit standby; none is active until one is promoted. Again is no change."""
        return self._turn(actor, "demote", Role.ACTIVE, "")

    def take_over(self, silence: Silence) -> HaStatus:
        """Become active in the place of a unit that fell silent, unless it was heard meanwhile."""
        details = {"reason": f"no sign of life from {silence.unit}"}
        return self._turn(
            SYSTEM,
            "take-over",
            Role.STANDBY,
            self._unit.name,
            details=details,
            only_if=lambda tx: still_silent(tx, silence),
        )

    def beat(self) -> None:
        """Give the sign of life that standby units wait for. Without any, nothing is written."""
        status = self.ha()
        if status.role is Role.STANDBY or {row.name for row in status.units} <= {status.unit}:
            return

        def use_case(tx: ApplianceTx) -> None:
            for row in tx.units():
                if row.name == self._unit.name:
                    tx.put_unit(replace(row, beats=row.beats + 1))

        self._store.run(use_case)

    def look(self, watch: Watch) -> None:
        """What a node does once a second: give a sign of life, or listen for one and take over."""
        self.beat()
        silence = self._store.read(lambda tx: watch.look(tx.lease(), tx.units()))
        if silence is not None:
            self.take_over(silence)

    def _turn(
        self,
        actor: str,
        operation: str,
        before: Role,
        holder: str,
        *,
        details: dict[str, str] | None = None,
        only_if: Callable[[ApplianceTx], bool] = lambda _: True,
    ) -> HaStatus:
        """Change the role and record it; ``before`` is the role that there is to change."""

        def use_case(tx: ApplianceTx) -> HaStatus:
            was = ha_status(tx, self._unit.name)
            if was.role is not before or not only_if(tx):
                return was
            hand_over(tx, holder)
            parameters = {"unit": self._unit.name, "active_before": was.active_unit}
            parameters |= {"active": holder, **(details or {})}
            self._changed(tx, EventName.UNIT_CHANGE, actor, operation, parameters)
            return ha_status(tx, self._unit.name)

        status = self._store.run(use_case)
        self._forwarder.poke()
        return status
