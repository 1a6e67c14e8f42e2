"""Opens a sensor's segments after a stop of any kind: the chain decides what is sealed.

A file that no manifest names is what an unfinished step left, and is removed; so are those of
segments that a manifest has ended. Where the chain itself is damaged or not there, nothing is
removed: such files are moved into quarantine and reported, because the line that named them may
be the one that is lost.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealwire.stores.segments.damage import Damage, DamageKind
from sealwire.stores.segments.files import TMP
from sealwire.stores.segments.reading import read_chain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sealwire.sensor.journal import Position
    from sealwire.stores.segments.catalogue import Catalogue
    from sealwire.stores.segments.chain import ChainEnd
    from sealwire.stores.segments.files import FileCalls, SensorFolder


@dataclass(frozen=True, slots=True)
class Recovered:
    """What opening found.

    ``positions``: per journal slot, up to where records are sealed; go on from there.
    ``next_seq``: number of the next record. ``removed``: files that an unfinished step had left,
    by their path below the segments' folder. ``snapshot``: how many manifests the snapshot spared.
    """

    positions: Mapping[int, Position]
    next_seq: int
    removed: tuple[str, ...] = ()
    damages: tuple[Damage, ...] = ()
    snapshot: int = 0


def recover(folder: SensorFolder, calls: FileCalls) -> tuple[Recovered, Catalogue, ChainEnd]:
    """Read the chain, cut a torn end, clear what unfinished steps left. The lock is the caller's.

    Segments are looked at by name and size alone: hashes are ``verification``'s.

    Raises:
        OSError: the disk fails.
    """
    content = read_chain(folder)
    catalogue, reading = content.catalogue, content.chain
    damages = list(content.damages)
    if reading.torn is not None:
        damages.append(_cut(folder, calls, *reading.torn))
    whole = not damages and reading.end.next_number > 0
    found = set(folder.segment_files())
    damages += _unlike(folder, catalogue, found)
    removed = []
    for path in sorted(found - catalogue.segments.keys()):
        if whole or path.endswith(TMP):
            calls.remove(folder.root / path)
            removed.append(path)
        else:
            damages.append(_set_aside(folder, calls, path))
    recovered = Recovered(
        dict(catalogue.positions),
        catalogue.next_seq,
        tuple(removed),
        tuple(damages),
        content.spared,
    )
    return recovered, catalogue, reading.end


def _cut(folder: SensorFolder, calls: FileCalls, path: Path, offset: int) -> Damage:
    """Keep a copy of what is no whole seal at a file's end, and cut it off."""
    torn = path.read_bytes()[offset:]
    copy = path.with_name(f"{path.stem}-{offset}.torn")
    kept = calls.create(copy)
    try:
        calls.write(kept, (torn,))
        calls.sync(kept)
    finally:
        os.close(kept)
    calls.sync_folder(path.parent)
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        calls.truncate(fd, offset)
        calls.sync(fd)
    finally:
        os.close(fd)
    below = path.relative_to(folder.root).as_posix()
    detail = f"offset {offset}: {len(torn)} bytes are no whole seal"
    return Damage(DamageKind.TORN, below, detail, copy.relative_to(folder.root).as_posix())


def _unlike(folder: SensorFolder, catalogue: Catalogue, found: set[str]) -> Sequence[Damage]:
    """Segments that are not there, or not of the size that the chain names."""
    damages = []
    for path, segment in catalogue.segments.items():
        if path not in found:
            damages.append(Damage(DamageKind.MISSING, path, "is not there"))
        elif (size := (folder.root / path).stat().st_size) != segment.bytes:
            detail = f"has {size} bytes, not {segment.bytes}"
            damages.append(Damage(DamageKind.CHANGED, path, detail, path))
    return damages


def _set_aside(folder: SensorFolder, calls: FileCalls, path: str) -> Damage:
    calls.make_folder(folder.quarantine)
    source = folder.root / path
    target = folder.quarantine / source.name
    number = 0
    while target.exists():
        number += 1
        target = folder.quarantine / f"{source.name}.{number}"
    calls.rename(source, target)
    kept_in = target.relative_to(folder.root).as_posix()
    return Damage(DamageKind.STRAY, path, "is named by no line of a damaged chain", kept_in)
