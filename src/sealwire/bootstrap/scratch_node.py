"""A node in a process of its own, as ``sealwire up`` starts it, for as long as it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sealwire.clock import SystemClock
from sealwire.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 30


@contextmanager
def scratch_node(
    home: Path, options: Sequence[str], say: Callable[[str], object], *, database: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Ready on free loopback ports; stopped at the end. ``say``: each line that it prints.

    Raises UnavailableError ``node.not_ready``.
    """
    node = subprocess.Popen(  # noqa: S603 - our own command
        [
            *(sys.executable, "-m", "sealwire", "up", "--home", str(home)),
            *("--listen", "127.0.0.1", "--console-port", "0", "--http-port", "0", *options),
        ],
        stdout=subprocess.PIPE,
        text=True,
        # Not among the words: those are shown to every user of the machine.
        env={**os.environ, "SEALWIRE_DATABASE": database},
    )
    try:
        _until_ready(node, say)
        yield node
    finally:
        node.terminate()
        try:
            node.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()
        if node.stdout is not None:
            node.stdout.close()


def _until_ready(node: subprocess.Popen[str], say: Callable[[str], object]) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + _START_SECONDS
    for line in node.stdout or ():
        say(line.rstrip())
        if line.strip() == "READY":
            return
        if clock.monotonic() > deadline:
            break
    raise UnavailableError("node.not_ready", "the node did not get ready")
