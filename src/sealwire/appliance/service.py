"""The appliance's use cases: certificate, destinations, streaming, inputs, the unit itself.

Every change and its audit event (trail ``appliance``) commit together; what was refused is
recorded too, as a failure. Whether ``actor`` may do it was decided before it came here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealwire.appliance.availability import AvailabilityCases
from sealwire.appliance.certificate import CertificateCases
from sealwire.appliance.destinations import new_input
from sealwire.appliance.lease import HaStatus, ha_status
from sealwire.appliance.streaming import DestinationView, StreamingCases, destination_views
from sealwire.appliance.unit import TRAIL, Unit
from sealwire.audit.events import EventName
from sealwire.errors import ConflictError, RefusedError
from sealwire.x509.hostnames import a_label, general_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.appliance.ports import ApplianceTx, Input
    from sealwire.audit.ports import TrailRecord
    from sealwire.identity.lifecycle import IdentityView

__all__ = ["Alarm", "Appliance", "ApplianceStatus", "DestinationView", "Unit"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should see to."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class ApplianceStatus:
    """Everything about one unit."""

    unit: str
    host_name: str
    certificate: IdentityView
    destinations: Sequence[DestinationView]
    inputs: Sequence[Input]
    ha: HaStatus

    @property
    def alarms(self) -> Sequence[Alarm]:
        """What is wrong now; nothing when all is well."""
        trouble = self.certificate.trouble
        return [Alarm("identity_broken", trouble)] if trouble else []


class Appliance(CertificateCases, StreamingCases, AvailabilityCases):
    """One unit. Safe to call from any thread: its state is in the store."""

    def add_input(self, actor: str, name: str, path: str) -> Input:
        """Follow a local file from its beginning. Raises RefusedError or ConflictError."""
        source = new_input(name, path)

        def use_case(tx: ApplianceTx) -> Input:
            if any(known.name == name for known in tx.inputs()):
                raise ConflictError("input.exists", f"there is an input {name} already")
            tx.put_input(source)
            details = {"name": name, "path": path}
            self._changed(tx, EventName.INPUT_CHANGE, actor, "add", details)
            return source

        return self._change(use_case)

    def inputs(self) -> Sequence[Input]:
        """By name."""
        return self._store.read(lambda tx: tx.inputs())

    def remove_input(self, actor: str, name: str) -> None:
        """Stop following. Raises NotFoundError ``input.unknown``."""

        def use_case(tx: ApplianceTx) -> None:
            tx.remove_input(name)
            self._changed(tx, EventName.INPUT_CHANGE, actor, "remove", {"name": name})

        self._change(use_case)

    @property
    def host_name(self) -> str:
        """The name that the audit log client certificate must carry."""
        return self._store.read(self._host_name)

    def set_host_name(self, actor: str, host_name: str) -> str:
        """Set it. Raises RefusedError ``host_name.invalid``."""
        try:
            general_name(host_name)
        except ValueError as fault:
            raise RefusedError(
                "host_name.invalid", f"{host_name!r} cannot be this machine's name: {fault}"
            ) from fault
        name = a_label(host_name)

        def use_case(tx: ApplianceTx) -> str:
            details = {"unit": self._unit.name, "host_name": name, "before": self._host_name(tx)}
            tx.put_setting(self._host_name_setting, json.dumps(name))
            self._changed(tx, EventName.UNIT_CHANGE, actor, "host-name", details)
            return name

        return self._store.run(use_case)

    def status(self) -> ApplianceStatus:
        """Everything, as of one moment."""
        running = {status.name: status for status in self._forwarder.status()}
        return self._store.read(
            lambda tx: ApplianceStatus(
                self._unit.name,
                self._host_name(tx),
                self.certificate.view(tx),
                destination_views(tx, running),
                tx.inputs(),
                ha_status(tx, self._unit.name),
            )
        )

    def audit_tail(self, count: int = 20) -> Sequence[TrailRecord]:
        """The newest ``count`` records of the trail ``appliance``, oldest first."""

        def query(tx: ApplianceTx) -> Sequence[TrailRecord]:
            start = max(0, tx.trail_head(TRAIL).size - count)
            return tx.trail_records(TRAIL, start=start, limit=count)

        return self._store.read(query)
