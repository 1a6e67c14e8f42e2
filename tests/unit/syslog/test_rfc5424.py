from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.syslog.rfc5424 import (
    StructuredElement,
    SyslogMessage,
    build_message,
    parse_message,
)
from sealwire.syslog.strict import parse_5424

MOMENT = datetime(2026, 11, 21, 22, 51, 0, 123456, tzinfo=UTC)
PRINTABLE = st.characters(min_codepoint=33, max_codepoint=126)
SD_NAMES = st.text(PRINTABLE.filter(lambda c: c not in '=]"'), min_size=1, max_size=32)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def fields(limit: int) -> st.SearchStrategy[str | None]:
    return st.none() | st.text(PRINTABLE, min_size=1, max_size=limit).filter(lambda s: s != "-")


MESSAGES = st.builds(
    SyslogMessage,
    facility=st.integers(0, 23),
    severity=st.integers(0, 7),
    timestamp=st.none() | st.datetimes(timezones=st.just(UTC)),
    hostname=fields(255),
    app_name=fields(48),
    process_id=fields(128),
    message_id=fields(32),
    structured_data=st.lists(
        st.builds(
            StructuredElement,
            SD_NAMES,
            st.lists(st.tuples(SD_NAMES, TEXTS), max_size=4).map(tuple),
        ),
        max_size=4,
        unique_by=lambda element: element.sd_id,
    ).map(tuple),
    message=st.none()
    | st.binary().filter(lambda data: not data.startswith(b"\xef\xbb\xbf"))
    | TEXTS.map(lambda text: b"\xef\xbb\xbf" + text.encode()),
)


@given(MESSAGES)
def test_what_is_built_is_read_back(message: SyslogMessage) -> None:
    assert parse_message(build_message(message)) == message


@given(MESSAGES, st.data())
def test_a_changed_byte_is_read_or_refused_and_nothing_else(
    message: SyslogMessage, data: st.DataObject
) -> None:
    octets = bytearray(build_message(message))
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    with suppress(RefusedError):
        parse_message(bytes(octets))


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(RefusedError):
        parse_message(data)


def test_a_message_is_built_byte_for_byte() -> None:
    message = SyslogMessage(
        facility=13,
        severity=6,
        timestamp=MOMENT,
        hostname="ca1.example.com",
        app_name="sealwire-ca",
        process_id=None,
        message_id="AUTH",
        structured_data=(
            StructuredElement("meta", (("sequenceId", "17"),)),
            StructuredElement("x@32473", (("v", 'a"b\\c]d'),)),
        ),
        message="Grüße".encode(),
    )
    assert build_message(message) == (
        b"<110>1 2026-11-21T22:51:00.123456Z ca1.example.com sealwire-ca - AUTH"
        rb' [meta sequenceId="17"][x@32473 v="a\"b\\c\]d"]' + " Grüße".encode()
    )


def test_times_are_written_in_utc() -> None:
    east = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    message = SyslogMessage(0, 0, east, None, None, None, None)
    assert build_message(message) == b"<0>1 2026-11-21T22:51:00.123456Z - - - - -"


def test_every_fault_of_a_message_is_said_at_once() -> None:
    message = SyslogMessage(
        facility=24,
        severity=8,
        timestamp=MOMENT.replace(tzinfo=None),
        hostname="a b",
        app_name="x" * 49,
        process_id="",
        message_id="-",
        structured_data=(
            StructuredElement("a=b", (("", "v"), ("k", "\ud800"))),
            StructuredElement("a=b"),
        ),
        message=b"\xef\xbb\xbf\xff",
    )
    with pytest.raises(RefusedError) as refused:
        build_message(message)
    assert refused.value.code == "syslog.unbuildable"
    assert len(refused.value.findings) == 13


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2003-08-24T05:14:15.000003-07:00", (2003, 8, 24, 12, 14, 15, 3)),
        ("1985-04-12T19:20:50.52-04:00", (1985, 4, 12, 23, 20, 50, 520000)),
        ("1985-04-12T23:20:50.52Z", (1985, 4, 12, 23, 20, 50, 520000)),
        ("2024-02-29T00:00:00Z", (2024, 2, 29, 0, 0, 0, 0)),
        ("2024-02-28T23:00:00-01:00", (2024, 2, 29, 0, 0, 0, 0)),
        ("2024-02-29T00:00:00-00:00", (2024, 2, 29, 0, 0, 0, 0)),
    ],
)
def test_times_are_read(text: str, expected: tuple[int, ...]) -> None:
    parsed = parse_message(f"<34>1 {text} h a p m -".encode())
    assert parsed.timestamp == datetime(*expected, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "2003-08-24T05:14:15.000000003-07:00",
        "2003-08-24t05:14:15Z",
        "2003-08-24T05:14:15z",
        "2003-08-24 05:14:15Z",
        "2003-08-24T05:14:15",
        "2003-08-24T05:14:15.Z",
        "2003-08-24T05:14:60Z",
        "2003-08-24T24:00:00Z",
        "2003-08-24T14:99:00Z",
        "2003-02-29T00:00:00Z",
        "2003-02-30T00:00:00Z",
        "2003-11-31T00:00:00Z",
        "2003-13-01T00:00:00Z",
        "2003-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2003-08-24T05:14:15+24:00",
        "2003-08-24T05:14:15+00:60",
        "2003-08-24T05:14:15+0100",
        "03-08-24T05:14:15Z",
        "2003-08-24T05:14:15Z\n",
        "٢٠٠٣-08-24T05:14:15Z",
    ],
)
def test_impossible_times_are_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="no RFC 5424 message"):
        parse_message(f"<34>1 {text} h a p m -".encode())
    assert parse_5424(f"<34>1 {text} h a p m -".encode()) is None


