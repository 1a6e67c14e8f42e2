"""What the store process does now and then: merge small segments, delete what may go.

Called by the sealing thread, which alone changes the segments; one step at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.bootstrap.store_room import StoreRoom
    from sealwire.clock import Clock
    from sealwire.sensor.policy import ArchivePolicy
    from sealwire.stores.segments.store import Retirement

log = structlog.get_logger(__name__)

EVERY: Final = 60.0
HOUSEKEEPING_FAILED: Final = "housekeeping_failed"
OVER_BUDGET: Final = "archive_over_budget"
CLOCK_JUMPED: Final = "clock_jumped"
RECORDS_DELETED: Final = "records_deleted"


class Housekeeping:
    """Retention and merging of one store. For the thread that seals."""

    def __init__(
        self,
        room: StoreRoom,
        policy: Callable[[], ArchivePolicy],
        clock: Clock,
        alarm: Callable[[str, str], None],
    ) -> None:
        self._room = room
        self._policy = policy
        self._clock = clock
        self._alarm = alarm
        self._due = clock.monotonic()
        self._merging = False
        self._compared = False

    def due_in(self) -> float:
        """Seconds until there is something to do."""
        return max(0.0, self._due - self._clock.monotonic())

    def policy_changed(self) -> None:
        """Have the chain say at once which holds are in force, and look soon what may go now."""
        try:
            self._room.segments().hold(self._policy().holds)
        except (SealwireError, OSError) as error:
            log.warning("housekeeping", error=str(error))
        self._due = self._clock.monotonic()

    def step(self) -> None:
        """Do what is due; trouble is told, and it is tried again later."""
        self._due = self._clock.monotonic() + EVERY
        try:
            if not self._merging:
                self._retire()
            self._merging = self._merge()
        except (SealwireError, OSError) as error:
            self._merging = False
            text = f"nothing is deleted or merged at the moment: {error}"
            self._alarm(HOUSEKEEPING_FAILED, text)
        if self._merging:
            self._due = self._clock.monotonic()

    def _retire(self) -> None:
        index_bytes = self._room.status().index_bytes
        retirement = self._room.segments().retire(self._policy(), index_bytes)
        if self._room.segments().clock_jumped:
            shown = f"the clock jumped ahead to {self._clock.now():%Y-%m-%d}"
            self._alarm(CLOCK_JUMPED, f"{shown}; by that day nothing is deleted before tomorrow")
        if retirement.deletions:
            self._tell(retirement)
            self._compared = False
        if not self._compared:
            self._drop()
        if retirement.excess_bytes > 0:
            text = f"the stored records are {retirement.excess_bytes} bytes over their budget"
            self._alarm(OVER_BUDGET, f"{text}, and what is left may not be deleted")

    def _tell(self, retirement: Retirement) -> None:
        rows = sum(one.rows for one in retirement.deletions)
        days = ", ".join(
            f"{one.day} of class {one.retention} ({one.reason})" for one in retirement.deletions
        )
        self._alarm(RECORDS_DELETED, f"{rows} records were deleted: {days}")

    def _drop(self) -> None:
        """Take the days out of the index that no segment has; a crash may have come before."""
        if not self._room.has_index:
            return
        with self._room.indexing.writing:
            kept = self._room.segments().look(lambda catalogue: catalogue.bytes_by_day())
            for day, retention in self._room.index().days() - kept.keys():
                self._room.index().drop(retention, day)
        self._compared = True

    def _merge(self) -> bool:
        """Merge a few; whether there may be more. Not while the index is being built again."""
        writing = self._room.indexing.writing
        if not writing.acquire(blocking=False):
            return False
        try:
            return self._room.segments().compact(self._room.indexed_upto()) is not None
        finally:
            writing.release()
