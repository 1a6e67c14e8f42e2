"""Seals of plain records over two days and two classes, the same ones whenever they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.sensor.archive import RecordFlag, StoredRecord
from tests.contract.stored_tables import DAY_US, START_US, table_of

if TYPE_CHECKING:
    import pyarrow as pa

SEALS: Final = 40
ROWS: Final = 300


def seal(number: int) -> tuple[str, pa.Table]:
    """Token and records of one seal."""
    rows = [record(number * ROWS + place + 1) for place in range(ROWS)]
    return f"sensor-1:{number}:aa:1", table_of(rows)


def record(seq: int) -> StoredRecord:
    """One record; days and classes take turns."""
    text = f"user{seq % 97} logged in, number {seq}"
    return StoredRecord(
        seq=seq,
        received_ns=(START_US + seq % 2 * DAY_US + seq * 1000) * 1000,
        listener_port=6514,
        transport="tls",
        peer_address=f"10.0.0.{seq % 7}",
        peer_port=40_000,
        certificate_sha256=None,
        certificate_subject=None,
        framing="octets",
        flags=RecordFlag.REDELIVERED if seq % 10 == 0 else RecordFlag(0),
        retention="long" if seq % 3 == 0 else "default",
        grade="strict",
        rule="rfc5424",
        facility=4,
        severity=seq % 8,
        timestamp_us=None,
        host="web1",
        app=None,
        procid=None,
        msgid=None,
        fields=(),
        message_start=0,
        raw=text.encode(),
    )
