"""The store as one thing in one process: segments, index, sealing, indexing, answers.

The store process runs it beside the node; a command on a stopped node runs it in itself, under
the home's lock. Segments are opened at the first need, the index (which takes a second and some
memory) at the first record or question.
"""

from __future__ import annotations

import math
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.bootstrap.indexing import Indexing, IndexingPlaces
from sealwire.bootstrap.sealing import Feed, Sealing, SealingPlaces
from sealwire.errors import ConflictError, SealwireError
from sealwire.sensor.archive import ArchiveStatus
from sealwire.stores.files import bytes_below
from sealwire.stores.journal.batches import JournalBlocks
from sealwire.stores.sealing_notes import IndexedNote, SealingNotes
from sealwire.stores.segments.ledger import disk_faults
from sealwire.stores.segments.store import SegmentStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sealwire.clock import Clock
    from sealwire.net.store_link import StorePlaces
    from sealwire.sensor.archive import Bucket, Evidence, Page, StoredRecord
    from sealwire.sensor.journal import Position
    from sealwire.sensor.policy import ArchivePolicy
    from sealwire.sensor.query import Search
    from sealwire.sensor.record_columns import Parse
    from sealwire.stores.archive.index import Index
    from sealwire.stores.segments.files import FileCalls

_LOCK_SECONDS: Final = 15.0
_RETRY_LOCK: Final = 0.1
_SIZE_EVERY: Final = 5.0


def _columns_parser() -> Parse:
    from sealwire.syslog.columns import parse_batch  # noqa: PLC0415 - heavy: see above

    return parse_batch


@dataclass(frozen=True, slots=True)
class StoreTools:
    """What it works with, apart so that a full disk and a deadly message can be played.

    ``stuck``: what to do when the index's engine does not come back.
    """

    parser: Callable[[], Parse] = _columns_parser
    calls: FileCalls | None = None
    stuck: Callable[[], None] = lambda: None


