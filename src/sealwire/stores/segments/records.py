"""Rows of segments as records, and records of a time range as JSON lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from sealwire.sensor.archive import RecordFlag, StoredRecord
from sealwire.sensor.record_json import record_json
from sealwire.stores.segments.export import OpenGroups
from sealwire.stores.segments.files import SensorFolder
from sealwire.stores.segments.parquet import SegmentReading
from sealwire.syslog.kinds import Kind
from sealwire.syslog.message import Grade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealwire.stores.segments.export import Range

    FieldsOf = Callable[[bytes, int], tuple[tuple[str, str], ...]]


def no_fields(_raw: bytes, _received_us: int) -> tuple[tuple[str, str], ...]:
    """Leave the further fields out."""
    return ()


def stored_records(table: pa.Table, fields_of: FieldsOf = no_fields) -> Iterator[StoredRecord]:
    """Rows of a segment as records.

    Args:
        table: all columns of a segment.
        fields_of: takes the further fields out of the raw bytes, received at a time in us.
    """
    values = {name: _values(table.column(name)) for name in table.column_names}
    for name, words in (("framing", _FRAMINGS), ("flags", _FLAGS), ("grade", _GRADES)):
        values[name] = [words[code] for code in values[name]]
    received = values["received"]
    values["fields"] = list(map(fields_of, values["raw"], (ns // 1000 for ns in received)))
    columns = [values[_COLUMNS.get(name, name)] for name in _ATTRIBUTES]
    yield from map(StoredRecord, *columns)


class _Named(dict[int, Any]):
    """Codes as they stand in segments, and what a record says for each."""

    def __init__(self, meaning: Callable[[int], Any]) -> None:
        super().__init__()
        self._meaning = meaning

    def __missing__(self, code: int) -> Any:  # noqa: ANN401 - what ``meaning`` gives
        self[code] = found = self._meaning(code)
        return found


_FRAMINGS: Final = _Named(lambda code: Kind(code).name.lower())
_GRADES: Final = _Named(lambda code: Grade(code).name.lower())
_FLAGS: Final = _Named(RecordFlag)
_ATTRIBUTES: Final = tuple(StoredRecord.__dataclass_fields__)
_COLUMNS: Final = {"received_ns": "received", "listener_port": "listener", "timestamp_us": "ts"}
"""Columns that are named otherwise than the record's attribute."""


def _values(column: pa.ChunkedArray) -> list[Any]:
    """A column's values; times as numbers."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if not pa.types.is_dictionary(column.type):
        found: list[Any] = column.to_pylist()
        return found
    values: list[Any] = []
    for chunk in column.chunks:
        words = chunk.dictionary.to_pylist()
        values += [None if at is None else words[at] for at in chunk.indices.to_pylist()]
    return values


def record_lines(
    folder: Path, sensor: str, wanted: Range, fields_of: FieldsOf = no_fields
) -> Iterator[bytes]:
    """Records of a time range, one JSON object a line; hour by hour, within one as sealed.

    Reads beside the process that writes; see ``export.OpenGroups``.

    Raises:
        ConflictError: ``export.overtaken``.
        OSError: a segment cannot be read.
    """
    for _, files in OpenGroups(SensorFolder(folder, sensor), wanted):
        for _, file in files:
            with SegmentReading(file) as reading:
                for table in reading.groups():
                    yield from _lines(table, wanted, fields_of)


def _lines(table: pa.Table, wanted: Range, fields_of: FieldsOf) -> Iterator[bytes]:
    times = table.column("received").cast(pa.int64())
    inside = pc.and_(
        pc.greater_equal(times, wanted.since_ns),
        pc.less(times, wanted.until_ns),
    )
    for record in stored_records(table.filter(inside), fields_of):
        text = json.dumps(record_json(record), ensure_ascii=False, separators=(",", ":"))
        yield text.encode() + b"\n"
