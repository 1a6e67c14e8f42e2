"""Looks once a second whether a CRL or the OCSP responder's certificate is due."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import structlog

from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from sealwire.ca.publication import StatusPublisher

LOOK_EVERY_S: Final = 1.0
"""The changes of that time go into one CRL."""

PAUSE_S: Final = 60.0
"""After a failure, which was recorded: not one record a second."""

log = structlog.get_logger(__name__)


class StatusWatch:
    """One thread beside a running CA. ``start`` once, ``stop`` once."""

    def __init__(self, publisher: StatusPublisher, *, every_s: float = LOOK_EVERY_S) -> None:
        self._publisher = publisher
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the look in hand is done."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = self._every_s
        while not self._stopping.wait(pause):
            pause = self._every_s
            try:
                self._publisher.tend()
            except SealwireError as error:
                pause = PAUSE_S
                log.warning("the certificates' status cannot be published", error=error.message)
            except Exception:
                pause = PAUSE_S
                log.exception("status watch failed")
