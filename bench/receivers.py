"""Receivers side by side: what each must offer so that one harness can measure them all."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from sealwire.bootstrap.process_figures import cpu_seconds
from sealwire.clock import SystemClock
from tests.flow.peers import PeerError, RsyslogReceiver, SyslogNgReceiver, wait_until

if TYPE_CHECKING:
    from tests.flow.authority import TlsFiles


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


def memory_kb(pid: int) -> int:
    """Proportional share of memory (PSS) in kB of one process; 0 for one that is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


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
