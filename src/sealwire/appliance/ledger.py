"""What one destination is known to have, by the ciphertext that its TCP has acknowledged.

RFC 5425 has no acknowledgement of its own (section 6.3 of it says what that costs). The nearest
evidence is TCP's: ciphertext offsets are noted as records are sealed, and a record counts as
*acknowledged* once the peer's TCP has taken all its ciphertext. TCP takes bytes before the peer's
program has read them, so an acknowledged record is *confirmed* (the cursor may pass it) only when

* the connection has lived ``confirm_after`` seconds longer, or
* it ended in good order (the peer's close_notify answered ours), or
* the record had been acknowledged on ``MOST_TRIES - 1`` earlier connections too: a peer that dies
  over one and the same record every time does not hold back all later ones for ever.

Everything that is not confirmed is sent again on the next connection, under the same index.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping


MOST_TRIES: Final = 10
"""On so many connections a record is tried. Few would lose what a peer that is restarted several
times within a second has in its TCP and not read; more would hold a broken peer back longer."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Records before ``next_idx``; ``mark``: where their ciphertext ends, or when it was acked."""

    trail: str
    next_idx: int
    mark: float


class Ledger:
    """Positions of one destination in its trails; all indexes are those of the next record."""

    def __init__(self, cursors: Mapping[str, int], confirm_after: float) -> None:
        self._confirmed = dict(cursors)
        self._position = dict(cursors)
        # Per trail how far each earlier connection came, the furthest MOST_TRIES - 1 of them.
        self._acked_earlier: dict[str, list[int]] = {trail: [] for trail in cursors}
        self._confirm_after = confirm_after
        self._unsealed: deque[tuple[str, int]] = deque()
        self._sealed: deque[_Span] = deque()
        self._acked: deque[_Span] = deque()
        self._sealed_end = 0
        self._acked_offset = 0

    @property
    def confirmed(self) -> Mapping[str, int]:
        """Per trail: first index that the destination is not known to have."""
        return dict(self._confirmed)

    @property
    def in_flight(self) -> int:
        """Ciphertext bytes that are sealed and not acknowledged."""
        return self._sealed_end - self._acked_offset

    @property
    def drained(self) -> bool:
        """Whether all that was handed to TLS is acknowledged."""
        return not self._unsealed and not self._sealed

    def position(self, trail: str) -> int:
        """Index of the record of ``trail`` that is to be sent next on this connection."""
        return self._position[trail]

    def sent(self, trail: str, first_idx: int, next_idx: int) -> None:
        """Records from ``first_idx`` to before ``next_idx`` were handed to the TLS layer.

        Raises ConflictError ``forwarder.gap`` when they are not the ones that come next.
        """
        if first_idx != self._position[trail] or next_idx <= first_idx:
            raise ConflictError(
                "forwarder.gap",
                f"trail {trail}: record {self._position[trail]} is next, not {first_idx}",
            )
        self._position[trail] = next_idx
        self._unsealed.append((trail, next_idx))

    def sealed(self, end: int) -> None:
        """The ciphertext of the oldest ``sent`` that is not sealed yet ends at offset ``end``.

        Raises ConflictError ``forwarder.offset`` when there is none, or ``end`` goes back.
        """
        if not self._unsealed or end < self._sealed_end:
            raise ConflictError("forwarder.offset", f"nothing can end at offset {end}")
        trail, next_idx = self._unsealed.popleft()
        self._sealed_end = end
        self._sealed.append(_Span(trail, next_idx, end))

    def acknowledged(self, offset: int, now: float) -> None:
        """The peer's TCP has every ciphertext byte before ``offset``.

        ``offset`` may lie past the last sealed record: TLS speaks for itself too (handshake,
        key update, close_notify).
        """
        self._acked_offset = max(self._acked_offset, min(offset, self._sealed_end))
        while self._sealed and self._sealed[0].mark <= offset:
            span = self._sealed.popleft()
            self._confirm(span.trail, min(span.next_idx, self._tried_out(span.trail)))
            if span.next_idx > self._confirmed[span.trail]:
                self._acked.append(_Span(span.trail, span.next_idx, now))

    def ripe_at(self) -> float | None:
        """When the oldest acknowledged span becomes confirmed, if the connection lives."""
        return self._acked[0].mark + self._confirm_after if self._acked else None

    def ripen(self, now: float) -> None:
        """Confirm what was acknowledged at least ``confirm_after`` seconds ago."""
        while self._acked and self._acked[0].mark + self._confirm_after <= now:
            span = self._acked.popleft()
            self._confirm(span.trail, span.next_idx)

    def opened(self) -> None:
        """A new connection: offsets start at 0 again."""
        self._sealed_end = self._acked_offset = 0

    def ended(self, *, in_good_order: bool) -> None:
        """The connection is gone: go back to what is confirmed."""
        reached: dict[str, int] = {}
        for span in self._acked:
            if in_good_order:
                self._confirm(span.trail, span.next_idx)
            reached[span.trail] = span.next_idx
        for trail, next_idx in reached.items():
            furthest = sorted([*self._acked_earlier[trail], next_idx], reverse=True)
            self._acked_earlier[trail] = furthest[: MOST_TRIES - 1]
        self._unsealed.clear()
        self._sealed.clear()
        self._acked.clear()
        self._position = dict(self._confirmed)
        self.opened()

    def _tried_out(self, trail: str) -> int:
        """Records before this index were acknowledged on enough connections already."""
        furthest = self._acked_earlier[trail]
        return furthest[-1] if len(furthest) == MOST_TRIES - 1 else 0

    def _confirm(self, trail: str, next_idx: int) -> None:
        self._confirmed[trail] = max(self._confirmed[trail], next_idx)
