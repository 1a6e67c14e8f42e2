"""Looks once a second whether the active unit lives: the beat of high availability."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from sealwire.appliance.lease import LOOK_EVERY_S, Watch
from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from sealwire.appliance.service import Appliance

log = structlog.get_logger(__name__)


class UnitWatch:
    """One thread beside a running unit. ``start`` once, ``stop`` once."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._watch = Watch(appliance.ha().unit)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unit watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the look in hand is done."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self._appliance.look(self._watch)
            except SealwireError as error:
                log.warning("the units' state cannot be seen", error=error.message)
            except Exception:
                log.exception("unit watch failed")
