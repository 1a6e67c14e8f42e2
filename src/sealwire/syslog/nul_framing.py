"""Messages ended by NUL alone (RFC 6587 section 3.4.2): LF and CR belong to the message.

Only for senders that an operator has named: a connection that is not named is read by
``syslog.framing``, where LF ends a message as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.syslog.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.syslog.kinds import Segment

_NUL: Final = b"\0"


class NulDecoder:
    """As ``syslog.framing.FrameDecoder``, for connections where only NUL ends a message.

    Args:
        max_message: longest message in bytes. More is cut off at the end.
    """

    __slots__ = ("_max", "_skipping")

    def __init__(self, max_message: int) -> None:
        self._max = max_message
        self._skipping = False

    @property
    def mode(self) -> Kind:
        """Always the same."""
        return Kind.NULS

    def decode(self, data: bytes) -> tuple[int, list[Segment]]:
        """Take ``data``: what the last call left over, then what came since."""
        segments: list[Segment] = []
        at = self._skip(data, segments) if self._skipping else 0
        while (end := data.find(_NUL, at)) >= 0:
            whole = self._whole_until(data, at)
            if whole > at:
                frames = sum(map(bool, data[at : whole - 1].split(_NUL)))
                segments.append((Kind.NULS, at, whole, frames))
                at = whole
            else:
                self._cut(at, end + 1, segments)
                at = end + 1
        if len(data) - at > self._max:
            self._cut(at, len(data), segments)
            self._skipping = True
            at = len(data)
        return at, segments

    def close(self, data: bytes, *, orderly: bool) -> list[Segment]:
        """Judge what is left over when the connection has ended."""
        if not data:
            return []
        return [(Kind.UNTERMINATED if orderly else Kind.INCOMPLETE, 0, len(data), int(orderly))]

    def _whole_until(self, data: bytes, at: int) -> int:
        """Where the messages from ``at`` on end that are not too long, one behind another."""
        last = data.rfind(_NUL) + 1
        start = at
        while last - start > self._max + 1:
            end = data.rfind(_NUL, start, start + self._max + 1) + 1
            if not end:
                return start
            start = end
        return last

    def _cut(self, start: int, end: int, segments: list[Segment]) -> None:
        kept = start + self._max
        segments.append((Kind.TRUNCATED, start, kept, 1))
        segments.append((Kind.SKIPPED, kept, end, 0))

    def _skip(self, data: bytes, segments: list[Segment]) -> int:
        end = data.find(_NUL) + 1
        self._skipping = not end
        end = end or len(data)
        if end:
            segments.append((Kind.SKIPPED, 0, end, 0))
        return end


def nul_messages(data: bytes) -> Iterator[bytes]:
    """The messages in a run of ``Kind.NULS``; between two NULs there may be none."""
    return (message for message in data.split(_NUL) if message)
