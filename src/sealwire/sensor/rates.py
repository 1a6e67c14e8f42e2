"""How much arrived lately: sums over short spans of time, by the time of receipt.

Sums in spans of ten seconds, not a decaying average: the same messages give the same rate in
whatever order they are counted. Nothing of it is kept over a restart, it is true again minutes
later.
"""

from __future__ import annotations

from array import array
from typing import Final

SPAN_NS: Final = 10_000_000_000
MINUTE: Final = 6
FIVE_MINUTES: Final = 30

_SPANS: Final = FIVE_MINUTES + 1
_SECOND_NS: Final = 1_000_000_000


class Rate:
    """Messages and bytes of the last five minutes. About 600 bytes of memory once used."""

    __slots__ = ("_newest", "_sums")

    def __init__(self) -> None:
        self._newest = 0
        self._sums: array[int] | None = None

    def add(self, messages: int, length: int, received_ns: int) -> None:
        """Count what was received at ``received_ns`` (since 1970); what is too old is left out."""
        span = received_ns // SPAN_NS
        sums = self._sums
        if sums is None:
            sums = self._sums = array("Q", bytes(16 * _SPANS))
            self._newest = span
        elif span > self._newest:
            for passed in range(max(self._newest + 1, span - _SPANS + 1), span + 1):
                at = 2 * (passed % _SPANS)
                sums[at] = sums[at + 1] = 0
            self._newest = span
        if span > self._newest - _SPANS:
            at = 2 * (span % _SPANS)
            sums[at] += messages
            sums[at + 1] += length

    def per_second(self, spans: int, now_ns: int) -> tuple[float, float]:
        """Messages and bytes a second over the last ``spans``, of which the last is not over yet.

        ``MINUTE`` therefore means the last 50 to 60 seconds.
        """
        present = now_ns // SPAN_NS
        if self._newest > present + 1:
            # The clock was set back: what was received by it before belongs to no span of now.
            self._newest, self._sums = 0, None
        if self._sums is None or present - self._newest >= spans:
            return 0.0, 0.0
        first = max(present - spans + 1, self._newest - _SPANS + 1)
        taken = [2 * (span % _SPANS) for span in range(first, min(present, self._newest) + 1)]
        seconds = (now_ns - (present - spans + 1) * SPAN_NS) / _SECOND_NS
        messages = sum(self._sums[at] for at in taken)
        length = sum(self._sums[at + 1] for at in taken)
        return messages / seconds, length / seconds

    def document(self, now_ns: int) -> dict[str, float]:
        """Messages and bytes a second, over the last minute and the last five."""
        found: dict[str, float] = {}
        for name, spans in (("1m", MINUTE), ("5m", FIVE_MINUTES)):
            messages, length = self.per_second(spans, now_ns)
            found[f"messages_per_second_{name}"] = round(messages, 2)
            found[f"bytes_per_second_{name}"] = round(length, 2)
        return found
