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
    """Calls ``look`` every ``every_s`` seconds. ``start`` once, ``stop`` once.

    What a look raises is logged as ``trouble``, once until it is over or another; the next look
    comes ``pause_s`` later. ``at_once``: the first one does not wait.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], object],
        *,
        every_s: float,
        trouble: str,
        pause_s: float | None = None,
        at_once: bool = False,
    ) -> None:
        self._name = name
        self._look = look
        self._every_s = every_s
        self._trouble = trouble
        self._pause_s = every_s if pause_s is None else pause_s
        self._first_s = 0.0 if at_once else every_s
        self._told: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, *, wait: bool = True) -> None:
        """End; returns when the look in hand is done, unless it is not waited for."""
        self._stopping.set()
        if wait and self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = self._first_s
        while not self._stopping.wait(pause):
            pause = self._looked()

    def _looked(self) -> float:
        """Look once; seconds until the next time."""
        try:
            self._look()
        except SealwireError as error:
            if error.message != self._told:
                log.warning(self._trouble, error=error.message)
            self._told = error.message
        except Exception:
            log.exception("look failed", beat=self._name)
        else:
            self._told = None
            return self._every_s
        return self._pause_s
