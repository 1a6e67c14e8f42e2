"""One sender's RELP session, sans-IO: plaintext in, runs for the journal and answers out.

An answer promises that a message is kept. It is held back until the block of the journal that
holds the message is durable, and lost with the connection: then the sender sends again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from sealwire.syslog.relp import SERVERCLOSE, RelpServer

if TYPE_CHECKING:
    from sealwire.sensor.journal import Connection, RunJournal

MOST_UNANSWERED_FRAMES: Final = 2048
MOST_UNANSWERED_BYTES: Final = 4 * 1024 * 1024


class RelpSession:
    """Turns RELP frames into runs, and keeps the answers until they may be given.

    With more than ``MOST_UNANSWERED_FRAMES`` or ``MOST_UNANSWERED_BYTES`` unanswered it is
    ``full``: nothing more should be read until some are answered. What one read brought may lie
    above that.

    Args:
        connection: who sends; ``transport`` is ``relp``.
        journal: where runs go.
        max_message: longest message in bytes.
    """

    __slots__ = (
        "_bytes",
        "_frames",
        "_journal",
        "_leaving",
        "_server",
        "_ticket",
        "_waiting",
        "connection",
    )

    def __init__(self, connection: Connection, journal: RunJournal, max_message: int) -> None:
        self.connection = connection
        self._journal = journal
        self._server = RelpServer(max_message)
        # Ticket, frames and bytes of what one read brought, and the answers to it.
        self._waiting: deque[tuple[int, int, int, bytes]] = deque()
        self._ticket = 0
        self._frames = 0
        self._bytes = 0
        self._leaving = False

    def receive(self, data: bytes, received_ns: int) -> int:
        """Take ``data``: what was left over, and behind it what came; returns how much is used."""
        if self._leaving:
            return len(data)
        used, segments, answers = self._server.decode(data)
        frames = length = 0
        for kind, start, end, count in segments:
            part = data[start:end]
            self._journal.append(self.connection, kind, count, received_ns, part)
            frames += count
            length += end - start
        if segments:
            self._ticket = self._journal.ticket
        if answers:
            self._waiting.append((self._ticket, frames, length, answers))
            self._frames += frames
            self._bytes += length
        return used

    def due(self) -> bytes:
        """The answers that may be sent now; from then on they count as given."""
        durable = self._journal.durable_ticket
        waiting = self._waiting
        given = []
        while waiting and waiting[0][0] <= durable:
            _, frames, length, answers = waiting.popleft()
            self._frames -= frames
            self._bytes -= length
            given.append(answers)
        if self._leaving and not waiting and self._server.is_open:
            self._server.leave()
            given.append(SERVERCLOSE)
        return b"".join(given)

    @property
    def waits(self) -> bool:
        """Whether answers wait for the disk."""
        return bool(self._waiting)

    @property
    def full(self) -> bool:
        """Whether so much is unanswered that nothing more should be read."""
        return self._frames > MOST_UNANSWERED_FRAMES or self._bytes > MOST_UNANSWERED_BYTES

    @property
    def is_over(self) -> bool:
        """Whether the session has ended and everything that it owes has been given."""
        return not self._server.is_open and not self._waiting

    @property
    def objection(self) -> str | None:
        """How the sender broke the protocol, in plain words."""
        return self._server.objection

    def leave(self) -> None:
        """The sensor stops: take no more, and say so behind the last answer."""
        self._leaving = True

    def end(self, tail: bytes, received_ns: int) -> None:
        """The connection has ended, with ``tail`` as the beginning of an unfinished frame."""
        self._waiting.clear()
        if self._server.is_open and not self._leaving:
            for kind, start, end, frames in self._server.close(tail):
                self._journal.append(self.connection, kind, frames, received_ns, tail[start:end])
