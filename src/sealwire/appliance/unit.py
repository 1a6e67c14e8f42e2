"""One unit of an appliance: what its use cases share."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from sealwire.appliance.lease import hand_over, require_active
from sealwire.audit.events import EventName, Outcome, config_change
from sealwire.identity.request_check import NoLookup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cryptography.x509 import Certificate

    from sealwire.appliance.delivery import ForwarderControl, Probe
    from sealwire.appliance.ports import ApplianceTx
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock
    from sealwire.identity.ports import KeyStore
    from sealwire.identity.request_check import NameLookup

ResultT = TypeVar("ResultT")
TRAIL: Final = "appliance"


@dataclass(frozen=True, slots=True)
class Unit:
    """Which unit this is.

    ``host_name``: what its certificate must carry unless another is set later. ``known_roots``:
    where its own chain may end, besides the roots that come with an import. ``lookup``: DNS.
    """

    name: str
    host_name: str
    known_roots: Callable[[], Sequence[Certificate]] = tuple
    lookup: NameLookup = field(default_factory=NoLookup)


class UnitCases:
    """Base of the use cases. Safe to call from any thread: the state is in the store."""

    def __init__(
        self,
        store: Store[ApplianceTx],
        keys: KeyStore,
        recorder: Recorder,
        clock: Clock,
        *,
        unit: Unit,
        probe: Probe,
        forwarder: ForwarderControl,
        default_trust: Callable[[], str] = str,
    ) -> None:
        self._store = store
        self._keys = keys
        self._recorder = recorder
        self._clock = clock
        self._unit = unit
        self._probe = probe
        self._forwarder = forwarder
        self._default_trust = default_trust
        self._known_roots = unit.known_roots
        self._lookup = unit.lookup

    def _change(self, use_case: Callable[[ApplianceTx], ResultT]) -> ResultT:
        """Run what only the active unit may do. Raises ConflictError ``ha.standby``."""

        def by_the_active_unit(tx: ApplianceTx) -> ResultT:
            self._lead(tx)
            return use_case(tx)

        return self._store.run(by_the_active_unit)

    def _lead(self, tx: ApplianceTx) -> None:
        """The first unit that changes anything is the active one from then on."""
        self._require_active(tx)
        if tx.lease() is None:
            hand_over(tx, self._unit.name)

    def _require_active(self, tx: ApplianceTx) -> None:
        require_active(tx, self._unit.name)

    @property
    def identity(self) -> str:
        """The identity's name in the store."""
        return identity_name(self._unit.name)

    @property
    def _host_name_setting(self) -> str:
        return f"appliance.{self._unit.name}.host_name"

    def _host_name(self, tx: ApplianceTx) -> str:
        document = tx.setting(self._host_name_setting)
        return self._unit.host_name if document is None else str(json.loads(document))

    def _changed(
        self,
        tx: ApplianceTx,
        name: EventName,
        actor: str,
        operation: str,
        details: Mapping[str, str],
        outcome: Outcome = Outcome.SUCCESS,
    ) -> None:
        parameters = {"Scope": "appliance", "Operation": operation, **details}
        self._recorder.record(tx, TRAIL, config_change(name, actor, outcome, parameters))


def identity_name(unit: str) -> str:
    """The identity of one unit: ``appliance:<unit>``."""
    return f"appliance:{unit}"
