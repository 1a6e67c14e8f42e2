"""The journal's bytes: what was written comes back, what was changed is noticed."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal.isal_zlib import crc32

from sealwire.sensor.journal import Connection
from sealwire.stores.journal.layout import (
    FileHeader,
    encode_block,
    encode_file_header,
    head_before,
    payload_holds,
    read_definitions,
    read_file_header,
    read_head,
    read_runs,
    read_totals,
)
from sealwire.syslog.kinds import Kind

SENDER = Connection(
    7, "192.0.2.1", 40000, 6514, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "ab" * 32, "CN=a"
)
PLAIN = Connection(8, "2001:db8::1", 40001, 6515, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
PAYLOAD = b"5 <1>ab<2>line\n"
RUNS = [1_000, 7, 1, 7, int(Kind.OCTETS), 2_000, 8, 1, 8, int(Kind.LINES)]
TOTALS = [(7, 1, 7, 1_000), (8, 1, 8, 2_000)]


def block() -> bytes:
    parts = [PAYLOAD[:5], memoryview(PAYLOAD)[5:]]
    head, trailer = encode_block([SENDER, PLAIN], TOTALS, RUNS, parts, rare=False)
    return head + PAYLOAD + trailer


def test_a_block_comes_back() -> None:
    data = b"before" + block()
    head = read_head(data, 6)
    assert head is not None
    assert head.end == len(data)
    assert payload_holds(data, head)
    assert data[head.payload : head.payload + head.payload_length] == PAYLOAD
    assert read_definitions(data, head) == [SENDER, PLAIN]
    assert list(read_totals(data, head)) == TOTALS
    assert list(read_runs(data, head)) == [tuple(RUNS[:5]), tuple(RUNS[5:])]
    assert head_before(data, len(data)) == head


def test_blocks_are_found_backwards() -> None:
    data = block() * 3
    ends = []
    end = len(data)
    while (head := head_before(data, end)) is not None:
        ends.append(end)
        end = head.start
    assert ends == [len(data), 2 * len(data) // 3, len(data) // 3]


@given(st.integers(0, len(block()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(place: int, change: int) -> None:
    data = bytearray(block())
    data[place] ^= change
    head = read_head(bytes(data), 0)
    assert head is None or not payload_holds(bytes(data), head)


@given(st.integers(0, len(block()) - 1))
def test_a_block_cut_anywhere_is_no_block(length: int) -> None:
    assert read_head(block()[:length], 0) is None
    assert head_before(block()[:length], length) is None


def test_a_file_header_comes_back_and_a_damaged_one_does_not() -> None:
    header = FileHeader("sensor-1", 0, 3, 1_700_000_000_000_000_000)
    data = encode_file_header(header)
    assert read_file_header(data + b"rest") == (header, len(data))
    for place in range(len(data)):
        damaged = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert read_file_header(damaged) is None
        assert read_file_header(data[:place]) is None


@pytest.mark.parametrize("data", [b"", b"a", b"123456789", bytes(100_000)])
def test_the_crc_is_zlibs(data: bytes) -> None:
    assert crc32(data) == zlib.crc32(data)
    assert crc32(data, 7) == zlib.crc32(data, 7)
