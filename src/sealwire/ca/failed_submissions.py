"""Requests that never became one: recorded, and no more of them than a stranger should cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.audit.events import Outcome, profile_cert_request
from sealwire.audit.repeats import Repeats, more, neighbourhood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.audit.events import Event
    from sealwire.clock import Clock
    from sealwire.errors import SealwireError

_EACH_MINUTE: Final = 10
"""From one address, each with its own record; more of them share one."""


class FailedSubmissions:
    """PROFILE_CERT_REQUEST with Outcome Failure: a CSR that cannot be read, an unknown profile.

    Safe from any thread.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._repeats = Repeats(_EACH_MINUTE)

    def events(
        self, profile_id: str, fault: SealwireError, *, actor: str, address: str
    ) -> Sequence[Event]:
        """What to record of it now."""

        def event(count: int) -> Event:
            info = more(f"from {address}: {fault.code}", count)
            return profile_cert_request(
                actor, None, profile_id, None, outcome=Outcome.FAILURE, info=info
            )

        return self._repeats.note(neighbourhood(address), self._clock.now(), event)

    def due(self) -> Sequence[Event]:
        """What minutes that are over still owe."""
        return self._repeats.due(self._clock.now())
