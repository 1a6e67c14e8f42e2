"""What a node's processes are for, and what each has used: from proc(5), by anybody."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ROLES: Final = ("main", "receivers", "store")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SCHEDULER_CLOCK: Final = 2


def tree(root: int) -> list[int]:
    """Process ids of ``root`` and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = _stat(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_of(pid: int) -> float:
    """User and system seconds of a process so far; 0 for one that is gone.

    Its own time by its clock, to the nanosecond; that of children it has waited for in ticks.
    """
    try:
        waited_for = sum(map(int, _stat(pid)[13:15])) / _TICKS
        return time.clock_gettime(_clock_of(pid)) + waited_for
    except OSError:
        return 0.0


def cpu_seconds(root: int) -> float:
    """User and system time of a process tree, with that of children it has already waited for."""
    return sum(cpu_of(pid) for pid in tree(root))


def role_of(pid: int) -> str:
    """What a process of a node is for: one of ``ROLES``."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        command = b""
    if b"receiver_main" in command:
        return "receivers"
    return "store" if b"store_main" in command else "main"


def by_role(root: int, figure: Callable[[int], float]) -> dict[str, float]:
    """Sums of a ``figure`` of each of a node's processes; ``root`` is its main process."""
    sums = dict.fromkeys(ROLES, 0.0)
    for pid in tree(root):
        sums[role_of(pid)] += figure(pid)
    return sums


def _clock_of(pid: int) -> int:
    """The CPU clock of another process, as clock_getcpuclockid(3) makes its number."""
    return (~pid << 3) | _SCHEDULER_CLOCK


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` after the command's name, which may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()
