"""The live segments, held in memory: what the chain's manifests add up to.

Plain values, no Parquet: any process can read a chain and tell what is stored.
"""

from __future__ import annotations

from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from sealwire.sensor.retention import BelievedDay
from sealwire.stores.segments.manifest import Hold, Manifest, ManifestKind, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from sealwire.sensor.journal import Position

FIRST_SEQ: Final = 1


@dataclass(frozen=True, slots=True)
class SegmentsStatus:
    """What is stored. ``oldest_ns``, ``newest_ns``: times of receipt, None without records."""

    segments: int
    rows: int
    bytes: int
    oldest_ns: int | None
    newest_ns: int | None
    next_seq: int
    manifests: int
    last_deletion: int = -1


@dataclass(slots=True)
class Catalogue:
    """Live segments by path, the positions sealed up to, the next record's number, the holds."""

    segments: dict[str, Segment] = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    next_seq: int = FIRST_SEQ
    manifests: int = 0
    known_day: BelievedDay = field(default_factory=BelievedDay)
    """By the times at which the manifests were made."""
    last_deletion: int = -1
    """Number of the newest manifest that deleted; -1: none did."""
    _index: _Index | None = field(default=None, init=False, repr=False, compare=False)

    def apply(self, manifest: Manifest) -> tuple[Segment, ...]:
        """Take in the next manifest; returns the segments that it ended.

        Manifests must be given in the chain's order, each once.
        """
        ended = _CHANGES[manifest.kind](self, manifest)
        self.manifests = manifest.number + 1
        with suppress(ValueError):  # a line that was changed is reported, and vouches for no day
            written = datetime.fromisoformat(manifest.created).replace(tzinfo=UTC)
            self.known_day = self.known_day.after(written.date(), written.timestamp())
        self._index = None
        return ended

    def in_order(self) -> Sequence[Segment]:
        """Live segments by their first record's number."""
        return self._indexed().by_seq

    def holding(self, seq: int) -> list[Segment]:
        """Segments that may hold record ``seq``: merged ones may have gaps."""
        index = self._indexed()
        at = bisect_right(index.first_seqs, seq)
        found = []
        while at and index.last_seq_to[at - 1] >= seq:
            at -= 1
            if index.by_seq[at].last_seq >= seq:
                found.append(index.by_seq[at])
        return found

    def after(self, seq: int) -> list[Segment]:
        """Segments that hold records numbered above ``seq``, in order."""
        return [one for one in self.in_order() if one.last_seq > seq]

    def between(self, since_ns: int, until_ns: int) -> list[Segment]:
        """Segments that may hold records received from ``since_ns`` to before ``until_ns``.

        In the order of their earliest record.
        """
        index = self._indexed()
        at = bisect_right(index.first_times, until_ns - 1)
        found = []
        while at and index.last_time_to[at - 1] >= since_ns:
            at -= 1
            if index.by_time[at].last_ns >= since_ns:
                found.append(index.by_time[at])
        return found[::-1]

    def of_day(self, day: date, retention: str) -> tuple[Segment, ...]:
        """Segments of a class's day."""
        return tuple(
            one for one in self.in_order() if one.day == day and one.retention == retention
        )

    def bytes_by_day(self) -> Mapping[tuple[date, str], int]:
        """Bytes of segments of each day and class that has some."""
        sums: dict[tuple[date, str], int] = {}
        for one in self.segments.values():
            key = (one.day, one.retention)
            sums[key] = sums.get(key, 0) + one.bytes
        return sums

    def status(self) -> SegmentsStatus:
        """What is stored."""
        live = self.segments.values()
        return SegmentsStatus(
            segments=len(live),
            rows=sum(one.rows for one in live),
            bytes=sum(one.bytes for one in live),
            oldest_ns=min((one.first_ns for one in live), default=None),
            newest_ns=max((one.last_ns for one in live), default=None),
            next_seq=self.next_seq,
            manifests=self.manifests,
            last_deletion=self.last_deletion,
        )

    def _indexed(self) -> _Index:
        index = self._index
        if index is None:
            index = self._index = _Index(list(self.segments.values()))
        return index

    def _seal(self, manifest: Manifest) -> tuple[Segment, ...]:
        self.positions.update(manifest.positions)
        self._add(manifest)
        return ()

    def _compact(self, manifest: Manifest) -> tuple[Segment, ...]:
        ended = self._drop(manifest.replaces)
        self._add(manifest)
        return ended

    def _delete(self, manifest: Manifest) -> tuple[Segment, ...]:
        deletion = manifest.deletion
        if deletion is None:
            return ()
        self.last_deletion = manifest.number
        doomed = self.of_day(deletion.day, deletion.retention)
        return self._drop([one.path for one in doomed])

    def _hold(self, manifest: Manifest) -> tuple[Segment, ...]:
        if manifest.hold is not None:
            self.holds[manifest.hold.name] = manifest.hold
        return ()

    def _release(self, manifest: Manifest) -> tuple[Segment, ...]:
        self.holds.pop(manifest.release or "", None)
        return ()

    def _add(self, manifest: Manifest) -> None:
        for one in manifest.segments:
            self.segments[one.path] = one
            self.next_seq = max(self.next_seq, one.last_seq + 1)

    def _drop(self, paths: Sequence[str]) -> tuple[Segment, ...]:
        dropped = [self.segments.pop(path, None) for path in paths]
        return tuple(one for one in dropped if one is not None)


_CHANGES: Final[dict[ManifestKind, Callable[[Catalogue, Manifest], tuple[Segment, ...]]]] = {
    ManifestKind.SEAL: Catalogue._seal,  # noqa: SLF001 - the class's own table
    ManifestKind.COMPACT: Catalogue._compact,  # noqa: SLF001 - same
    ManifestKind.DELETE: Catalogue._delete,  # noqa: SLF001 - same
    ManifestKind.HOLD: Catalogue._hold,  # noqa: SLF001 - same
    ManifestKind.RELEASE: Catalogue._release,  # noqa: SLF001 - same
}


class _Index:
    """Segments sorted by number and by time, with the highest end among those up to each."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.by_seq = sorted(segments, key=lambda one: one.first_seq)
        self.first_seqs = [one.first_seq for one in self.by_seq]
        self.last_seq_to = list(accumulate((one.last_seq for one in self.by_seq), max))
        self.by_time = sorted(segments, key=lambda one: (one.first_ns, one.first_seq))
        self.first_times = [one.first_ns for one in self.by_time]
        self.last_time_to = list(accumulate((one.last_ns for one in self.by_time), max))
