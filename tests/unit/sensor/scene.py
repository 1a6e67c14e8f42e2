"""A sensor on a store in memory, with receivers and a journal that exist only here."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemRandom
from sealwire.errors import NotFoundError
from sealwire.sensor.archive import ArchiveStatus
from sealwire.sensor.journal import (
    BlockSummary,
    Connection,
    Position,
    ReceivedMessage,
    Total,
)
from sealwire.sensor.no_archive import NoArchive
from sealwire.sensor.receiving import ListenerState
from sealwire.sensor.service import Installation, Reception, Sensor
from sealwire.stores.memory import MemoryStore
from sealwire.syslog.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.sensor.archive import RecordArchive
    from sealwire.sensor.receiving import TlsMaterial
    from sealwire.sensor.shelf import DeletedDay, ExportRange, ShelvedDay

START = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
SENDER = Connection(1, "192.0.2.1", 40000, 6514, "TLSv1.3", "x", "ab" * 32, "CN=a")


class HandClock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.time = START
        self.passed = 0.0

    def now(self) -> datetime:
        return self.time

    def now_ns(self) -> int:
        return int(self.time.timestamp()) * 1_000_000_000

    def monotonic(self) -> float:
        return START.timestamp() + self.passed

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.passed += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets it: no time passes."""
        self.time += timedelta(seconds=seconds)


class KeyShelf:
    """Keys in a dictionary."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}

    def save_key(self, key_id: str, pkcs8_pem: bytes) -> None:
        self.keys[key_id] = pkcs8_pem

    def remove_key(self, key_id: str) -> None:
        self.keys.pop(key_id, None)

    def load_key(self, key_id: str) -> bytes:
        try:
            return self.keys[key_id]
        except KeyError:
            raise NotFoundError("key.unknown", "there is no such key") from None


class PaperJournal:
    """A journal of one slot in a list; each message is a block."""

    def __init__(self) -> None:
        self.messages_kept: list[bytes] = []
        self.read = 0

    def receive(self, *messages: bytes) -> None:
        self.messages_kept += messages

    def slots(self) -> Sequence[int]:
        return [0]

    def summaries(self, slot: int, start: Position, end: Position) -> Iterator[BlockSummary]:
        assert slot == 0
        for offset in range(start.offset, end.offset):
            self.read += 1
            total = Total(SENDER, 1, len(self.messages_kept[offset]), offset + 1)
            yield BlockSummary(Position(1, offset + 1), [total], [])

    def messages(self, slot: int, start: Position, end: Position) -> Iterator[ReceivedMessage]:
        for offset in range(start.offset, end.offset):
            yield ReceivedMessage(slot, offset + 1, SENDER, Kind.OCTETS, self.messages_kept[offset])

    def some(
        self, slot: int, start: Position, end: Position, count: int
    ) -> tuple[Sequence[ReceivedMessage], Position]:
        stop = min(end, Position(end.file, start.offset + count))
        return list(self.messages(slot, start, stop)), stop

    def newest(self, slot: int, end: Position, count: int) -> Sequence[ReceivedMessage]:
        start = Position(1, max(0, end.offset - count))
        return list(self.messages(slot, start, end))


class IdleReceivers:
    """Receivers that only remember what they were told."""

    def __init__(self, journal: PaperJournal) -> None:
        self._journal = journal
        self.materials: list[TlsMaterial] = []

    def listeners(self) -> Sequence[ListenerState]:
        return [ListenerState(6514, open=True), ListenerState(6515, open=True)]

    def positions(self) -> Mapping[int, Position]:
        return {0: Position(1, len(self._journal.messages_kept))}

    def connections(self) -> int:
        return 3

    def reload(self, material: TlsMaterial) -> None:
        self.materials.append(material)


class PaperShelf:
    """What is stored, as a test says."""

    def __init__(self) -> None:
        self.stored: list[ShelvedDay] = []
        self.gone: list[DeletedDay] = []
        self.in_force: set[str] = set()
        self.exported: list[ExportRange] = []

    def days(self) -> Sequence[ShelvedDay]:
        return self.stored

    def holds(self) -> frozenset[str]:
        return frozenset(self.in_force)

    def deletions(self, after: int) -> Sequence[DeletedDay]:
        return [one for one in self.gone if one.manifest > after]

    def export(self, wanted: ExportRange) -> Iterator[bytes]:
        self.exported.append(wanted)
        return iter((b"ta", b"r"))


class PaperArchive(NoArchive):
    """Knows only what was deleted; away while that is nothing."""

    def __init__(self, shelf: PaperShelf) -> None:
        self._shelf = shelf

    def status(self) -> ArchiveStatus:
        if not self._shelf.gone:
            return super().status()
        last = max(one.manifest for one in self._shelf.gone)
        return ArchiveStatus({}, 0, 0, 0, 0, 0, 0, None, None, last_deletion=last)


class SensorScene:
    """A sensor and everything around it; ``restart`` makes a new one on the same store."""

    def __init__(self, default_trust: str = "", archive: RecordArchive | None = None) -> None:
        self.store = MemoryStore()
        self.clock = HandClock()
        self.keys = KeyShelf()
        self.journal = PaperJournal()
        self.receivers = IdleReceivers(self.journal)
        self.default_trust = default_trust
        self.shelf = PaperShelf()
        self.archive = archive or PaperArchive(self.shelf)
        self.sensor = self.restart()

    def restart(self) -> Sensor:
        self.sensor = Sensor(
            self.store,
            self.keys,
            Recorder(self.clock, "sensor.example.test", AuditFormat.V10_4_5, "0"),
            self.clock,
            SystemRandom(),
            installation=Installation(
                "sensor-1", ("sensor.example.test", "127.0.0.1"), lambda: self.default_trust
            ),
            reception=Reception(
                self.receivers, self.journal, threading.RLock(), self.archive, self.shelf
            ),
        )
        return self.sensor

    def audited(self) -> list[tuple[str, str]]:
        """Event and text of every record in the trail ``sensor``."""
        records = self.store.read(lambda tx: tx.trail_records("sensor", start=0, limit=1000))
        return [(record.event, record.text) for record in records]
