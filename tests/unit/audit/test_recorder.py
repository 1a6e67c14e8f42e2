from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sealwire.audit.events import EventName, auth_failure, auth_success, request_approved
from sealwire.audit.formats import AuditFormat
from sealwire.audit.ports import TrailHead, TrailRecord
from sealwire.audit.recorder import MAX_LINE_BYTES, MAX_MESSAGE_BYTES, Recorder
from sealwire.audit.trail import append_leaf, leaf_hash
from sealwire.errors import RefusedError
from sealwire.stores.memory import MemoryStore
from sealwire.syslog.rfc5424 import parse_message

NOON = datetime(2026, 11, 21, 22, 51, tzinfo=UTC)


class StoppedClock:
    def now(self) -> datetime:
        return NOON.astimezone(timezone(timedelta(hours=2)))

    def now_ns(self) -> int:
        return int(NOON.timestamp()) * 10**9

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(
        StoppedClock(), "ca1.example.com", AuditFormat.V10_4_5, "0.1.0", process_id="812"
    )


def test_a_record_is_a_finished_message(store: MemoryStore, recorder: Recorder) -> None:
    record = store.run(lambda tx: recorder.record(tx, "ca", auth_success("caadmin", "m")))
    assert record.message == (
        b"<110>1 2026-11-21T22:51:00.000000Z ca1.example.com sealwire-ca 812 AUTH"
        b' [meta sequenceId="1"][origin software="sealwire" swVersion="0.1.0"]'
        b'[tlog@32473 log="ca1.example.com/ca" idx="0"]'
        b" [AuditEvent=AUTH][SubjectID=caadmin][Outcome=Success][AuthMgr=m] authentication success"
    )
    assert record == TrailRecord(
        trail="ca",
        idx=0,
        time=NOON,
        event="AUTH",
        subject_id="caadmin",
        outcome="Success",
        text="[AuditEvent=AUTH][SubjectID=caadmin][Outcome=Success][AuthMgr=m]"
        " authentication success",
        message=record.message,
        leaf=leaf_hash(record.message),
    )
    assert parse_message(record.message).timestamp == record.time


def test_failures_are_warnings(store: MemoryStore, recorder: Recorder) -> None:
    record = store.run(lambda tx: recorder.record(tx, "ca", auth_failure("eve", "m")))
    assert record.message.startswith(b"<108>1 ")
    assert record.outcome == "Failure"


def test_indexes_count_per_trail_and_the_head_follows(
    store: MemoryStore, recorder: Recorder
) -> None:
    for trail in ("ca", "appliance", "ca", "ca"):
        store.run(lambda tx, trail=trail: recorder.record(tx, trail, auth_success("a", "m")))
    records = store.read(lambda tx: tx.trail_records("ca", start=0, limit=10))
    assert [record.idx for record in records] == [0, 1, 2]
    head = TrailHead(0, ())
    for record in records:
        head = append_leaf(head, record.leaf)
    assert store.read(lambda tx: tx.trail_head("ca")) == head


@pytest.mark.parametrize(
    ("size", "sequence_id"),
    [(0, 1), (2_147_483_646, 2_147_483_647), (2_147_483_647, 1), (2_147_483_648, 2)],
)
def test_sequence_ids_wrap(recorder: Recorder, size: int, sequence_id: int) -> None:
    class LongTrail:
        def setting(self, _name: str) -> None:
            return None

        def lock_trail(self, _trail: str) -> TrailHead:
            return TrailHead(size, tuple(bytes(32) for _ in range(size.bit_count())))

        def append_record(self, record: TrailRecord, head: TrailHead) -> None:
            assert (record.idx, head.size) == (size, size + 1)

    record = recorder.record(LongTrail(), "ca", auth_success("a", "m"))  # type: ignore[arg-type]
    assert f'[meta sequenceId="{sequence_id}"]'.encode() in record.message
    assert f'idx="{size}"]'.encode() in record.message


