"""The senders that an operator names: kept, changed, told to receivers and to the store process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sealwire.audit.events import EventName
from sealwire.errors import ConflictError, NotFoundError, RefusedError
from sealwire.sensor.installation import SensorCases
from sealwire.sensor.receiving import ClientCertificate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.sensor.admission import NamedSender
    from sealwire.sensor.ports import SensorTx

MOST_SENDERS: Final = 10_000


class AdmittingCases(SensorCases):
    """Who may come in, what each may claim, how each frames."""

    def senders(self) -> Sequence[NamedSender]:
        """Named senders, in the order in which they are tried."""
        return self._store.read(self._named_senders)

    def admit(self, actor: str, sender: NamedSender) -> None:
        """Name a sender, for new connections and for records from now on.

        Raises ConflictError ``sender.exists``, RefusedError ``sender.too_many``, RefusedError
        ``sender.no_certificates``: nobody would be asked for the certificate that says who it is.
        """
        default_trust = self._default_trust()

        def use_case(tx: SensorTx) -> None:
            present = self._named_senders(tx)
            if any(one.name == sender.name for one in present):
                raise ConflictError("sender.exists", f"{sender.name} is named already")
            if len(present) >= MOST_SENDERS:
                raise RefusedError("sender.too_many", f"{MOST_SENDERS} senders are named already")
            mode = self._mode(tx, self._trust(tx, default_trust))
            if sender.by_certificate and mode is ClientCertificate.OFF:
                raise RefusedError(
                    "sender.no_certificates",
                    "senders are not asked for a certificate, so none could be told by it",
                    hint="sealwire sensor listener set --client-certificate required",
                )
            self._put_senders(tx, [*present, sender])
            self._changed(tx, EventName.TRUST_CHANGE, actor, "admit", _details(sender))

        self._store.run(use_case)
        self._senders_changed()

    def dismiss(self, actor: str, name: str) -> None:
        """Forget a named sender. Raises NotFoundError ``sender.unknown``."""

        def use_case(tx: SensorTx) -> None:
            present = self._named_senders(tx)
            gone = [one for one in present if one.name == name]
            if not gone:
                raise NotFoundError("sender.unknown", "there is no sender of that name")
            self._put_senders(tx, [one for one in present if one.name != name])
            self._changed(tx, EventName.TRUST_CHANGE, actor, "dismiss", _details(gone[0]))

        self._store.run(use_case)
        self._senders_changed()

    def _senders_changed(self) -> None:
        # Read anew by whoever tells the store process what each may claim.
        self._policy_changed()
        self.reload()

    def _put_senders(self, tx: SensorTx, senders: Sequence[NamedSender]) -> None:
        documents = [sender.document() for sender in senders]
        tx.put_setting(self._setting("senders"), json.dumps(documents))


def _details(sender: NamedSender) -> dict[str, str]:
    """What the audit event says of it; what is not set is left out."""
    document = {**sender.document(), "hosts": ",".join(sender.hosts)}
    return {key: str(value) for key, value in document.items() if value}
