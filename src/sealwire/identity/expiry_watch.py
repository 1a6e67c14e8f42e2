"""Tells of certificates that come to their end: an audit record for each step, each once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.audit.node_events import certificate_expiring
from sealwire.audit.ports import SettingsTx, TrailTx
from sealwire.identity.expiry import Lifetime, lifetimes, told_as, untold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock
    from sealwire.identity.expiry import Watched

_TOLD: Final = "expiry.told"


class ExpiryTx(TrailTx, SettingsTx, Protocol):
    """What one look touches."""


class ExpiryWatch:
    """Looks at every certificate in use. Safe to call from any thread, in any number of nodes.

    ``in_use`` gives them; records go into ``trail``.
    """

    def __init__(
        self,
        store: Store[ExpiryTx],
        recorder: Recorder,
        clock: Clock,
        *,
        trail: str,
        in_use: Callable[[], Sequence[Watched]],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._trail = trail
        self._in_use = in_use

    def lifetimes(self) -> list[Lifetime]:
        """Of every certificate in use, the one that ends first before the others."""
        return lifetimes(self._in_use(), self._clock.now())

    def look(self) -> Sequence[Lifetime]:
        """Record what has come to a step since the last look; what that was."""
        found = self.lifetimes()
        due = self._store.read(lambda tx: untold(found, _told(tx)))
        return self._store.run(lambda tx: self._tell(tx, found)) if due else ()

    def _tell(self, tx: ExpiryTx, found: Sequence[Lifetime]) -> Sequence[Lifetime]:
        told = _told(tx)
        due = untold(found, told)
        for one in due:
            event = certificate_expiring(
                one.where,
                subject=one.subject,
                certificate_sha256=one.sha256,
                days_left=one.days_left,
                not_after=one.not_after,
            )
            self._recorder.record(tx, self._trail, event)
        # What is no longer in use is forgotten, so that this does not grow for ever.
        known = {told_as(one): told[told_as(one)] for one in found if told_as(one) in told}
        fresh = {told_as(one): one.step for one in due}
        tx.put_setting(_TOLD, json.dumps(known | fresh, sort_keys=True))
        return due


def _told(tx: ExpiryTx) -> dict[str, int]:
    document = tx.setting(_TOLD)
    return {} if document is None else dict(json.loads(document))
