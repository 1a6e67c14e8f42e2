"""What commands load before they do anything: the figures of a quick start, without a watch."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sealwire.cli.lazy import GROUPS

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


def modules(folder: Path, *words: str) -> set[str]:
    """What a command imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sealwire", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    names = set(re.findall(r"^import time:[^|]*\|[^|]*\|\s*(\S+)", done.stderr, re.MULTILINE))
    assert "sealwire.cli.app" in names
    return names


def loaded(folder: Path, *words: str) -> set[str]:
    """The top-level packages among them."""
    return {name.partition(".")[0] for name in modules(folder, *words)}


def test_the_list_of_groups_makes_none_of_them(tmp_path: Path) -> None:
    made = {f"sealwire.cli.{name}" for name in GROUPS}
    assert modules(tmp_path, "--help") & made == set()


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["ca", "--help"], ["up", "--help"]])
def test_help_loads_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    assert loaded(tmp_path, *words) & HEAVY == set()


def test_a_new_request_loads_certificates_and_no_more(tmp_path: Path) -> None:
    words = ("csr", "new", "--cn", "node.example.com", "--out-dir", "out")
    assert loaded(tmp_path, *words) & HEAVY == {"cryptography"}


@pytest.mark.parametrize(
    ("module", "without"),
    [
        # What begins the receivers, and what then serves them, wait for none of these.
        ("launch", {"fastapi", "httpx", "jinja2", "pydantic", "pyarrow", "sqlalchemy", "uvicorn"}),
        ("node", {"alembic", "chdb", "fastapi", "jinja2", "pkilint", "pyarrow"}),
        ("receiver_main", {"fastapi", "httpx", "jinja2", "pyarrow", "pydantic", "sqlalchemy"}),
        ("store_main", {"chdb", "fastapi", "httpx", "jinja2", "pyarrow", "sqlalchemy"}),
    ],
)
def test_a_node_begins_with_what_receives(module: str, without: set[str]) -> None:
    program = f"import sys, sealwire.bootstrap.{module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert {name.partition(".")[0] for name in done.stdout.split()} & without == set()
