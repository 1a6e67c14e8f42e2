"""What an interrupted insert has left of one seal, made whole again.

One INSERT fills a part of the table for each class and day, and an engine may remember a token
before the part that came with it is durable. So after an interruption tokens are not asked: what
is there decides, and what is missing is put in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from sealwire.sensor.archive import RecordFlag
from sealwire.stores.archive.dialect import text_literal

if TYPE_CHECKING:
    from sealwire.stores.archive.questions import Span
    from sealwire.stores.archive.tables import Tables

_MINUTE_US: Final = 60_000_000
_KEYS: Final = "sensor, minute, peer_address, host, severity, retention, grade, redelivered"


class Mending:
    """Compares one sensor's records with what the tables have of them."""

    def __init__(self, tables: Tables, sensor: str) -> None:
        self._tables = tables
        self._sensor = sensor

    def mend(self, rows: pa.Table, span: Span) -> None:
        """Have all ``rows`` of ``log``, in order of ``seq`` and within ``span``, in and counted."""
        missing = self._missing(rows)
        if missing.num_rows:
            self._tables.insert("log", missing, None)
        self._count_missing(span)

    def _missing(self, rows: pa.Table) -> pa.Table:
        """Those that are not in."""
        numbers = rows["seq"].to_numpy()
        sql = (
            f"SELECT seq FROM log{self._tables.dialect.read_suffix}"  # noqa: S608 - values are bound
            " WHERE sensor = {sensor:String} AND seq BETWEEN {first:UInt64} AND {last:UInt64}"
        )
        ends = {"first": int(numbers[0]), "last": int(numbers[-1])}
        found = self._tables.ask(sql, {"sensor": self._sensor, **ends})
        there = found["seq"].to_numpy() if found.num_rows else np.zeros(0, np.uint64)
        return rows.filter(pa.array(~np.isin(numbers, there)))

    def _count_missing(self, span: Span) -> None:
        """Add to ``minutes`` what ``log`` has more of, in the minutes that ``span`` touches."""
        suffix = self._tables.dialect.read_suffix
        since, until = span.since_us // _MINUTE_US * 60, -(-span.until_us // _MINUTE_US) * 60
        mine = f"sensor = {text_literal(self._sensor)}"
        again = f"toUInt8(bitAnd(flags, {int(RecordFlag.REDELIVERED)}) > 0)"
        self._tables.run(
            f"INSERT INTO minutes ({_KEYS}, records) SETTINGS insert_deduplicate = 0"  # noqa: S608 - numbers, and a literal made for it
            f" SELECT {_KEYS}, toUInt64(sum(counted)) FROM ("
            "SELECT sensor, toStartOfMinute(received) AS minute, peer_address, host, severity,"
            f" retention, grade, {again} AS redelivered, toInt64(count()) AS counted"
            f" FROM log{suffix} WHERE {mine} AND received >= fromUnixTimestamp({since})"
            f" AND received < fromUnixTimestamp({until}) GROUP BY {_KEYS}"
            " UNION ALL"
            f" SELECT {_KEYS}, -toInt64(sum(records)) AS counted FROM minutes{suffix}"
            f" WHERE {mine} AND minute >= fromUnixTimestamp({since})"
            f" AND minute < fromUnixTimestamp({until}) GROUP BY {_KEYS}"
            f") GROUP BY {_KEYS} HAVING sum(counted) > 0"
        )
