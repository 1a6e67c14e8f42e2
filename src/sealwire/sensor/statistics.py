"""Counters of the sensor: a fold over what the journal holds, and nothing else counts packets.

A snapshot carries the journal position up to which it counted. Counting that starts from a
snapshot and goes on from its position gives what counting from the beginning would give.
TLS failures are reported by workers and stand in no journal; their counts live in the snapshot.
Rates are of the last minutes and not kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import ConflictError
from sealwire.sensor.journal import Position
from sealwire.sensor.rates import Rate
from sealwire.sensor.sources import OTHER, Source, channel_documents, source_from
from sealwire.syslog.kinds import RECORD_KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sealwire.sensor.journal import BlockSummary, Connection, Run

SNAPSHOT_VERSION: Final = 2
"""Of version 1 the counters are read as far as they go: without channels and first times."""
MOST_SOURCES: Final = 10_000
MOST_FAILURES: Final = 2000
OTHER_ADDRESSES: Final = OTHER

_READABLE: Final = {1, SNAPSHOT_VERSION}

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
class Statistics:
    """The counters. Not for use by several threads at once.

    Beyond ``MOST_SOURCES`` new sources are summed up under ``OTHER``.
    """

    positions: dict[int, Position] = field(default_factory=dict)
    sources: dict[tuple[str, str | None], Source] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_FAULT_NAMES, 0))
    failures: dict[tuple[str, str], TlsFailure] = field(default_factory=dict)
    rates: dict[tuple[str, int], Rate] = field(default_factory=dict, compare=False)

    def apply(self, slot: int, block: BlockSummary, heard_at: float | None = None) -> None:
        """Count one block. Raises ConflictError unless it lies behind what was counted.

        ``heard_at``: the moment at which this run first saw it, monotonic seconds; None when it may
        have come before this run.
        """
        if block.end <= self.positions.get(slot, Position()):
            raise ConflictError("statistics.order", "this block was counted before")
        for connection, frames, length, last_ns in block.totals:
            self._count(connection, frames, length, last_ns, heard_at)
        for run in block.rare:
            self._apply_rare(run, heard_at)
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

    def document(self, now_ns: int = 0, most: int | None = None) -> dict[str, Any]:
        """``sensor stats``: totals, rates, sources, what was faulty, and who failed at TLS.

        ``most``: so many sources at most, the last to speak; ``source_count`` counts all.
        """
        return {
            "packets_received": sum(source.packets for source in self.sources.values()),
            "bytes_received": sum(source.bytes for source in self.sources.values()),
            "source_count": len(self.sources),
            **self._channels(now_ns),
            "sources": self.source_documents(now_ns, most),
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

    def source_documents(self, now_ns: int, most: int | None = None) -> list[dict[str, Any]]:
        """One entry for each address and certificate, the last to speak first; ``most`` or all."""
        count = len(self.sources) if most is None else most
        return [
            {
                "address": source.address,
                "packets_received": source.packets,
                "bytes_received": source.bytes,
                "first_seen": time_text(source.first_ns),
                "last_seen": time_text(source.last_ns),
                "certificate_subject": source.certificate_subject,
                "certificate_sha256": source.certificate_sha256,
                **_rates(source.rate.document(now_ns)),
                **channel_documents((source,)),
            }
            for source in nlargest(count, self.sources.values(), key=lambda one: one.last_ns)
        ]

    def snapshot(self) -> str:
        """All of it as a JSON document, with the position that it counted to."""
        return json.dumps(
            {
                "version": SNAPSHOT_VERSION,
                "positions": {str(slot): list(end) for slot, end in self.positions.items()},
                "sources": [source.row() for source in self.sources.values()],
                "faults": self.faults,
                "failures": [
                    [one.address, one.reason, one.detail, one.count, one.last_ns]
                    for one in self.failures.values()
                ],
            }
        )

    def _count(
        self,
        connection: Connection,
        packets: int,
        length: int,
        received_ns: int,
        heard_at: float | None,
    ) -> None:
        self._source(connection).add(connection, packets, length, received_ns, heard_at)
        over = connection.transport, connection.listener_port
        rate = self.rates.get(over)
        if rate is None:
            rate = self.rates[over] = Rate()
        rate.add(packets, length, received_ns)

    def _channels(self, now_ns: int) -> dict[str, Any]:
        """What came over which protocol, port and TLS; with rates, also in total."""
        found = channel_documents(self.sources.values())
        still = Rate().document(now_ns)
        found["rates"] = dict(still)
        for channel in (*found["transports"].values(), *found["listeners"].values()):
            # After a restart nothing may have come over it yet.
            channel.update(still)
        for (transport, port), rate in self.rates.items():
            figures = rate.document(now_ns)
            for place in (
                found["rates"],
                found["transports"].setdefault(transport, {}),
                found["listeners"].setdefault(str(port), {}),
            ):
                for name, figure in figures.items():
                    place[name] = round(place.get(name, 0.0) + figure, 2)
        return {**found, **_rates(found["rates"])}

    def _source(self, connection: Connection) -> Source:
        key = connection.address, connection.certificate_sha256
        source = self.sources.get(key)
        if source is None:
            subject = connection.certificate_subject
            if len(self.sources) >= MOST_SOURCES:
                key, subject = (OTHER, None), None
            source = self.sources.setdefault(key, Source(*key, subject))
        return source

    def _apply_rare(self, run: Run, heard_at: float | None) -> None:
        if run.kind in RECORD_KINDS:
            self._count(run.connection, run.frames, run.length, run.received_ns, heard_at)
        if run.kind in _FAULTS:
            self.faults[_FAULTS[run.kind]] += 1
        if run.kind in _BYTES:
            self.faults[_BYTES[run.kind]] += run.length


def restored(document: str | None) -> Statistics:
    """Statistics from a snapshot; fresh ones from None. Raises ConflictError for a newer version.

    Such a snapshot is of a newer release; counting again from the journal's start would be right
    only as long as no file was removed, so nothing is guessed.
    """
    if document is None:
        return Statistics()
    fields = json.loads(document)
    if fields["version"] not in _READABLE:
        raise ConflictError(
            "statistics.version", "the counters were written by another release of Sealwire"
        )
    statistics = Statistics(
        positions={int(slot): Position(*end) for slot, end in fields["positions"].items()},
        faults=dict.fromkeys(_FAULT_NAMES, 0) | fields["faults"],
    )
    for row in fields["sources"]:
        source = source_from(row)
        statistics.sources[source.address, source.certificate_sha256] = source
    statistics.apply_failures(TlsFailure(*row) for row in fields["failures"])
    return statistics


def _rates(figures: Mapping[str, float]) -> dict[str, Any]:
    return {"rates": figures, "messages_per_second": figures["messages_per_second_1m"]}


def time_text(nanoseconds: int) -> str:
    """RFC 3339 in UTC with microseconds, which is what a syslog time can carry."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
