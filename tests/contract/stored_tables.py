"""Records as the tables that the index is fed with. Apart, since processes to be killed load it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from sealwire.syslog.kinds import Kind
from sealwire.syslog.message import Grade, ParsedMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.sensor.archive import StoredRecord

START_US: Final = 1_795_132_800_000_000
"""2026-11-20, 00:00 UTC."""
DAY_US: Final = 86_400_000_000
REPEATED: Final = pa.dictionary(pa.int32(), pa.string())


SAID: Final[dict[tuple[bytes, int], ParsedMessage]] = {}
"""What records of tables are taken apart into, by their bytes and when they were received."""


def said(raw: bytes, received_us: int) -> ParsedMessage:
    """What a record of a table says; unlike real ones it does not say it in its bytes."""
    return SAID[raw, received_us]


def _parsed(at: StoredRecord) -> ParsedMessage:
    return ParsedMessage(
        grade=Grade[at.grade.upper()],
        rule=at.rule,
        facility=at.facility,
        severity=at.severity,
        timestamp_us=at.timestamp_us,
        host=at.host,
        app=at.app,
        procid=at.procid,
        msgid=at.msgid,
        message_start=at.message_start,
        fields=at.fields,
    )


def table_of(kept: Sequence[StoredRecord]) -> pa.Table:
    """A segment's columns, and ``fields``. What is in them is what ``said`` says."""
    SAID.update({(at.raw, at.received_ns // 1000): _parsed(at) for at in kept})

    def text(name: str) -> pa.Array:
        return pa.array([getattr(at, name) for at in kept], pa.string()).cast(REPEATED)

    def numbers(values: list[int | None], kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind)

    pairs = pa.map_(pa.string(), pa.string())
    same = pa.array(["x"] * len(kept)).cast(REPEATED)
    return pa.table(
        {
            "seq": numbers([at.seq for at in kept], pa.uint64()),
            "received": numbers([at.received_ns for at in kept], pa.timestamp("ns", "UTC")),
            "listener": numbers([at.listener_port for at in kept], pa.uint16()),
            "transport": text("transport"),
            "peer_address": text("peer_address"),
            "peer_port": numbers([at.peer_port for at in kept], pa.uint16()),
            "certificate_sha256": text("certificate_sha256"),
            "certificate_subject": text("certificate_subject"),
            "tls_version": same,
            "cipher": same,
            "framing": numbers([Kind[at.framing.upper()] for at in kept], pa.uint8()),
            "flags": numbers([int(at.flags) for at in kept], pa.uint16()),
            "retention": text("retention"),
            "grade": numbers([Grade[at.grade.upper()] for at in kept], pa.uint8()),
            "rule": text("rule"),
            "facility": numbers([at.facility for at in kept], pa.uint8()),
            "severity": numbers([at.severity for at in kept], pa.uint8()),
            "ts": numbers([at.timestamp_us for at in kept], pa.timestamp("us", "UTC")),
            "host": text("host"),
            "app": text("app"),
            "procid": pa.array([at.procid for at in kept], pa.string()),
            "msgid": text("msgid"),
            "message_start": numbers([at.message_start for at in kept], pa.uint32()),
            "raw": pa.array([at.raw for at in kept], pa.binary()),
            "fields": pa.array([at.fields for at in kept], pairs),
        }
    )
