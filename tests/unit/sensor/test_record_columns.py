"""Records as columns: flags, envelopes, classes, and messages that the parser fails on."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import numpy as np
import pyarrow as pa

from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.batches import MessageRun
from sealwire.sensor.journal import Connection
from sealwire.sensor.judgement import PolicyJudge
from sealwire.sensor.policy import ArchivePolicy, ClassRule, HostClaim, SourcePattern
from sealwire.sensor.record_columns import (
    UNPARSED,
    envelopes,
    parsed_surely,
    record_columns,
    unparsed,
)
from sealwire.syslog.columns import parse_batch
from sealwire.syslog.kinds import Kind

A = Connection(1, "192.0.2.1", 40_000, 6514, "TLSv1.3", "x", "ab" * 32, "CN=a")
B = Connection(2, "198.51.100.1", 40_001, 6515, "", "", transport="tcp")
NOW_NS = 1_795_337_100_000_000_000  # 2026-11-22T08:05:00Z
SOUND = b"<13>1 2026-11-22T08:04:00Z a.example.com app 1 ID - text"
OLD = b"<13>1 2020-11-22T08:04:00Z a.example.com app 1 ID - text"
BSD = b"<13>Nov 22 08:04:00 a app: text"
RUNS = (
    MessageRun(NOW_NS, A, Kind.OCTETS, [SOUND, OLD]),
    MessageRun(NOW_NS + 5, B, Kind.TRUNCATED, [b"no time"]),
    MessageRun(NOW_NS + 6, B, Kind.UNTERMINATED, [BSD]),
    MessageRun(NOW_NS + 7, A, Kind.LINES, [SOUND]),
)


def columns_of(policy: ArchivePolicy, redelivered: list[bool] | None = None) -> dict[str, Any]:
    envelope = envelopes(RUNS)
    parsed = parse_batch(envelope.raw, envelope.received_ns // 1000)
    marks = None if redelivered is None else np.array(redelivered)
    columns = record_columns(envelope, parsed, PolicyJudge(policy), marks)
    return {name: column.to_pylist() for name, column in columns.items() if name != "received"}


def test_envelopes_stand_beside_their_messages() -> None:
    columns = columns_of(ArchivePolicy())
    assert columns["raw"] == [message for run in RUNS for message in run.messages]
    assert columns["peer_address"] == [A.address, A.address, B.address, B.address, A.address]
    assert columns["certificate_subject"] == ["CN=a", "CN=a", None, None, "CN=a"]
    assert columns["listener"] == [6514, 6514, 6515, 6515, 6514]
    assert columns["transport"] == ["tls", "tls", "tcp", "tcp", "tls"]
    assert columns["framing"] == [1, 1, 3, 4, 2]
    assert columns["retention"] == ["default"] * 5


def test_flags() -> None:
    flags = [RecordFlag(flag) for flag in columns_of(ArchivePolicy())["flags"]]
    assert flags == [
        RecordFlag(0),
        RecordFlag.CLOCK_OFF,
        RecordFlag.TRUNCATED | RecordFlag.NO_TIME,
        RecordFlag.UNTERMINATED | RecordFlag.TIME_GUESSED,
        RecordFlag(0),
    ]


def test_what_was_sent_before_is_flagged() -> None:
    flags = columns_of(ArchivePolicy(), [False, False, False, False, True])["flags"]
    assert flags[0] == 0
    assert flags[4] == RecordFlag.REDELIVERED


def test_classes_and_claims_by_source_and_host() -> None:
    policy = ArchivePolicy(
        rules=(ClassRule(SourcePattern(network=ip_network("198.51.100.0/24")), "short"),),
        claims=(HostClaim(SourcePattern(certificate_sha256="ab" * 32), ("b.example.com",)),),
    )
    columns = columns_of(policy)
    assert columns["retention"] == ["default", "default", "short", "short", "default"]
    denied = [bool(flag & RecordFlag.HOST_NOT_ALLOWED) for flag in columns["flags"]]
    assert denied == [True, True, False, False, True]


def test_a_poisonous_message_costs_its_neighbours_nothing() -> None:
    def poisoned(raw: Any, received_us: Any) -> Any:  # noqa: ANN401 - Arrow
        if b"poison" in raw.to_pylist():
            raise ValueError("cannot")
        return parse_batch(raw, received_us)

    messages = [SOUND, BSD, b"poison", SOUND, b"poison", BSD]
    raw = pa.array(messages, pa.binary())
    parsed = parsed_surely(poisoned, raw, np.full(6, NOW_NS // 1000))
    rules = parsed.column("rule").to_pylist()
    assert [rule == UNPARSED for rule in rules] == [False, False, True, False, True, False]
    sound = parse_batch(raw, np.full(6, NOW_NS // 1000))
    for name in ("host", "app", "ts", "severity", "fields"):
        got, expected = parsed.column(name).to_pylist(), sound.column(name).to_pylist()
        assert [got[at] for at in (0, 1, 3, 5)] == [expected[at] for at in (0, 1, 3, 5)]


def test_what_is_not_parsed_has_the_parsers_columns() -> None:
    kept = unparsed(pa.array([b"x", b"y"], pa.binary()))
    assert (
        kept.schema.names == parse_batch(pa.array([b"x"], pa.binary()), np.array([1])).schema.names
    )
