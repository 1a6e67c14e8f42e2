"""The sensor as a receiver: a whole node, with its CA, its appliance and its console running."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from bench.receivers import Spent
from sealwire.bootstrap.process_figures import by_role, cpu_of
from sealwire.clock import SystemClock
from tests.flow.node import Node
from tests.flow.peers import PeerError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.authority import TlsFiles

QUIET_SECONDS = 0.5
SETTLE_SECONDS = 60


@dataclass
class Sensor:
    """``sealwire up`` with default settings, a P-256 identity, and client certificates demanded."""

    folder: Path
    files: TlsFiles
    name: str = "sealwire"
    node: Node = field(init=False)
    _counted: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.node = Node(self.folder / "home")

    def __enter__(self) -> Self:
        self.node.start()
        try:
            self.node.serve_with(self.files)
        except PeerError:
            self.node.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it at once: the store process need not finish what nobody will ask for."""
        if self.node.process is not None and self.node.process.poll() is None:
            self._counted = self.node.packets_received()
            self.node.kill()

    @property
    def port(self) -> int:
        """The first TLS listener's."""
        return self.node.target.port

    @property
    def pid(self) -> int:
        """The main process's."""
        return self.node.pid

    def spent(self) -> Spent:
        """Main and the workers receive, make durable and count; the store process works later."""
        used = by_role(self.pid, cpu_of)
        return Spent(used["main"] + used["receivers"], used["store"])

    def settle(self, messages: int) -> float:
        """Until the journal has not grown for half a second and ``messages`` were counted.

        The time is that of our own fdatasync after the last growth: at the latest then the last
        message was durable. Files that the store process has done with may go meanwhile.
        """
        clock = SystemClock()
        sizes: dict[Path, int] = {}
        durable = clock.monotonic()
        deadline = durable + SETTLE_SECONDS
        while clock.monotonic() < deadline:
            now = self._sizes()
            grown = [file for file, size in now.items() if size > sizes.get(file, -1)]
            if grown:
                for file in grown:
                    _synchronize(file)
                sizes, durable = now, clock.monotonic()
            elif clock.monotonic() - durable > QUIET_SECONDS:
                self._counted = self.node.packets_received()
                if self._counted >= messages:
                    return durable
            time.sleep(0.005)
        raise PeerError(f"{self._counted} of {messages} messages arrived:\n{self.node.said()}")

    def _sizes(self) -> dict[Path, int]:
        sizes: dict[Path, int] = {}
        for file in (self.node.home / "journal").rglob("*.swj"):
            with suppress(FileNotFoundError):
                sizes[file] = file.stat().st_size
        return sizes

    def stored(self) -> int:
        """Packets received as its own counter showed last: frames that the journal holds."""
        return self._counted


def _synchronize(file: Path) -> None:
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
