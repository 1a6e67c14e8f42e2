"""Writes one slot: blocks are gathered by the receiving thread and made durable by a helper.

The helper joins, writes and syncs while the receiving thread goes on; ``fdatasync`` and writing
release the interpreter. Several blocks that wait share one sync (group commit).

When the disk fails, the file is cut back to its durable end and everything since is written
again: in place when there was no room, into a new file when a sync failed, because after a failed
sync the kernel may have dropped what it could not write.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from sealwire.sensor.journal import Position
from sealwire.stores.files import SystemFileCalls
from sealwire.stores.journal.files import SlotFolder
from sealwire.stores.journal.layout import FileHeader, encode_block, encode_file_header
from sealwire.syslog.kinds import WHOLE_KINDS, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.clock import Clock
    from sealwire.sensor.journal import Connection
    from sealwire.stores.files import FileCalls
    from sealwire.stores.journal.layout import FlatTotal

ROTATE_AT: Final = 64 * 1024 * 1024
RETRY_AFTER: Final = 0.25
# A tuple is searched by identity; a set would call each kind's own hash.
_WHOLE: Final = tuple(WHOLE_KINDS)
# The system takes a thousand parts in one write: so many of this length are no block.
_LONG_CHUNK: Final = 16 * 1024


@dataclass(slots=True)
class _Block:
    """A block being gathered, or on its way to the disk."""

    runs: list[int] = field(default_factory=list)
    chunks: list[bytes | memoryview] = field(default_factory=list)
    totals: dict[int, list[int]] = field(default_factory=dict)
    connections: dict[int, Connection] = field(default_factory=dict)
    rare: bool = False
    received: int = 0
    joined: bool = False


class JournalWriter:
    """Fills ``sensor.journal.RunJournal``. Holds the slot's lock while it is open.

    Args:
        journal: the journal's folder.
        slot: this writer's slot. The slot must have been recovered.
        sensor: name written into each file.
        clock: for the time in file headers.
        rotate_at: a file that is longer is followed by a new one.
        calls: the operating system.
    """

    def __init__(
        self,
        journal: Path,
        slot: int,
        *,
        sensor: str,
        clock: Clock,
        rotate_at: int = ROTATE_AT,
        retry_after: float = RETRY_AFTER,
        calls: FileCalls | None = None,
    ) -> None:
        self._folder = SlotFolder(journal, slot)
        self._folder.create()
        self._lock = self._folder.locked()
        self._lock.__enter__()
        self._sensor = sensor
        self._clock = clock
        self._rotate_at = rotate_at
        self._retry_after = retry_after
        self._calls = calls or SystemFileCalls()
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.trouble: str | None = None
        self._block = _Block()
        self._appended = 0
        self._committed = 0
        self._sealed = 0
        self.durable_ticket = 0
        self._fd = -1
        self._defined: dict[int, Connection] = {}
        self._unsynced = False
        self._suspect = False
        numbers = self._folder.numbers()
        self.durable = Position(numbers[-1] if numbers else 0, 0)
        self._closing = threading.Event()
        self._queue: SimpleQueue[_Block | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._commit_blocks, name=f"journal-{slot}")
        self._thread.start()

    @property
    def gathered(self) -> int:
        """Bytes appended since the last ``seal``."""
        return self._block.received

    @property
    def undurable(self) -> int:
        """Bytes appended and not durable yet."""
        return self._appended + self._block.received - self._committed

    @property
    def ticket(self) -> int:
        """The number of the block that holds what was appended last."""
        return self._sealed + bool(self._block.runs)

    def append(
        self,
        connection: Connection,
        kind: Kind,
        frames: int,
        received_ns: int,
        data: bytes | memoryview,
    ) -> None:
        """Add a run."""
        block = self._block
        number = connection.number
        length = len(data)
        block.runs += (received_ns, number, frames, length, kind)
        block.received += length
        if kind > Kind.LINES and kind not in _WHOLE:
            block.rare = True
            block.connections[number] = connection
            if kind is not Kind.SKIPPED:
                block.chunks.append(data)
            return
        block.chunks.append(data)
        total = block.totals.get(number)
        if total is None:
            block.totals[number] = [number, frames, length, received_ns]
            block.connections[number] = connection
        else:
            total[1] += frames
            total[2] += length
            total[3] = received_ns

    def seal(self) -> None:
        """Hand what was gathered to the helper as one block."""
        if self._block.runs:
            self._appended += self._block.received
            self._sealed += 1
            self._queue.put(self._block)
            self._block = _Block()

    def close(self) -> None:
        """Seal, wait until everything is durable or a last try failed, and close."""
        self.seal()
        self._closing.set()
        self._queue.put(None)
        self._thread.join()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        os.close(self.wake_fd)
        self._lock.__exit__(None, None, None)

    def _commit_blocks(self) -> None:
        """The helper's life."""
        while True:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            blocks = [block for block in batch if block is not None]
            if blocks and not self._commit(blocks):
                return
            if len(blocks) < len(batch):
                return

    def _commit(self, blocks: list[_Block]) -> bool:
        """Make ``blocks`` durable, trying again until it works; False when closing gave up."""
        while True:
            try:
                durable = self._write(blocks)
            except OSError as error:
                self._set_trouble(error.strerror or str(error))
                if self._closing.wait(self._retry_after):
                    return False
            else:
                self.durable = durable
                self._committed += sum(block.received for block in blocks)
                self.durable_ticket += len(blocks)
                self._set_trouble(None)
                return True

    def _set_trouble(self, trouble: str | None) -> None:
        self.trouble = trouble
        os.eventfd_write(self.wake_fd, 1)

    def _write(self, blocks: list[_Block]) -> Position:
        self._prepare_file()
        offset = self.durable.offset
        named: dict[int, Connection] = {}
        self._unsynced = True
        for block in blocks:
            offset += self._write_block(block, named)
        self._suspect = True
        self._calls.sync(self._fd)
        self._unsynced = self._suspect = False
        self._defined.update(named)
        return Position(self.durable.file, offset)

    def _prepare_file(self) -> None:
        """Clear what a failure left behind, and have a file that may be appended to."""
        if self._unsynced:
            self._calls.truncate(self._fd, self.durable.offset)
            self._unsynced = False
        if self._fd >= 0 and (self._suspect or self.durable.offset >= self._rotate_at):
            os.close(self._fd)
            self._fd = -1
            self._suspect = False
        if self._fd < 0:
            self._open_file()

    def _write_block(self, block: _Block, named: dict[int, Connection]) -> int:
        """Append one block; returns its length. ``named``: what this batch has defined."""
        fresh = [
            connection
            for number, connection in block.connections.items()
            if (named.get(number) or self._defined.get(number)) is not connection
        ]
        if not block.joined:
            block.chunks, block.joined = _worth_a_write(block.chunks, block.received), True
        totals: list[FlatTotal] = [(t[0], t[1], t[2], t[3]) for t in block.totals.values()]
        head, trailer = encode_block(fresh, totals, block.runs, block.chunks, rare=block.rare)
        parts = (head, *block.chunks, trailer)
        self._calls.write(self._fd, parts)
        named.update((connection.number, connection) for connection in fresh)
        return sum(map(len, parts))

    def _open_file(self) -> None:
        number = self.durable.file + 1
        header = encode_file_header(
            FileHeader(self._sensor, self._folder.slot, number, self._clock.now_ns())
        )
        fd = self._folder.open_new(number)
        try:
            self._calls.write(fd, (header,))
            self._calls.sync(fd)
        except OSError:
            os.close(fd)
            self._folder.file(number).unlink()
            raise
        self._fd = fd
        self._defined = {}
        self.durable = Position(number, len(header))


def _worth_a_write(chunks: list[bytes | memoryview], size: int) -> list[bytes | memoryview]:
    """Few long chunks as they are; many short ones, of ``size`` bytes in all, put together."""
    return chunks if size >= len(chunks) * _LONG_CHUNK else [b"".join(chunks)]
