"""When to seal, and how much at a time: pure decisions of the store process.

The journal is the backlog, on the disk; what waits there costs no memory. Few records wait a
moment, so that there are not as many segments as records; many are sealed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.sensor.batches import BatchLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.sensor.journal import Position

MANY_BYTES: Final = 4 * 1024 * 1024
"""So much is sealed soon, whatever was sealed before."""
ENOUGH_BYTES: Final = 16 * 1024 * 1024
"""So much is sealed without waiting for more."""
SETTLE_S: Final = 0.3
"""So long after it was told, every block of another slot that is older has been told too."""

_SOON_S: Final = 0.5
_LATE_S: Final = 5.0
_MANY_S: Final = 1.5
_SOON_SEALS: Final = 20
_ONE_MORE_S: Final = 5.0

FEW_TRIES: Final = 2
"""So often the process may die over one batch before it is taken block by block."""
MOST_TRIES: Final = 5
"""So often over one block before its messages are kept without being taken apart."""


@dataclass(slots=True)
class SealPace:
    """Says when what waits is to be sealed. All times are monotonic seconds.

    The first records after a quiet time are sealed after half a second; where little comes all the
    time, every five seconds. Where much comes it is taken 1.5 seconds at a time: to index 20,000
    records at once costs half as much again, each, as to index 100,000.
    """

    soon: float = _SOON_SEALS
    filled_at: float = 0.0

    def wait(self, waiting_bytes: int, since: float, now: float) -> float:
        """Seconds until ``waiting_bytes``, which began to wait at ``since``, are to be sealed."""
        if waiting_bytes >= ENOUGH_BYTES:
            return 0.0
        self._refill(now)
        delay = _SOON_S if self.soon >= 1 else _LATE_S
        if waiting_bytes >= MANY_BYTES:
            delay = _MANY_S
        return max(0.0, since + delay - now)

    def sealed(self, length: int, now: float) -> None:
        """A batch of ``length`` bytes was sealed."""
        self._refill(now)
        if length < MANY_BYTES:
            self.soon = max(0.0, self.soon - 1)

    def _refill(self, now: float) -> None:
        self.soon = min(_SOON_SEALS, self.soon + max(0.0, now - self.filled_at) / _ONE_MORE_S)
        self.filled_at = now


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is being sealed, written down before it is tried: where it begins, the how-manieth time.

    A process that dies over it finds at its next start that it was there before.
    """

    starts: Mapping[int, Position]
    tries: int

    def following(self, starts: Mapping[int, Position]) -> Attempt:
        """The attempt to seal what begins at ``starts``, after this one did not succeed."""
        return Attempt(starts, self.tries + 1 if starts == self.starts else 1)

    @property
    def limits(self) -> BatchLimits:
        """How much to take: after several deaths a block, to find the one that kills."""
        return BatchLimits() if self.tries <= FEW_TRIES else BatchLimits(blocks=1)

    @property
    def gives_up_parsing(self) -> bool:
        """Whether the messages are to be kept as they are, without being taken apart."""
        return self.tries > MOST_TRIES
