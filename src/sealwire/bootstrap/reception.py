"""The sensor of one node: its use cases, its receiver workers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.bootstrap.beat import Beat
from sealwire.bootstrap.compose import known_roots, own_roots
from sealwire.bootstrap.network_names import own_names
from sealwire.bootstrap.offline_archive import OfflineArchive
from sealwire.net.name_lookup import DnsLookup
from sealwire.net.remote_archive import RemoteArchive
from sealwire.net.store_link import StoreFeed, StoreHearer, StoreLink, StorePlaces
from sealwire.sensor.service import Installation, Reception, Sensor
from sealwire.stores.journal.cleaning import remove_files
from sealwire.stores.journal.reader import JournalReadings
from sealwire.stores.journal.recovery import JournalRecovery
from sealwire.stores.segments.shelf import ChainShelf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import ExitStack

    from sealwire.bootstrap.compose import Foundation
    from sealwire.identity.peer_lists import PeerLists
    from sealwire.net.workers import ReceiverPool
    from sealwire.sensor.archive import RecordArchive
    from sealwire.sensor.journal import Position
    from sealwire.sensor.receiving import ListenerState, Receivers, TlsMaterial
    from sealwire.sensor.shelf import SegmentShelf

CLEAN_EVERY: Final = 10.0
"""Seconds between looks for journal files that nobody needs any more."""
TELL_EVERY: Final = 2.0
"""Seconds between looks whether the store process has deleted something."""


@dataclass(frozen=True, slots=True)
class Receiving:
    """What runs for the sensor."""

    sensor: Sensor
    pool: ReceiverPool
    store: StoreLink
    beats: tuple[Beat, ...]

    def start(self) -> None:
        """Recover the journal, say what was found, start the workers, begin to count."""
        try:
            self.pool.start(self.sensor.tls_material(), self.sensor)
        except BaseException:
            self.pool.stop()
            raise
        self.store.start(
            StoreFeed(self.pool.positions, lambda: self.pool.whole, self.sensor.archive_policy),
            StoreHearer(self.sensor.archive_lost, self.sensor.archive_alarm),
        )
        for beat in self.beats:
            beat.start()
        # Told at once: a tear is cut once, and who crashes before it is told never tells it.
        self.sensor.moment_passed()

    def stop(self) -> None:
        """Let senders finish, make everything durable, keep the counters."""
        for beat in self.beats:
            beat.stop()
        self.pool.stop()
        self.store.stop()
        self.sensor.moment_passed()
        self.sensor.save_statistics()


class StoppedReceivers:
    """The receivers of a node that is not running: good blocks count, a torn tail stays.

    Cutting it, and recording that, is for the next start.
    """

    def __init__(self, recovery: JournalRecovery) -> None:
        self._recovery = recovery
        self._ends: dict[int, Position] | None = None

    def listeners(self) -> Sequence[ListenerState]:
        """Nothing listens."""
        return ()

    def positions(self) -> Mapping[int, Position]:
        """Where each slot's good blocks end."""
        if self._ends is None:
            slots = self._recovery.slots()
            self._ends = {slot: self._recovery.durable_end(slot) for slot in slots}
        return self._ends

    def connections(self) -> int:
        """Nobody is connected."""
        return 0

    def reload(self, material: TlsMaterial) -> None:
        """The next start reads it."""


def receiving(base: Foundation, lists: PeerLists, pool: ReceiverPool) -> Receiving:
    """The sensor and its workers, which are bound and not yet started."""
    store = StoreLink(_places(base), base.clock)
    sensor = _sensor(base, pool, lists, RemoteArchive(store), _shelf(base))
    cleaning = Beat(
        "journal-files",
        lambda: remove_files(base.home.journal, sensor.finished_positions()),
        every_s=CLEAN_EVERY,
        trouble="no journal files are removed",
    )
    trail = Beat(
        "deletions",
        sensor.record_deletions,
        every_s=TELL_EVERY,
        trouble="deletions of stored records are not recorded yet",
    )
    return Receiving(sensor, pool, store, (cleaning, trail))


def offline_sensor(base: Foundation, lists: PeerLists, closing: ExitStack) -> Sensor:
    """The sensor's use cases while nothing receives. ``closing`` closes what they open."""
    stopped = StoppedReceivers(JournalRecovery(base.home.journal))
    archive = OfflineArchive(_places(base), base.clock, stopped.positions)
    closing.callback(archive.close)
    sensor = _sensor(base, stopped, lists, archive, _shelf(base, archive.seal))
    archive.policy = sensor.archive_policy
    return sensor


def _places(base: Foundation) -> StorePlaces:
    home = base.home
    name = base.config.sensor_name
    return StorePlaces(home.journal, home.segments, home.index, home.store_notes, name)


def _shelf(base: Foundation, before_export: Callable[[], None] = lambda: None) -> ChainShelf:
    return ChainShelf(base.home.segments, base.config.sensor_name, base.clock, before_export)


def _sensor(
    base: Foundation,
    receivers: Receivers,
    lists: PeerLists,
    archive: RecordArchive,
    shelf: SegmentShelf,
) -> Sensor:
    return Sensor(
        base.store,
        base.keys,
        base.recorder,
        base.clock,
        base.random,
        installation=Installation(
            name=base.config.sensor_name,
            host_names=own_names(base.config.host_name),
            default_trust=lambda: own_roots(base),
            known_roots=lambda: known_roots(base),
            revocation=lists.contents,
            lookup=DnsLookup(),
            legacy_cbc=base.config.legacy_cbc,
        ),
        reception=Reception(
            receivers, JournalReadings(base.home.journal), threading.Lock(), archive, shelf
        ),
    )
