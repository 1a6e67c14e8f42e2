"""How child processes end, for those who watch over them."""

from __future__ import annotations

import subprocess
from typing import Final

_KILL_AFTER: Final = 3.0


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
