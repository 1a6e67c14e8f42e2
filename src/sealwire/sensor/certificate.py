"""The sensor's own certificate: the page *Syslog Server*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.audit.events import SYSTEM
from sealwire.identity.lifecycle import End, IdentityLifecycle
from sealwire.sensor.installation import TRAIL, SensorCases
from sealwire.x509.certificate import Purpose
from sealwire.x509.keys import KeyType

if TYPE_CHECKING:
    from sealwire.identity.ports import InstalledIdentity
    from sealwire.sensor.ports import SensorTx


class CertificateCases(SensorCases):
    """Certificate, key and chain of the listeners."""

    @property
    def certificate(self) -> IdentityLifecycle[SensorTx]:
        """CSR, import, view, rollback. The receivers use a new one at once."""
        end: End[SensorTx] = End(
            identity=self.identity,
            trail=TRAIL,
            purpose=Purpose.SERVER,
            host_name=lambda _tx: None,
            known_roots=self._known_roots,
            swapped=self.reload,
        )
        return IdentityLifecycle(end, self._store, self._keys, self._recorder, self._clock)

    def ensure_identity(self) -> InstalledIdentity:
        """Make the self-signed certificate of a first run, unless there is an identity.

        RSA-2048, because the cipher suite that RFC 9662 makes mandatory is for RSA keys.
        """
        return self.certificate.make_first(SYSTEM, self._host_names, KeyType.RSA2048, self._random)