@pytest.mark.parametrize("priority", ["192", "999", "00", "007", "-1", "+5", "", "1000", "1e1"])
def test_impossible_priorities_are_refused(priority: str) -> None:
    with pytest.raises(RefusedError):
        parse_message(f"<{priority}>1 - - - - - -".encode())
    assert parse_5424(f"<{priority}>1 - - - - - -".encode()) is None


@pytest.mark.parametrize("priority", [0, 1, 99, 191])
def test_priorities_are_read(priority: int) -> None:
    parsed = parse_message(f"<{priority}>1 - - - - - -".encode())
    assert (parsed.facility, parsed.severity) == divmod(priority, 8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<34>",
        b"34>1 - - - - - -",
        b"<34 1 - - - - - -",
        b"<34>0 - - - - - -",
        b"<34>01 - - - - - -",
        b"<34>2 - - - - - -",
        b"<34>1  - - - - -",
        b"<34>1 - - - - -",
        b"<34>1 - - - - - ",
        b"<34>1 - - - - - -x",
        b"<34>1 - - - - - --",
        b"<34>1 - - - - - x",
        b"<34>1 - - - - - []",
        b"<34>1 - - - - - [a",
        b"<34>1 - - - - - [a][a]",
        b'<34>1 - - - - - [a  b="c"]',
        b'<34>1 - - - - - [a b="c" ]',
        b"<34>1 - - - - - [a b=c]",
        b'<34>1 - - - - - [a b="c]"]',
        b'<34>1 - - - - - [a b="c\\"]',
        b'<34>1 - - - - - [a b="\xff"]',
        b'<34>1 - - - - - [a b="\xed\xa0\x80"]',
        b'<34>1 - - - - - [a b="\xc0\x80"]',
        b"<34>1 - - - - - [" + b"a" * 33 + b"]",
        b"<34>1 - " + b"h" * 256 + b" - - - -",
        b"<34>1 - - " + b"a" * 49 + b" - - -",
        b"<34>1 - - - " + b"p" * 129 + b" - -",
        b"<34>1 - - - - " + b"m" * 33 + b" -",
        b"<34>1 - h\xc3\xa9 - - - -",
        b"<34>1 - - - - - - \xef\xbb\xbf\xff",
    ],
)
def test_what_the_grammar_does_not_allow_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_message(data)
    assert refused.value.code == "syslog.malformed"
    assert parse_5424(data) is None


def test_every_truncation_before_structured_data_is_refused() -> None:
    whole = b'<34>1 2003-10-11T22:14:15.003Z host app 1 ID [a b="c"]'
    for end in range(len(whole)):
        with pytest.raises(RefusedError):
            parse_message(whole[:end])
    assert parse_message(whole).message is None


def test_no_message_and_an_empty_one_are_told_apart() -> None:
    assert parse_message(b"<34>1 - - - - - -").message is None
    assert parse_message(b"<34>1 - - - - - - ").message == b""
    assert parse_message(b"<34>1 - - - - - [a] ").message == b""


def test_a_backslash_before_other_characters_is_itself() -> None:
    parsed = parse_message(rb'<34>1 - - - - - [a b="\n\\\"\]\x"]')
    assert parsed.structured_data == (StructuredElement("a", (("b", '\\n\\"]\\x'),)),)


def test_repeated_parameters_are_kept_in_order() -> None:
    parsed = parse_message(b'<34>1 - - - - - [origin ip="192.0.2.1" ip="192.0.2.2"] x')
    assert parsed.structured_data[0].parameters == (("ip", "192.0.2.1"), ("ip", "192.0.2.2"))


def test_any_bytes_may_be_the_message() -> None:
    assert parse_message(b"<34>1 - - - - - - \x00\xff\r\n").message == b"\x00\xff\r\n"
