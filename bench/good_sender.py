"""A sender that behaves: plain syslog and RELP, both over TLS; how late each message is served."""

from __future__ import annotations

import re
import select
import ssl
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from bench.crowd import Crowd
from sealwire.clock import SystemClock
from sealwire.sensor.journal import Position
from sealwire.stores.journal.reader import JournalReadings
from sealwire.syslog.framing import encode_octet_frame
from sealwire.syslog.relp_frames import encode_relp_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.sensor import Sensor

EVERY: Final = 0.004
ADDRESS: Final = "127.0.0.9"
OFFERS: Final = b"relp_version=0\nrelp_software=bench\ncommands=syslog"
PATIENCE: Final = 60.0
CLOCK: Final = SystemClock()
_ANSWER: Final = re.compile(rb"([0-9]{1,9}) rsp [0-9]{1,9} 200")


class Delays(NamedTuple):
    """Milliseconds from a message's sending: until it was received, until RELP answered it."""

    received: list[float]
    answered: list[float]


class GoodSender:
    """Two connections; one message on each, again and again."""

    def __init__(self, sensor: Sensor, context: ssl.SSLContext) -> None:
        self._sensor = sensor
        self._context = context
        self._stack = ExitStack()
        self._sent: dict[int, int] = {}
        self._answered: list[float] = []

    def __enter__(self) -> Self:
        self._plain, self._relp = (self._connected() for _ in range(2))
        self._relp.sendall(encode_relp_frame(1, b"open", OFFERS))
        self._relp.recv(4096)
        self._relp.settimeout(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _connected(self) -> ssl.SSLSocket:
        raw = Crowd(self._sensor.port).connect(ADDRESS)
        return self._stack.enter_context(
            self._context.wrap_socket(raw, server_hostname="localhost")
        )

    def deliver(self, mark: str, seconds: float, act: Callable[[], None]) -> Delays:
        """One message on each connection every ``EVERY`` seconds, and ``act`` behind them."""
        count = int(seconds / EVERY)
        head = b"<14>1 - h %b - - - " % mark.encode()
        self._sent, self._answered = {}, []
        due = CLOCK.monotonic()
        for number in range(2, count + 2):
            now = CLOCK.now_ns()
            self._plain.sendall(encode_octet_frame(head + b"%d" % now))
            self._sent[number] = CLOCK.now_ns()
            self._relp.sendall(encode_relp_frame(number, b"syslog", b"<14>1 - h relp - - - x"))
            act()
            due = max(due + EVERY, CLOCK.monotonic())
            self._read_until(due)
        deadline = CLOCK.monotonic() + PATIENCE
        while len(self._answered) < count and CLOCK.monotonic() < deadline:
            self._read_until(CLOCK.monotonic() + EVERY)
        return Delays(self._arrivals(b" %b - - - " % mark.encode(), count), self._answered)

    def _read_until(self, due: float) -> None:
        """Take answers as they come."""
        while (left := due - CLOCK.monotonic()) > 0:
            if not select.select([self._relp], [], [], left)[0]:
                return
            try:
                data = self._relp.recv(65536)
            except ssl.SSLWantReadError:
                continue
            if not data:
                raise RuntimeError("the sensor ended the good sender's session")
            now = CLOCK.now_ns()
            # An answer may be cut by a read's end only when very many come at once.
            for found in _ANSWER.finditer(data):
                self._answered.append((now - self._sent.pop(int(found[1]))) / 1e6)

    def _arrivals(self, mark: bytes, count: int) -> list[float]:
        found: list[float] = []
        deadline = CLOCK.monotonic() + PATIENCE
        while len(found) < count and CLOCK.monotonic() < deadline:
            time.sleep(0.1)
            found = self._arrived(mark)
        if len(found) != count or len(self._answered) != count:
            what = f"{len(found)} of {count} arrived, {len(self._answered)} were answered"
            raise RuntimeError(f"the good sender's messages: {what}")
        return found

    def _arrived(self, mark: bytes) -> list[float]:
        readings = JournalReadings(self._sensor.node.home / "journal")
        return [
            (one.received_ns - int(one.message.rpartition(b" ")[2])) / 1e6
            for slot in readings.slots()
            for one in readings.messages(slot, Position(), Position(file=1 << 62))
            if mark in one.message
        ]
