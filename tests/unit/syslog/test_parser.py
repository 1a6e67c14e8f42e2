"""Whatever arrives is taken apart as far as its form is sure, and nothing is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.syslog.message import ENDS, Grade
from sealwire.syslog.parser import parse
from sealwire.syslog.rfc5424 import parse_message
from tests.unit.syslog.test_rfc5424 import MESSAGES, build_message

RECEIVED = int(datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000


@given(st.binary(max_size=300), st.integers(0, 253_000_000_000_000_000))
@example(b"", 0)
@example(b"<13>1 - - - - - -", 0)
@example(b"<13>Feb 29 00:00:00 h a: b", 0)
def test_any_bytes_are_parsed(raw: bytes, received_us: int) -> None:
    parsed = parse(raw, received_us)
    assert 0 <= parsed.message_start <= len(raw)


@given(MESSAGES.map(build_message), st.data())
def test_strict_5424_is_what_the_strict_reader_takes(octets: bytes, data: st.DataObject) -> None:
    raw = bytearray(octets)
    if data.draw(st.booleans()):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    parsed = parse(bytes(raw), RECEIVED)
    try:
        message = parse_message(bytes(raw).rstrip(ENDS))
    except RefusedError:
        assert (parsed.grade, parsed.rule) != (Grade.STRICT, "rfc5424")
        return
    assert (parsed.grade, parsed.rule) == (Grade.STRICT, "rfc5424")
    assert (parsed.facility, parsed.severity) == (message.facility, message.severity)
    assert (parsed.host, parsed.app) == (message.hostname, message.app_name)
    assert (parsed.procid, parsed.msgid) == (message.process_id, message.message_id)
    named = [
        (f"{element.sd_id}.{name}", value)
        for element in message.structured_data
        for name, value in element.parameters
    ]
    assert list(parsed.fields)[: len(named)] == named
    text = bytes(raw).rstrip(ENDS)[parsed.message_start :]
    assert text == (message.message or b"").removeprefix(b"\xef\xbb\xbf")
    if message.timestamp is None:
        assert parsed.timestamp_us is None
    else:
        since = message.timestamp - datetime(1970, 1, 1, tzinfo=UTC)
        assert parsed.timestamp_us == since.days * 86_400_000_000 + (
            since.seconds * 1_000_000 + since.microseconds
        )


PREFIX = b"<14>1 2026-01-01T00:00:00Z h a p m "
MANY = 10_000
LARGE = {
    "64 kB of one parameter": PREFIX + b'[a@1 b="' + b"x" * 65_000 + b'"] text',
    "many parameters": PREFIX + b"[a@1" + b' b="c"' * MANY + b"] text",
    "many parameters, no end": PREFIX + b"[a@1" + b' b="c"' * MANY,
    "many elements": PREFIX + b"".join(b'[a%d b="c"]' % n for n in range(MANY)) + b" text",
    "one id many times": PREFIX + b'[a b="c"]' * MANY + b" text",
    "quotes that do not close": PREFIX + b"[a" + b' b="' * MANY,
    "escaped quotes": PREFIX + b'[a b="' + b'\\"' * MANY,
    "escaped quotes behind names": PREFIX + b"[a" + b' b=\\"' * MANY,
    "semicolons": PREFIX + b'[a:"x"' + b"; " * MANY,
    "colons and quotes": PREFIX + b'[a:"x"]' * MANY,
    "keys of CEF": b"<13>CEF:0|a|b|c|d|e|f|" + b"a=b " * MANY,
    "no keys of CEF": b"<13>CEF:0|a|b|c|d|e|f|" + b"aaaaa" * MANY,
    "bars of CEF": b"<13>CEF:0|" + b"\\|" * MANY,
    "pairs of LEEF": b"<13>LEEF:2.0|a|b|c|d|x|" + b"axb=c" * MANY,
    "attributes": b"<13>[AuditEvent=X]" + b"[a=b]" * MANY,
    "attributes that do not end": b"<13>[AuditEvent=X]" + b"[a=b" * MANY,
    "brackets": b"<13>[AuditEvent=" + b"][aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * MANY,
    "a long host": b"<13>Oct 11 22:14:15 " + b"a" * 65_000,
    "a long tag": b"<13>Oct 11 22:14:15 h " + b"a" * 65_000 + b": text",
    "dots": b"<13>Oct 11 22:14:15 h " + b"1." * 30_000,
    "spaces": b"<13>" + b" " * 65_000 + b"x",
    "signs of Cisco": b"<13>" + b"%A-" * MANY,
    "commas": b"Mar 01 14:45:24 h: [t] s: " + b"a@b, " * MANY,
    "dates": b"<13>date=" * MANY,
    "marks": b"\xef\xbb\xbf" * MANY,
    "no UTF-8": PREFIX + b'[a b="' + b"\xff" * 65_000 + b'"] \xef\xbb\xbf\xff',
}


@pytest.mark.parametrize("name", LARGE)
def test_large_messages_take_time_by_their_length_alone(name: str) -> None:
    raw = LARGE[name]
    started = time.process_time()
    parsed = parse(raw, RECEIVED)
    # The slowest takes 50 ms; a square of the length would take minutes.
    assert time.process_time() - started < 1
    assert parsed.message_start <= len(raw)


HOSTILE = {
    b"<13>Oct 11 22:14:15 h\x00st app[1]: a\x00b": "a\x00b",
    b"<13>Oct 11 22:14:15 host app[1]: \x1b[31mred": "\x1b[31mred",
    b"<13>Oct 11 22:14:15 host app[1]: \xff\xfe": "\ufffd\ufffd",
    b"<13>Oct 11 22:14:15 host app[1]: \xed\xa0\x80": "\ufffd\ufffd\ufffd",
    b"<13>Oct 11 22:14:15 host app[1]: \xe2\x80\xaeevil": "\u202eevil",
    b"<13>Oct 11 22:14:15 host app[1]: a\r\nb": "a\r\nb",
    b"<13>Oct 11 22:14:15 h\xc3\xb6st app[1]: text": "text",
    b"<192>Oct 11 22:14:15 host app[1]: text": "text",
    b'<13>1 2026-01-01T00:00:00Z h\xff a p m [x@1 y="\xff"] text': "text",
}


@pytest.mark.parametrize("raw", HOSTILE, ids=repr)
def test_hostile_octets_are_taken_apart_and_kept(raw: bytes) -> None:
    parsed = parse(raw, RECEIVED)
    assert parsed.grade is not Grade.RAW
    assert raw[parsed.message_start :].decode("utf-8", "replace") == HOSTILE[raw]
    for value in (parsed.host, parsed.app, *parsed.fields):
        "".join(value or "").encode()


@pytest.mark.parametrize("severity", ["info", "informational", "critical"])
def test_a_facility_and_a_severity_are_no_host(severity: str) -> None:
    parsed = parse(b"<13>Oct 11 22:14:15 local7.%b 192.0.2.7 text" % severity.encode(), RECEIVED)
    assert parsed.host == "192.0.2.7"


def test_a_count_that_was_no_framing_is_passed_over() -> None:
    raw = b"38 <34>Oct 11 22:14:15 mymachine su: failed"
    assert parse(raw, RECEIVED) == parse(raw[3:], RECEIVED)._replace(
        grade=Grade.NEAR_MISS, message_start=len(raw) - len("failed")
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0", b"\n\0", b"\0\0\0\0\0\0\n"])
@pytest.mark.parametrize(
    "raw",
    [
        b"<142>Mar 01 14:45:24 fmc: [T] sfdccsm: admin@10.0.0.5, Objects, create x",
        b"<13>1 2026-01-01T00:00:00Z h a p m -",
        b"<13>Oct 11 22:14:15 host su:",
        b"<189>date=2026-07-03 time=14:22:15 devname=fgt-3",
        b"",
    ],
)
def test_what_ends_a_message_is_no_part_of_it(raw: bytes, end: bytes) -> None:
    assert parse(raw + end, RECEIVED) == parse(raw, RECEIVED)
