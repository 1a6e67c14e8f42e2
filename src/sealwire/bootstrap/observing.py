"""What the store process sees of messages: fed before each seal, kept, told to main.

As with what is remembered of RELP senders, a snapshot is durable before the seal that it belongs
to, and the one before it is kept until then: after a crash whatever is sealed counts once.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealwire.sensor.observations import Observations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sealwire.sensor.journal import Position
    from sealwire.sensor.observations import SeenBatch
    from sealwire.stores.sealing_notes import SealedSnapshots


class Told(NamedTuple):
    """What somebody knows already: of which life of the counters, up to which batch."""

    life: int = -1
    fed: int = -1


NOTHING: Final = Told()


class Observing:
    """Safe to call from any thread; ``feed`` and ``forget`` from the sealing thread."""

    def __init__(
        self, snapshots: SealedSnapshots, sealed: Callable[[], Mapping[int, Position]]
    ) -> None:
        self._snapshots = snapshots
        self._sealed = sealed
        self._lock = threading.Lock()
        self._known: Observations | None = None
        self._life = 0

    def feed(
        self,
        starts: Mapping[int, Position],
        ends: Mapping[int, Position],
        batch: SeenBatch,
    ) -> None:
        """Count a batch that is about to be sealed.

        ``starts``: what is sealed; ``ends``: what a start will find sealed then. Raises OSError.
        """
        with self._lock:
            known = self._loaded(starts)
            known.feed(batch)
            self._snapshots.put(starts, ends, known.snapshot())

    def forget(self) -> None:
        """What was fed last was not sealed."""
        with self._lock:
            self._known = None

    def news(self, told: Told = NOTHING) -> tuple[Told, list[dict[str, Any]]]:
        """One document for each source of which there is news; and what is known then.

        Another ``life`` than the one told before: these are all sources, and nothing else counts.
        """
        with self._lock:
            known = self._loaded(None)
            if told == (self._life, known.fed):
                return told, []
            after = told.fed if told.life == self._life else -1
            return Told(self._life, known.fed), known.documents(after)

    def _loaded(self, starts: Mapping[int, Position] | None) -> Observations:
        if self._known is None:
            at = self._sealed() if starts is None else starts
            self._known = Observations.restored(self._snapshots.get(at))
            self._life += 1
        return self._known
