"""The console of a node whose sensor holds records, all in memory."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemRandom
from sealwire.console.app import Console
from sealwire.errors import SealwireError, UnavailableError
from sealwire.sensor.archive import ArchiveStatus, Evidence, RecordFlag, StoredRecord, said_by
from sealwire.sensor.journal import Position
from sealwire.sensor.service import Installation, Reception, Sensor
from sealwire.syslog.parser import parse
from tests.contract.memory_index import MemoryIndex
from tests.unit.console.scene import ConsoleScene
from tests.unit.sensor.scene import IdleReceivers, KeyShelf, PaperJournal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.sensor.archive import Bucket, Page
    from sealwire.sensor.query import Search

SEGMENT = "sensor-1/2026/11/22/10/sensor-1-000000000001.parquet"


def stored(seq: int, raw: bytes, received_ns: int, **other: object) -> StoredRecord:
    """``raw`` as it is kept, taken apart by the parser."""
    found = StoredRecord(
        seq=seq,
        received_ns=received_ns,
        listener_port=6514,
        transport="tls",
        peer_address="192.0.2.7",
        peer_port=40_000,
        certificate_sha256="ab" * 32,
        certificate_subject="CN=web1,O=Example",
        framing="octets",
        flags=RecordFlag(0),
        retention="default",
        raw=raw,
        **said_by(parse(raw, received_ns // 1000)),
    )
    return replace(found, **other)  # type: ignore[arg-type]


class ListArchive(MemoryIndex):
    """Answers from a list. ``failing``: what searches raise; ``unable``: what the rest raises."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[StoredRecord] = []
        self.waiting = 0
        self.failing: SealwireError | None = None
        self.unable: SealwireError | None = None
        self.seen: list[dict[str, Any]] = []

    def keep(self, *records: StoredRecord) -> None:
        self.kept += records
        self.insert(str(len(self.kept)), records)

    def search(self, search: Search) -> Page:
        if self.failing is not None:
            raise self.failing
        return super().search(search)

    def count(self, search: Search) -> int:
        self._check()
        return super().count(search)

    def chart(self, search: Search, step_s: int) -> list[Bucket]:
        self._check()
        return super().chart(search, step_s)

    def record(self, seq: int) -> tuple[StoredRecord, Evidence]:  # type: ignore[override]
        return super().record(seq), Evidence(SEGMENT, "cd" * 32, seq - 1, 3)

    def status(self) -> ArchiveStatus:
        if isinstance(self.failing, UnavailableError):
            raise self.failing
        moments = [record.received_ns for record in self.kept]
        return ArchiveStatus(
            sealed={0: Position(1, 1)},
            sealed_seq=len(self.kept) + self.waiting,
            indexed_seq=len(self.kept),
            pending_bytes=0,
            segments=1,
            segment_bytes=34_000,
            index_bytes=1_200_000,
            oldest_ns=min(moments, default=None),
            newest_ns=max(moments, default=None),
        )

    def observations(self) -> Sequence[Mapping[str, Any]]:
        return self.seen

    def away_s(self) -> float:
        return 0.0

    def reindex(self) -> Iterator[ArchiveStatus]:
        yield self.status()

    def _check(self) -> None:
        if self.unable is not None:
            raise self.unable


class SensorConsole(ConsoleScene):
    """``archive`` is what the sensor's store process would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.node.base.clock
        self.archive = ListArchive()
        self.journal = PaperJournal()
        self.sensor = Sensor(
            self.node.base.store,
            KeyShelf(),
            Recorder(self.clock, "unit.example.com", AuditFormat.V10_4_5, "0.1.0"),
            self.clock,
            SystemRandom(),
            installation=Installation("sensor-1", ("unit.example.com",), lambda: ""),
            reception=Reception(
                IdleReceivers(self.journal), self.journal, threading.RLock(), self.archive
            ),
        )
        self.services = replace(self.services, sensor=self.sensor)
        self.console = Console(self.services)

    def ago_ns(self, **ago: float) -> int:
        """A moment so long ago, with nanoseconds."""
        return self.clock.now_ns() - int(timedelta(**ago).total_seconds() * 1_000_000) * 1000 + 1

    def receive(self, raws: Sequence[bytes], *, step_s: float = 1.0) -> list[StoredRecord]:
        """One record each ``step_s``, the last one just now."""
        first = len(self.archive.kept) + 1
        made = [
            stored(first + at, raw, self.ago_ns(seconds=(len(raws) - at) * step_s))
            for at, raw in enumerate(raws)
        ]
        self.archive.keep(*made)
        return made
