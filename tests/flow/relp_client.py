"""A RELP sender of our own, on a TLS connection: knows exactly which messages were answered."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from sealwire.sensor.redelivery import Redeliveries
from sealwire.syslog.relp_frames import encode_relp_frame
from tests.flow.reception import PATIENCE, Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sealwire.sensor.journal import ReceivedMessage
    from tests.flow.authority import PeerAuthority, TlsFiles

MOST_TRIES = 20_000
OFFERS = b"relp_version=0\nrelp_software=test\ncommands=syslog"
_HEADER = re.compile(rb"([0-9]{1,9}) ([a-z]{1,32}) ([0-9]{1,9})[ \n]")


class RelpClient:
    """One session. ``answered`` are the transaction numbers with 200, ``refused`` the others."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.answered: list[int] = []
        self.refused: list[tuple[int, bytes]] = []
        self.ended_by_server = False
        self.txnr = 0
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.sender.socket.close()

    def open(self) -> RelpClient:
        """Open the session and wait for the answer."""
        self.send(b"open", OFFERS)
        return self.until(lambda: 1 in self.answered)

    def send(self, command: bytes, data: bytes = b"") -> int:
        """Send one command; returns its transaction number."""
        self.txnr += 1
        self.sender.send(encode_relp_frame(self.txnr, command, data))
        return self.txnr

    def send_messages(self, messages: Sequence[bytes]) -> None:
        """Send them in one write."""
        first = self.txnr + 1
        self.txnr += len(messages)
        frames = (
            encode_relp_frame(txnr, b"syslog", message)
            for txnr, message in enumerate(messages, first)
        )
        self.sender.send(b"".join(frames))

    def until(self, holds: Callable[[], bool]) -> RelpClient:
        """Read until ``holds``; fails when the connection ends before."""
        while not holds():
            assert self.read(), "the connection ended before"
        return self

    def read(self) -> bool:
        """Take what came; False at the end of the connection."""
        data = self.sender.socket.recv(65536)
        self._buffer += data
        while (found := _HEADER.match(self._buffer)) is not None:
            length = int(found[3])
            start = found.end() - (not length)
            if len(self._buffer) <= start + length:
                break
            self._take(int(found[1]), found[2], self._buffer[start : start + length])
            self._buffer = self._buffer[start + length + 1 :]
        return bool(data)

    def _take(self, txnr: int, command: bytes, data: bytes) -> None:
        if command == b"serverclose":
            self.ended_by_server = True
        elif data.startswith(b"200"):
            self.answered.append(txnr)
        else:
            self.refused.append((txnr, data))


def held_once(received: Iterable[ReceivedMessage]) -> list[bytes]:
    """What an index would hold of ``received``: without what repeats an earlier session."""
    redeliveries = Redeliveries()
    kept = []
    for one in received:
        (again,) = redeliveries.flag(one.connection, [one.message], [0])
        if not again:
            kept.append(one.message)
    return kept


class RelpLoad:
    """Threads that deliver numbered messages, each until stopped, whatever happens to the sensor.

    With a ``step`` each writes so many messages at a time, ``pause`` seconds apart, and reads
    answers only once its window is full: what is unread is lost with the connection.

    A thread keeps what is not answered and sends it again in the next session, before anything
    new, as RELP wants. ``answered[n]``: so many of thread ``n`` were answered; ``sent[n]``: sent.
    """

    def __init__(
        self,
        port: int,
        authority: PeerAuthority | TlsFiles,
        *,
        connections: int = 3,
        window: int = 100,
        client: TlsFiles | None = None,
        step: int = 0,
        pause: float = 0.0,
    ) -> None:
        self._port = port
        self._authority = authority
        self._window = window
        self._step = step or window
        self._pause = pause
        self._client = client
        self._stopped = threading.Event()
        self.sent = [0] * connections
        self.answered = [0] * connections
        self.sessions = [0] * connections
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(connections)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send nothing new, wait for what is unanswered, and close orderly."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a sender hangs"

    @staticmethod
    def message(thread: int, number: int) -> bytes:
        return b"<14>1 - h a - - - t%d n%d" % (thread, number)

    def expected(self) -> list[bytes]:
        """Everything that was sent and answered, each once."""
        return [
            self.message(thread, number)
            for thread, count in enumerate(self.answered)
            for number in range(count)
        ]

    def _run(self, thread: int) -> None:
        # Bounded, so that a test which fails ends; a sensor that is away costs a try each time.
        for _ in range(MOST_TRIES):
            with suppress(OSError, AssertionError):
                sender = Sender(self._port, self._authority, client=self._client)
                sender.socket.settimeout(PATIENCE / 4)
                with RelpClient(sender) as client:
                    self._session(thread, client)
            if self._stopped.is_set() and self.answered[thread] == self.sent[thread]:
                return
            self._stopped.wait(0.05)

    def _session(self, thread: int, client: RelpClient) -> None:
        client.open()
        self.sessions[thread] += 1
        client.answered.clear()
        begun = place = self.answered[thread]
        while not (self._stopped.is_set() and self.answered[thread] == self.sent[thread]):
            room = self.answered[thread] + self._window - place
            going_on = not self._stopped.is_set()
            end = place + max(0, min(room, self._step)) if going_on else self.sent[thread]
            if end > place:
                # What may have arrived counts as sent, also when sending fails half-way.
                self.sent[thread] = max(self.sent[thread], end)
                client.send_messages([self.message(thread, n) for n in range(place, end)])
                place = end
            if self._pause:
                time.sleep(self._pause)
            if going_on and room > self._step:
                continue
            if not client.read():
                raise ConnectionResetError
            assert client.answered == list(range(2, 2 + len(client.answered))), "out of order"
            self.answered[thread] = begun + len(client.answered)
        client.send(b"close")
        client.until(lambda: client.txnr in client.answered)
