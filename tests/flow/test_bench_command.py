"""``sealwire bench`` measures a real node, and is content only when nothing was lost."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from sealwire.bootstrap.bench import Load, check_counts
from sealwire.bootstrap.bench_issue import check_books
from sealwire.errors import RefusedError
from tests.flow.commands import SEALWIRE


def measured_by(*words: str) -> dict[str, Any]:
    command = [*SEALWIRE, "bench", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def test_what_was_sent_is_counted_and_found() -> None:
    measured = measured_by("ingest", "--messages", "3001", "--connections", "2", "--batch", "10")
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


def test_what_was_approved_is_issued_and_recorded() -> None:
    # One more than fills the calls: the last call is a smaller one.
    measured = measured_by("issue", "--certificates", "7", "--connections", "2", "--bulk", "3")
    assert (measured["certificates"], measured["approvals_in_each_call"]) == (7, 3)
    assert measured["ca_key_type"] == "p256"
    assert measured["certificates_per_second"] > 0
    assert measured["cpu_milliseconds_per_certificate"] > 0


_FEW = {"ok": True, "certificates": 2, "complete_requests": 2, "approvals": 2, "findings": []}
_MORE = {"certificates": 9, "complete_requests": 9, "approvals": 9}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"certificates": 8}, "6 certificates"),
        ({"complete_requests": 10}, "8 complete requests"),
        ({"approvals": 8}, "6 approvals"),
        ({"ok": False, "findings": [{"message": "request 3 is odd"}]}, "request 3 is odd"),
    ],
)
def test_books_that_tell_another_number_are_refused(changed: dict[str, Any], said: str) -> None:
    check_books(7, _FEW, {**_FEW, **_MORE})
    with pytest.raises(RefusedError, match=f"7 were approved, but: {said}"):
        check_books(7, _FEW, {**_FEW, **_MORE, **changed})
