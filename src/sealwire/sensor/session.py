"""One sender's connection once TLS stands, sans-IO: plaintext in, runs for the journal out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.syslog.framing import FrameDecoder, Kind

if TYPE_CHECKING:
    from sealwire.sensor.journal import Connection, RunJournal


class Session:
    """Turns what a connection delivers into runs. Keeps only the beginning of an unfinished frame.

    Args:
        connection: who sends.
        journal: where runs go.
        max_message: longest message in bytes.

    ``received``: bytes in all; without those of the ``tail`` it is where the tail's message begins.
    """

    __slots__ = ("_append", "_decode", "_decoder", "connection", "received", "tail")

    def __init__(self, connection: Connection, journal: RunJournal, max_message: int) -> None:
        self.connection = connection
        self.tail = b""
        self.received = 0
        self._decoder = FrameDecoder(max_message)
        self._decode = self._decoder.decode
        self._append = journal.append

    def receive(self, data: bytes, received_ns: int) -> None:
        """Take ``data``: the ``tail``, and behind it what has just been decrypted."""
        self.received += len(data) - len(self.tail)
        used, segments = self._decode(data)
        for kind, start, end, frames in segments:
            self._append(self.connection, kind, frames, received_ns, data[start:end])
        self.tail = data[used:]

    def end(self, received_ns: int, *, orderly: bool) -> None:
        """The connection has ended; ``orderly`` when the peer sent close_notify."""
        tail, self.tail = self.tail, b""
        for kind, start, end, frames in self._decoder.close(tail, orderly=orderly):
            self._append(self.connection, kind, frames, received_ns, tail[start:end])

    @property
    def framing(self) -> Kind | None:
        """How this connection frames its messages, once its first frame has shown it."""
        return self._decoder.mode
