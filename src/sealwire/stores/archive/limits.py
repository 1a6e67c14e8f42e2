"""How much one question may take, and what it means when the engine says that it is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.errors import RefusedError, UnavailableError
from sealwire.stores.archive.engine import (
    BAD_PATTERN,
    MEMORY,
    TIMEOUT,
    TOO_MANY_ROWS,
    TOO_SLOW,
    EngineError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.clock import Clock
    from sealwire.errors import SealwireError
    from sealwire.stores.archive.engine import Setting

LONGEST_S: Final = 5.0
MOST_MEMORY: Final = 1 << 30
MOST_ROWS: Final = 2_000_000_000
LEAST_S: Final = 0.05

_TOO_EXPENSIVE: Final = frozenset({TIMEOUT, TOO_MANY_ROWS, TOO_SLOW, MEMORY})


class Budget:
    """Time and memory for one question, which may take several statements."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._end = clock.monotonic() + LONGEST_S

    def settings(self) -> Mapping[str, Setting]:
        """Settings of the next statement. Raises RefusedError when there is no time left."""
        left = self._end - self._clock.monotonic()
        if left < LEAST_S:
            raise too_expensive()
        return {
            "max_execution_time": round(left, 3),
            "max_memory_usage": MOST_MEMORY,
            "max_rows_to_read": MOST_ROWS,
            "readonly": 2,
        }


def too_expensive() -> RefusedError:
    """There is more to read than one question may."""
    return RefusedError(
        "search.too_expensive",
        "The question takes too long or too much memory.",
        hint="Ask for a shorter time range, or name a source or a whole word besides.",
    )


def meant(error: EngineError) -> SealwireError:
    """What to tell who asked."""
    if error.code in _TOO_EXPENSIVE:
        return too_expensive()
    if error.code == BAD_PATTERN:
        return RefusedError(
            "search.pattern",
            "The regular expression is not valid: " + _reason(str(error)),
            hint="Expressions are RE2's: there are no look-arounds and no back-references.",
        )
    return UnavailableError("index.unavailable", f"The index does not answer: {str(error)[:300]}")


def _reason(text: str) -> str:
    _, found, rest = text.partition(", error: ")
    return rest.split(". Look at", 1)[0][:200] + "." if found else "RE2 does not take it."
