"""The words in which delivery is spoken of: faults, reports, a destination's status, and two ports.

The service asks ``ForwarderControl`` and ``Probe`` for what only sockets can know; the adapters
that fill them live beside the sockets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.appliance.ports import Destination

STREAMED_TRAILS: Final = ("ca", "appliance", "sensor", "inputs")
"""What a destination gets. Not ``delivery``: an event caused by delivering is not streamed."""

DELIVERY_TRAIL: Final = "delivery"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a connection failed: a stable code, plain words, and what to do about it.

    ``refused`` marks what no retry alone will heal: a certificate, a name, a setting.
    """

    code: str
    message: str
    hint: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step of a destination test: how long it took, what was seen, how to mend it."""

    name: str
    ok: bool
    milliseconds: float
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """A destination test: its steps in order; it stops at the first that failed."""

    destination: str
    steps: tuple[ProbeStep, ...]

    @property
    def ok(self) -> bool:
        """Whether every step held."""
        return bool(self.steps) and all(step.ok for step in self.steps)


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """What one destination is doing. ``next_retry_seconds`` is None unless it waits to retry."""

    name: str
    state: str
    last_error: str = ""
    last_error_code: str = ""
    hint: str = ""
    records_sent: int = 0
    backlog: Mapping[str, int] = field(default_factory=dict)
    next_retry_seconds: float | None = None
    connected_to: str = ""
    tls: str = ""


class Probe(Protocol):
    """Tests a destination by connecting to it as the forwarder would."""

    def probe(self, destination: Destination) -> ProbeReport:
        """Every step up to the first that fails. Takes seconds; raises nothing for a dead peer."""
        ...


class ForwarderControl(Protocol):
    """The running forwarder, as seen from the use cases. Safe to call from any thread."""

    def poke(self) -> None:
        """Read destinations and certificate again, and retry at once. Returns immediately."""
        ...

    def status(self) -> Sequence[DestinationStatus]:
        """One entry for each destination that is being served, by name."""
        ...
