"""Frames are found alike however the stream is cut, and no count or line can mislead for long."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.syslog.framing import TAIL_MARGIN, FrameDecoder, encode_octet_frame, messages_of
from sealwire.syslog.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LIMIT = 300


class Reading:
    """What a decoder made of a stream: messages, bytes kept by kind, faults by kind."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.decoder = FrameDecoder(limit)
        self.limit = limit
        self.messages: list[bytes] = []
        self.frames = 0
        self.bytes: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.quarantine = b""
        self.tail = b""

    def take(self, chunks: Iterable[bytes]) -> Reading:
        for chunk in chunks:
            data = self.tail + chunk
            used, segments = self.decoder.decode(data)
            self._note(data, segments)
            covered = sum(end - start for _, start, end, _ in segments)
            assert covered <= used
            self.tail = data[used:]
            assert len(self.tail) <= self.limit + TAIL_MARGIN
        return self

    def end(self, *, orderly: bool = True) -> Reading:
        self._note(self.tail, self.decoder.close(self.tail, orderly=orderly))
        return self

    def _note(self, data: bytes, segments: Sequence[tuple[Kind, int, int, int]]) -> None:
        for kind, start, end, frames in segments:
            assert end > start
            found = list(messages_of(kind, data[start:end]))
            assert len(found) == frames
            self.messages += found
            self.frames += frames
            grade = "quarantine" if kind in {Kind.BAD_COUNT, Kind.RESYNC} else kind.name
            self.bytes["kept" if kind in {Kind.OCTETS, Kind.LINES} else grade] += end - start
            if kind in {Kind.BAD_COUNT, Kind.TRUNCATED, Kind.INCOMPLETE, Kind.UNTERMINATED}:
                self.faults[kind.name] += 1
            if kind in {Kind.BAD_COUNT, Kind.RESYNC, Kind.INCOMPLETE}:
                self.quarantine += data[start:end]

    def outcome(self) -> tuple[object, ...]:
        return (self.messages, self.bytes, self.faults, self.quarantine, self.tail)


def read(stream: bytes, *, orderly: bool = True, limit: int = LIMIT) -> Reading:
    return Reading(limit).take([stream]).end(orderly=orderly)


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({min(place, len(stream)) for place in places} | {len(stream)})
    return [stream[a:b] for a, b in zip([0, *ends], ends, strict=False)]


PIECES = st.sampled_from(
    [
        b"5 <1>ab",
        b"11 <14>1 hello",
        b"104 <14>1 " + b"x" * 97,
        b"299 <14>1 " + b"y" * 292,
        b"301 <14>1 " + b"z" * 294,
        b"999 <14>1 " + b"w" * 992,
        b"3000000000 <14>1 a\n",
        b"400 <14>1 an\nover-long\none" + b"v" * 377,
        b"400 <info> no count\n",
        b"<14>1 - host app\n",
        b"<14>carriage return\r\n",
        b"<14>nul\0",
        b"\n",
        b"\r\n",
        b"\0",
        b"\r",
        b"2020 Oct 26 12:00:00 host text\n",
        b"28:22 19 nonsense\n",
        b"0 ",
        b"007 <14>a\n",
        b"-1 ",
        b"+5 <1>ab",
        b"5<1>",
        b"7 \xef\xbb\xbf<14>",
        b'9 {"a": 1}',
        b"<14>" + b"long " * 80 + b"\n",
        b"12",
        b" ",
        b"<",
    ]
)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.lists(st.integers(0, 4000), max_size=12))
def test_any_cut_of_a_stream_gives_the_same(stream: bytes, places: list[int]) -> None:
    for orderly in (True, False):
        whole = read(stream, orderly=orderly)
        cut_up = Reading().take(cut(stream, places)).end(orderly=orderly)
        assert cut_up.outcome() == whole.outcome()


