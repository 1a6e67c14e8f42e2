"""What the journal holds, and the ports through which it is written and read.

A journal has one slot for each receiver worker; a slot has numbered files; a file is a header and
then blocks. A block is what became durable together: runs of received bytes, each with its
envelope, and for each connection in the block a total of its runs, so that counters are a fold
over totals. A file defines every connection that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.syslog.kinds import Kind


NUMBERS: Final = 1 << 16


class Position(NamedTuple):
    """A place in a slot: the file's number, and the offset where a block ends."""

    file: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Connection:
    """Who sent, over what: the part of the envelope that a connection's records share.

    ``number`` names it in a slot's files; a number is used again only when its connection is
    closed and ``NUMBERS`` others have had their turn. ``certificate_sha256``: lower-case hex.
    ``transport``: ``tls``, ``relp`` (over TLS or TCP), ``tcp`` or ``udp``; without TLS its
    version and cipher are empty.
    """

    number: int
    address: str
    port: int
    listener_port: int
    tls_version: str
    cipher: str
    certificate_sha256: str | None = None
    certificate_subject: str | None = None
    transport: str = "tls"
    certificate_names: tuple[str, ...] = ()


class ConnectionNumbers:
    """Numbers for connections of one slot: one that was given back comes again as late as can be.

    There must never be more than ``NUMBERS`` connections at once.
    """

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._last = 0

    def take(self) -> int:
        """A number that no other connection has at present."""
        number = (self._last + 1) % NUMBERS
        while number in self._taken:
            number = (number + 1) % NUMBERS
        self._taken.add(number)
        self._last = number
        return number

    def give_back(self, number: int) -> None:
        """Its connection is gone."""
        self._taken.discard(number)


class Run(NamedTuple):
    """One stretch of bytes of one connection, read at once.

    ``length``: bytes in the block's payload; for ``Kind.SKIPPED`` bytes that are not kept.
    """

    received_ns: int
    connection: Connection
    frames: int
    length: int
    kind: Kind


class Total(NamedTuple):
    """Sum over one connection's runs of whole frames in one block."""

    connection: Connection
    frames: int
    length: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """What counting needs of one block.

    ``rare`` are the runs of other kinds than ``syslog.kinds.WHOLE_KINDS``; they are not in the
    totals.
    """

    end: Position
    totals: Sequence[Total]
    rare: Sequence[Run]


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message with its envelope; ``message`` is without framing, byte for byte."""

    slot: int
    received_ns: int
    connection: Connection
    kind: Kind
    message: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a journal file that are no good block.

    ``torn``: they were the end of the file and have been cut off; otherwise good blocks follow,
    and the bytes were left where they are. ``kept_in`` names the file that has a copy.
    """

    slot: int
    file: int
    offset: int
    length: int
    torn: bool
    kept_in: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening a slot found. ``end`` is where its good blocks end."""

    slot: int
    end: Position
    damages: tuple[Damage, ...] = ()


class RunJournal(Protocol):
    """Where one worker puts what it received.

    ``append`` and ``seal`` are called by one thread and only take memory. A run is durable when
    ``durable_ticket`` has reached the ``ticket`` that was read after it was appended; blocks
    become durable in order. When the disk fails, what was appended is kept and tried again until
    it is durable; nothing is dropped.
    """

    @property
    def wake_fd(self) -> int:
        """Becomes readable when ``durable`` or ``trouble`` has changed; read 8 bytes from it."""
        ...

    @property
    def durable(self) -> Position:
        """How far the slot is on the disk."""
        ...

    @property
    def ticket(self) -> int:
        """The number of the block that holds what was appended last; 0 before the first."""
        ...

    @property
    def durable_ticket(self) -> int:
        """The number of the last block that is durable. Never decreases."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why nothing becomes durable now, in the system's words; None when all is well."""
        ...

    @property
    def gathered(self) -> int:
        """Bytes appended since the last ``seal``."""
        ...

    @property
    def undurable(self) -> int:
        """Bytes appended and not durable yet."""
        ...

    def append(
        self,
        connection: Connection,
        kind: Kind,
        frames: int,
        received_ns: int,
        data: bytes | memoryview,
    ) -> None:
        """Add a run. ``data`` must not change later; of ``Kind.SKIPPED`` its length is kept."""
        ...

    def seal(self) -> None:
        """Hand what was gathered to the disk as one block. Returns at once."""
        ...

    def close(self) -> None:
        """Seal, wait until everything is durable or the disk fails, and close."""
        ...


class JournalReader(Protocol):
    """Reads what workers wrote, beside them. Never past the position it is given as the end."""

    def slots(self) -> Sequence[int]:
        """Slots that exist."""
        ...

    def summaries(self, slot: int, start: Position, end: Position) -> Iterator[BlockSummary]:
        """Blocks between two positions, without their payload."""
        ...

    def messages(self, slot: int, start: Position, end: Position) -> Iterator[ReceivedMessage]:
        """Messages between two positions, oldest first."""
        ...

    def some(
        self, slot: int, start: Position, end: Position, count: int
    ) -> tuple[Sequence[ReceivedMessage], Position]:
        """Messages from ``start`` on, and where to go on from.

        Whole blocks, until there are ``count`` messages or all.
        """
        ...

    def newest(self, slot: int, end: Position, count: int) -> Sequence[ReceivedMessage]:
        """The last ``count`` messages before ``end``, oldest first."""
        ...
