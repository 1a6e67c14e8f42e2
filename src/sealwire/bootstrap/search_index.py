"""Opens the index; loads its engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.stores.archive.engine import ChdbEngine
from sealwire.stores.archive.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.clock import Clock


def open_index(folder: Path, sensor: str, clock: Clock, stuck: Callable[[], None]) -> Index:
    """The index in ``folder``, which is made. Raises UnavailableError ``index.unavailable``.

    ``stuck`` is called when its engine does not come back from a question.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Index(ChdbEngine(folder / "engine", stuck), sensor, clock)
