"""What the benchmark sends is what it says: so many messages, each numbered, none like another."""

from __future__ import annotations

import pytest

from sealwire.bootstrap.bench_sender import message, records
from sealwire.syslog.parser import parse

SIZE = 180


@pytest.mark.parametrize(("count", "batch", "pieces"), [(10, 1, 10), (10, 4, 3), (0, 5, 0)])
def test_every_message_is_in_its_piece(count: int, batch: int, pieces: int) -> None:
    made = records(3, count, SIZE, batch)
    assert len(made) == pieces
    assert b"".join(made) == b"".join(b"180 " + message(3, n, SIZE) for n in range(1, count + 1))


def test_a_message_says_its_number_and_has_its_size() -> None:
    first, last = message(0, 1, SIZE), message(63, 50_000_000, SIZE)
    assert (len(first), len(last)) == (SIZE, SIZE)
    read = parse(last, 1_700_000_000_000_000)
    assert read.grade.name == "STRICT"
    assert ("meta.sequenceId", "50000000") in tuple(read.fields)
