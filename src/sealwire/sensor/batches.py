"""What the store process takes out of the journal at a time: blocks of messages, in order.

A block is taken whole or not at all, so that a position in the journal always says which records
are sealed. Blocks of several slots overlap in time; what a RELP sender says again on another slot
must not be looked at before what it had said, so runs have an order of their own in a batch, and
no batch ends between the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from sealwire.sensor.journal import Position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.sensor.journal import Connection
    from sealwire.syslog.kinds import Kind

MOST_MESSAGES: Final = 100_000
MOST_BYTES: Final = 64 * 1024 * 1024

_FIRST_TXNRS: Final = 3
"""A RELP session opens with number 1, or a second time with 2; its first message is next."""


class MessageRun(NamedTuple):
    """Messages that one connection delivered at once, without framing.

    ``txnrs``: of ``Kind.RELP``, the number of each message's frame; otherwise empty. ``closed``:
    the sender ended its RELP session orderly.
    """

    received_ns: int
    connection: Connection
    kind: Kind
    messages: Sequence[bytes]
    txnrs: Sequence[int] = ()
    closed: bool = False

    @property
    def may_begin(self) -> bool:
        """Whether a RELP session may begin here."""
        return bool(self.txnrs) and self.txnrs[0] <= _FIRST_TXNRS


class MessageBlock(NamedTuple):
    """What one block of the journal holds.

    ``oldest_ns``: receipt of its first run. ``length``: bytes of its messages. ``damaged``: its
    payload is not what was written; it has no runs then.
    """

    slot: int
    end: Position
    oldest_ns: int
    runs: Sequence[MessageRun]
    length: int
    damaged: bool = False


class BlockReader(Protocol):
    """Reads blocks beside the journal's writers, never past the position given as the end."""

    def blocks(self, slot: int, start: Position, end: Position) -> Iterator[MessageBlock]:
        """Blocks between two positions, oldest first. To be closed when not read to its end."""
        ...

    def bytes_between(self, slot: int, start: Position, end: Position) -> int:
        """How many bytes of the journal's files lie between two positions."""
        ...


@dataclass(slots=True)
class Batch:
    """Blocks that are sealed together. ``ends``: by slot, where the last block taken ends.

    ``blank``: slots in which no block lies before the end that was given. ``moments``: of each
    run, when it was received; where a clock was set back, when the run before it in its slot was.
    ``begun_ns``: the moment of the last RELP session that may have begun in it; 0 without one.
    """

    runs: list[MessageRun] = field(default_factory=list)
    ends: dict[int, Position] = field(default_factory=dict)
    messages: int = 0
    length: int = 0
    damaged: list[tuple[int, Position]] = field(default_factory=list)
    blank: tuple[int, ...] = ()
    moments: list[int] = field(default_factory=list)
    begun_ns: int = 0
    _latest: dict[int, int] = field(default_factory=dict)

    def take(self, block: MessageBlock) -> None:
        """Add a block behind what there is."""
        self.ends[block.slot] = block.end
        self.runs += block.runs
        for run in block.runs:
            moment = max(run.received_ns, self._latest.get(block.slot, 0))
            self._latest[block.slot] = moment
            self.moments.append(moment)
            if run.may_begin:
                self.begun_ns = max(self.begun_ns, moment)
        self.messages += sum(len(run.messages) for run in block.runs)
        self.length += block.length
        if block.damaged:
            self.damaged.append((block.slot, block.end))

    def by_moment(self) -> list[int]:
        """Places in ``runs`` in the order of receipt; those of one slot stay as they are."""
        return sorted(range(len(self.runs)), key=self.moments.__getitem__)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch ends with the block that reaches one of them. ``blocks`` 0: no such limit.

    ``settled``: by slot, up to where a batch may reach, because every older block of the other
    slots is told by now; None: everywhere.
    """

    messages: int = MOST_MESSAGES
    length: int = MOST_BYTES
    blocks: int = 0
    settled: Mapping[int, Position] | None = None

    def reached_by(self, batch: Batch) -> bool:
        """Whether ``batch`` is large enough."""
        return batch.messages >= self.messages or batch.length >= self.length

    def lets(self, block: MessageBlock) -> bool:
        """Whether a batch may reach so far."""
        return self.settled is None or block.end <= self.settled.get(block.slot, Position())


def gather(
    reader: BlockReader,
    starts: Mapping[int, Position],
    ends: Mapping[int, Position],
    limits: BatchLimits,
) -> Batch:
    """The next blocks of all slots, always of the slot whose next block is the oldest.

    A sender that breaks off on one worker and comes back on another is seen in that order: a
    batch goes on beyond its limits, up to twice as far, as long as a block is left that begins
    before the last session of the batch did.
    """
    batch = Batch()
    streams = {
        slot: reader.blocks(slot, starts.get(slot, Position()), end)
        for slot, end in sorted(ends.items())
        if end > starts.get(slot, Position())
    }
    waiting = {slot: block for slot, stream in streams.items() if (block := next(stream, None))}
    batch.blank = tuple(slot for slot in streams if slot not in waiting)
    try:
        for taken, block in enumerate(_by_age(streams, waiting)):
            if limits.blocks and taken == limits.blocks:
                break
            if limits.reached_by(batch) or not limits.lets(block):
                twice = BatchLimits(2 * limits.messages, 2 * limits.length)
                if block.oldest_ns >= batch.begun_ns or twice.reached_by(batch):
                    break
            batch.take(block)
    finally:
        for stream in streams.values():
            _close(stream)
    return batch


def _by_age(
    streams: Mapping[int, Iterator[MessageBlock]], waiting: dict[int, MessageBlock]
) -> Iterator[MessageBlock]:
    """All blocks; the next one is looked up when it is asked for."""
    while waiting:
        block = min(waiting.values(), key=_age)
        yield block
        following = next(streams[block.slot], None)
        if following is None:
            del waiting[block.slot]
        else:
            waiting[block.slot] = following


def _age(block: MessageBlock) -> tuple[int, int]:
    return block.oldest_ns, block.slot


def _close(stream: Iterator[MessageBlock]) -> None:
    close = getattr(stream, "close", None)
    if close is not None:
        close()
