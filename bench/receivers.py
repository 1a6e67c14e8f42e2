"""Receivers side by side: what each must offer so that one harness can measure them all."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from sealwire.clock import SystemClock
from tests.flow.peers import PeerError, RsyslogReceiver, SyslogNgReceiver, wait_until

if TYPE_CHECKING:
    from tests.flow.authority import TlsFiles

TICKS: Final = os.sysconf("SC_CLK_TCK")
_SCHEDULER_CLOCK: Final = 2


@dataclass(frozen=True)
class Spent:
    """CPU seconds: of what receives and stores, and of what works on what is stored already."""

    receiving: float
    later: float = 0.0


class Receiver(Protocol):
    """Receives over mutual TLS, stores, and can be looked at from outside."""

    @property
    def name(self) -> str:
        """What it is called in the table."""
        ...

    @property
    def port(self) -> int:
        """Where it listens."""
        ...

    @property
    def pid(self) -> int:
        """Root of its process tree."""
        ...

    def spent(self) -> Spent:
        """What its processes have used so far."""
        ...

    def __enter__(self) -> Self:
        """Start; on return it accepts connections."""
        ...

    def __exit__(self, *_: object) -> None:
        """End it and all its processes."""
        ...

    def settle(self, messages: int) -> float:
        """Wait until ``messages`` are stored; the monotonic time at which the last one was."""
        ...

    def stored(self) -> int:
        """Messages found in its store, counted one by one."""
        ...


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


def cpu_seconds(root: int) -> float:
    """User and system time of a process tree, with that of children it has already waited for."""
    return sum(cpu_of(pid) for pid in tree(root))


def cpu_of(pid: int) -> float:
    """The same of one process; 0 for one that is gone.

    Its own time by its clock, to the nanosecond; that of children it has waited for in ticks.
    """
    try:
        waited_for = sum(map(int, _stat(pid)[13:15])) / TICKS
        return time.clock_gettime(_clock_of(pid)) + waited_for
    except OSError:
        return 0.0


def _clock_of(pid: int) -> int:
    """The CPU clock of another process, as clock_getcpuclockid(3) makes its number."""
    return (~pid << 3) | _SCHEDULER_CLOCK


def memory_kb(pid: int) -> int:
    """Proportional share of memory (PSS) in kB of one process; 0 for one that is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def command_of(pid: int) -> str:
    """A process's command line; empty for one that is gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return words.replace(b"\0", b" ").decode(errors="replace")


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` after the command's name, which may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


def monotonic_at(moment: float) -> float:
    """A wall-clock moment (seconds since 1970, as in a file's times) on the monotonic clock."""
    clock = SystemClock()
    return clock.monotonic() - (clock.now().timestamp() - moment)


def count_lines(path: Path) -> int:
    """LF in a file of any size."""
    count = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
    return count


def wait_for_quiet(path: Path, messages: int) -> float:
    """Wait until a text file holds ``messages`` lines; when it was last written to (monotonic)."""
    # A message never takes less than a byte a line: no counting before it can be complete.
    wait_until(lambda: path.exists() and path.stat().st_size >= messages, "a file", 60)
    size = -1
    for _ in range(600):
        now = path.stat().st_size
        if now == size and count_lines(path) >= messages:
            return monotonic_at(path.stat().st_mtime_ns / 1e9)
        size = now
        time.sleep(0.1)
    raise PeerError(f"{count_lines(path)} of {messages} messages arrived")


@dataclass
class Rsyslog(RsyslogReceiver):
    """rsyslog at its best: OpenSSL driver, direct queue, buffered file, no fsync."""

    name: str = "rsyslog"
    template: str = r"%timegenerated:::date-rfc3339% %fromhost-ip% %rawmsg%\n"
    flush: bool = False

    def spent(self) -> Spent:
        """All of it is spent on receiving and storing."""
        return Spent(cpu_seconds(self.pid))

    def settle(self, messages: int) -> float:
        """Have the buffer written out at once, as its own flush timer would within a second."""
        os.kill(self.pid, signal.SIGHUP)
        return wait_for_quiet(self.out, messages)

    def stored(self) -> int:
        """Lines of its file."""
        return count_lines(self.out)


@dataclass
class SyslogNg(SyslogNgReceiver):
    """syslog-ng at its best: no parsing, threaded, flow control, no fsync."""

    name: str = "syslog-ng"
    template: str = r"$R_ISODATE $SOURCEIP $MESSAGE\n"
    flush_lines: int = 1000

    def spent(self) -> Spent:
        """All of it is spent on receiving and storing."""
        return Spent(cpu_seconds(self.pid))

    def settle(self, messages: int) -> float:
        """Its file is written whenever its input runs dry."""
        return wait_for_quiet(self.out, messages)

    def stored(self) -> int:
        """Lines of its file."""
        return count_lines(self.out)


PEERS: Final[dict[str, type[Rsyslog | SyslogNg]]] = {"rsyslog": Rsyslog, "syslog-ng": SyslogNg}


def peer(name: str, folder: Path, files: TlsFiles) -> Receiver:
    """A peer that has not been started; KeyError for an unknown name."""
    return PEERS[name](folder, files)
