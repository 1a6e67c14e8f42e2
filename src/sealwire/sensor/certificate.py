"""The sensor's own certificate: the page *Syslog Server*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.audit.events import SYSTEM
from sealwire.identity.lifecycle import End, IdentityLifecycle
from sealwire.sensor.installation import TRAIL, SensorCases
from sealwire.x509.certificate import Purpose
from sealwire.x509.keys import KeyType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
            swapped=self._use_now,
            own_name=lambda _tx: next(iter(self._host_names), None),
            others=self._senders,
            alarm=self._raise_alarm,
            lookup=self._lookup,
        )
        return IdentityLifecycle(end, self._store, self._keys, self._recorder, self._clock)

    def _senders(self, tx: SensorTx) -> Mapping[str, Sequence[x509.Certificate]]:
        trusted = "".join(self._trust(tx, self._default_trust()))
        if not trusted:
            return {}
        return {"Senders": x509.load_pem_x509_certificates(trusted.encode("ascii"))}

    def ensure_identity(self) -> InstalledIdentity:
        """Make the self-signed certificate of a first run, unless there is an identity.

        RSA-2048, because the cipher suite that RFC 9662 makes mandatory is for RSA keys.
        """
        return self.certificate.make_first(SYSTEM, self._host_names, KeyType.RSA2048, self._random)
