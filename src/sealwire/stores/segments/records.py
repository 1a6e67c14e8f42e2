"""Rows of segments as records, and records of a time range as JSON lines."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from sealwire.sensor.archive import RecordFlag, StoredRecord
from sealwire.stores.segments.export import OpenGroups
from sealwire.stores.segments.files import SensorFolder
from sealwire.stores.segments.parquet import SegmentReading
from sealwire.syslog.framing import Kind
from sealwire.syslog.message import Grade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealwire.stores.segments.export import Range

    FieldsOf = Callable[[bytes, int], tuple[tuple[str, str], ...]]

_NS: Final = 1_000_000_000


def no_fields(_raw: bytes, _received_us: int) -> tuple[tuple[str, str], ...]:
    """Leave the further fields out."""
    return ()


def stored_records(table: pa.Table, fields_of: FieldsOf = no_fields) -> Iterator[StoredRecord]:
    """Rows of a segment as records.

    Args:
        table: all columns of a segment.
        fields_of: takes the further fields out of the raw bytes, received at a time in us.
    """
    for name in ("received", "ts"):
        at = table.column_names.index(name)
        table = table.set_column(at, name, table.column(name).cast(pa.int64()))
    for row in table.to_pylist():
        yield _record(row, fields_of)


def _record(row: dict[str, Any], fields_of: FieldsOf) -> StoredRecord:
    kept = {
        name: row[name]
        for name in StoredRecord.__dataclass_fields__
        if name in row and name not in {"framing", "flags", "grade"}
    }
    return StoredRecord(
        **kept,
        received_ns=row["received"],
        listener_port=row["listener"],
        framing=Kind(row["framing"]).name.lower(),
        flags=RecordFlag(row["flags"]),
        grade=Grade(row["grade"]).name.lower(),
        timestamp_us=row["ts"],
        fields=fields_of(row["raw"], row["received"] // 1000),
    )


def record_document(record: StoredRecord) -> dict[str, Any]:
    """A record for JSON: times in RFC 3339, ``raw`` as text when it is UTF-8, else in base64."""
    names = (name for name in StoredRecord.__dataclass_fields__ if name not in _OTHERWISE)
    document = {name: getattr(record, name) for name in names}
    seconds, ns = divmod(record.received_ns, _NS)
    document["received"] = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"
    document["timestamp"] = None
    if record.timestamp_us is not None:
        seconds, us = divmod(record.timestamp_us, 1_000_000)
        document["timestamp"] = (
            f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{us:06d}Z"
        )
    document["flags"] = [flag.name.lower() for flag in record.flags if flag.name]
    document["fields"] = [list(pair) for pair in record.fields]
    document["message"] = record.raw[record.message_start :].decode(errors="replace")
    try:
        document["raw"] = record.raw.decode()
    except UnicodeDecodeError:
        document["raw_base64"] = base64.b64encode(record.raw).decode()
    return document


_OTHERWISE: Final = frozenset({"received_ns", "timestamp_us", "flags", "fields", "raw"})


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
        text = json.dumps(record_document(record), ensure_ascii=False, separators=(",", ":"))
        yield text.encode() + b"\n"
