"""What is seen of messages when they are taken apart: a fold over the batches that are sealed.

How surely they were read and by which rule, how they were framed, whether a HOSTNAME was claimed
that its source may not claim, gaps in their numbers; for each source, address and certificate.
Like what is remembered of RELP senders it is kept with the journal positions it belongs to, so
that after a crash it goes on as if there had been none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealwire.sensor.sequences import SequenceCounts, Sequences
from sealwire.sensor.sources import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


SNAPSHOT_VERSION: Final = 1
MOST_SOURCES: Final = 10_000
MOST_NAMES: Final = 200
"""Different words of one kind that are told apart for one source."""
MOST_HOSTS_TOLD: Final = 20
COUNTED: Final = ("grades", "formats", "framing")
FLAGGED: Final = ("host_not_allowed", "redelivered", "clock_off")

SourceKey = tuple[str, str | None]


class Seen(NamedTuple):
    """So many messages of a source were ``name``; ``what`` is one of ``COUNTED``, ``FLAGGED``."""

    source: SourceKey
    what: str
    name: str
    messages: int


class Numbered(NamedTuple):
    """The ``meta.sequenceId`` of a source's messages with one HOSTNAME, in the order of receipt."""

    source: SourceKey
    host: str | None
    numbers: Sequence[int]


class SeenBatch(NamedTuple):
    """What was seen of one batch."""

    seen: Sequence[Seen] = ()
    numbered: Sequence[Numbered] = ()


@dataclass(slots=True)
class Observed:
    """What was seen of one source. ``counts``: by kind and name. ``fed``: when, running number."""

    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {what: Counter() for what in (*COUNTED, *FLAGGED)}
    )
    sequence: SequenceCounts = field(default_factory=SequenceCounts)
    fed: int = field(default=0, compare=False)

    def document(self) -> dict[str, Any]:
        """The keys of ``sensor stats`` that come from here."""
        return {
            **{what: dict(self.counts[what]) for what in COUNTED},
            **{what: self.counts[what].total() for what in FLAGGED},
            **{f"sequence_{name}": n for name, n in asdict(self.sequence).items()},
        }


class Observations:
    """Fed with what was seen of every batch, in the order of sealing. Pure; for one thread."""

    def __init__(self) -> None:
        self._sources: dict[SourceKey, Observed] = {}
        self._sequences = Sequences()
        self._fed = 0

    @property
    def fed(self) -> int:
        """How many batches it was fed since it was made."""
        return self._fed

    def feed(self, batch: SeenBatch) -> None:
        """Count what was seen."""
        self._fed += 1
        for source, what, name, count in batch.seen:
            counter = self._observed(source).counts[what]
            if name not in counter and len(counter) >= MOST_NAMES:
                name = OTHER  # noqa: PLW2901 - what it is counted under
            counter[name] += count
        for source, host, numbers in batch.numbered:
            changed = self._sequences.feed((*source, host), numbers)
            self._observed(source).sequence.add(changed)

    def documents(self, fed_after: int = -1) -> list[dict[str, Any]]:
        """One for each source that was fed behind ``fed_after``; all of them for -1.

        Beside ``Observed.document``: ``address``, ``certificate_sha256``, and ``sequence_hosts``,
        the HOSTNAMEs whose numbers were not all well, the worst ``MOST_HOSTS_TOLD``.
        """
        told = [key for key, observed in self._sources.items() if observed.fed > fed_after]
        hosts = self._sequences.troubled() if told else {}
        return [
            {
                "address": key[0],
                "certificate_sha256": key[1],
                **self._sources[key].document(),
                "sequence_hosts": hosts.get(key, [])[:MOST_HOSTS_TOLD],
            }
            for key in told
        ]

    def snapshot(self) -> dict[str, Any]:
        """Everything, as a JSON document; see ``restored``."""
        return {
            "version": SNAPSHOT_VERSION,
            "sources": [
                [*key, {w: c for w, c in one.counts.items() if c}, asdict(one.sequence)]
                for key, one in self._sources.items()
            ],
            "sequences": self._sequences.rows(),
        }

    @classmethod
    def restored(cls, document: Mapping[str, Any] | None) -> Observations:
        """From a snapshot; empty from None, and from one of another release: it is only told."""
        self = cls()
        if document is None or document["version"] != SNAPSHOT_VERSION:
            return self
        for address, certificate, counts, sequence in document["sources"]:
            observed = self._sources[address, certificate] = Observed()
            observed.sequence = SequenceCounts(**sequence)
            for what, counted in counts.items():
                observed.counts[what].update(counted)
        self._sequences.take_rows(document["sequences"])
        return self

    def _observed(self, source: SourceKey) -> Observed:
        observed = self._sources.get(source)
        if observed is None:
            if len(self._sources) >= MOST_SOURCES:
                source = (OTHER, None)
            observed = self._sources.setdefault(source, Observed())
        observed.fed = self._fed
        return observed


class ToldObservations:
    """The documents as they were told, the newest of each source.

    ``take`` from one thread, ``documents`` from any.
    """

    def __init__(self) -> None:
        self._known: dict[SourceKey, Mapping[str, Any]] = {}

    def take(self, news: Mapping[str, Any]) -> None:
        """``sources`` of these; nothing else counts any more when they are the ``whole``."""
        fresh = {(one["address"], one["certificate_sha256"]): one for one in news["sources"]}
        self._known = fresh if news["whole"] else {**self._known, **fresh}

    def documents(self) -> Sequence[Mapping[str, Any]]:
        """One for each source."""
        return list(self._known.values())


def with_observations(
    stats: dict[str, Any], documents: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """``sensor stats`` with what was seen, in total and of each source that it names."""
    known = {(one["address"], one["certificate_sha256"]): one for one in documents}
    blank = {**Observed().document(), "sequence_hosts": []}
    for source in stats["sources"]:
        source.update(known.get((source["address"], source["certificate_sha256"]), blank))
        source["spoken"] = spoken(source)
    return {**stats, **summed(documents)}


def spoken(source: Mapping[str, Any]) -> str:
    """In short what a source speaks: ``TLSv1.3, octets, rfc5424``; what it speaks most first."""
    tls = [one["version"] for one in source.get("tls", ())]
    plain = [name for name in source.get("transports", ()) if name != "tls"]
    words = [*tls, *plain]
    for what in ("framing", "formats"):
        words += [name for name, _ in Counter(source[what]).most_common(2)]
    return ", ".join(dict.fromkeys(words))


def summed(documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The same keys over all sources."""
    total = Observed().document()
    for document in documents:
        for key, value in total.items():
            given = document.get(key)
            if isinstance(value, dict):
                for name, count in (given or {}).items():
                    value[name] = value.get(name, 0) + count
            else:
                total[key] = value + (given or 0)
    return total
