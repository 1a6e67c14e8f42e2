"""Merges small segments of one hour and class into one, with the same records in their order.

Which ones is decided on the catalogue alone. An input is read only after its hash was found to be
the one that the chain names; memory holds a row group or two at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.stores.segments.verification import file_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from sealwire.stores.segments.files import FileCalls, SensorFolder
    from sealwire.stores.segments.manifest import Segment

MOST_INPUTS: Final = 200
_ALWAYS_BYTES: Final = 4 * 1024 * 1024
_LONGEST_BYTES: Final = 256 * 1024 * 1024
_WORTH: Final = 8


class ChangedSegmentError(Exception):
    """An input is not the file that the chain names."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment.path)
        self.segment = segment


@dataclass(frozen=True, slots=True)
class Ready:
    """Which segments may be merged.

    Those of hours before ``hour`` (a folder's path), with no record above ``upto_seq``, without
    those of ``damaged`` (paths).
    """

    hour: str
    upto_seq: int
    damaged: frozenset[str] = frozenset()


def plan(segments: Sequence[Segment], ready: Ready) -> list[Segment] | None:
    """Neighbours of one hour and class that are worth merging, by their first record's number.

    The oldest hour first; None when there is nothing to do. ``segments`` are the live ones in
    order.
    """
    groups: dict[tuple[str, str], list[Segment]] = {}
    for one in segments:
        if one.hour < ready.hour:
            groups.setdefault((one.hour, one.retention), []).append(one)
    for _, group in sorted(groups.items()):
        for run in _runs(group, ready):
            worthy = _worthy(run)
            if worthy is not None:
                return worthy
    return None


def _runs(group: Sequence[Segment], ready: Ready) -> Iterator[list[Segment]]:
    """Stretches of neighbours that may be merged and are not too much for one file."""
    run: list[Segment] = []
    for one in group:
        usable = one.last_seq <= ready.upto_seq and one.path not in ready.damaged
        total = sum(each.bytes for each in run) + one.bytes
        if not usable or len(run) == MOST_INPUTS or total > _LONGEST_BYTES:
            yield run
            run = []
        if usable:
            run.append(one)
    yield run


def _worthy(run: list[Segment]) -> list[Segment] | None:
    """The part of a run that is worth merging.

    A few late records do not have a large file written again: they are merged among themselves.
    """
    if len(run) < 2:  # noqa: PLR2004 - one is merged already
        return None
    total = sum(one.bytes for one in run)
    largest = max(range(len(run)), key=lambda at: run[at].bytes)
    size = run[largest].bytes
    if total <= _ALWAYS_BYTES or size <= (total - size) * _WORTH:
        return run
    return _worthy(run[:largest]) or _worthy(run[largest + 1 :])


def merge(inputs: Sequence[Segment], path: str, folder: SensorFolder, calls: FileCalls) -> Segment:
    """Write the inputs' records into one segment, durably under its name.

    Raises:
        ChangedSegmentError: an input is not what the chain names.
        OSError: an input cannot be read, or the output not be written; nothing is left of it.
    """
    from sealwire.stores.segments.parquet import SegmentFile  # noqa: PLC0415 - only when used

    for one in inputs:
        if file_hash(folder.locate(one.path)) != one.sha256:
            raise ChangedSegmentError(one)
    file = SegmentFile(folder, path, inputs[0].retention, calls)
    try:
        for table in _gathered(inputs, folder):
            file.add(table)
        return file.finish()
    except BaseException:
        file.discard()
        raise


def _gathered(inputs: Sequence[Segment], folder: SensorFolder) -> Iterator[pa.Table]:
    """The inputs' rows in pieces of about a row group."""
    from sealwire.stores.segments.parquet import ROW_GROUP, SegmentReading  # noqa: PLC0415 - same
    from sealwire.stores.segments.schema import concatenated  # noqa: PLC0415 - same

    waiting: list[pa.Table] = []
    for one in inputs:
        with SegmentReading(folder.locate(one.path).open("rb")) as reading:
            for table in reading.groups():
                waiting.append(table)
                if sum(each.num_rows for each in waiting) >= ROW_GROUP:
                    rows = concatenated(waiting)
                    whole = rows.num_rows // ROW_GROUP * ROW_GROUP
                    yield rows.slice(0, whole)
                    waiting = [rows.slice(whole)]
    if waiting:
        yield concatenated(waiting)
