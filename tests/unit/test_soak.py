"""The report of repeated faults says what was seen, good or bad."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
import pytest

@pytest.mark.soak
def test_holds(soak_rounds, record_property):
    record_property("lost", 0)
    record_property("ready again", "median 1.50 s, worst 2.00 s")
    assert soak_rounds == 7

@pytest.mark.soak
@pytest.mark.parametrize("attempt", [6, 7, 8])
def test_breaks(soak_rounds, attempt):
    assert soak_rounds == attempt

def test_is_not_repeated():
    pass
"""


def test_the_report_has_a_row_for_every_soak_test(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = soak\n", encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    report = tmp_path / "RESULTS.md"
    report.write_text("# Results\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
    ]
    command += ["-c", str(tmp_path / "pytest.ini"), "--soak-report", str(report), str(tmp_path)]
    environment = {**os.environ, "SEALWIRE_SOAK": "7"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    text = report.read_text(encoding="utf-8")
    assert text.startswith("# Results\n\n## Soak, ")
    assert ", 7 repetitions\n" in text
    rows = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("| `test_")]
    assert [row[1] for row in rows] == ["1 passed, 0 failed", "1 passed, 2 failed [6] [8]"]
    assert text.endswith("- `test_holds`: lost 0, ready again median 1.50 s, worst 2.00 s\n")
    assert "test_is_not_repeated" not in text
