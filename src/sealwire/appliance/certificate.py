"""The audit log client certificate of one unit: the pages *Audit Log Certificate*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.appliance.unit import TRAIL, UnitCases
from sealwire.identity.lifecycle import End, IdentityLifecycle
from sealwire.x509.certificate import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
            own_name=self._host_name,
            others=self._servers,
            lookup=self._lookup,
        )
        return IdentityLifecycle(end, self._store, self._keys, self._recorder, self._clock)

    def _servers(self, tx: ApplianceTx) -> Mapping[str, Sequence[x509.Certificate]]:
        """Who may have signed the certificate of each destination that asks for ours."""
        found = {}
        for each in tx.destinations():
            trusted = each.trust_pem or self._default_trust()
            if each.mutual and trusted:
                found[f"Destination {each.name}"] = x509.load_pem_x509_certificates(
                    trusted.encode("ascii")
                )
        return found
