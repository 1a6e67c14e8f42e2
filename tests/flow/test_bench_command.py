"""``sealwire bench`` measures a real sensor, and is content only when nothing was lost."""

from __future__ import annotations

import json
import subprocess

import pytest

from sealwire.bootstrap.bench import Load, check_counts
from sealwire.errors import RefusedError
from tests.flow.commands import SEALWIRE


def test_what_was_sent_is_counted_and_found() -> None:
    words = ("--messages", "3001", "--connections", "2", "--batch", "10", "--json")
    command = [*SEALWIRE, "bench", "ingest", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert (measured["messages"], measured["connections"]) == (3001, 2)
    assert measured["messages_per_second"] > 0
    assert measured["cpu_seconds_per_million"]["receivers"] > 0
    assert measured["cpu_seconds_per_million"]["store"] > 0


@pytest.mark.parametrize(
    ("changed", "found"),
    [({}, 9), ({"packets_received": 11}, 10), ({"sequence_duplicates": 1}, 10)],
)
def test_what_is_missing_or_twice_is_refused(changed: dict[str, int], found: int) -> None:
    faults = ("sequence_missing", "sequence_duplicates", "incomplete", "bad_count", "overlong")
    stats = {"packets_received": 10, **dict.fromkeys(faults, 0)}
    load = Load(10, 1, 256, 1)
    check_counts(load, stats, 10)
    with pytest.raises(RefusedError, match="10 were sent"):
        check_counts(load, {**stats, **changed}, found)