@given(st.lists(PIECES, max_size=8).map(b"".join))
def test_byte_by_byte_gives_the_same(stream: bytes) -> None:
    single = Reading().take(stream[i : i + 1] for i in range(len(stream))).end()
    assert single.outcome() == read(stream).outcome()


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=10))
def test_arbitrary_bytes_lose_nothing(stream: bytes, places: list[int]) -> None:
    reading = Reading().take(cut(stream, places)).end(orderly=False)
    assert reading.outcome() == read(stream, orderly=False).outcome()
    assert sum(reading.bytes.values()) == len(stream)


@given(st.lists(st.binary(min_size=1, max_size=LIMIT), min_size=1))
def test_encoded_frames_come_back(bodies: list[bytes]) -> None:
    messages = [b"<1>" + body[: LIMIT - 3] for body in bodies]
    reading = read(b"".join(map(encode_octet_frame, messages)))
    assert reading.messages == messages
    assert not reading.faults


@pytest.mark.parametrize("length", [10, 50, 99, 100, 255, 999, 1000, 9999, 10000, 65536])
def test_every_length_of_count(length: int) -> None:
    message = b"<134>" + b"m" * (length - 5)
    reading = read(encode_octet_frame(message) * 3 + b"12 <1>9 partial"[:6], limit=65536)
    assert reading.messages == [message] * 3
    assert reading.faults == {"INCOMPLETE": 1}
    assert reading.quarantine == b"12 <1>"


def test_messages_longer_than_one_digit_shorter_than_a_header() -> None:
    assert read(b'5 <1>ab7 {"k":1}4 <2>!').messages == [b"<1>ab", b'{"k":1}', b"<2>!"]


@pytest.mark.parametrize(
    "line",
    [
        b"1,2024/02/29 16:59:40,01234567890,CONFIG,0,2561",
        b"2020-03-01T01:02:36Z CISCO-SENSOR-3D Alerts %NGIPS-0-430003:",
        b"28:22 19 something",
        b"2020 Oct 26 10:11:12 host text",
        b"100000 <info> a number beyond the limit, and a word",
        b'100000 {"json": 1}',
        b"100000 <14 a number beyond the limit, and no PRI",
        b"1000000000 <14>1 a gigabyte",
        b"007 <14>1 zeros",
        b"0 <14>1 zero",
        b"5<14>no space",
        b"+5 <14>",
        b"12 text without a priority",
        b'{"json": 1}',
        b"Mar 01 14:45:24 localhost: [FMC-AUDIT-LOG] x: admin@10.1.1.2, Page View",
    ],
)
def test_first_frames_that_are_lines(line: bytes) -> None:
    reading = read(line + b"\n" + line + b"\n")
    assert reading.messages == [line, line]
    assert reading.decoder.mode is Kind.LINES


@pytest.mark.parametrize(
    "message",
    [b"<14>1 2022-10-11T16:20:32.360Z hostname", b'{"a": 1}', b"\xef\xbb\xbftext"],
)
def test_first_frames_that_are_counted(message: bytes) -> None:
    reading = read(encode_octet_frame(message) * 2)
    assert reading.messages == [message, message]
    assert reading.decoder.mode is Kind.OCTETS


def test_a_count_in_a_line_swallows_nothing() -> None:
    lines = b"<14>one\n900 <14>injected\n<14>two\n"
    assert read(lines).messages == [b"<14>one", b"900 <14>injected", b"<14>two"]


def test_lines_end_with_lf_crlf_or_nul_and_blank_ones_do_not_count() -> None:
    stream = b"\n<1>a\n\n<2>b\r\n\r\n<3>c\0\0<4>d\n"
    assert read(stream).messages == [b"<1>a", b"<2>b", b"<3>c", b"<4>d"]


@pytest.mark.parametrize("between", [b"\n", b"\0", b"\r\n", b"\n\n\0"])
def test_separators_between_counted_frames(between: bytes) -> None:
    frame = encode_octet_frame(b"<14>1 hello")
    reading = read(between + (frame + between) * 3)
    assert reading.messages == [b"<14>1 hello"] * 3
    assert not reading.faults


