"""Checks a sensor's chain line by line, and every live segment against the hash it names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealwire.stores.segments.damage import Damage, DamageKind
from sealwire.stores.segments.files import SensorFolder
from sealwire.stores.segments.reading import read_chain, read_whole_chain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.stores.segments.manifest import Segment
    from sealwire.stores.segments.reading import ChainContent


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked and found. ``head``: SHA-256 of the chain's last line.

    Good is only what has no damage and ends where somebody else knows that it should: a chain
    that was cut at a line's end looks whole.
    """

    manifests: int
    head: str
    segments: int
    rows: int
    bytes: int
    damages: tuple[Damage, ...]


def file_hash(path: Path) -> str:
    """SHA-256 of a file, lower-case hex."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def verify_segments(
    folder: Path, sensor: str, report: Callable[[Segment], None] | None = None
) -> Verification:
    """Read everything and check it, beside a process that may be writing.

    Args:
        folder: of the segments of all sensors.
        sensor: its name.
        report: told of each segment that was checked.
    """
    place = SensorFolder(folder, sensor)
    checked: dict[str, Damage | None] = {}
    while True:
        content = read_whole_chain(place)
        left = [one for path, one in content.catalogue.segments.items() if path not in checked]
        if not left:
            return _result(content, checked)
        for segment in left:
            found = check_segment(place, segment)
            # It may have been merged or deleted meanwhile; the chain then knows.
            if found is None or found.kind is not DamageKind.MISSING or _is_live(place, segment):
                checked[segment.path] = found
            if report is not None:
                report(segment)


def check_segment(folder: SensorFolder, segment: Segment) -> Damage | None:
    """Whether a segment is the file that the chain names."""
    try:
        found = file_hash(folder.locate(segment.path))
    except FileNotFoundError:
        return Damage(DamageKind.MISSING, segment.path, "is not there")
    except (OSError, ValueError) as error:
        return Damage(DamageKind.CHANGED, segment.path, f"cannot be read: {error}", segment.path)
    if found == segment.sha256:
        return None
    detail = f"its SHA-256 is {found}, not {segment.sha256}"
    return Damage(DamageKind.CHANGED, segment.path, detail, segment.path)


def _is_live(folder: SensorFolder, segment: Segment) -> bool:
    return segment.path in read_chain(folder).catalogue.segments


def _result(content: ChainContent, checked: dict[str, Damage | None]) -> Verification:
    live = content.catalogue.segments.values()
    found = [damage for one in live if (damage := checked[one.path]) is not None]
    return Verification(
        manifests=content.chain.end.next_number,
        head=content.chain.end.head,
        segments=len(live),
        rows=sum(one.rows for one in live),
        bytes=sum(one.bytes for one in live),
        damages=(*content.damages, *found),
    )
