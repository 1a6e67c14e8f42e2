"""A journal of runs in memory, as strict as the real one, durable only when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.sensor.journal import Position
from sealwire.syslog.framing import messages_of

if TYPE_CHECKING:
    from sealwire.sensor.journal import Connection
    from sealwire.syslog.kinds import Kind


class MemoryJournal:
    """Fills ``sensor.journal.RunJournal``; becomes durable only when told to."""

    wake_fd = -1
    durable = Position()
    trouble: str | None = None

    def __init__(self) -> None:
        self.runs: list[tuple[Connection, Kind, int, bytes]] = []
        self.gathered = 0
        self.undurable = 0
        self.durable_ticket = 0
        self._sealed = 0

    @property
    def ticket(self) -> int:
        return self._sealed + bool(self.gathered)

    def append(
        self, connection: Connection, kind: Kind, frames: int, received_ns: int, data: bytes
    ) -> None:
        assert received_ns
        self.runs.append((connection, kind, frames, data))
        self.gathered += len(data)
        self.undurable += len(data)

    def seal(self) -> None:
        self._sealed = self.ticket
        self.gathered = 0

    def sync(self) -> None:
        self.durable_ticket = self._sealed

    def close(self) -> None:
        self.seal()
        self.sync()

    def messages(self) -> list[bytes]:
        return [one for _, kind, _, data in self.runs for one in messages_of(kind, data)]
