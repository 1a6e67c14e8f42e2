"""One segment as a Parquet file: written to a temporary name, hashed on the way, and read.

Row groups are small, so that one record is read without unpacking the whole file. Columns that
repeat are stored as dictionaries, numbers that rise as differences; all is compressed with
Zstandard. Minima and maxima are kept for the columns by which records are looked up.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sealwire.stores.segments.files import TMP
from sealwire.stores.segments.manifest import Segment
from sealwire.stores.segments.schema import SCHEMA, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Buffer

    from sealwire.stores.segments.files import FileCalls, SensorFolder

ROW_GROUP: Final = 16 * 1024
_GATHER: Final = 1024 * 1024
_NS: Final = 1_000_000_000
_DIFFERENCES: Final = ("seq", "received", "ts")
_LOOKED_UP: Final = ["seq", "received", "ts"]
_DICTIONARIES: Final = [
    one.name for one in SCHEMA if one.name not in {*_DIFFERENCES, "raw", "procid"}
]


class _Sink(io.RawIOBase):
    """Where Parquet's bytes go: hashed, counted, and written in large pieces."""

    def __init__(self, fd: int, calls: FileCalls) -> None:
        super().__init__()
        self._fd = fd
        self._calls = calls
        self._waiting: list[bytes] = []
        self._gathered = 0
        self._hash = sha256()
        self.length = 0
        self.dropping = False

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        piece = bytes(data)
        if not self.dropping:
            self._waiting.append(piece)
            self._gathered += len(piece)
            self.length += len(piece)
            if self._gathered >= _GATHER:
                self.pass_on()
        return len(piece)

    def pass_on(self) -> None:
        """Write what was gathered."""
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting, self._gathered = [], 0
            self._hash.update(data)
            self._calls.write(self._fd, (data,))

    def digest(self) -> str:
        return self._hash.hexdigest()


@dataclass(slots=True)
class _Extent:
    """What the rows that were added span."""

    rows: int = 0
    seqs: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def add(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        self.seqs += _ends(table.column("seq"))
        self.times += _ends(table.column("received").cast(pa.int64()))


class SegmentFile:
    """A segment being written. It gets its name, and is durable, with ``finish``.

    Args:
        folder: the sensor's.
        path: its path below the segments' folder; nothing that lives may have it.
        retention: the class of all its records.
        calls: the operating system.
    """

    def __init__(self, folder: SensorFolder, path: str, retention: str, calls: FileCalls) -> None:
        self.path = path
        self._retention = retention
        self._calls = calls
        self._target = folder.locate(path)
        folder.make_hour(path.rpartition("/")[0], calls)
        self._tmp = self._target.with_name(self._target.name + TMP)
        self._fd = calls.create(self._tmp)
        self._sink = _Sink(self._fd, calls)
        self._writer = _writer(self._sink)
        self._extent = _Extent()

    def add(self, table: pa.Table) -> None:
        """Add records: a table with a segment's columns, numbered above those before."""
        self._extent.add(table)
        self._writer.write_table(table.unify_dictionaries(), row_group_size=ROW_GROUP)

    def finish(self) -> Segment:
        """Write the rest, make all of it durable, give it its name; the folder is not synced."""
        self._writer.close()
        self._sink.pass_on()
        self._calls.sync(self._fd)
        self._close()
        self._calls.rename(self._tmp, self._target)
        extent = self._extent
        first_ns = min(extent.times)
        return Segment(
            path=self.path,
            sha256=self._sink.digest(),
            bytes=self._sink.length,
            rows=extent.rows,
            first_seq=min(extent.seqs),
            last_seq=max(extent.seqs),
            first_ns=first_ns,
            last_ns=max(extent.times),
            retention=self._retention,
            day=datetime.fromtimestamp(first_ns // _NS, UTC).date(),
        )

    def discard(self) -> None:
        """Give up; what was written is removed. Raises OSError when that fails."""
        self._sink.dropping = True
        self._writer.close()
        self._close()
        self._calls.remove(self._tmp)
        self._calls.remove(self._target)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _writer(sink: _Sink) -> Any:  # noqa: ANN401 - pyarrow carries no types
    return pq.ParquetWriter(
        sink,
        SCHEMA.with_metadata({"sealwire.segment": str(SCHEMA_VERSION)}),
        compression="zstd",
        compression_level=1,
        use_dictionary=_DICTIONARIES,
        column_encoding=dict.fromkeys(_DIFFERENCES, "DELTA_BINARY_PACKED"),
        write_statistics=_LOOKED_UP,
    )


def _ends(column: pa.ChunkedArray) -> list[int]:
    values = column.to_numpy()
    return [int(values.min()), int(values.max())] if len(values) else []


class Place(NamedTuple):
    """Where a record is: row in the file, row group, row in that group."""

    row: int
    group: int
    group_row: int


class SegmentReading:
    """An open segment. A context manager: it closes the file.

    Raises:
        OSError: it is no Parquet file, or not to be read.
    """

    def __init__(self, opened: BinaryIO) -> None:
        self._opened = opened
        try:
            self._file = pq.ParquetFile(self._opened, pre_buffer=False)
        except pa.ArrowException as error:
            self._opened.close()
            raise OSError(f"a segment is no Parquet file: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._opened.close()
        if isinstance(error, pa.ArrowException) and not isinstance(error, OSError):
            raise OSError(f"a segment is not readable: {error}") from error

    def all(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows."""
        return self._file.read(columns=_list(columns), use_threads=False)

    def groups(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Rows, one row group after another."""
        for group in range(self._file.num_row_groups):
            yield self._file.read_row_group(group, columns=_list(columns), use_threads=False)

    def find(self, seq: int) -> Place | None:
        """Where a record is; None when it is not here."""
        before = 0
        for group in range(self._file.num_row_groups):
            facts = self._file.metadata.row_group(group)
            if _may_hold(facts, seq):
                seqs = self._file.read_row_group(group, columns=["seq"], use_threads=False)
                values = seqs.column("seq").to_numpy()
                row = int(np.searchsorted(values, np.uint64(seq)))
                if row < len(values) and values[row] == seq:
                    return Place(before + row, group, row)
            before += facts.num_rows
        return None

    def at(self, place: Place) -> pa.Table:
        """One row, as a table."""
        rows = self._file.read_row_group(place.group, use_threads=False)
        return rows.slice(place.group_row, 1)


def _list(columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else list(columns)


def _may_hold(facts: Any, seq: int) -> bool:  # noqa: ANN401 - pyarrow carries no types
    extremes = facts.column(0).statistics
    return extremes is None or not extremes.has_min_max or extremes.min <= seq <= extremes.max
