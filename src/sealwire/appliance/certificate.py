"""The audit log client certificate of one unit: the pages *Audit Log Certificate*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.appliance.unit import TRAIL, UnitCases
from sealwire.identity.lifecycle import End, IdentityLifecycle
from sealwire.x509.certificate import Purpose

if TYPE_CHECKING:
    from sealwire.appliance.ports import ApplianceTx


class CertificateCases(UnitCases):
    """All of it is the active unit's: a standby unit raises ConflictError ``ha.standby``."""

    @property
    def certificate(self) -> IdentityLifecycle[ApplianceTx]:
        """CSR, import, view, rollback. The forwarder uses a new one from its next connection on."""
        end = End(
            identity=self.identity,
            trail=TRAIL,
            purpose=Purpose.CLIENT,
            host_name=self._host_name,
            known_roots=self._known_roots,
            swapped=self._forwarder.poke,
            before_read=self._require_active,
            before_change=self._lead,
        )
        return IdentityLifecycle(end, self._store, self._keys, self._recorder, self._clock)
