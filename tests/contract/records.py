"""Tables of records to be sealed, and a store on a folder, for the tests of segments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from sealwire.sensor.policy import DEFAULT_CLASS
from sealwire.stores.segments.schema import UNSEALED_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.stores.segments.store import SegmentStore

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
MIDNIGHT = 1_795_046_400 * SECOND
"""2026-11-19T00:00:00Z."""


class SetClock:
    """Shows what it is told."""

    def __init__(self, at_ns: int = MIDNIGHT) -> None:
        self.at_ns = at_ns

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_ns // SECOND, UTC)

    def now_ns(self) -> int:
        return self.at_ns

    def monotonic(self) -> float:
        return self.at_ns / SECOND


def records(
    messages: Sequence[bytes],
    received_ns: int | Sequence[int] = MIDNIGHT,
    retention: str | Sequence[str] = DEFAULT_CLASS,
) -> pa.Table:
    """Records with these messages; the rest of each row is alike."""
    count = len(messages)
    times = [received_ns] * count if isinstance(received_ns, int) else list(received_ns)
    classes = [retention] * count if isinstance(retention, str) else list(retention)
    row = {
        "listener": 6514,
        "transport": "tls",
        "peer_address": "192.0.2.1",
        "peer_port": 40000,
        "certificate_sha256": None,
        "certificate_subject": None,
        "tls_version": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "framing": 1,
        "flags": 0,
        "grade": 1,
        "rule": "rfc5424",
        "facility": 13,
        "severity": 6,
        "ts": None,
        "host": "ca1.example.com",
        "app": "pki-ca",
        "procid": "812",
        "msgid": None,
        "message_start": 0,
    }
    columns = {name: [value] * count for name, value in row.items()}
    columns |= {"received": times, "retention": classes, "raw": list(messages)}
    arrays = []
    for field in UNSEALED_SCHEMA:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        arrays.append(pa.array(columns[field.name], kind).cast(field.type))
    return pa.table(arrays, schema=UNSEALED_SCHEMA)


def stored(store: SegmentStore) -> dict[int, bytes]:
    """Every record that a store holds, by number; one that is there twice fails."""
    found: dict[int, bytes] = {}
    for segment in store.segments():
        table = store.read(segment, ["seq", "raw"])
        rows = zip(table["seq"].to_pylist(), table["raw"].to_pylist(), strict=True)
        for seq, raw in rows:
            assert seq not in found, f"record {seq} is stored twice"
            found[seq] = raw
    return found