class StoreRoom:
    """Fills ``sensor.archive.RecordArchive``. ``close`` at the end."""

    def __init__(
        self,
        places: StorePlaces,
        clock: Clock,
        alarm: Callable[[str, str], None],
        tools: StoreTools | None = None,
    ) -> None:
        tools = tools or StoreTools()
        self._calls, self._stuck = tools.calls, tools.stuck
        self._places = places
        self._clock = clock
        self._alarm = alarm
        self._opening = threading.RLock()
        self._segments: SegmentStore | None = None
        self._index: Index | None = None
        self._sized = (-math.inf, 0)
        self.noted = IndexedNote(places.index)
        self._notes = SealingNotes(places.notes)
        self.indexing = Indexing(
            IndexingPlaces(
                self.segments, self.index, self.noted, places.sensor, tools.parser, alarm
            )
        )
        self.sealing = Sealing(
            SealingPlaces(
                segments=self.segments,
                reader=JournalBlocks(places.journal),
                notes=self._notes,
                parser=tools.parser,
                hand_over=self.indexing.hand_over,
                alarm=alarm,
            ),
            clock,
        )

    def segments(self) -> SegmentStore:
        """The segments, opened and recovered. Raises ConflictError ``segments.locked``."""
        with self._opening:
            if self._segments is None:
                store = self._locked_segments()
                try:
                    recovered = store.recover()
                    self._compare_chain(store)
                except BaseException:
                    store.close()
                    raise
                for damage in recovered.damages:
                    self._alarm("segments_damaged", f"{damage.path}: {damage.detail}")
                self._segments = store
            return self._segments

    def _compare_chain(self, store: SegmentStore) -> None:
        """An older copy that was put back is said; the index may know other records then."""
        mark = self._notes.chain()
        if mark is None or store.holds(mark):
            return
        number = mark.end.next_number - 1
        text = f"the segments' chain does not hold line {number} any more, which was written"
        self._alarm("segments_put_back", f"{text}; the index is built again")
        with disk_faults():
            self.noted.distrust()
            self._notes.clear_chain()

    def _locked_segments(self) -> SegmentStore:
        """Waits for a store process of an earlier start that still holds them."""
        until = self._clock.monotonic() + _LOCK_SECONDS
        pause = threading.Event()
        while True:
            try:
                return SegmentStore(
                    self._places.segments, self._places.sensor, self._clock, calls=self._calls
                )
            except ConflictError:
                if self._clock.monotonic() > until:
                    raise
            pause.wait(_RETRY_LOCK)

    def index(self) -> Index:
        """The index, opened. Loads the engine."""
        with self._opening:
            if self._index is None:
                from sealwire.bootstrap.search_index import open_index  # noqa: PLC0415 - heavy

                places = self._places
                self._index = open_index(places.index, places.sensor, self._clock, self._stuck)
            return self._index

    @property
    def is_open(self) -> bool:
        """Whether the segments are open."""
        return self._segments is not None

    @property
    def has_index(self) -> bool:
        """Whether the index is open."""
        return self._index is not None

    @property
    def lacks_index(self) -> bool:
        """Whether records are sealed that the index does not have."""
        segments = self._segments
        return segments is not None and self.indexed_upto() < _sealed_seq(segments)

    def mark(self) -> tuple[object, ...]:
        """Changes whenever ``status`` does; cheap to ask."""
        sealing, indexing = self.sealing, self.indexing
        manifests = self.segments().look(lambda catalogue: catalogue.manifests)
        done = (manifests, _sealed_seq(self.segments()), self.indexed_upto())
        waiting = (sealing.trouble, indexing.trouble, sealing.pending_bytes())
        return (*done, *waiting, self._index_bytes())

    def close(self) -> None:
        """Give up segments and index."""
        with self._opening:
            index, self._index = self._index, None
            segments, self._segments = self._segments, None
        for each in (index, segments):
            if each is not None:
                each.close()

    def catch_up(self, ends: Mapping[int, Position], policy: ArchivePolicy) -> None:
        """Seal and index what the journal holds up to ``ends``. Raises what goes wrong."""
        self.seal_all(ends, policy)
        self.indexing.drain()

    def seal_all(self, ends: Mapping[int, Position], policy: ArchivePolicy) -> None:
        """Seal what the journal holds up to ``ends``. Raises what goes wrong."""
        self.sealing.judge_by(policy)
        self.sealing.start_from(ends)
        self.sealing.feed(Feed(ends))
        self.sealing.drain()

    def _lag_s(self, newest_ns: int | None) -> float:
        """For how long the oldest record that search does not find has waited, about."""
        behind = self.indexed_upto() < _sealed_seq(self.segments())
        since = (self._clock.now_ns() - (newest_ns or 0)) / 1e9 if behind and newest_ns else 0.0
        return max(0.0, self.sealing.lag_s(), since)

    def _index_bytes(self) -> int:
        """What the index takes, some seconds old: by its files while it is not open."""
        index, now = self._index, self._clock.monotonic()
        at, size = self._sized
        if now - at > _SIZE_EVERY:
            # An engine in trouble says so to those who search; the rest of a status is still true.
            with suppress(SealwireError):
                size = bytes_below(self._places.index) if index is None else index.size_bytes()
            self._sized = (now, size)
        return size

    def indexed_upto(self) -> int:
        """Number of the last record that search finds."""
        index = self._index
        return self.noted.indexed_seq() if index is None else index.indexed_upto()

    # Answers.

    def search(self, search: Search) -> Page:
        """Records that were indexed."""
        return self.index().search(search)

    def count(self, search: Search) -> int:
        """How many there are."""
        return self.index().count(search)

    def chart(self, search: Search, step_s: int) -> Sequence[Bucket]:
        """How many were received in each ``step_s`` seconds."""
        return self.index().chart(search, step_s)

    def record(self, seq: int) -> tuple[StoredRecord, Evidence]:
        """One record as its segment has it, and where that is."""
        from sealwire.bootstrap.record_tables import stored_record  # noqa: PLC0415 - heavy

        evidence, row = self.segments().record(seq)
        return stored_record(row), evidence

    def status(self) -> ArchiveStatus:
        """How far it is, and what it holds."""
        held = self.segments().look(lambda catalogue: catalogue.status())
        sealed_seq = held.next_seq - 1
        return ArchiveStatus(
            sealed=self.sealing.sealed(),
            sealed_seq=sealed_seq,
            indexed_seq=min(self.indexed_upto(), sealed_seq),
            pending_bytes=self.sealing.pending_bytes(),
            segments=held.segments,
            segment_bytes=held.bytes,
            index_bytes=self._index_bytes(),
            oldest_ns=held.oldest_ns,
            newest_ns=held.newest_ns,
            trouble=self.sealing.trouble or self.indexing.trouble,
            details={"lag_seconds": round(self._lag_s(held.newest_ns), 1)},
            last_deletion=held.last_deletion,
        )

    def reindex(self) -> Iterator[ArchiveStatus]:
        """Build the index again; yields how far it is until it is done."""
        for _ in self.indexing.rebuild():
            yield self.status()
        yield self.status()


def _sealed_seq(segments: SegmentStore) -> int:
    return segments.look(lambda catalogue: catalogue.next_seq) - 1
