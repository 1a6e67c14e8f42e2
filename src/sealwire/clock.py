"""Time and randomness, injected: the only module that reads the system's; how times are written."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Protocol


def rfc3339(moment: datetime) -> str:
    """``2026-11-22T10:20:30Z``: a UTC time to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Wall-clock time, timezone-aware, UTC."""
        ...

    def now_ns(self) -> int:
        """Wall-clock time in nanoseconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for intervals only."""
        ...


class RandomSource(Protocol):
    """Gives bytes fit for keys, serial numbers and tokens."""

    def token_bytes(self, count: int) -> bytes:
        """``count`` bytes from a cryptographic generator."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Wall-clock time, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place

    def now_ns(self) -> int:
        """Wall-clock time in nanoseconds."""
        return time.time_ns()  # noqa: TID251 - the one place

    def monotonic(self) -> float:
        """Seconds since some fixed point."""
        return time.monotonic()  # noqa: TID251 - the one place


class SystemRandom:
    """The machine's cryptographic generator."""

    def token_bytes(self, count: int) -> bytes:
        """``count`` random bytes."""
        return os.urandom(count)  # noqa: TID251 - the one place
