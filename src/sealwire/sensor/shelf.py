"""What the segments' chain of manifests says is stored, day by day, and what was deleted.

Read beside the store process that writes it, with nothing heavy loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date


@dataclass(frozen=True, slots=True)
class ShelvedDay:
    """What is stored of one class's day of receipt (UTC). ``bytes``: of its segments."""

    day: date
    retention: str
    segments: int
    records: int
    bytes: int


@dataclass(frozen=True, slots=True)
class DeletedDay:
    """A class's day that the store process deleted, as manifest number ``manifest`` says it.

    ``reason``: ``expired`` or ``budget``. ``created``: when, RFC 3339.
    """

    manifest: int
    created: str
    day: date
    retention: str
    reason: str
    records: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ExportRange:
    """Records received from ``since_us`` to before ``until_us``; of one class, or of all."""

    since_us: int
    until_us: int
    retention: str | None = None


class SegmentShelf(Protocol):
    """Safe to call from any thread; what is answered was durable when it was asked.

    Raises UnavailableError ``segments.disk`` when the disk does not answer.
    """

    def days(self) -> Sequence[ShelvedDay]:
        """By day, then class."""
        ...

    def holds(self) -> frozenset[str]:
        """Names of the holds that the chain says are in force."""
        ...

    def deletions(self, after: int) -> Sequence[DeletedDay]:
        """Those of manifests numbered above ``after``, in order."""
        ...

    def export(self, wanted: ExportRange) -> Iterator[bytes]:
        """Segments as they are, the whole chain and a listing, as a tar archive in pieces.

        Raises ConflictError ``export.overtaken`` when segments are merged faster than they can be
        opened, or one is lost.
        """
        ...


class EmptyShelf:
    """Stands in where nothing is stored."""

    def days(self) -> Sequence[ShelvedDay]:
        """None."""
        return ()

    def holds(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def deletions(self, after: int) -> Sequence[DeletedDay]:
        """None after any."""
        del after
        return ()

    def export(self, wanted: ExportRange) -> Iterator[bytes]:
        """Nothing."""
        del wanted
        return iter(())
