"""The segments of one sensor: sealed, read, merged, deleted, and found by number."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from sealwire.errors import NotFoundError, RefusedError
from sealwire.sensor.archive import Evidence
from sealwire.sensor.retention import BelievedDay, StoredDay, judge
from sealwire.stores.segments.chain import holds_mark
from sealwire.stores.segments.compaction import ChangedSegmentError, Ready, merge, plan
from sealwire.stores.segments.files import SensorFolder, SystemFileCalls
from sealwire.stores.segments.ledger import Ledger, Pace, disk_faults
from sealwire.stores.segments.manifest import (
    MOST_SEGMENTS,
    Deletion,
    Hold,
    Manifest,
    ManifestKind,
    Segment,
)
from sealwire.stores.segments.verification import check_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from sealwire.clock import Clock
    from sealwire.sensor.journal import Position
    from sealwire.sensor.policy import ArchivePolicy, LegalHold
    from sealwire.sensor.retention import Removal
    from sealwire.stores.segments.catalogue import Catalogue, SegmentsStatus
    from sealwire.stores.segments.chain import ChainMark
    from sealwire.stores.segments.damage import Damage
    from sealwire.stores.segments.files import FileCalls
    from sealwire.stores.segments.parquet import Place, SegmentReading
    from sealwire.stores.segments.recovery import Recovered

HOUR_SETTLES_NS: Final = 10 * 60 * 1_000_000_000
"""An hour is over for merging when it ended this long ago: late records have been sealed."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal, durable: its segments in order, and the positions up to which it reaches.

    ``first_seq`` to before ``next_seq`` are its records' numbers; ``manifest`` is its last line's.
    """

    manifest: int
    segments: tuple[Segment, ...]
    positions: Mapping[int, Position]
    first_seq: int
    next_seq: int


@dataclass(frozen=True, slots=True)
class Retirement:
    """What was deleted; the index drops the same days of the same classes.

    A crash may come before the index was told: what it has of a day and class that
    ``Catalogue.bytes_by_day`` does not name is to be dropped too. ``excess_bytes``: over budget
    even so, because all that is left is held or of today.
    """

    deletions: tuple[Deletion, ...]
    excess_bytes: int


class SegmentStore:
    """Owner of one sensor's segments; holds their lock while it is open.

    One thread changes; any thread reads. What a method has returned from is durable; after an
    error nothing has changed, and the same call may be made again. A crash at any moment leaves
    either all of a change or nothing of it, once ``recover`` has run.

    Args:
        folder: of the segments of all sensors.
        sensor: its name, part of file names.
        clock: for the time in manifests.
        calls: the operating system.
        pace: when files follow one another.

    Raises:
        ConflictError: ``segments.locked``.
        RefusedError: ``segments.sensor_name``.
    """

    def __init__(
        self,
        folder: Path,
        sensor: str,
        clock: Clock,
        *,
        calls: FileCalls | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.folder = SensorFolder(folder, sensor)
        self.folder.create()
        self._locked = self.folder.locked()
        self._locked.__enter__()
        self._clock = clock
        self._calls = calls or SystemFileCalls()
        self._ledger = Ledger(self.folder, clock, self._calls, pace or Pace())
        self._changed: set[str] = set()
        self._today = BelievedDay()

    def close(self) -> None:
        """Give up the lock. Nothing waits to be written."""
        self._ledger.close()
        self._locked.__exit__(None, None, None)

    def recover(self) -> Recovered:
        """Read the chain and clear what a stop has left; call it before anything else.

        Raises:
            UnavailableError: ``segments.disk``; it may be called again.
        """
        recovered = self._ledger.open()
        known = self.look(lambda catalogue: catalogue.known_day.day)
        self._today = BelievedDay(known or self._clock.now().date())
        return recovered

    def seal(
        self,
        table: pa.Table,
        positions: Mapping[int, Position],
        *,
        rewound: Collection[int] = (),
    ) -> Seal:
        """Number the records and make them durable, with the positions behind them.

        Args:
            table: the columns of ``schema.UNSEALED_SCHEMA``; no rows are fine.
            positions: of the journal slots that were read, each where its records end.
            rewound: slots whose journal was lost and began anew: their positions may go back.

        Raises:
            ValueError: the table has other columns.
            RefusedError: ``segments.positions``: a position lies before what is sealed.
            UnavailableError: ``segments.disk``: the disk is full or fails; nothing was sealed.
        """
        from sealwire.stores.segments.sealing import (  # noqa: PLC0415 - pyarrow only when used
            split,
            write_segment,
        )

        self._check_positions({slot: at for slot, at in positions.items() if slot not in rewound})
        self._observe_day()
        first_seq = self.look(lambda catalogue: catalogue.next_seq)
        with self._ledger.changing() as written:
            for rows in split(table, first_seq):
                hour = self.folder.hour(rows.first_ns)
                seq = rows.table.column("seq")[0].as_py()
                path = self.folder.segment_path(hour, seq)
                written.append(write_segment(rows, path, self.folder, self._calls))
            manifests = self._ledger.commit(self._seal_drafts(written, positions), written)
        segments = tuple(one for manifest in manifests for one in manifest.segments)
        last = manifests[-1]
        next_seq = self.look(lambda catalogue: catalogue.next_seq)
        return Seal(last.number, segments, last.positions, first_seq, next_seq)

    def compact(self, upto_seq: int) -> Segment | None:
        """Merge some small segments of one hour and class that is over; None: nothing to do.

        One step at a time, so that sealing can go on in between. The records and their numbers
        stay as they are.

        Args:
            upto_seq: merge no record above it; what was indexed segment by segment up to here.

        Raises:
            RefusedError: ``segments.changed``: a segment is not what the chain names. It is left
                as it is, and out of later calls.
            UnavailableError: ``segments.disk``; nothing was merged.
        """
        hour = self.folder.hour(self._clock.now_ns() - HOUR_SETTLES_NS)
        ready = Ready(hour, upto_seq, frozenset(self._changed))
        inputs = self.look(lambda catalogue: plan(catalogue.in_order(), ready))
        if inputs is None:
            return None
        number = self._ledger.next_number
        path = self.folder.segment_path(inputs[0].hour, inputs[0].first_seq, number)
        with self._ledger.changing() as written:
            try:
                written.append(merge(inputs, path, self.folder, self._calls))
            except ChangedSegmentError as error:
                raise self._refuse_changed(error.segment) from error
            draft = self._ledger.draft(
                ManifestKind.COMPACT,
                segments=tuple(written),
                replaces=tuple(one.path for one in inputs),
            )
            (manifest,) = self._ledger.commit([draft], written)
        return manifest.segments[0]

    def hold(self, holds: Sequence[LegalHold]) -> Sequence[Manifest]:
        """Have the chain say which holds are in force; returns the lines that this took.

        Raises:
            UnavailableError: ``segments.disk``; the holds of before are in force.
        """
        wanted = {one.name: Hold(one.name, one.first, one.last, one.retention) for one in holds}
        current = self.look(lambda catalogue: dict(catalogue.holds))
        ended = [name for name, one in current.items() if wanted.get(name) != one]
        begun = [one for name, one in wanted.items() if current.get(name) != one]
        drafts = [self._ledger.draft(ManifestKind.RELEASE, release=name) for name in ended]
        drafts += [self._ledger.draft(ManifestKind.HOLD, hold=one) for one in begun]
        if not drafts:
            return ()
        return self._ledger.commit_in_need(drafts)

    def retire(self, policy: ArchivePolicy, index_bytes: int = 0) -> Retirement:
        """Delete the days that the policy lets go, and those that the budget makes go.

        Its holds are put into the chain first. May be called at any time, and again; call it every
        hour, because a day that it did not see coming is a clock that jumped.

        Args:
            policy: classes, holds and budget.
            index_bytes: what the index takes of the budget.

        Raises:
            UnavailableError: ``segments.disk``; nothing was deleted.
        """
        self.hold(policy.holds)
        today = self._observe_day()
        sums = self.look(lambda catalogue: catalogue.bytes_by_day())
        days = [StoredDay(day, retention, size) for (day, retention), size in sums.items()]
        verdict = judge(days, policy, today, index_bytes)
        if not verdict.removals:
            return Retirement((), verdict.excess_bytes)
        drafts = [self._deletion_draft(removal) for removal in verdict.removals]
        manifests = self._ledger.commit_in_need(drafts)
        deletions = [one.deletion for one in manifests if one.deletion is not None]
        return Retirement(tuple(deletions), verdict.excess_bytes)

    @property
    def clock_jumped(self) -> bool:
        """Whether the clock shows a day that ``retire`` does not go by yet."""
        return self._today.jumped_at is not None

    @property
    def mark(self) -> ChainMark:
        """The place behind the last line that was written since the start; for ``holds``."""
        return self._ledger.mark

    def holds(self, mark: ChainMark) -> bool:
        """Whether a place is one of the chain as it is now; not after an older copy was put back.

        Raises:
            UnavailableError: ``segments.disk``.
        """
        with disk_faults():
            return holds_mark(self.folder, mark)

    def damage_of(self, segment: Segment) -> Damage | None:
        """What is wrong with a live segment's file; None when it is as the chain says."""
        live = self.look(lambda catalogue: segment.path in catalogue.segments)
        return check_segment(self.folder, segment) if live else None

    def status(self) -> SegmentsStatus:
        """What is stored."""
        return self.look(lambda catalogue: catalogue.status())

    def segments(self) -> Sequence[Segment]:
        """Live segments by their first record's number."""
        return self.look(lambda catalogue: tuple(catalogue.in_order()))

    def segments_after(self, seq: int) -> Sequence[Segment]:
        """Live segments with records numbered above ``seq``, by their first record's number."""
        return self.look(lambda catalogue: catalogue.after(seq))

    def look(self, question: Callable[[Catalogue], _Answer]) -> _Answer:
        """Ask the catalogue while nothing changes it; the answer must not keep it."""
        return self._ledger.look(question)

    def read(self, segment: Segment, columns: Sequence[str] | None = None) -> pa.Table:
        """A segment's rows.

        Raises:
            NotFoundError: ``segment.gone``: it was merged or deleted, or is lost.
            UnavailableError: ``segments.disk``: it cannot be read.
        """
        with self._opened(segment) as reading:
            return reading.all(columns)

    def locate(self, seq: int) -> Evidence:
        """Where a record lies. Raises NotFoundError ``record.unknown``."""
        with self._found(seq) as (evidence, *_):
            return evidence

    def record(self, seq: int) -> tuple[Evidence, pa.Table]:
        """Where a record lies, and its row as a table. Raises as ``locate``."""
        with self._found(seq) as (evidence, place, reading):
            return evidence, reading.at(place)

    @contextmanager
    def _found(self, seq: int) -> Iterator[tuple[Evidence, Place, SegmentReading]]:
        """Where a record is, and the file open."""
        with ExitStack() as opened:
            try:
                found = self._search(seq, opened)
            except NotFoundError:
                # It may have been merged meanwhile: the catalogue knows where it is now.
                found = self._search(seq, opened)
            yield found

    def _search(self, seq: int, opened: ExitStack) -> tuple[Evidence, Place, SegmentReading]:
        for segment in self.look(lambda catalogue: catalogue.holding(seq)):
            reading = opened.enter_context(self._opened(segment))
            place = reading.find(seq)
            if place is not None:
                evidence = Evidence(segment.path, segment.sha256, place.row, segment.manifest)
                return evidence, place, reading
        raise NotFoundError("record.unknown", f"there is no record {seq}")

    @contextmanager
    def _opened(self, segment: Segment) -> Iterator[SegmentReading]:
        from sealwire.stores.segments.parquet import (  # noqa: PLC0415 - pyarrow only when used
            SegmentReading,
        )

        with disk_faults():
            try:
                file = self.folder.locate(segment.path).open("rb")
            except FileNotFoundError as error:
                gone = f"segment {segment.path} is not there any more"
                raise NotFoundError("segment.gone", gone) from error
            with file, SegmentReading(file) as reading:
                yield reading

    def _refuse_changed(self, segment: Segment) -> RefusedError:
        self._changed.add(segment.path)
        return RefusedError(
            "segments.changed",
            f"segment {segment.path} is not as it was sealed",
            hint="it is kept as it is; compare it with a copy or an export",
        )

    def _deletion_draft(self, removal: Removal) -> Manifest:
        doomed = self.look(lambda catalogue: catalogue.of_day(removal.day, removal.retention))
        deletion = Deletion(
            day=removal.day,
            retention=removal.retention,
            reason=removal.reason,
            segments=len(doomed),
            rows=sum(one.rows for one in doomed),
            bytes=sum(one.bytes for one in doomed),
            first_seq=min(one.first_seq for one in doomed),
            last_seq=max(one.last_seq for one in doomed),
        )
        return self._ledger.draft(ManifestKind.DELETE, deletion=deletion)

    def _observe_day(self) -> date:
        """Today for deleting: sealing sees the days come, so that a jump is noticed."""
        shown = self._clock.now().date()
        self._today = self._today.after(shown, self._clock.monotonic())
        return self._today.day or shown

    def _check_positions(self, positions: Mapping[int, Position]) -> None:
        sealed = self.look(lambda catalogue: dict(catalogue.positions))
        for slot, position in positions.items():
            if slot in sealed and position < sealed[slot]:
                raise RefusedError(
                    "segments.positions",
                    f"slot {slot} is sealed up to {tuple(sealed[slot])},"
                    f" {tuple(position)} lies before",
                )

    def _seal_drafts(
        self, written: Sequence[Segment], positions: Mapping[int, Position]
    ) -> list[Manifest]:
        lines = [
            tuple(written[at : at + MOST_SEGMENTS])
            for at in range(0, max(1, len(written)), MOST_SEGMENTS)
        ]
        all_positions = self.look(lambda catalogue: {**catalogue.positions, **positions})
        drafts = [
            self._ledger.draft(ManifestKind.SEAL, segments=one, more=True) for one in lines[:-1]
        ]
        last = self._ledger.draft(ManifestKind.SEAL, segments=lines[-1], positions=all_positions)
        return [*drafts, last]
