"""What tests of a killed node share: its processes, its counter without delay, a steady sender."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Self

from tests.flow.authority import LOOPBACK
from tests.flow.peers import RsyslogSender

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.flow.node import Node

LINE = b"<134>1 2026-01-02T03:04:05.000006Z host.example.test app 7 LOAD - line %d"


def workers_of(node: Node, module: str = "receiver_main") -> list[int]:
    """Process ids of the node's receiver workers, or of another module of ``bootstrap``."""
    wanted = f"sealwire.bootstrap.{module}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_bytes().rsplit(b")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if parent == node.pid and wanted in command:
            found.append(int(folder.name))
    return found


def living(pids: Iterable[int]) -> list[int]:
    """Those that still run; a zombie does not."""
    alive = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()[0]
        except OSError:
            continue
        if state != b"Z":
            alive.append(pid)
    return alive


def is_free(port: int) -> bool:
    """Whether somebody else could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
    return True


def kill_main(node: Node) -> None:
    """``kill -9`` of the main process alone."""
    os.kill(node.pid, signal.SIGKILL)
    if node.process is not None:
        node.process.wait()


def cpu_seconds(pid: int) -> float:
    """What a process has used of processors: a start's figure that other programs hardly change."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def median_and_worst(seconds: Sequence[float]) -> str:
    """What a soak reports of how long something took."""
    return f"median {median(seconds):.2f} s, worst {max(seconds):.2f} s"


@dataclass
class Watch:
    """Asks for the counter again and again: `last` is what was answered last."""

    node: Node
    last: int = 0
    answers: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _ask(self) -> None:
        with (
            socket.socket(socket.AF_UNIX) as owner,
            suppress(OSError, HTTPException),
            closing(HTTPConnection("sealwire")) as connection,
        ):
            owner.connect(str(self.node.home / "run" / "owner.sock"))
            connection.sock = owner
            while not self._over.wait(0.01):
                connection.request("GET", "/api/v1/sensor/stats")
                answer = json.loads(connection.getresponse().read())
                self.last = answer["packets_received"]
                self.answers += 1


@dataclass
class SteadySender(RsyslogSender):
    """rsyslog, which is given numbered lines all the time; connects again when it has to."""

    rate: int = 4000
    written: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _writer: threading.Thread | None = None

    def start(self) -> None:
        """Start rsyslog and the lines."""
        super().start()
        self._writer = threading.Thread(target=self._write)
        self._writer.start()

    def quieten(self) -> None:
        """Write no more lines."""
        self._over.set()
        if self._writer is not None:
            self._writer.join()

    def stop(self) -> None:
        """End both."""
        self.quieten()
        super().stop()

    def _write(self) -> None:
        with self.input.open("ab", buffering=0) as file:
            while not self._over.is_set():
                numbers = range(self.written, self.written + self.rate // 50)
                file.write(b"".join(LINE % number + b"\n" for number in numbers))
                self.written = numbers.stop
                time.sleep(0.02)


def number_of(message: str) -> int:
    """Which of the numbered lines it is."""
    return int(message.rsplit(" ", 1)[1])
