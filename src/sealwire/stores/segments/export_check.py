"""Checks an export with nothing but its own files: the chain, every segment, and that all is there.

What it cannot know is whether the chain it came with is the sensor's: compare its head with one
that was known before, or with a later export's chain.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sealwire.errors import RefusedError
from sealwire.stores.segments.catalogue import Catalogue
from sealwire.stores.segments.chain import ChainReading
from sealwire.stores.segments.damage import Damage, DamageKind
from sealwire.stores.segments.export import (
    LISTING,
    VERSION,
    Group,
    ListedGroup,
    Listing,
    Range,
    grouped,
)
from sealwire.stores.segments.files import SensorFolder
from sealwire.stores.segments.verification import Verification, check_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sealwire.stores.segments.manifest import Segment

    _States = dict[int, dict[Group, list[Segment]]]


def verify_export(folder: Path) -> tuple[Listing, Verification]:
    """Check everything in an exported folder.

    Raises:
        RefusedError: ``export.listing``: there is no listing that can be read.
    """
    listing = read_listing(folder)
    place = SensorFolder(folder, listing.sensor)
    return verified(
        place, listing, lambda segment: check_segment(place, segment), place.segment_files()
    )


def verified(
    place: SensorFolder,
    listing: Listing,
    check: Callable[[Segment], Damage | None],
    files: Iterable[str],
) -> tuple[Listing, Verification]:
    """The same for segments that may lie elsewhere than the chain.

    Args:
        place: the chain's.
        listing: what ``export.json`` says.
        check: what is wrong with a segment.
        files: paths of all segments that are there.
    """
    reading = ChainReading(place)
    states = _states(listing, reading)
    damages = list(reading.damages)
    if reading.torn is not None or reading.end.head != listing.head:
        damages.append(Damage(DamageKind.BREAK, LISTING, "the chain ends with another line"))
    wanted = _wanted(listing, states)
    damages += _missing_groups(listing, states)
    for segment in wanted.values():
        found = check(segment)
        if found is not None:
            damages.append(found)
    damages += _strangers(files, wanted, listing)
    return listing, Verification(
        manifests=reading.end.next_number,
        head=reading.end.head,
        segments=len(wanted),
        rows=sum(one.rows for one in wanted.values()),
        bytes=sum(one.bytes for one in wanted.values()),
        damages=tuple(damages),
    )


def read_listing(folder: Path) -> Listing:
    """What ``export.json`` of an exported folder says. Raises RefusedError ``export.listing``."""
    try:
        document: dict[str, Any] = json.loads((folder / LISTING).read_bytes())
        groups = tuple(ListedGroup(**one) for one in document["groups"])
        listing = Listing(**{**document, "groups": groups})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            "export.listing",
            f"{LISTING} cannot be read: {error}",
            hint="name the folder that has export.json in it; an export without it is not complete",
        ) from error
    if listing.version != VERSION:
        raise RefusedError(
            "export.listing",
            f"{LISTING} is of version {listing.version}; this program knows {VERSION}",
        )
    return listing


def _states(listing: Listing, reading: ChainReading) -> _States:
    """What lived of the range, by group, as of each line that the listing speaks of."""
    asked = {listing.manifests, *(one.as_of for one in listing.groups)}
    wanted = Range(listing.since_ns, listing.until_ns, listing.retention)
    catalogue = Catalogue()
    states: _States = {0: {}}
    for manifest in reading.manifests():
        catalogue.apply(manifest)
        if catalogue.manifests in asked:
            states[catalogue.manifests] = grouped(wanted.segments(catalogue))
    return states


def _wanted(listing: Listing, states: _States) -> dict[str, Segment]:
    """Segments that the export has to have, by path."""
    members = (
        segment
        for one in listing.groups
        for segment in states.get(one.as_of, {}).get(Group(one.hour, one.retention), ())
    )
    return {segment.path: segment for segment in members}


def _missing_groups(listing: Listing, states: _States) -> Iterator[Damage]:
    """Hours and classes that the chain says were there, and lines that it does not have."""
    listed = {Group(one.hour, one.retention) for one in listing.groups}
    for number in {listing.manifests, *(one.as_of for one in listing.groups)} - states.keys():
        detail = f"speaks of line {number - 1}, which the chain does not have"
        yield Damage(DamageKind.BREAK, LISTING, detail)
    for group in states.get(listing.manifests, {}).keys() - listed:
        detail = f"class {group.retention} of this hour was not exported"
        yield Damage(DamageKind.MISSING, group.hour, detail)


def _strangers(
    files: Iterable[str], wanted: dict[str, Segment], listing: Listing
) -> Iterator[Damage]:
    listed = {path for one in listing.groups for path in one.segments}
    for path in sorted({*files, *listed} ^ wanted.keys()):
        if path not in wanted:
            yield Damage(DamageKind.STRAY, path, "is named by no line of the chain", path)