def test_a_bad_count_is_skipped_to_the_next_line_feed_and_kept() -> None:
    frame = encode_octet_frame(b"<14>1 good")
    reading = read(frame + b"x9 <14>broken\n" + frame)
    assert reading.messages == [b"<14>1 good"] * 2
    assert reading.faults == {"BAD_COUNT": 1}
    assert reading.quarantine == b"x9 <14>broken\n"


@given(st.lists(PIECES, max_size=6).map(b"".join))
def test_after_a_bad_count_the_state_is_as_new(stream: bytes) -> None:
    frame = encode_octet_frame(b"<14>1 good")
    counted = frame + stream
    fresh = read(counted)
    after_fault = read(frame + b"bad\n" + stream)
    assert after_fault.messages == fresh.messages
    assert after_fault.faults - fresh.faults == {"BAD_COUNT": 1}


def test_an_over_long_frame_is_cut_at_its_end_and_the_next_is_right() -> None:
    long = b"<14>" + b"z" * 5000
    good = encode_octet_frame(b"<14>1 good")
    reading = Reading().take(
        (good + encode_octet_frame(long) + good)[i : i + 7] for i in range(0, 5100, 7)
    )
    assert reading.messages == [b"<14>1 good", long[:LIMIT], b"<14>1 good"]
    assert reading.bytes["SKIPPED"] == len(long) - LIMIT


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize("text", [b"z" * 5000, b"\n<14>1 injected\n" * 50, b"\0" * 5000])
def test_an_over_long_frame_may_be_the_first(step: int, text: bytes) -> None:
    long = b"<14>" + text
    stream = encode_octet_frame(long) + encode_octet_frame(b"<14>1 good")
    reading = Reading().take(stream[i : i + step] for i in range(0, len(stream), step))
    assert reading.messages == [long[:LIMIT], b"<14>1 good"]


def test_an_endless_line_is_never_held() -> None:
    reading = Reading().take([b"<14>endless"] + [b"e" * 1000] * 200 + [b"\n<14>next\n"])
    assert [len(message) for message in reading.messages] == [LIMIT, 8]
    assert reading.faults == {"TRUNCATED": 1}


def test_a_long_buffer_without_an_end_is_read_in_one_pass() -> None:
    """Looking for the end again from every byte would take minutes."""
    buffer = b"e" * 2_000_000
    assert Reading().take([buffer, buffer + b"\0<1>x\n"]).messages[1:] == [b"<1>x"]
    assert read(b"5 <1>ab" + buffer).messages == [b"<1>ab"]
    assert read(b"5 <1>ab" + b"\n\0" * 500_000).messages == [b"<1>ab"]
    assert read(b"\0" * 500_000 + b"<1>x\n").messages == [b"<1>x"]


def test_a_gigabyte_between_counted_frames_is_a_bad_count() -> None:
    good = encode_octet_frame(b"<14>1 good")
    reading = Reading().take([good, b"1073741824 <14>1 ", b"x" * 5000, b"\n" + good])
    assert reading.messages == [b"<14>1 good"] * 2
    assert reading.faults == {"BAD_COUNT": 1}
    assert len(reading.quarantine) == 5000 + 18


def test_a_cut_frame_is_no_message_a_cut_line_only_without_farewell() -> None:
    assert read(b"25 <14>1 cut").messages == []
    assert read(b"25 <14>1 cut").faults == {"INCOMPLETE": 1}
    assert read(b"<14>1 last\r").messages == [b"<14>1 last"]
    assert read(b"<14>1 last", orderly=False).messages == []
    assert read(b"<14>1 last", orderly=False).quarantine == b"<14>1 last"


def test_lines_of_the_longest_length_pass_and_one_more_byte_is_cut() -> None:
    longest = b"<1>" + b"a" * (LIMIT - 3)
    assert read(longest + b"\n").messages == [longest]
    assert not read(longest + b"\n").faults
    assert read(longest + b"b\n").messages == [longest]
    assert read(longest + b"b\n").faults == {"TRUNCATED": 1}
    many = b"<1>short\n" * 100 + longest + b"b\n" + b"<2>short\n" * 100
    assert read(many).faults == {"TRUNCATED": 1}
    assert read(many).frames == 201
