"""One sender's connection once TLS stands, sans-IO: plaintext in, runs for the journal out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.sensor.relp_session import RelpSession
from sealwire.syslog.framing import FrameDecoder
from sealwire.syslog.kinds import Framing, Kind
from sealwire.syslog.nul_framing import NulDecoder
from sealwire.syslog.relp import is_relp

if TYPE_CHECKING:
    from sealwire.sensor.journal import Connection, RunJournal

# From this length on a view is cheaper than a copy.
_LONG: Final = 16 * 1024


class Session:
    """Turns what a connection delivers into runs. Keeps only the beginning of an unfinished frame.

    The first bytes of a connection decide whether it speaks RELP; nothing later can.

    Args:
        connection: who sends.
        journal: where runs go.
        max_message: longest message in bytes.
        framing: what an operator says of this sender; RELP is looked for only without that.

    ``received``: bytes in all; without those of the ``tail`` it is where the tail's message begins.
    ``relp`` is there once the connection has begun with RELP's ``open``.
    """

    __slots__ = (
        "_append",
        "_decode",
        "_decoder",
        "_journal",
        "_max_message",
        "_special",
        "connection",
        "received",
        "relp",
        "tail",
    )

    def __init__(
        self,
        connection: Connection,
        journal: RunJournal,
        max_message: int,
        framing: Framing = Framing.AUTO,
    ) -> None:
        self.connection = connection
        self.tail = b""
        self.received = 0
        self.relp: RelpSession | None = None
        self._journal = journal
        self._max_message = max_message
        self._decoder: FrameDecoder | NulDecoder = (
            NulDecoder(max_message)
            if framing is Framing.NUL
            else FrameDecoder(max_message, framing)
        )
        self._decode = self._decoder.decode
        self._append = journal.append
        # RELP, or not known yet.
        self._special = framing is Framing.AUTO

    def receive(self, data: bytes, received_ns: int) -> None:
        """Take ``data``: the ``tail``, and behind it what has just been decrypted."""
        self.received += len(data) - len(self.tail)
        if self._special and self._receive_relp(data, received_ns):
            return
        used, segments = self._decode(data)
        for kind, start, end, frames in segments:
            piece = data[start:end] if end - start < _LONG else memoryview(data)[start:end]
            self._append(self.connection, kind, frames, received_ns, piece)
        self.tail = data[used:]

    def end(self, received_ns: int, *, orderly: bool) -> None:
        """The connection has ended; ``orderly`` when the peer sent close_notify."""
        tail, self.tail = self.tail, b""
        if self.relp is not None:
            self.relp.end(tail, received_ns)
            return
        for kind, start, end, frames in self._decoder.close(tail, orderly=orderly):
            self._append(self.connection, kind, frames, received_ns, tail[start:end])

    @property
    def framing(self) -> Kind | None:
        """How this connection frames its messages, once its first frame has shown it."""
        return Kind.RELP if self.relp is not None else self._decoder.mode

    def _receive_relp(self, data: bytes, received_ns: int) -> bool:
        """Take ``data`` as RELP; False when it is none."""
        if self.relp is None:
            found = is_relp(data)
            if found is None:
                self.tail = data
                return True
            if not found:
                self._special = False
                return False
            self.connection = replace(self.connection, transport="relp")
            self.relp = RelpSession(self.connection, self._journal, self._max_message)
        self.tail = data[self.relp.receive(data, received_ns) :]
        return True
