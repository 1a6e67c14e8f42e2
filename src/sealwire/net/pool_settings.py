"""What a pool of receiver workers is told, and what it needs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.net.limits import ReceiverLimits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sealwire.sensor.journal import Recovery

_MOST_WORKERS: Final = 4


class Recoverer(Protocol):
    """Opens the journal's slots after a stop."""

    def slots(self) -> Sequence[int]:
        """Slots that exist."""
        ...

    def recover(self, slot: int) -> Recovery:
        """Verify and repair one. Raises ConflictError ``journal.locked`` while it has a writer."""
        ...


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What workers are told. ``workers`` 0: as many as cores, at most four.

    ``ports``: of TLS.
    """

    journal: Path
    sensor: str
    ports: tuple[int, ...] = (6514, 6515)
    tcp_ports: tuple[int, ...] = ()
    udp_ports: tuple[int, ...] = ()
    host: str = ""
    workers: int = 0
    rotate_at: int = 64 * 1024 * 1024
    limits: ReceiverLimits = field(default_factory=ReceiverLimits)

    @property
    def slots(self) -> range:
        """A slot for each worker."""
        return range(self.workers or min(os.cpu_count() or 1, _MOST_WORKERS))
