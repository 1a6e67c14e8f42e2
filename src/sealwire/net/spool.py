"""What a sender reads from the store and writes back: records, cursors, delivery events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sealwire.appliance.delivery import DELIVERY_TRAIL, STREAMED_TRAILS
from sealwire.appliance.notes import Connected
from sealwire.audit.node_events import delivery_closed, delivery_connected, delivery_failed
from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.appliance.notes import Note
    from sealwire.appliance.ports import ApplianceTx, Destination
    from sealwire.audit.events import Event
    from sealwire.audit.ports import Store, TrailRecord
    from sealwire.audit.recorder import Recorder

_log = structlog.get_logger(__name__)


class Spool:
    """The streamed trails, as one destination sees them."""

    def __init__(
        self, destination: Destination, store: Store[ApplianceTx], recorder: Recorder
    ) -> None:
        self._destination = destination
        self._store = store
        self._recorder = recorder

    def cursors(self) -> Mapping[str, int]:
        """Per streamed trail: first index that the destination is not known to have."""
        name = self._destination.name
        return self._store.read(
            lambda tx: {trail: tx.cursor(name, trail) for trail in STREAMED_TRAILS}
        )

    def records_from(
        self, positions: Mapping[str, int], limit: int
    ) -> Mapping[str, Sequence[TrailRecord]]:
        """At most ``limit`` records of each trail; trails without any are left out."""

        def query(tx: ApplianceTx) -> Mapping[str, Sequence[TrailRecord]]:
            found = {
                trail: tx.trail_records(trail, start=start, limit=limit)
                for trail, start in positions.items()
            }
            return {trail: records for trail, records in found.items() if records}

        return self._store.read(query)

    def persist(self, cursors: Mapping[str, int]) -> bool:
        """Move the cursors, durably; whether that worked.

        A destination that was removed meanwhile gets none, a cursor that is further on stays.
        """
        name = self._destination.name

        def use_case(tx: ApplianceTx) -> None:
            if tx.destination(name) is None:
                return
            for trail, next_idx in cursors.items():
                if next_idx > tx.cursor(name, trail):
                    tx.put_cursor(name, trail, next_idx)

        try:
            self._store.run(use_case)
        except SealwireError as error:
            _log.warning("cursor not stored", destination=name, error=error.message)
            return False
        return True

    def note(self, note: Note, tls: str) -> None:
        """Record what happened to the connection. Lost, with a log line, if that fails."""
        event = self._event(note, tls)
        try:
            self._store.run(lambda tx: self._recorder.record(tx, DELIVERY_TRAIL, event))
        except SealwireError as error:
            name = self._destination.name
            _log.warning("delivery event not recorded", destination=name, error=error.message)

    def _event(self, note: Note, tls: str) -> Event:
        end = (self._destination.name, self._destination.host, self._destination.port)
        if isinstance(note, Connected):
            return delivery_connected(*end, info=tls)
        info = note.fault.message if note.fault else "unknown"
        if note.was_up:
            return delivery_closed(*end, info=info)
        return delivery_failed(*end, info=info, count=note.count)
