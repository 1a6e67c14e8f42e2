"""Tables of records: what the index is given is what today's parser says of what was sealed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sealwire.bootstrap.record_tables import FIELDS, index_table, made_table, numbered
from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.batches import Batch, MessageRun
from sealwire.sensor.journal import Connection
from sealwire.sensor.judgement import PolicyJudge
from sealwire.sensor.policy import ArchivePolicy
from sealwire.sensor.record_columns import UNPARSED
from sealwire.stores.archive.frame import log_rows
from sealwire.stores.archive.shown import shown_records
from sealwire.stores.segments.records import stored_records
from sealwire.syslog.columns import parse_batch
from sealwire.syslog.kinds import Kind
from sealwire.syslog.parser import parse

if TYPE_CHECKING:
    from sealwire.sensor.archive import StoredRecord
    from sealwire.syslog.message import ParsedMessage

NOW_NS: Final = 1_795_337_100_000_000_123  # 2026-11-22T08:05:00Z
SHOWN: Final = ("seq", "received_us", "origin", "particulars", "head", "msg")
A: Final = Connection(1, "192.0.2.1", 40_000, 6514, "TLSv1.3", "x", "ab" * 32, 'CN=a,O="Ünï, Ltd"')
B: Final = Connection(2, "fe80::1%eth0", 65_535, 514, "", "", transport="udp")
MESSAGES: Final = (
    b'<13>1 2026-11-22T08:04:00Z a.example.com app 1 ID [x@32473 a="1" a="2"] text\n',
    b"<13>1 2020-11-22T08:04:00Z a.example.com app 1 ID - old",
    b"poison",
    b"<13>Nov 22 08:04:00 a app[17]: text",
    b"",
    b"\xff\x00 <13>no header",
    b"<109>Nov 22 08:04:59 fmc sfdccsm: [FMC-AUDIT] sfdccsm: admin@192.0.2.9, Overview, Page View",
)  # fmt: skip


def poisoned(raw: Any, received_us: Any) -> Any:  # noqa: ANN401 - Arrow
    """The parser, which fails on one message."""
    if b"poison" in raw.to_pylist():
        raise ValueError("cannot")
    return parse_batch(raw, received_us)


@pytest.fixture(scope="module")
def indexed() -> pa.Table:
    """As records come to the index right after they were sealed."""
    runs = [MessageRun(NOW_NS, A, Kind.OCTETS, list(MESSAGES[:3]))]
    runs.append(MessageRun(NOW_NS + 999, B, Kind.TRUNCATED, list(MESSAGES[3:])))
    marks = [False] * 6 + [True]
    made = made_table(Batch(runs), PolicyJudge(ArchivePolicy()), marks, poisoned)
    return numbered(made, 1)


def test_what_was_sealed_comes_to_the_index_the_same_again(indexed: pa.Table) -> None:
    again = index_table(indexed.drop_columns(FIELDS), poisoned)
    assert again.select(indexed.column_names).to_pylist() == indexed.to_pylist()


def test_what_the_parser_failed_on_is_not_given_to_it_again(indexed: pa.Table) -> None:
    given: list[bytes] = []

    def watched(raw: Any, received_us: Any) -> Any:  # noqa: ANN401 - Arrow
        given.extend(raw.to_pylist())
        return parse_batch(raw, received_us)

    again = index_table(indexed.drop_columns(FIELDS), watched)
    assert given == [message for message in MESSAGES if message != b"poison"]
    assert again["raw"].to_pylist() == list(MESSAGES)
    assert [rule == UNPARSED for rule in again["rule"].to_pylist()] == [False] * 2 + [True] + [
        False
    ] * 4
    alone = index_table(indexed.drop_columns(FIELDS).slice(2, 1), watched)
    assert alone.select(indexed.column_names).to_pylist() == indexed.slice(2, 1).to_pylist()


def test_what_another_parser_sealed_is_taken_apart_by_todays(indexed: pa.Table) -> None:
    other = indexed.drop_columns(FIELDS)
    count = other.num_rows
    off = np.full(count, int(RecordFlag.CLOCK_OFF | RecordFlag.HOST_NOT_ALLOWED), np.uint16)
    place = other.column_names.index
    other = other.set_column(place("host"), "host", pa.nulls(count, pa.string()))
    other = other.set_column(
        place("message_start"), "message_start", pc.cast(other["seq"], "uint32")
    )
    other = other.set_column(place("flags"), "flags", pa.array(off))
    again = index_table(other)
    for name in ("host", "message_start", "grade", "severity", FIELDS):
        whole = zip(again[name].to_pylist(), indexed[name].to_pylist(), strict=True)
        assert all(got == expected for at, (got, expected) in enumerate(whole) if at != 2)
    flags = [RecordFlag(flag) for flag in again["flags"].to_pylist()]
    assert all(flag & RecordFlag.HOST_NOT_ALLOWED for flag in flags)
    late = [bool(flag & RecordFlag.CLOCK_OFF) for flag in flags]
    assert late == [False, True, True, False, False, False, False]


def read(indexed: pa.Table) -> pa.Table:
    """As the engine gives what records are shown by."""
    rows = log_rows("sensor-1", indexed)
    rows = rows.append_column("received_us", rows["received"].cast(pa.int64())).select(SHOWN)
    origin = rows["origin"].cast(pa.string()).cast(pa.binary())
    return rows.set_column(SHOWN.index("origin"), "origin", origin)


def test_records_are_shown_by_few_columns(indexed: pa.Table) -> None:
    """All that a segment and the parser say of a record follows from what the index reads of it."""
    shown = list(shown_records(read(indexed), parse))
    fields = iter([tuple(each) for each in indexed[FIELDS].to_pylist()])
    kept = list(stored_records(indexed.drop_columns(FIELDS), lambda _raw, _us: next(fields)))
    assert shown == [without_tls(record) for record in kept]


def test_one_that_cannot_be_taken_apart_does_not_keep_the_others_from_being_shown(
    indexed: pa.Table,
) -> None:
    def failing(raw: bytes, received_us: int) -> ParsedMessage:
        if raw == MESSAGES[3]:
            raise ValueError("cannot")
        return parse(raw, received_us)

    shown = list(shown_records(read(indexed), failing))
    assert [record.raw for record in shown] == list(MESSAGES)
    assert [record.rule == UNPARSED for record in shown] == [False] * 2 + [True] * 2 + [False] * 3


def without_tls(record: StoredRecord) -> StoredRecord:
    """The index does not say of each record what its segment knows."""
    return replace(record, tls_version="", cipher="")
