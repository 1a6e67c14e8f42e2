"""Indexes what was sealed, segment by segment in the order of their records.

Fresh records come straight from sealing; what a stop or a trouble has left behind is read from
the segments. Sealing waits for a healthy index, so that nothing is read twice, and goes on
without one that is in trouble.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import structlog

from sealwire.errors import ConflictError, NotFoundError, SealwireError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from sealwire.bootstrap.record_tables import MadeTable
    from sealwire.sensor.record_columns import Parse
    from sealwire.stores.archive.index import Index
    from sealwire.stores.sealing_notes import IndexedNote
    from sealwire.stores.segments.manifest import Segment
    from sealwire.stores.segments.store import Seal, SegmentStore

log = structlog.get_logger(__name__)

IDLE: Final = 3600.0
RETRY_AFTER: Final = 2.0
_MOST_WAITING: Final = 2
_PATIENCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class IndexingPlaces:
    """Where it reads, writes and tells. Segments, index and parser are opened or loaded at need."""

    segments: Callable[[], SegmentStore]
    index: Callable[[], Index]
    noted: IndexedNote
    sensor: str
    parser: Callable[[], Parse]
    alarm: Callable[[str, str], None]


class Indexing:
    """The second half of the store process: ``advance`` is called by one thread of its own."""

    def __init__(self, places: IndexingPlaces) -> None:
        self._segments = places.segments
        self._index = places.index
        self._noted = places.noted
        self._sensor = places.sensor
        self._parser = places.parser
        self._alarm = places.alarm
        self._damaged: set[str] = set()
        self._waiting: dict[str, MadeTable] = {}
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._stopping = False
        self.trouble: str | None = None

    # From the sealing thread, and whoever ends the process.

    def hand_over(self, seal: Seal, made: MadeTable) -> None:
        """Take the records of a seal; waits while the index has enough to do and is well.

        Records of a seal that became several segments are read from there.
        """
        with self._changed:
            while len(self._waiting) >= _MOST_WAITING and self._is_well():
                self._changed.wait(_PATIENCE)
            if len(seal.segments) == 1 and len(self._waiting) < _MOST_WAITING:
                self._waiting[seal.segments[0].path] = made
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until something was handed over, or the time has passed."""
        with self._changed:
            if not self._waiting and not self._stopping:
                self._changed.wait(seconds)

    def stop(self) -> None:
        """Let whoever waits go on."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _is_well(self) -> bool:
        return self.trouble is None and not self._stopping

    # The indexing thread.

    def advance(self) -> float:
        """Index the next segment; seconds until the next look is worth while."""
        try:
            done = self._index_next()
        except Exception as error:
            if not isinstance(error, SealwireError):
                log.exception("indexing failed")
            if isinstance(error, ConflictError) and error.code == "index.overlap":
                self._alarm("index_differs", f"{error.message} It is built again.")
                self._noted.distrust()
            self._set_trouble(error)
            return RETRY_AFTER
        self.trouble = None
        return 0.0 if done else IDLE

    def drain(self) -> None:
        """Index everything that is sealed. Raises what goes wrong."""
        while self._index_next():
            pass

    def rebuild(self) -> Iterator[None]:
        """Empty the index and fill it from the segments; yields now and then."""
        with self._writing:
            if self._noted.distrusted:
                self._index().empty()
            self._noted.clear()
            for _ in self._index().rebuild(self._all_seals()):
                yield
            self._noted.put(self._index().indexed_upto())

    @property
    def writing(self) -> threading.Lock:
        """Held while the index changes; whoever drops days from it or merges segments holds it."""
        return self._writing

    def _index_next(self) -> bool:
        """Index one segment; False when there is none left."""
        with self._writing:
            index = self._index()
            if self._noted.distrusted:
                index.empty()
            if index.needs_rebuild:
                log.info("the index is built again")
                self._noted.clear()
                for _ in index.rebuild(self._all_seals()):
                    if self._stopping:
                        return False
            for together in overlapping(self._segments().segments_after(index.indexed_upto())):
                seal = self._seal_of(together)
                if seal is not None:
                    index.insert(*seal)
                    self._noted.put(index.indexed_upto())
                    self._forget(together[0])
                    return True
            self._noted.put(index.indexed_upto())
            self._forget(None)
        return False

    def _all_seals(self) -> Iterator[tuple[str, pa.Table]]:
        """Everything that is sealed, in the order of its records.

        Merged segments may hold each other's numbers between theirs; such go together.
        """
        for together in overlapping(self._segments().segments()):
            if (seal := self._seal_of(together)) is not None:
                yield seal

    def _seal_of(self, together: Sequence[Segment]) -> tuple[str, pa.Table] | None:
        """None when nothing of it can be read any more."""
        from sealwire.bootstrap.record_tables import index_table, merged, numbered  # noqa: PLC0415 - heavy
        from sealwire.stores.archive.index import seal_token  # noqa: PLC0415 - same

        first = together[0]
        digest = sha256("".join(one.sha256 for one in together).encode()).hexdigest()
        token = seal_token(
            self._sensor, first.manifest, first.sha256 if len(together) == 1 else digest
        )
        with self._changed:
            made = self._waiting.get(first.path) if len(together) == 1 else None
        if made is not None:
            return token, numbered(made, first.first_seq)
        tables = [table for one in together if (table := self._read(one)) is not None]
        return (token, index_table(merged(tables), self._parser())) if tables else None

    def _read(self, segment: Segment) -> pa.Table | None:
        """Its rows; None when it was deleted meanwhile, or is not what was sealed: that is said."""
        if segment.path in self._damaged:
            return None
        try:
            return self._segments().read(segment)
        except (UnavailableError, NotFoundError):
            damage = self._segments().damage_of(segment)
            if damage is None and self._is_live(segment):
                raise
        if damage is not None:
            self._damaged.add(segment.path)
            text = f"{damage.path}: {damage.detail}; its records are not found by search"
            self._alarm("segments_damaged", text)
        return None

    def _is_live(self, segment: Segment) -> bool:
        return self._segments().look(lambda catalogue: segment.path in catalogue.segments)

    def _forget(self, segment: Segment | None) -> None:
        """``segment`` is indexed; None: everything is."""
        with self._changed:
            if segment is None:
                self._waiting.clear()
            else:
                self._waiting.pop(segment.path, None)
            self._changed.notify_all()

    def _set_trouble(self, error: Exception) -> None:
        text = error.message if isinstance(error, SealwireError) else str(error)
        with self._changed:
            if text != self.trouble:
                log.warning("nothing is indexed", error=text)
            self.trouble = text or type(error).__name__
            self._changed.notify_all()


def overlapping(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Segments, sorted by their first record, in groups that share a range of numbers."""
    group: list[Segment] = []
    reach = 0
    for segment in segments:
        if group and segment.first_seq > reach:
            yield group
            group = []
        group.append(segment)
        reach = max(reach, segment.last_seq)
    if group:
        yield group
