"""Records of a seal in the form of the index's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sealwire.sensor.archive import RecordFlag
from sealwire.stores.archive.questions import Span
from sealwire.stores.archive.schema import NO_NUMBER
from sealwire.stores.archive.shown import origins, particulars

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE_ROWS: Final = 250_000
"""Rows of one INSERT: bounds the memory it takes."""

_AS_THEY_ARE: Final = (
    "seq",
    "listener",
    "transport",
    "peer_address",
    "framing",
    "flags",
    "retention",
    "grade",
    "rule",
    "fields",
)
_TEXT: Final = ("certificate_sha256", "certificate_subject", "host", "app", "procid", "msgid")
_NUMBERS: Final = ("facility", "severity")
_COUNTED_BY: Final = (
    "sensor",
    "minute",
    "peer_address",
    "host",
    "severity",
    "retention",
    "grade",
    "redelivered",
)
_MINUTE_S: Final = 60


def slices(table: pa.Table) -> Iterator[pa.Table]:
    """``table`` in pieces that are cut the same way every time."""
    for start in range(0, table.num_rows, SLICE_ROWS):
        yield table.slice(start, SLICE_ROWS).combine_chunks()


def log_rows(sensor: str, table: pa.Table) -> pa.Table:
    """Rows of ``log``: a segment's columns and ``fields`` in, the index's columns out."""
    received = pc.cast(table["received"], pa.int64()).to_numpy()
    head, message = split_raw(table["raw"], table["message_start"])
    columns: dict[str, pa.ChunkedArray | pa.Array] = {name: table[name] for name in _AS_THEY_ARE}
    columns |= {name: _filled(table[name]) for name in _TEXT}
    columns |= {name: pc.fill_null(table[name], NO_NUMBER) for name in _NUMBERS}
    columns |= {
        "sensor": _constant(sensor, table.num_rows),
        "received": pa.array(received // 1000, pa.timestamp("us", "UTC")),
        "origin": origins(table),
        "particulars": particulars(table, received % 1000),
        "head": head,
        "msg": message,
    }
    return pa.table(columns)


def minute_rows(rows: pa.Table) -> pa.Table:
    """Rows of ``minutes`` for rows of ``log``."""
    micros = pc.cast(rows["received"], pa.int64()).to_numpy()
    minutes = (micros // (_MINUTE_S * 1_000_000) * _MINUTE_S).astype(np.int64)
    again = (rows["flags"].to_numpy() & int(RecordFlag.REDELIVERED)) > 0
    wide = rows.select([name for name in _COUNTED_BY if name in rows.column_names])
    wide = wide.append_column("minute", pa.array(minutes))
    wide = wide.append_column("redelivered", pa.array(again.astype(np.uint8)))
    counted = wide.group_by(list(_COUNTED_BY), use_threads=False).aggregate([([], "count_all")])
    counted = counted.rename_columns([*_COUNTED_BY, "records"])
    minute = counted["minute"].cast(pa.timestamp("s", "UTC"))
    return counted.set_column(counted.column_names.index("minute"), "minute", minute)


def span_of(rows: pa.Table) -> Span:
    """From the first to the last time of receipt in rows of ``log``."""
    micros = pc.min_max(pc.cast(rows["received"], pa.int64())).as_py()
    return Span(micros["min"], micros["max"] + 1)


def split_raw(raw: pa.ChunkedArray, message_start: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """What is before the text of each message, and the text.

    Cuts by making offsets into the same bytes; they are copied once.
    """
    whole = _contiguous(raw)
    count = len(whole)
    size, data = whole.buffers()[1:]
    ends = np.frombuffer(size, np.int32)[whole.offset : whole.offset + count + 1]
    cuts = np.empty(2 * count + 1, np.int32)
    cuts[::2] = ends
    lengths = np.minimum(message_start.to_numpy(), np.diff(ends))
    cuts[1::2] = ends[:-1] + lengths.astype(np.int32)
    pieces = pa.BinaryArray.from_buffers(pa.binary(), 2 * count, [None, pa.py_buffer(cuts), data])
    places = np.arange(0, 2 * count, 2)
    return pieces.take(pa.array(places)), pieces.take(pa.array(places + 1))


def _contiguous(raw: pa.ChunkedArray) -> pa.Array:
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    if isinstance(raw, pa.ChunkedArray):
        raw = pa.concat_arrays(raw.chunks) if raw.num_chunks else pa.array([], pa.binary())
    return raw.cast(pa.binary())


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return pc.fill_null(column, "")


def _constant(text: str, count: int) -> pa.Array:
    places = pa.array(np.zeros(count, np.int32))
    return pa.DictionaryArray.from_arrays(places, pa.array([text]))
