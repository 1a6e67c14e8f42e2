"""The sensor as a receiver: a whole node, with its CA, its appliance and its console running."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from sealwire.clock import SystemClock
from sealwire.sensor.journal import Position
from sealwire.stores.journal.reader import JournalReadings
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
        self.node.stop()

    @property
    def port(self) -> int:
        """The first TLS listener's."""
        return self.node.target.port

    @property
    def pid(self) -> int:
        """The main process's."""
        return self.node.pid

    def settle(self, messages: int) -> float:
        """Until the journal has not grown for half a second and holds ``messages``.

        The time is that of our own fdatasync after the last growth: at the latest then the last
        message was durable.
        """
        clock = SystemClock()
        sizes: dict[Path, int] = {}
        durable = clock.monotonic()
        deadline = durable + SETTLE_SECONDS
        while clock.monotonic() < deadline:
            now = self._sizes()
            if now != sizes:
                for file in now.keys() - {f for f, size in sizes.items() if size == now.get(f)}:
                    _synchronize(file)
                sizes, durable = now, clock.monotonic()
            elif clock.monotonic() - durable > QUIET_SECONDS and self.stored() >= messages:
                return durable
            time.sleep(0.005)
        raise PeerError(f"{self.stored()} of {messages} messages arrived:\n{self.node.said()}")

    def _sizes(self) -> dict[Path, int]:
        journal = self.node.home / "journal"
        return {file: file.stat().st_size for file in journal.rglob("*") if file.is_file()}

    def stored(self) -> int:
        """Frames in the journal, by the totals of its blocks."""
        readings = JournalReadings(self.node.home / "journal")
        everything = (Position(), Position(file=1 << 62))
        return sum(
            total.frames
            for slot in readings.slots()
            for block in readings.summaries(slot, *everything)
            for total in block.totals
        )


def _synchronize(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
