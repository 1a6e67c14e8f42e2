"""Messages taken out many at a time are those that are taken out one at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.syslog.framing import messages_of
from sealwire.syslog.kinds import Kind
from sealwire.syslog.splitting import split

LENGTHS = (1, 9, 10, 99, 100, 101, 999, 1000, 1001, 9999, 10_000, 10_001)


def octets(message: bytes) -> bytes:
    return b"%d %b" % (len(message), message)


@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_of_count(length: int) -> None:
    frame = octets(b"<1".ljust(length, b"x")[:length])
    data = frame * 3 + b"\n" + frame
    assert split(Kind.OCTETS, data) == list(messages_of(Kind.OCTETS, data))
    assert len(split(Kind.OCTETS, data)) == 4


@given(st.lists(st.binary(min_size=1, max_size=120)), st.sampled_from([b"", b"\n", b"\r\n", b"\0"]))
def test_octets(messages: list[bytes], between: bytes) -> None:
    data = between.join(octets(message) for message in messages)
    assert split(Kind.OCTETS, data) == messages


@given(st.lists(st.binary(max_size=20)), st.sampled_from([b"\n", b"\r\n", b"\0"]))
def test_lines(lines: list[bytes], delimiter: bytes) -> None:
    data = b"".join(line.replace(b"\n", b"").replace(b"\0", b"") + delimiter for line in lines)
    assert split(Kind.LINES, data) == list(messages_of(Kind.LINES, data))


@pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.UNTERMINATED, Kind.BAD_COUNT, Kind.RELP])
def test_everything_else(kind: Kind) -> None:
    data = b"7 syslog 5 hello\n"
    assert split(kind, data) == list(messages_of(kind, data))
