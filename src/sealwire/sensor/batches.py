"""What the store process takes out of the journal at a time: blocks of messages, in order.

A block is taken whole or not at all, so that a position in the journal always says which records
are sealed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from sealwire.sensor.journal import Position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.sensor.journal import Connection
    from sealwire.syslog.framing import Kind

MOST_MESSAGES: Final = 50_000
MOST_BYTES: Final = 64 * 1024 * 1024


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

    ``blank``: slots in which no block lies before the end that was given.
    """

    runs: list[MessageRun] = field(default_factory=list)
    ends: dict[int, Position] = field(default_factory=dict)
    messages: int = 0
    length: int = 0
    damaged: list[tuple[int, Position]] = field(default_factory=list)
    blank: tuple[int, ...] = ()

    def take(self, block: MessageBlock) -> None:
        """Add a block behind what there is."""
        self.ends[block.slot] = block.end
        self.runs += block.runs
        self.messages += sum(len(run.messages) for run in block.runs)
        self.length += block.length
        if block.damaged:
            self.damaged.append((block.slot, block.end))


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch ends with the block that reaches one of them. ``blocks`` 0: no such limit.

    ``before_ns``: blocks that begin later are left for the next batch; one of another slot that
    is older may not be durable yet.
    """

    messages: int = MOST_MESSAGES
    length: int = MOST_BYTES
    blocks: int = 0
    before_ns: int | None = None


def gather(
    reader: BlockReader,
    starts: Mapping[int, Position],
    ends: Mapping[int, Position],
    limits: BatchLimits,
) -> Batch:
    """The next blocks of all slots, always of the slot whose next block is the oldest.

    A sender that breaks off on one worker and comes back on another is seen in that order.
    """
    batch, taken = Batch(), 0
    streams = {
        slot: reader.blocks(slot, starts.get(slot, Position()), end)
        for slot, end in sorted(ends.items())
        if end > starts.get(slot, Position())
    }
    waiting = {slot: block for slot, stream in streams.items() if (block := next(stream, None))}
    batch.blank = tuple(slot for slot in streams if slot not in waiting)
    try:
        while waiting and batch.messages < limits.messages and batch.length < limits.length:
            block = min(waiting.values(), key=_age)
            if limits.before_ns is not None and block.oldest_ns > limits.before_ns:
                break
            batch.take(block)
            taken += 1
            if taken == limits.blocks:
                break
            following = next(streams[block.slot], None)
            if following is None:
                del waiting[block.slot]
            else:
                waiting[block.slot] = following
    finally:
        for stream in streams.values():
            _close(stream)
    return batch


def _age(block: MessageBlock) -> tuple[int, int]:
    return block.oldest_ns, block.slot


def _close(stream: Iterator[MessageBlock]) -> None:
    close = getattr(stream, "close", None)
    if close is not None:
        close()
