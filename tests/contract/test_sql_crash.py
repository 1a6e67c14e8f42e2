"""A process that is killed while it writes loses nothing that it was told is durable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sealwire.audit.trail import head_of, leaf_hash
from sealwire.stores.sql import SqlStore

WRITER = Path(__file__).with_name("crashing_writer.py")


@pytest.mark.soak
def test_what_was_answered_outlives_kill(database_url: str, soak_rounds: int) -> None:
    url = database_url
    size = 0
    for kill_round in range(soak_rounds):
        answered = kill_while_writing(url, lines=50 + 37 * (kill_round % 5))
        with SqlStore(url) as store:
            head = store.read(lambda tx: tx.trail_head("ca"))
            records = store.read(lambda tx: tx.trail_records("ca", start=0, limit=10**6))
        # A thread may have been killed between the answer and its line: answered, but not said.
        assert len(set(answered)) == len(answered)
        assert size <= min(answered) <= max(answered) < head.size
        assert [record.idx for record in records] == list(range(head.size))
        assert head == head_of(leaf_hash(record.message) for record in records)
        size = head.size


def kill_while_writing(url: str, *, lines: int) -> list[int]:
    """Indexes that a writer had answered when it was killed, after at least ``lines`` of them."""
    with subprocess.Popen([sys.executable, str(WRITER), url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        head = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        whole, _, _torn = process.stdout.read().rpartition(b"\n")
    return [int(line) for line in (*head, *whole.split())]
