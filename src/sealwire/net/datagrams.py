"""Syslog in datagrams (RFC 5426): one datagram is one message, and nothing says who sends.

A port belongs to one worker. Two that take turns at one socket would spread a source's messages
over two slots of the journal, and nothing in the kernel's queue says which came first. While that
worker is being started again, the socket, which main holds, goes on gathering.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.net.listening import plain_address
from sealwire.sensor.journal import Connection
from sealwire.syslog.kinds import Kind

if TYPE_CHECKING:
    from sealwire.net.listening import Listener
    from sealwire.sensor.journal import RunJournal

MOST_SENDERS: Final = 4096
"""Senders, by address and port, that keep their place in the journal at one time."""
_AT_ONCE: Final = 256
_LONGEST: Final = 65_536
_SOL_SOCKET: Final = 1
_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("9I")


class NumberGiver(Protocol):
    """The receiver's loop, as its datagram ports see it."""

    journal: RunJournal

    def new_number(self) -> int:
        """A number in the journal for a sender; of one for the time being."""
        ...

    def free_number(self, number: int) -> None:
        """Its sender is forgotten."""
        ...


class DatagramPort:
    """Takes datagrams from one socket into the journal.

    ``more``: whether some were left at the last turn. ``told``: how many lost
    ones were reported. The table of senders is bounded: beyond
    ``MOST_SENDERS`` the one that was silent longest is forgotten, and is a new one when it speaks
    again.
    """

    def __init__(self, listener: Listener, owner: NumberGiver, max_message: int) -> None:
        self.sock = listener.sock
        self.port = listener.port
        self.more = False
        self.told = 0
        self._owner = owner
        self._max = max_message
        self._buffer = memoryview(bytearray(_LONGEST))
        self._senders: OrderedDict[tuple[str, int], Connection] = OrderedDict()
        self._fresh = 0

    def receive(self, now_ns: int) -> int:
        """Take what has come, at most some hundred; returns the number of bytes."""
        receive, buffer = self.sock.recvfrom_into, self._buffer
        append, longest = self._owner.journal.append, self._max
        received = 0
        last = connection = None
        self.more = False
        for _ in range(_AT_ONCE):
            try:
                size, sender = receive(buffer)
            except BlockingIOError:
                return received
            if not size:
                continue
            received += size
            if connection is None or sender != last:
                connection, last = self._connection(sender), sender
            if size <= longest:
                append(connection, Kind.DATAGRAM, 1, now_ns, buffer[:size].tobytes())
            else:
                self._cut(connection, size, now_ns)
        self.more = True
        return received

    def _cut(self, connection: Connection, size: int, now_ns: int) -> None:
        append = self._owner.journal.append
        append(connection, Kind.TRUNCATED, 1, now_ns, self._buffer[: self._max].tobytes())
        append(connection, Kind.SKIPPED, 0, now_ns, self._buffer[self._max : size].tobytes())

    def _connection(self, sender: tuple[str, int]) -> Connection:
        key = sender[:2]
        known = self._senders.get(key)
        if known is not None:
            self._senders.move_to_end(key)
            return known
        if len(self._senders) >= MOST_SENDERS:
            _, forgotten = self._senders.popitem(last=False)
            self._owner.free_number(forgotten.number)
        self._fresh += 1
        if self._fresh >= MOST_SENDERS:
            # Before a number can come round again in one block, where it has one meaning only.
            self._fresh = 0
            self._owner.journal.seal()
        address = plain_address(sender[0])
        number = self._owner.new_number()
        fresh = Connection(number, address, sender[1], self.port, "", "", transport="udp")
        self._senders[key] = fresh
        return fresh

    def lost(self) -> int:
        """Datagrams for which the kernel had no room since the port was opened (Linux)."""
        shown = self.sock.getsockopt(_SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        return int(_MEMINFO.unpack(shown)[8])
