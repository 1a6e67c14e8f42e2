"""The command as its users run it: words in, exit code, output and complaints out."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.cli.app import outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Done = subprocess.CompletedProcess[str]

SEALWIRE = (sys.executable, "-m", "sealwire")


def process(home: Path, *words: str, **environment: str) -> Done:
    """One command on ``home``, in a process of its own."""
    return subprocess.run(
        [*SEALWIRE, *words],
        env={**os.environ, "SEALWIRE_HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run(home: Path | None, *words: str, text: str = "", **environment: str) -> Done:
    """The same within this process, which is quick and would see a socket left open.

    ``text`` is typed in. Output is this process's own for the time: not for threads side by side.
    """
    out, complaints = io.StringIO(), io.StringIO()
    named = {"SEALWIRE_HOME": str(home)} if home else {}
    with (
        _surroundings(text, {**named, **environment}),
        redirect_stdout(out),
        redirect_stderr(complaints),
    ):
        code = outcome(list(words))
    return Done(words, code, out.getvalue(), complaints.getvalue())


@contextmanager
def _surroundings(text: str, environment: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(text))
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


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


def pki_refused(done: Done, *texts: str) -> None:
    """A ``pki`` command ended as Dogtag's does, and said why in its way."""
    assert (done.returncode, done.stdout) == (255, ""), done.stdout + done.stderr
    assert re.match(r"(ERROR|\w+Exception): \S", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    for text in texts:
        assert text in done.stderr


def state(home: Path) -> dict[str, Any]:
    """What the node wrote about itself."""
    document: dict[str, Any] = json.loads((home / "run" / "node.json").read_text(encoding="utf-8"))
    return document
