"""Every code is documented, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from sealwire.errors import Severity
from sealwire.x509.findings import Code

PAGE = Path(__file__).resolve().parents[3] / "docs" / "findings.md"
ROW = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \| (.+) \| (.+) \|$", re.MULTILINE)


def test_every_code_has_its_row() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert sorted(row[0] for row in rows) == sorted(Code)


def test_the_severities_are_those_there_are() -> None:
    for _, severities, meaning, advice in ROW.findall(PAGE.read_text(encoding="utf-8")):
        assert set(severities.split(", ")) <= set(Severity)
        assert meaning
        assert advice
