"""The command as its users run it: words in, exit code, output and complaints out."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests.flow.node import SEALWIRE

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]


def run(home: Path, *words: str, text: str = "", **environment: str) -> Done:
    """One command on ``home``; its exit code, output and complaints."""
    return subprocess.run(
        [*SEALWIRE, *words],
        input=text,
        env={**os.environ, "SEALWIRE_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def good(done: Done) -> str:
    """The output of a command that must have worked."""
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
    return done.stdout


def refused(done: Done, code: int, *texts: str) -> None:
    """It ended so, said why in plain lines on stderr, and printed nothing else."""
    assert (done.returncode, done.stdout) == (code, ""), done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    for text in texts:
        assert text in done.stderr


def state(home: Path) -> dict[str, Any]:
    """What the node wrote about itself."""
    document: dict[str, Any] = json.loads((home / "run" / "node.json").read_text(encoding="utf-8"))
    return document
