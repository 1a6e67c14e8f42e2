from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sealwire.net.filetail import cut_lines

text = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\xff"]), max_size=60).map(b"".join)


def lines_of(data: bytes, cuts: list[int], limit: int) -> list[bytes]:
    """What a follower records of ``data`` that grows up to each of ``cuts`` in turn."""
    found: list[bytes] = []
    position = 0
    for end in sorted(cut % (len(data) + 1) for cut in cuts):
        if end > position:
            cut = cut_lines(data[position:end], limit=limit)
            found += cut.lines
            position += cut.size
    cut = cut_lines(data[position:], final=True, limit=limit)
    return [*found, *cut.lines]


@given(data=text, cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_any_growth_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    *terminated, rest = data.split(b"\n")
    expected = [line.removesuffix(b"\r") for line in terminated] + [rest]
    assert lines_of(data, cuts, 10_000) == [line for line in expected if line]


@given(data=text, limit=st.integers(1, 5))
def test_long_lines_are_cut_in_pieces_and_no_byte_is_lost(data: bytes, limit: int) -> None:
    pieces = lines_of(data, [], limit)
    assert all(len(piece) <= limit + 1 for piece in pieces)
    assert b"".join(pieces).replace(b"\r", b"") == data.replace(b"\n", b"").replace(b"\r", b"")


def test_an_endless_line_does_not_wait_for_its_end() -> None:
    cut = cut_lines(b"x" * 25, limit=10)
    assert (list(cut.lines), cut.size) == ([b"x" * 10, b"x" * 10], 20)


def test_at_most_five_hundred_lines_make_one_transaction() -> None:
    cut = cut_lines(b"x\n" * 900)
    assert (len(cut.lines), cut.size) == (500, 1000)