def test_only_events_are_recorded(store: MemoryStore, recorder: Recorder) -> None:
    with pytest.raises(RefusedError) as refused:
        store.run(lambda tx: recorder.record(tx, "ca", "[AuditEvent=AUTH]"))  # type: ignore[arg-type]
    assert refused.value.code == "audit.event_unknown"
    record = store.run(lambda tx: recorder.record(tx, "ca", auth_success("a", "m")))
    with pytest.raises(RefusedError):
        store.run(
            lambda tx: (
                tx.lock_trail("ca"),
                tx.append_record(replace(record, idx=1, event="MADE_UP"), TrailHead(2, ())),
            )
        )


def test_a_message_has_a_limit_and_nothing_is_kept_beyond_it(
    store: MemoryStore, recorder: Recorder
) -> None:
    old = Recorder(StoppedClock(), "ca1.example.com", AuditFormat.V10_4_4, "0.1.0")
    fits = request_approved("a", 7, serial=7, certificate_der=bytes(48_000))
    assert len(store.run(lambda tx: old.record(tx, "ca", fits)).message) <= MAX_MESSAGE_BYTES
    too_long = request_approved("a", 7, serial=7, certificate_der=bytes(50_000))
    with pytest.raises(RefusedError) as refused:
        store.run(lambda tx: old.record(tx, "ca", too_long))
    assert refused.value.code == "audit.record_too_long"
    assert store.read(lambda tx: tx.trail_head("ca")).size == 1


def test_hostile_values_of_any_length_can_always_be_recorded(
    store: MemoryStore, recorder: Recorder
) -> None:
    flood = "]\n\u202e" * 20_000
    record = store.run(
        lambda tx: recorder.record(
            tx, "ca", auth_failure(flood, flood, subject_id=flood, info=flood)
        )
    )
    assert len(record.message) <= MAX_MESSAGE_BYTES
    assert b"\n" not in record.message


@pytest.mark.parametrize(
    "line",
    [b"", b"plain", "Grüße ]".encode(), b"\xff\xfe", b"\xef\xbb\xbfmarked", b"a\x00b", b"<1>"],
)
def test_a_line_is_kept_byte_for_byte(store: MemoryStore, recorder: Recorder, line: bytes) -> None:
    record = store.run(lambda tx: recorder.record_line(tx, "inputs", line, "messages"))
    parsed = parse_message(record.message)
    assert parsed.message == line
    assert parsed.message_id == EventName.INPUT_LINE
    assert parsed.structured_data[-1].parameters == (("name", "messages"),)
    assert record.text == line.decode("utf-8", "replace").replace("\0", "\ufffd")
    assert (record.event, record.outcome) == ("INPUT_LINE", "")


def test_a_mark_before_what_is_not_utf8_is_taken_off_and_noted(
    store: MemoryStore, recorder: Recorder
) -> None:
    record = store.run(
        lambda tx: recorder.record_line(tx, "inputs", b"\xef\xbb\xbf\xff", "messages")
    )
    parsed = parse_message(record.message)
    assert parsed.message == b"\xff"
    assert ("bom", "removed") in parsed.structured_data[-1].parameters


def test_a_line_has_a_limit(store: MemoryStore, recorder: Recorder) -> None:
    longest = b"x" * MAX_LINE_BYTES
    record = store.run(lambda tx: recorder.record_line(tx, "inputs", longest, "n"))
    assert parse_message(record.message).message == longest
    with pytest.raises(RefusedError) as refused:
        store.run(lambda tx: recorder.record_line(tx, "inputs", longest + b"x", "n"))
    assert refused.value.code == "audit.line_too_long"


def test_a_host_name_that_no_message_can_carry_is_refused(store: MemoryStore) -> None:
    lost = Recorder(StoppedClock(), "two words", AuditFormat.V11_4, "0.1.0")
    with pytest.raises(RefusedError):
        store.run(lambda tx: lost.record(tx, "ca", auth_success("a", "m")))
