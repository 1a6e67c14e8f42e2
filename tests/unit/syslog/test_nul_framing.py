"""Messages ended by NUL alone: any chunks give the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sealwire.syslog.framing import messages_of
from sealwire.syslog.kinds import Kind
from sealwire.syslog.nul_framing import NulDecoder

LONGEST = 8


def read(chunks: list[bytes], *, orderly: bool = True) -> list[tuple[Kind, bytes]]:
    decoder = NulDecoder(LONGEST)
    tail, found = b"", []
    for chunk in chunks:
        data = tail + chunk
        used, segments = decoder.decode(data)
        found += [(kind, data[start:end], frames) for kind, start, end, frames in segments]
        tail = data[used:]
        assert len(tail) <= LONGEST
    found += [
        (kind, tail[start:end], frames)
        for kind, start, end, frames in decoder.close(tail, orderly=orderly)
    ]
    messages = []
    for kind, data, frames in found:
        inside = list(messages_of(kind, data))
        assert len(inside) == frames
        messages += [(kind, message) for message in inside]
    return messages


def test_lines_inside_belong_to_the_message() -> None:
    assert read([b"<1>a\nb\0\0<2>c\r\n\0rest"]) == [
        (Kind.NULS, b"<1>a\nb"),
        (Kind.NULS, b"<2>c\r\n"),
        (Kind.UNTERMINATED, b"rest"),
    ]


def test_what_is_too_long_is_cut_and_the_next_is_right() -> None:
    assert read([b"123456789abc\0ok\0"]) == [(Kind.TRUNCATED, b"12345678"), (Kind.NULS, b"ok")]


def test_an_end_that_nobody_announced_leaves_no_message() -> None:
    assert read([b"ok\0res"], orderly=False) == [(Kind.NULS, b"ok")]


@given(st.binary(max_size=40).map(lambda data: data.replace(b"\1", b"\0")), st.data())
def test_any_chunks_give_the_same(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    chunks = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert read(chunks) == read([data]) == read([data[n : n + 1] for n in range(len(data))])
