"""A bell that wakes one thread out of its poll, rung from any other."""

from __future__ import annotations

import os
import threading


class Bell:
    """Register ``fileno`` with a poller; it is readable from ``ring`` to ``hush``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._descriptor: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Raises ValueError after ``close``."""
        if self._descriptor is None:
            raise ValueError("the bell is closed")
        return self._descriptor

    def ring(self) -> None:
        """Wake the listener; nothing happens after ``close``."""
        with self._lock:
            if self._descriptor is not None:
                os.eventfd_write(self._descriptor, 1)

    def hush(self) -> None:
        """Be ready for the next ring."""
        os.eventfd_read(self.fileno())

    def close(self) -> None:
        """Give the descriptor back; twice is no error."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
