"""Where what arrived is kept, searched and held: the store process, as the sensor sees it.

A record's way: journal -> parsed -> sealed into a segment -> indexed. Segments and the chain of
their manifests are the evidence; the index can be built again from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Final, Protocol

from sealwire.syslog.message import ENDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.sensor.journal import Position
    from sealwire.sensor.query import Cursor, Search
    from sealwire.syslog.message import ParsedMessage


STORE_MAY_BE_AWAY: Final = 60.0
"""Seconds that the store process may take to start, or to start again, before it is missed."""


class RecordFlag(IntFlag):
    """What is special about a record. The numbers stand in segments: never reuse one."""

    TRUNCATED = 1
    """Too long: its end was cut off."""
    UNTERMINATED = 2
    """The last line of an orderly closed connection, without its delimiter."""
    REDELIVERED = 4
    """Its sender sent it a second time, because it did not see our answer (RELP)."""
    HOST_NOT_ALLOWED = 8
    """The source may not claim this HOSTNAME."""
    TIME_GUESSED = 16
    """Year or zone of the sender's time were assumed."""
    NO_TIME = 32
    """The message carries no time that can be read."""
    CLOCK_OFF = 64
    """The sender's time is more than a day from the time of receipt."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as search shows it.

    ``seq``: number of the record, unique in its sensor, in the order of sealing. ``message_start``
    is an offset in ``raw``. ``facility`` and ``severity`` are None without PRI.
    ``tls_version`` and ``cipher`` are known of a single record only, and empty without TLS: its
    segment has them, the index does not.
    """

    seq: int
    received_ns: int
    listener_port: int
    transport: str
    peer_address: str
    peer_port: int
    certificate_sha256: str | None
    certificate_subject: str | None
    framing: str
    flags: RecordFlag
    retention: str
    grade: str
    rule: str
    facility: int | None
    severity: int | None
    timestamp_us: int | None
    host: str | None
    app: str | None
    procid: str | None
    msgid: str | None
    fields: tuple[tuple[str, str], ...]
    message_start: int
    raw: bytes
    tls_version: str = ""
    cipher: str = ""

    @property
    def text(self) -> bytes:
        """The message without its header and what its sender ended it with."""
        return self.raw[self.message_start :].rstrip(ENDS)


def said_by(parsed: ParsedMessage) -> dict[str, Any]:
    """What a parser says of a record, by the names of the record's attributes."""
    values = parsed._asdict()
    # A flag of the record says this.
    del values["timestamp_guessed"]
    return {**values, "grade": parsed.grade.name.lower()}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a record lies: segment (path below the segments' folder), its SHA-256, row from 0.

    ``manifest``: number of the manifest that sealed the segment.
    """

    segment: str
    sha256: str
    row: int
    manifest: int


@dataclass(frozen=True, slots=True)
class Page:
    """Records in the order asked for; ``next`` is None when there are no more."""

    records: tuple[StoredRecord, ...]
    next: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bar of a chart: records received from ``start_us`` on, by severity (None: no PRI)."""

    start_us: int
    counts: Mapping[int | None, int]


@dataclass(frozen=True, slots=True)
class ArchiveStatus:
    """How far the store process is, and what it holds.

    ``sealed``: per journal slot, up to where records lie in segments. ``pending_bytes``: bytes in
    the journal behind that. ``indexed_seq`` < ``sealed_seq``: what waits for the index. ``oldest``
    and ``newest`` are times of receipt in ns. ``trouble``: why nothing goes on; None when all is
    well. ``last_deletion``: number of the newest manifest that deleted a day; -1: none did.
    """

    sealed: Mapping[int, Position]
    sealed_seq: int
    indexed_seq: int
    pending_bytes: int
    segments: int
    segment_bytes: int
    index_bytes: int
    oldest_ns: int | None
    newest_ns: int | None
    trouble: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    last_deletion: int = -1


class RecordArchive(Protocol):
    """Answers questions about what arrived. Safe to call from any thread.

    Every answer is bounded in time and memory: RefusedError ``search.too_expensive`` beyond that,
    RefusedError ``search.pattern`` for a regular expression that does not compile,
    UnavailableError ``archive.unavailable`` while the store process is away.
    """

    def search(self, search: Search) -> Page:
        """Records that were indexed."""
        ...

    def count(self, search: Search) -> int:
        """How many there are, whatever ``limit`` and ``after`` say."""
        ...

    def chart(self, search: Search, step_s: int) -> Sequence[Bucket]:
        """How many were received in each ``step_s`` seconds; empty buckets are left out."""
        ...

    def record(self, seq: int) -> tuple[StoredRecord, Evidence]:
        """One record and where its evidence lies. Raises NotFoundError ``record.unknown``."""
        ...

    def status(self) -> ArchiveStatus:
        """How far it is, and what it holds."""
        ...

    def observations(self) -> Sequence[Mapping[str, Any]]:
        """What was seen of each source's messages, as ``sensor.observations`` documents it."""
        ...

    def away_s(self) -> float:
        """For how many seconds nobody has been there to answer; 0 when somebody is."""
        ...

    def reindex(self) -> Iterator[ArchiveStatus]:
        """Build the index again from the segments; yields how far it is until it is done."""
        ...
