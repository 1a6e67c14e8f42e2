"""How child processes begin, how they end, and when to start them again."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING, Final

from sealwire.net.control import LineChannel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 5.0
_STEADY: Final = 10.0
_KILL_AFTER: Final = 3.0


def started(
    program: Sequence[str],
    descriptors: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> tuple[subprocess.Popen[bytes], LineChannel]:
    """A child, and the channel to it: its end is the last argument of ``program``.

    ``descriptors``: what it inherits besides. ``environment``: None for that of this process.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [*program, str(theirs.fileno())],
            pass_fds=[theirs.fileno(), *descriptors],
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    return process, LineChannel(ours)


def delay_after(lived: float, delay: float) -> float:
    """Seconds until a child that ``lived`` so long is started again, after ``delay`` last time."""
    return FIRST_DELAY if lived > _STEADY else min(delay * 2, LONGEST_DELAY)


def ended_status(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a process that has closed its end, killed if it does not end."""
    try:
        return process.wait(_KILL_AFTER)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def status_text(status: int) -> str:
    """An exit status in words."""
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
