"""The archive of a node that is not running, for one command, under the home's lock."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import structlog

from sealwire.sensor.policy import ArchivePolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sealwire.bootstrap.store_room import StoreRoom
    from sealwire.clock import Clock
    from sealwire.net.store_link import StorePlaces
    from sealwire.sensor.archive import ArchiveStatus, Bucket, Evidence, Page, StoredRecord
    from sealwire.sensor.journal import Position
    from sealwire.sensor.query import Search

log = structlog.get_logger(__name__)


class OfflineArchive:
    """Fills ``sensor.archive.RecordArchive``. The first question seals and indexes what is left.

    ``policy`` is asked then. ``close`` at the end.
    """

    def __init__(
        self, places: StorePlaces, clock: Clock, ends: Callable[[], Mapping[int, Position]]
    ) -> None:
        self._places = places
        self._clock = clock
        self._ends = ends
        self._room: StoreRoom | None = None
        self._caught_up = False
        self.policy: Callable[[], ArchivePolicy] = ArchivePolicy

    def search(self, search: Search) -> Page:
        """Records that were indexed."""
        return self._complete().search(search)

    def count(self, search: Search) -> int:
        """How many there are."""
        return self._complete().count(search)

    def chart(self, search: Search, step_s: int) -> Sequence[Bucket]:
        """How many were received in each ``step_s`` seconds."""
        return self._complete().chart(search, step_s)

    def record(self, seq: int) -> tuple[StoredRecord, Evidence]:
        """One record and where its evidence lies."""
        return self._opened().record(seq)

    def status(self) -> ArchiveStatus:
        """How far it is, without doing anything about it."""
        return self._opened().status()

    def observations(self) -> Sequence[Mapping[str, Any]]:
        """What was seen of what is sealed."""
        return self._opened().sealing.observing.news()[1]

    def away_s(self) -> float:
        """It answers itself."""
        return 0.0

    def reindex(self) -> Iterator[ArchiveStatus]:
        """Build the index again from the segments."""
        return self._complete().reindex()

    def seal(self) -> None:
        """Have everything that was received lie in segments, whether it is indexed or not."""
        self._opened().seal_all(self._ends(), self.policy())

    def close(self) -> None:
        """Give up what was opened."""
        if self._room is not None:
            self._room.close()
            self._room = None

    def _opened(self) -> StoreRoom:
        if self._room is None:
            from sealwire.bootstrap.store_room import StoreRoom  # noqa: PLC0415 - rarely needed

            # As in the store process: what is made is its owner's alone.
            os.umask(0o077)
            self._room = StoreRoom(self._places, self._clock, _log_alarm)
        return self._room

    def _complete(self) -> StoreRoom:
        room = self._opened()
        if not self._caught_up:
            room.catch_up(self._ends(), self.policy())
            self._caught_up = True
        return room


def _log_alarm(code: str, text: str) -> None:
    log.warning("alarm", code=code, text=text)
