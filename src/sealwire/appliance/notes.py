"""What the forwarder wants to see in the trail ``delivery``, with repeats counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealwire.appliance.delivery import Fault


@dataclass(frozen=True, slots=True)
class Connected:
    """The destination takes records."""


@dataclass(frozen=True, slots=True)
class Failures:
    """``count`` failures of one kind in a row; ``was_up``: the end of an established connection."""

    fault: Fault | None = None
    count: int = 0
    was_up: bool = False

    def continues(self, fault: Fault) -> bool:
        """Whether ``fault`` is one more of the same kind."""
        return self.fault is not None and self.fault.code == fault.code


Note = Connected | Failures
