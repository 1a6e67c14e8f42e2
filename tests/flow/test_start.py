"""What commands load before they do anything: the figures of a quick start, without a watch."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "alembic",
    "argon2",
    "asyncio",
    "cryptography",
    "fastapi",
    "httpx",
    "jinja2",
    "pyarrow",
    "pydantic",
    "sqlalchemy",
    "uvicorn",
}


def loaded(folder: Path, *words: str) -> set[str]:
    """The top-level packages that a command imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sealwire", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    names = re.findall(r"^import time:[^|]*\|[^|]*\|\s*(\S+)", done.stderr, re.MULTILINE)
    assert "sealwire.cli.app" in names
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["ca", "--help"], ["up", "--help"]])
def test_help_loads_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    assert loaded(tmp_path, *words) & HEAVY == set()


def test_a_new_request_loads_certificates_and_no_more(tmp_path: Path) -> None:
    words = ("csr", "new", "--cn", "node.example.com", "--out-dir", "out")
    assert loaded(tmp_path, *words) & HEAVY == {"cryptography"}
