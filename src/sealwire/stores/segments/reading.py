"""Reads a chain into a catalogue: all of it to verify, or from a snapshot on to know what is there.

Nothing is locked or changed: any process may look, beside the one that writes. A line that is
being written is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealwire.stores.segments.catalogue import Catalogue
from sealwire.stores.segments.chain import ChainEnd, ChainMark, ChainReading, holds_mark
from sealwire.stores.segments.damage import Damage, DamageKind
from sealwire.stores.segments.files import SensorFolder
from sealwire.stores.segments.snapshot import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealwire.stores.segments.manifest import Manifest


@dataclass(frozen=True, slots=True)
class ChainContent:
    """What was read. ``spared``: how many manifests the snapshot stood for."""

    catalogue: Catalogue
    chain: ChainReading
    damages: tuple[Damage, ...]
    spared: int = 0


def read_whole_chain(folder: SensorFolder) -> ChainContent:
    """Every line, checked."""
    return _read(folder, Catalogue(), None)


def read_chain(folder: SensorFolder) -> ChainContent:
    """Lines behind the snapshot; every line when there is none, or the chain is another."""
    snapshot = read_snapshot(folder)
    if snapshot is None:
        return read_whole_chain(folder)
    if holds_mark(folder, snapshot.mark):
        return _read(folder, snapshot.catalogue, snapshot.mark)
    whole = read_whole_chain(folder)
    damages = (_shortened(folder, snapshot.mark), *whole.damages)
    return ChainContent(whole.catalogue, whole.chain, damages)


def read_catalogue(folder: Path, sensor: str) -> Catalogue:
    """What a sensor's chain says is stored."""
    return read_chain(SensorFolder(folder, sensor)).catalogue


def _read(folder: SensorFolder, catalogue: Catalogue, mark: ChainMark | None) -> ChainContent:
    chain = ChainReading(folder, mark)
    for manifest in chain.manifests():
        catalogue.apply(manifest)
    spared = 0 if mark is None else mark.end.next_number
    return ChainContent(catalogue, chain, tuple(chain.damages), spared)


def _shortened(folder: SensorFolder, mark: ChainMark) -> Damage:
    path = folder.chain.relative_to(folder.root).as_posix()
    detail = f"line {mark.end.next_number - 1}, {mark.end.head}, is not there any more"
    return Damage(DamageKind.SHORTENED, path, detail)


def read_manifests(folder: Path, sensor: str, since: int = 0) -> Iterator[Manifest]:
    """Lines of a sensor's chain: what was sealed, merged, held and deleted, in order.

    Files that hold only lines numbered below ``since`` are not read; some of those may be given.
    """
    place = SensorFolder(folder, sensor)
    first = max((number for number, _ in place.chain_files() if number <= since), default=0)
    # The head before it is not known, which would only be reported as damage.
    mark = ChainMark(first, 0, ChainEnd(first)) if first else None
    return ChainReading(place, mark).manifests()
