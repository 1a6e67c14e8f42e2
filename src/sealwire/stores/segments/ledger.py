"""Changes to the segments of one sensor: all of one or nothing, in memory as on the disk."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Final, TypeVar

from sealwire.clock import rfc3339
from sealwire.errors import UnavailableError
from sealwire.stores.segments.catalogue import Catalogue
from sealwire.stores.segments.chain import ROTATE_AT, ChainWriter
from sealwire.stores.segments.manifest import Manifest, ManifestKind
from sealwire.stores.segments.recovery import Recovered, recover
from sealwire.stores.segments.snapshot import Snapshot, write_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealwire.clock import Clock
    from sealwire.stores.segments.chain import ChainMark
    from sealwire.stores.segments.files import FileCalls, SensorFolder
    from sealwire.stores.segments.manifest import Segment

SNAPSHOT_EVERY: Final = 2000
RESERVE: Final = 128 * 1024

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Pace:
    """When files follow one another.

    ``rotate_at``: bytes after which another file of the chain begins. ``snapshot_every``: so many
    manifests after a snapshot there is another.
    """

    rotate_at: int = ROTATE_AT
    snapshot_every: int = SNAPSHOT_EVERY


class Ledger:
    """The chain and the catalogue that follows from it, changed together by one thread.

    Args:
        folder: the sensor's; its lock is held by the caller.
        clock: for the time in manifests.
        calls: the operating system.
        pace: when files follow one another.
    """

    def __init__(self, folder: SensorFolder, clock: Clock, calls: FileCalls, pace: Pace) -> None:
        self._folder = folder
        self._clock = clock
        self._calls = calls
        self._pace = pace
        self._snapshot_at = 0
        self._guard = RLock()
        self._catalogue = Catalogue()
        self._chain: ChainWriter | None = None
        self._doomed: list[Segment] = []

    def open(self) -> Recovered:
        """Read the chain and clear what a stop has left.

        Raises:
            UnavailableError: ``segments.disk``; it may be called again.
        """
        self.close()
        with disk_faults():
            recovered, catalogue, end = recover(self._folder, self._calls)
        with self._guard:
            self._catalogue = catalogue
        self._doomed = []
        self._chain = ChainWriter(self._folder, end, self._calls, self._pace.rotate_at)
        self._snapshot_at = recovered.snapshot + self._pace.snapshot_every
        self._keep_reserve()
        return recovered

    def close(self) -> None:
        """Close the chain's file."""
        if self._chain is not None:
            self._chain.close()
            self._chain = None

    def look(self, question: Callable[[Catalogue], _Answer]) -> _Answer:
        """Ask the catalogue while nothing changes it; the answer must not keep it."""
        with self._guard:
            return question(self._catalogue)

    @property
    def next_number(self) -> int:
        """Number of the next manifest."""
        return self._writer().end.next_number

    @property
    def mark(self) -> ChainMark:
        """The place behind the last line that was written since the start."""
        return self._writer().mark

    def draft(self, kind: ManifestKind, **content: object) -> Manifest:
        """A manifest before the chain has given it its number."""
        created = rfc3339(self._clock.now())
        return Manifest(-1, "", kind, self._folder.sensor, created, **content)  # type: ignore[arg-type]

    @contextmanager
    def changing(self) -> Iterator[list[Segment]]:
        """Clear what a failed change left; remove the segments that are listed if this one fails.

        They stay while the chain cannot be brought back to before their line: a crash may find
        that line.

        Raises:
            UnavailableError: ``segments.disk``; nothing has changed.
        """
        with disk_faults():
            writer = self._writer()
            writer.settle()
            self._clear()
            before = writer.end
            written: list[Segment] = []
            try:
                yield written
            except BaseException:
                if writer.end == before:
                    self._doomed += written
                    writer.settle()
                    self._clear()
                else:
                    # Interrupted when the chain had it and the catalogue had not.
                    self.close()
                raise

    def commit(
        self, drafts: Sequence[Manifest], written: Sequence[Segment] = ()
    ) -> Sequence[Manifest]:
        """Make new names durable, then the lines that name them; take both into the catalogue.

        Files of segments that this ends are removed; those that will not go, later.
        """
        for hour in sorted({segment.hour for segment in written}):
            self._calls.sync_folder(self._folder.root / hour)
        manifests = self._writer().commit(drafts)
        with self._guard:
            for manifest in manifests:
                self._doomed += self._catalogue.apply(manifest)
        self._clear()
        self._keep_snapshot()
        return manifests

    def commit_in_need(self, drafts: Sequence[Manifest]) -> Sequence[Manifest]:
        """A whole change that needs no segments, and room that was kept for it on a full disk.

        Deleting makes room, and takes a line of the chain first.

        Raises:
            UnavailableError: ``segments.disk``; nothing has changed.
        """
        try:
            with self.changing():
                return self.commit(drafts)
        except UnavailableError:
            with disk_faults():
                self._calls.remove(self._folder.reserve)
            with self.changing():
                return self.commit(drafts)
        finally:
            self._keep_reserve()

    def _keep_reserve(self) -> None:
        """Have the reserve, if there is room; without it a full disk needs an operator."""
        path = self._folder.reserve
        if path.is_file() and path.stat().st_size == RESERVE:
            return
        with suppress(OSError):
            fd = self._calls.create(path)
            try:
                self._calls.write(fd, (bytes(RESERVE),))
                self._calls.sync(fd)
            finally:
                os.close(fd)

    def _keep_snapshot(self) -> None:
        """Now and then. It only saves time, so that a failure is none."""
        writer = self._writer()
        if writer.end.next_number >= self._snapshot_at:
            self._snapshot_at = writer.end.next_number + self._pace.snapshot_every
            with suppress(OSError):
                write_snapshot(self._folder, self._calls, Snapshot(writer.mark, self._catalogue))

    def _writer(self) -> ChainWriter:
        if self._chain is None:
            raise UnavailableError("segments.disk", "the segments are not open")
        return self._chain

    def _clear(self) -> None:
        """Remove files that nothing names any more; those that will not go are tried again."""
        doomed, self._doomed = self._doomed, []
        for segment in doomed:
            try:
                self._calls.remove(self._folder.locate(segment.path))
            except OSError:
                self._doomed.append(segment)


@contextmanager
def disk_faults() -> Iterator[None]:
    """Say in the project's words what the disk says."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnavailableError(
            "segments.disk",
            f"the segments' disk says: {reason}",
            hint="make room or mend the disk; sealing goes on by itself",
        ) from error
