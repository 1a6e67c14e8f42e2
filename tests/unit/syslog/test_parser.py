"""Whatever arrives is taken apart as far as its form is sure, and nothing is refused."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.syslog.message import Grade
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
        message = parse_message(bytes(raw))
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
    text = bytes(raw)[parsed.message_start :]
    assert text == (message.message or b"").removeprefix(b"\xef\xbb\xbf")
    if message.timestamp is None:
        assert parsed.timestamp_us is None
    else:
        since = message.timestamp - datetime(1970, 1, 1, tzinfo=UTC)
        assert parsed.timestamp_us == since.days * 86_400_000_000 + (
            since.seconds * 1_000_000 + since.microseconds
        )
