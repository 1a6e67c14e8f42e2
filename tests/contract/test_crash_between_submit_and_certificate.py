"""A CA that dies at any step leaves each certificate with one request and one audit record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHILD = Path(__file__).with_name("dying_authority.py")


def test_whichever_step_it_dies_at(database_url: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    done = subprocess.run(
        [sys.executable, str(CHILD), database_url, str(keys)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    steps = [line for line in done.stdout.splitlines() if not line.startswith("=")]
    lives = [line.split(" ", 5) for line in done.stdout.splitlines() if line.startswith("=")]
    assert {"before the commit", "after the commit, before the answer"} <= set(steps)
    assert "in the transaction, after insert_certificate" in steps
    assert len(lives) == len(steps) + 1 > 12
    issued = 1
    ends = [*steps, "the end"]
    for life, step in enumerate(ends, 1):
        _, status, *counts, faults = lives[life - 1]
        assert faults == "", step
        assert len(set(counts)) == 1, (step, counts)
        # Only what was answered, or could have been, may be there.
        more = int(counts[0]) - issued
        assert more == (1 if step == "the end" or life == len(steps) else 0), step
        assert status == ("0" if step == "the end" else "9")
        issued += more
