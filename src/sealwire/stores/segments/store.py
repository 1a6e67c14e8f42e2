"""The segments of one sensor: sealed, read, merged, deleted, and found by number."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from sealwire.clock import rfc3339
from sealwire.errors import NotFoundError, RefusedError, UnavailableError
from sealwire.sensor.archive import Evidence
from sealwire.stores.segments.catalogue import Catalogue
from sealwire.stores.segments.chain import ROTATE_AT, ChainWriter
from sealwire.stores.segments.files import SensorFolder, SystemFileCalls
from sealwire.stores.segments.manifest import MOST_SEGMENTS, Manifest, ManifestKind, Segment
from sealwire.stores.segments.recovery import Recovered, recover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from sealwire.clock import Clock
    from sealwire.sensor.journal import Position
    from sealwire.stores.segments.files import FileCalls
    from sealwire.stores.segments.parquet import Place, SegmentReading

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
        rotate_at: a file of the chain that is longer is followed by a new one.

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
        rotate_at: int = ROTATE_AT,
    ) -> None:
        self.folder = SensorFolder(folder, sensor)
        self.folder.create()
        self._locked = self.folder.locked()
        self._locked.__enter__()
        self._clock = clock
        self._calls = calls or SystemFileCalls()
        self._rotate_at = rotate_at
        self._guard = RLock()
        self._catalogue = Catalogue()
        self._chain: ChainWriter | None = None
        self._doomed: list[Segment] = []

    def close(self) -> None:
        """Give up the lock. Nothing waits to be written."""
        if self._chain is not None:
            self._chain.close()
            self._chain = None
        self._locked.__exit__(None, None, None)

    def recover(self) -> Recovered:
        """Read the chain and clear what a stop has left; call it before anything else.

        Raises:
            UnavailableError: ``segments.disk``; it may be called again.
        """
        with _disk_faults():
            recovered, catalogue, end = recover(self.folder, self._calls)
        with self._guard:
            self._catalogue = catalogue
        self._chain = ChainWriter(self.folder, end, self._calls, self._rotate_at)
        return recovered

    def seal(self, table: pa.Table, positions: Mapping[int, Position]) -> Seal:
        """Number the records and make them durable, with the positions behind them.

        Args:
            table: the columns of ``schema.UNSEALED_SCHEMA``; no rows are fine.
            positions: of the journal slots that were read, each where its records end.

        Raises:
            ValueError: the table has other columns.
            RefusedError: ``segments.positions``: a position lies before what is sealed.
            UnavailableError: ``segments.disk``: the disk is full or fails; nothing was sealed.
        """
        from sealwire.stores.segments.sealing import (  # noqa: PLC0415 - pyarrow only when used
            split,
            write_segment,
        )

        self._check_positions(positions)
        first_seq = self._catalogue.next_seq
        with self._changing() as written:
            for rows in split(table, first_seq):
                hour = self.folder.hour(rows.first_ns)
                seq = rows.table.column("seq")[0].as_py()
                path = self.folder.segment_path(hour, seq)
                written.append(write_segment(rows, path, self.folder, self._calls))
            manifests = self._commit(self._seal_drafts(written, positions), written)
        segments = tuple(one for manifest in manifests for one in manifest.segments)
        last = manifests[-1]
        return Seal(last.number, segments, last.positions, first_seq, self._catalogue.next_seq)

    def segments(self) -> Sequence[Segment]:
        """Live segments by their first record's number."""
        return self.look(lambda catalogue: tuple(catalogue.in_order()))

    def segments_after(self, seq: int) -> Sequence[Segment]:
        """Live segments with records numbered above ``seq``, by their first record's number."""
        return self.look(lambda catalogue: catalogue.after(seq))

    def look(self, question: Callable[[Catalogue], _Answer]) -> _Answer:
        """Ask the catalogue while nothing changes it; the answer must not keep it."""
        with self._guard:
            return question(self._catalogue)

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

        with _disk_faults():
            try:
                reading = SegmentReading(self.folder.locate(segment.path))
            except FileNotFoundError as error:
                gone = f"segment {segment.path} is not there any more"
                raise NotFoundError("segment.gone", gone) from error
            with reading:
                yield reading

    def _check_positions(self, positions: Mapping[int, Position]) -> None:
        sealed = self._catalogue.positions
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
        all_positions = {**self._catalogue.positions, **positions}
        drafts = [self._draft(ManifestKind.SEAL, segments=one, more=True) for one in lines[:-1]]
        last = self._draft(ManifestKind.SEAL, segments=lines[-1], positions=all_positions)
        return [*drafts, last]

    def _draft(self, kind: ManifestKind, **content: object) -> Manifest:
        """A manifest before the chain has given it its number."""
        created = rfc3339(self._clock.now())
        return Manifest(-1, "", kind, self.folder.sensor, created, **content)  # type: ignore[arg-type]

    def _writer(self) -> ChainWriter:
        if self._chain is None:
            raise UnavailableError("segments.disk", "the segments have not been opened yet")
        return self._chain

    @contextmanager
    def _changing(self) -> Iterator[list[Segment]]:
        """Clear what a failed change left; remove the segments that are listed if this one fails.

        They stay while the chain cannot be brought back to before their line: a crash may find
        that line.
        """
        with _disk_faults():
            self._tidy()
            written: list[Segment] = []
            try:
                yield written
            except BaseException:
                self._doomed += written
                self._tidy()
                raise

    def _tidy(self) -> None:
        self._writer().settle()
        while self._doomed:
            self._calls.remove(self.folder.root / self._doomed[-1].path)
            self._doomed.pop()

    def _commit(
        self, drafts: Sequence[Manifest], written: Sequence[Segment] = ()
    ) -> Sequence[Manifest]:
        """Make new names durable, then the lines that name them; take both into the catalogue."""
        for hour in sorted({segment.hour for segment in written}):
            self._calls.sync_folder(self.folder.root / hour)
        manifests = self._writer().commit(drafts)
        with self._guard:
            for manifest in manifests:
                self._catalogue.apply(manifest)
        return manifests


@contextmanager
def _disk_faults() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnavailableError(
            "segments.disk",
            f"the segments' disk says: {reason}",
            hint="make room or mend the disk; sealing goes on by itself",
        ) from error
