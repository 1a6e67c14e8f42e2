"""What a sensor's chain says is stored, for processes beside the one that writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.sensor.shelf import DeletedDay, ShelvedDay
from sealwire.stores.segments.export import Range, export_tar
from sealwire.stores.segments.ledger import disk_faults
from sealwire.stores.segments.reading import read_catalogue, read_manifests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from sealwire.clock import Clock
    from sealwire.sensor.shelf import ExportRange
    from sealwire.stores.segments.catalogue import Catalogue
    from sealwire.stores.segments.manifest import Manifest

_US: Final = 1000


class ChainShelf:
    """Fills ``sensor.shelf.SegmentShelf``.

    Args:
        folder: of the segments of all sensors.
        sensor: its name.
        clock: for the time in listings.
        before_export: called first, where nobody else seals what was received.
    """

    def __init__(
        self,
        folder: Path,
        sensor: str,
        clock: Clock,
        before_export: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._sensor = sensor
        self._clock = clock
        self._before_export = before_export

    def days(self) -> Sequence[ShelvedDay]:
        """By day, then class."""
        sums: dict[tuple[date, str], tuple[int, int, int]] = {}
        for one in self._catalogue().segments.values():
            key = (one.day, one.retention)
            segments, records, size = sums.get(key, (0, 0, 0))
            sums[key] = (segments + 1, records + one.rows, size + one.bytes)
        return [ShelvedDay(*key, *sums[key]) for key in sorted(sums)]

    def holds(self) -> frozenset[str]:
        """Names of the holds that the chain says are in force."""
        return frozenset(self._catalogue().holds)

    def deletions(self, after: int) -> Sequence[DeletedDay]:
        """Those of manifests numbered above ``after``, in order."""
        with disk_faults():
            manifests = [
                one
                for one in read_manifests(self._folder, self._sensor, after + 1)
                if one.number > after
            ]
        return [day for one in manifests if (day := _deleted(one)) is not None]

    def export(self, wanted: ExportRange) -> Iterator[bytes]:
        """A tar archive in pieces."""
        self._before_export()
        chosen = Range(wanted.since_us * _US, wanted.until_us * _US, wanted.retention)
        return self._pieces(chosen)

    def _pieces(self, wanted: Range) -> Iterator[bytes]:
        with disk_faults():
            yield from export_tar(self._folder, self._sensor, wanted, self._clock)

    def _catalogue(self) -> Catalogue:
        with disk_faults():
            return read_catalogue(self._folder, self._sensor)


def _deleted(manifest: Manifest) -> DeletedDay | None:
    one = manifest.deletion
    if one is None:
        return None
    return DeletedDay(
        manifest.number,
        manifest.created,
        one.day,
        one.retention,
        one.reason,
        one.rows,
        one.bytes,
    )
