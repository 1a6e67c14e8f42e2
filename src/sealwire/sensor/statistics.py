"""Counters of the sensor: a fold over what the journal holds, and nothing else counts packets.

A snapshot carries the journal position up to which it counted. Counting that starts from a
snapshot and goes on from its position gives what counting from the beginning would give.
TLS failures are reported by workers and stand in no journal; their counts live in the snapshot.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import ConflictError
from sealwire.sensor.journal import Position
from sealwire.syslog.framing import RECORD_KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sealwire.sensor.journal import BlockSummary, Connection, Run

SNAPSHOT_VERSION: Final = 1
MOST_FAILURES: Final = 2000
OTHER_ADDRESSES: Final = "other"

# Which counter of faults a run adds one to, and which bytes it adds its length to.
_FAULTS: Final[Mapping[Kind, str]] = {
    Kind.TRUNCATED: "overlong",
    Kind.UNTERMINATED: "unterminated",
    Kind.BAD_COUNT: "bad_count",
    Kind.INCOMPLETE: "incomplete",
}
_BYTES: Final[Mapping[Kind, str]] = {
    Kind.BAD_COUNT: "quarantined_bytes",
    Kind.RESYNC: "quarantined_bytes",
    Kind.INCOMPLETE: "quarantined_bytes",
    Kind.SKIPPED: "truncated_bytes",
}
_FAULT_NAMES: Final = (
    "overlong",
    "unterminated",
    "bad_count",
    "incomplete",
    "quarantined_bytes",
    "truncated_bytes",
)


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """Connections from one address that never got through TLS, for one reason.

    ``reason`` is a stable word, ``detail`` plain words, times are nanoseconds since 1970.
    """

    address: str
    reason: str
    detail: str
    count: int
    last_ns: int


@dataclass(slots=True)
class Source:
    """What came from one address with one certificate. Bytes include framing."""

    address: str
    certificate_sha256: str | None
    certificate_subject: str | None
    packets: int = 0
    bytes: int = 0
    last_ns: int = 0

    def add(self, packets: int, length: int, received_ns: int) -> None:
        """Count what one total or run says."""
        self.packets += packets
        self.bytes += length
        self.last_ns = max(self.last_ns, received_ns)


@dataclass(slots=True)
class Statistics:
    """The counters. Not for use by several threads at once."""

    positions: dict[int, Position] = field(default_factory=dict)
    sources: dict[tuple[str, str | None], Source] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_FAULT_NAMES, 0))
    failures: dict[tuple[str, str], TlsFailure] = field(default_factory=dict)

    def apply(self, slot: int, block: BlockSummary) -> None:
        """Count one block. Raises ConflictError unless it lies behind what was counted."""
        if block.end <= self.positions.get(slot, Position()):
            raise ConflictError("statistics.order", "this block was counted before")
        for connection, frames, length, last_ns in block.totals:
            self._source(connection).add(frames, length, last_ns)
        for run in block.rare:
            self._apply_rare(run)
        self.positions[slot] = block.end

    def apply_failures(self, failures: Iterable[TlsFailure]) -> None:
        """Add reported TLS failures; beyond ``MOST_FAILURES`` pairs addresses are summed up."""
        for one in failures:
            known = (one.address, one.reason) in self.failures
            crowded = not known and len(self.failures) >= MOST_FAILURES
            address = OTHER_ADDRESSES if crowded else one.address
            before = self.failures.get((address, one.reason))
            count = one.count + (before.count if before else 0)
            self.failures[address, one.reason] = TlsFailure(
                address, one.reason, one.detail, count, one.last_ns
            )

    def document(self) -> dict[str, Any]:
        """``sensor stats``: totals, sources, what was faulty, and who failed at TLS."""
        return {
            "packets_received": sum(source.packets for source in self.sources.values()),
            "bytes_received": sum(source.bytes for source in self.sources.values()),
            "sources": self.source_documents(),
            **self.faults,
            "tls_failures": [
                {
                    "address": one.address,
                    "reason": one.reason,
                    "detail": one.detail,
                    "count": one.count,
                    "last_seen": time_text(one.last_ns),
                }
                for one in sorted(self.failures.values(), key=lambda one: -one.last_ns)
            ],
        }

    def source_documents(self) -> list[dict[str, Any]]:
        """One entry for each address and certificate, the last to speak first."""
        return [
            {
                "address": source.address,
                "packets_received": source.packets,
                "bytes_received": source.bytes,
                "last_seen": time_text(source.last_ns),
                "certificate_subject": source.certificate_subject,
                "certificate_sha256": source.certificate_sha256,
            }
            for source in sorted(self.sources.values(), key=lambda source: -source.last_ns)
        ]

    def snapshot(self) -> str:
        """All of it as a JSON document, with the position that it counted to."""
        return json.dumps(
            {
                "version": SNAPSHOT_VERSION,
                "positions": {str(slot): list(end) for slot, end in self.positions.items()},
                "sources": [
                    [
                        source.address,
                        source.certificate_sha256,
                        source.certificate_subject,
                        source.packets,
                        source.bytes,
                        source.last_ns,
                    ]
                    for source in self.sources.values()
                ],
                "faults": self.faults,
                "failures": [
                    [one.address, one.reason, one.detail, one.count, one.last_ns]
                    for one in self.failures.values()
                ],
            }
        )

    def _source(self, connection: Connection) -> Source:
        key = connection.address, connection.certificate_sha256
        source = self.sources.get(key)
        if source is None:
            source = Source(*key, connection.certificate_subject)
            self.sources[key] = source
        return source

    def _apply_rare(self, run: Run) -> None:
        if run.kind in RECORD_KINDS:
            self._source(run.connection).add(run.frames, run.length, run.received_ns)
        if run.kind in _FAULTS:
            self.faults[_FAULTS[run.kind]] += 1
        if run.kind in _BYTES:
            self.faults[_BYTES[run.kind]] += run.length


def restored(document: str | None) -> Statistics:
    """Statistics from a snapshot; fresh ones from None. Raises ConflictError for another version.

    Such a snapshot is of a newer release; counting again from the journal's start would be right
    only as long as no file was removed, so nothing is guessed.
    """
    if document is None:
        return Statistics()
    fields = json.loads(document)
    if fields["version"] != SNAPSHOT_VERSION:
        raise ConflictError(
            "statistics.version", "the counters were written by another release of Sealwire"
        )
    statistics = Statistics(
        positions={int(slot): Position(*end) for slot, end in fields["positions"].items()},
        faults=dict.fromkeys(_FAULT_NAMES, 0) | fields["faults"],
    )
    for row in fields["sources"]:
        source = Source(*row)
        statistics.sources[source.address, source.certificate_sha256] = source
    statistics.apply_failures(TlsFailure(*row) for row in fields["failures"])
    return statistics


def time_text(nanoseconds: int) -> str:
    """RFC 3339 in UTC with microseconds, which is what a syslog time can carry."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
