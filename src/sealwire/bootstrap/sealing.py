"""Seals what the journal holds: blocks -> parsed columns -> segments, again and again.

How far it is stands in the chain of manifests and nowhere else, so that a crash at any moment
costs only the work of one batch. pyarrow and the parser are loaded with the first batch.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog

from sealwire.bootstrap.observing import Observing
from sealwire.errors import SealwireError
from sealwire.sensor.batches import BatchLimits, gather
from sealwire.sensor.journal import Position
from sealwire.sensor.judgement import PolicyJudge
from sealwire.sensor.policy import ArchivePolicy
from sealwire.sensor.redelivery import Redeliveries
from sealwire.sensor.sealing import Attempt, SealPace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sealwire.clock import Clock
    from sealwire.sensor.batches import Batch, BlockReader, MessageRun
    from sealwire.sensor.record_columns import Parse
    from sealwire.stores.sealing_notes import SealingNotes
    from sealwire.stores.segments.store import SegmentStore

log = structlog.get_logger(__name__)

IDLE: Final = 3600.0
RETRY_AFTER: Final = 1.0
SETTLING: Final = 0.1
_RELP: Final = "relp"


@dataclass(frozen=True, slots=True)
class Feed:
    """What may be sealed: by slot, how far the journal is durable.

    ``settled``: how far that was a moment ago, see ``BatchLimits``.
    """

    ends: Mapping[int, Position] = field(default_factory=dict)
    settled: Mapping[int, Position] | None = None


@dataclass(frozen=True, slots=True)
class SealingPlaces:
    """Where it reads, writes and tells. ``segments`` opens them, and ``parser`` loads it, at need.

    ``hand_over`` takes the records of each seal (``bootstrap.indexing``); ``alarm`` a code and
    plain words.
    """

    segments: Callable[[], SegmentStore]
    reader: BlockReader
    notes: SealingNotes
    parser: Callable[[], Parse]
    hand_over: Callable[[Any, Any], None]
    alarm: Callable[[str, str], None]


class Sealing:
    """The first half of the store process. ``feed`` and ``judge_by`` from any thread."""

    def __init__(self, places: SealingPlaces, clock: Clock) -> None:
        self._places = places
        self._clock = clock
        self._lock = threading.Lock()
        self._feed = Feed()
        self._policy = ArchivePolicy()
        self._judge = PolicyJudge(self._policy)
        self._pace = SealPace(filled_at=clock.monotonic())
        self._since: float | None = None
        self._passed: dict[int, Position] = {}
        self._rewound: set[int] = set()
        self._redeliveries: Redeliveries | None = None
        self.observing = Observing(places.notes.observations, self.sealed)
        self.trouble: str | None = None

    # From any thread.

    def feed(self, feed: Feed) -> None:
        """So far it may go."""
        with self._lock:
            self._feed = feed

    @property
    def policy(self) -> ArchivePolicy:
        """What it judges by."""
        with self._lock:
            return self._policy

    def judge_by(self, policy: ArchivePolicy) -> None:
        """Classes and claims of records sealed from now on."""
        with self._lock:
            self._policy = policy

    def sealed(self) -> Mapping[int, Position]:
        """By slot, up to where everything is sealed; what holds no record counts as sealed."""
        return {**self._in_chain(), **self._passed}

    def pending_bytes(self) -> int:
        """Bytes of the journal that wait."""
        feed, starts = self._feed, self.sealed()
        return sum(
            self._places.reader.bytes_between(slot, starts.get(slot, Position()), end)
            for slot, end in feed.ends.items()
        )

    def start_from(self, ends: Mapping[int, Position]) -> None:
        """Told once where the journal's slots end: one may end before what is sealed of it.

        Files were taken away then, or the disk lost them, and numbers began anew. What is there
        and came later than everything sealed is sealed.
        """
        for slot, at in self._in_chain().items():
            end = ends.get(slot)
            if end is not None and end < at:
                self._passed[slot] = self._end_of_old(slot, end)
                self._rewound.add(slot)
                text = f"the journal of slot {slot} ends before what was sealed of it"
                self._places.alarm("journal_missing", text)

    def _end_of_old(self, slot: int, end: Position) -> Position:
        """Where the blocks end that are not younger than what is sealed."""
        newest_ns = self._places.segments().status().newest_ns or 0
        reached = Position()
        for block in self._places.reader.blocks(slot, Position(), end):
            if block.oldest_ns > newest_ns:
                break
            reached = block.end
        return reached

    # The sealing thread.

    def advance(self) -> float:
        """Seal one batch if it is time; seconds until the next look is worth while."""
        with self._lock:
            feed = self._feed
        if not feed.ends:
            return IDLE
        try:
            return self._advanced(feed)
        except (SealwireError, OSError) as error:
            # Not the batch's fault, and not to be counted as such.
            self._places.notes.clear_attempt()
            self._set_trouble(error)
            return RETRY_AFTER
        except Exception as error:
            log.exception("sealing failed")
            self._set_trouble(error)
            return RETRY_AFTER

    def drain(self) -> None:
        """Seal everything that was fed, at once. Raises what goes wrong."""
        with self._lock:
            feed = self._feed
        while self._seal_next(Feed(feed.ends)):
            pass

    def lag_s(self) -> float:
        """For how long the oldest of what waits has waited; 0 when nothing does."""
        since = self._since
        return 0.0 if since is None else max(0.0, self._clock.monotonic() - since)

    def _in_chain(self) -> dict[int, Position]:
        return self._places.segments().look(lambda catalogue: dict(catalogue.positions))

    def _advanced(self, feed: Feed) -> float:
        starts = self.sealed()
        waiting = [slot for slot, end in feed.ends.items() if end > starts.get(slot, Position())]
        if not waiting:
            self._since = None
            return IDLE
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        wait = self._pace.wait(self.pending_bytes(), self._since, now)
        if wait > 0:
            return wait
        sealed = self._seal_next(feed)
        self.trouble = None
        if sealed:
            self._pace.sealed(sealed, now)
            self._since = None
            return 0.0
        return SETTLING

    def _seal_next(self, feed: Feed) -> int:
        """Seal the next batch; how many bytes it had (1 for one without), 0 when there is none."""
        policy = self.policy
        if policy is not self._judge.policy:
            self._judge = PolicyJudge(policy)
        notes, starts = self._places.notes, self.sealed()
        attempt = notes.attempt().following(starts)
        batch = gather(self._places.reader, starts, feed.ends, _limits(attempt, feed))
        for slot, at in batch.damaged:
            text = f"a block of slot {slot} before {at.offset} of file {at.file} is damaged"
            self._places.alarm("journal_damaged", f"{text}; its messages are not found by search")
        self._passed.update((slot, feed.ends[slot]) for slot in batch.blank)
        if not batch.messages:
            self._redelivered(batch, starts, {})
            self._passed.update(batch.ends)
            return 1 if batch.ends else 0
        notes.put_attempt(attempt)
        self._seal(batch, starts, parse=not attempt.gives_up_parsing)
        notes.clear_attempt()
        for slot in batch.ends:
            self._passed.pop(slot, None)
        return max(1, batch.length)

    def _seal(self, batch: Batch, starts: Mapping[int, Position], *, parse: bool) -> None:
        from sealwire.bootstrap.record_tables import made_table  # noqa: PLC0415 - heavy: see above

        if not parse:
            text = f"{batch.messages} messages were kept without being taken apart"
            self._places.alarm("messages_unparsed", text)
        try:
            redelivered = self._redelivered(batch, starts, batch.ends)
            parser = self._places.parser() if parse else None
            made = made_table(batch, self._judge, redelivered, parser)
            self.observing.feed(starts, self._chain_with(starts, batch.ends), made.seen)
            seal = self._places.segments().seal(made.sealed, batch.ends, rewound=self._rewound)
            self._rewound -= batch.ends.keys()
        except BaseException:
            # What was folded was not sealed: it is folded again, from the last snapshot.
            self._redeliveries = None
            self.observing.forget()
            raise
        if made.failed and parse:
            text = f"{made.failed} messages could not be taken apart; they are found as raw ones"
            self._places.alarm("messages_unparsed", text)
        with suppress(OSError):
            self._places.notes.put_chain(self._places.segments().mark)
        self._places.hand_over(seal, made)

    def _redelivered(
        self, batch: Batch, starts: Mapping[int, Position], ends: Mapping[int, Position]
    ) -> list[bool] | None:
        """Which messages of the batch were sent before; None when no RELP is among them.

        What is remembered of RELP senders is durable before the seal, which reaches to ``ends``.
        """
        if not any(run.connection.transport == _RELP for run in batch.runs):
            return None
        if self._redeliveries is None:
            self._redeliveries = Redeliveries.restored(self._places.notes.redelivery.get(starts))
        flags: list[list[bool]] = [[]] * len(batch.runs)
        for place in batch.by_moment():
            flags[place] = self._flagged(self._redeliveries, batch.runs[place])
        snapshot = self._redeliveries.snapshot()
        self._places.notes.redelivery.put(starts, self._chain_with(starts, ends), snapshot)
        return [flag for run in flags for flag in run]

    def _chain_with(
        self, starts: Mapping[int, Position], ends: Mapping[int, Position]
    ) -> dict[int, Position]:
        """What the next start will find in the chain when ``ends`` are sealed.

        What was passed over stands in no seal.
        """
        chain = {slot: min(at, starts[slot]) for slot, at in self._in_chain().items()}
        return {**chain, **ends}

    def _flagged(self, known: Redeliveries, run: MessageRun) -> list[bool]:
        count = len(run.messages)
        if run.connection.transport != _RELP:
            return [False] * count
        if run.closed:
            known.closed(run.connection)
        if not count:
            return []
        return known.flag(run.connection, run.messages, run.txnrs or [0] * count)

    def _set_trouble(self, error: Exception) -> None:
        text = error.message if isinstance(error, SealwireError) else str(error)
        if isinstance(error, OSError):
            text = error.strerror or text
        if text != self.trouble:
            log.warning("nothing is sealed", error=text)
        self.trouble = text or type(error).__name__


def _limits(attempt: Attempt, feed: Feed) -> BatchLimits:
    limits = attempt.limits
    return BatchLimits(limits.messages, limits.length, limits.blocks, feed.settled)
