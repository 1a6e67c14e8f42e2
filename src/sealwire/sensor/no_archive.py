"""Where nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealwire.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.sensor.archive import ArchiveStatus, Bucket, Evidence, Page, StoredRecord
    from sealwire.sensor.query import Search


class NoArchive:
    """Stands in where there is no store process: everything is unavailable."""

    def search(self, search: Search) -> Page:
        """Raises UnavailableError ``archive.unavailable``."""
        raise _absent(search)

    def count(self, search: Search) -> int:
        """Raises UnavailableError ``archive.unavailable``."""
        raise _absent(search)

    def chart(self, search: Search, step_s: int) -> Sequence[Bucket]:
        """Raises UnavailableError ``archive.unavailable``."""
        raise _absent(search, step_s)

    def record(self, seq: int) -> tuple[StoredRecord, Evidence]:
        """Raises UnavailableError ``archive.unavailable``."""
        raise _absent(seq)

    def status(self) -> ArchiveStatus:
        """Raises UnavailableError ``archive.unavailable``."""
        raise _absent()

    def observations(self) -> Sequence[Mapping[str, Any]]:
        """Nothing is looked at."""
        return ()

    def away_s(self) -> float:
        """Nobody is missed."""
        return 0.0

    def reindex(self) -> Iterator[ArchiveStatus]:
        """Raises UnavailableError ``archive.unavailable``."""
        raise _absent()


def _absent(*_asked: object) -> UnavailableError:
    return UnavailableError("archive.unavailable", "nothing is stored here")
