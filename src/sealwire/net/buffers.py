"""What all connections of a receiver worker share."""

from __future__ import annotations

from typing import Final

from sealwire.syslog.framing import TAIL_MARGIN

RECEIVE_BYTES: Final = 256 * 1024
LONGEST_RECORD: Final = 16384


class Buffers:
    """What all connections of a worker share: one takes turns after the other."""

    def __init__(self, max_message: int) -> None:
        self.max_message = max_message
        self.cipher = memoryview(bytearray(RECEIVE_BYTES))
        room = max_message + TAIL_MARGIN + RECEIVE_BYTES + 2 * LONGEST_RECORD
        self.plain = memoryview(bytearray(room))
