"""Turns a table of records into segments: one for each hour of receipt and retention class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from sealwire.stores.segments.parquet import SegmentFile
from sealwire.stores.segments.schema import SCHEMA, conform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.stores.segments.files import FileCalls, SensorFolder
    from sealwire.stores.segments.manifest import Segment

_HOUR_NS: Final = 3600 * 1_000_000_000


class SegmentRows(NamedTuple):
    """Rows for one segment, in a segment's columns."""

    first_ns: int
    retention: str
    table: pa.Table


def split(table: pa.Table, next_seq: int) -> Iterator[SegmentRows]:
    """Rows by hour and class, in their order, numbered from ``next_seq`` on.

    Raises:
        ValueError: the table has not the columns of ``schema.UNSEALED_SCHEMA``.
    """
    table = conform(table).unify_dictionaries()
    if not table.num_rows:
        return
    hours = table.column("received").cast(pa.int64()).to_numpy() // _HOUR_NS
    classes = table.column("retention").combine_chunks()
    names = classes.dictionary.to_pylist()
    # The classes' names decide the order, so that the same records make the same segments.
    ranks = np.argsort(np.argsort(np.array(names)))[classes.indices.to_numpy()]
    order = np.lexsort((ranks, hours))
    keys = np.stack([hours[order], ranks[order]])
    starts = [0, *(np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1).tolist()]
    if len(starts) > 1:
        table = table.take(pa.array(order))
    for start, end in zip(starts, [*starts[1:], table.num_rows], strict=True):
        rows = table.slice(start, end - start)
        seqs = np.arange(next_seq + start, next_seq + end, dtype=np.uint64)
        numbered = pa.table([pa.array(seqs), *rows.columns], schema=SCHEMA)
        first_ns = int(hours[order[start]]) * _HOUR_NS
        yield SegmentRows(first_ns, sorted(names)[int(ranks[order[start]])], numbered)


def write_segment(rows: SegmentRows, path: str, folder: SensorFolder, calls: FileCalls) -> Segment:
    """Write one segment, durably under its name; the folder of its hour is not synced.

    Raises:
        OSError: nothing is left of it, if the disk lets it be removed.
    """
    file = SegmentFile(folder, path, rows.retention, calls)
    try:
        file.add(rows.table)
        return file.finish()
    except BaseException:
        file.discard()
        raise
