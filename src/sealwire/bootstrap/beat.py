"""A thread that looks again and again: what runs beside a node's requests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)


class Beat:
    """Calls ``look`` at once and then every ``every_s`` seconds. ``start`` once, ``stop`` once.

    What a look raises is logged under ``name``; the next one comes at its time.
    """

    def __init__(self, name: str, look: Callable[[], object], *, every_s: float) -> None:
        self._name = name
        self._look = look
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the look in hand is done."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except SealwireError as error:
                log.warning("looked in vain", beat=self._name, error=error.message)
            except Exception:
                log.exception("a look failed", beat=self._name)
            self._stopping.wait(self._every_s)
