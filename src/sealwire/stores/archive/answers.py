"""Rows of the index as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealwire.sensor.archive import RecordFlag, StoredRecord
from sealwire.sensor.query import Cursor
from sealwire.stores.archive.questions import Place
from sealwire.stores.archive.schema import NO_NUMBER
from sealwire.syslog.kinds import Kind
from sealwire.syslog.message import Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


def records(table: pa.Table) -> Iterator[StoredRecord]:
    """The records of a table with the columns of ``questions.SHOWN``."""
    for row in table.to_pylist():
        yield _record(row)


def places(table: pa.Table) -> Iterator[Place]:
    """Where records are: a table with the columns of ``Question.keys``."""
    for row in table.to_pylist():
        yield Place(Cursor(row["received_us"], row["seq"]), _text(row["part"]), row["row"])


def number(value: int) -> int | None:
    """Facility or severity as stored."""
    return None if value == NO_NUMBER else value


def _record(row: dict[str, Any]) -> StoredRecord:
    return StoredRecord(
        seq=row["seq"],
        received_ns=row["received_us"] * 1000 + row["nanos"],
        listener_port=row["listener"],
        transport=_text(row["transport"]),
        peer_address=_text(row["peer_address"]),
        peer_port=row["peer_port"],
        certificate_sha256=_text(row["certificate_sha256"]) or None,
        certificate_subject=_text(row["certificate_subject"]) or None,
        framing=Kind(row["framing"]).name.lower(),
        flags=RecordFlag(row["flags"]),
        retention=_text(row["retention"]),
        grade=Grade(row["grade"]).name.lower(),
        rule=_text(row["rule"]),
        facility=number(row["facility"]),
        severity=number(row["severity"]),
        timestamp_us=row["ts_us"],
        host=_text(row["host"]) or None,
        app=_text(row["app"]) or None,
        procid=_text(row["procid"]) or None,
        msgid=_text(row["msgid"]) or None,
        fields=tuple((_text(name), _text(value)) for name, value in row["fields"]),
        message_start=len(row["head"]),
        raw=row["head"] + row["msg"],
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
