"""What the chain added up to at one of its lines: a start need not read all that is before it.

It saves time and proves nothing: it is used only where the chain has that very line, and the whole
chain is read when somebody verifies it. Beside that it tells when the chain was cut short.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sealwire.sensor.journal import Position
from sealwire.sensor.retention import BelievedDay
from sealwire.stores.segments.catalogue import Catalogue
from sealwire.stores.segments.chain import ChainEnd, ChainMark
from sealwire.stores.segments.files import TMP
from sealwire.stores.segments.manifest import Hold, dated, segment_document, segment_of

if TYPE_CHECKING:
    from sealwire.stores.segments.files import FileCalls, SensorFolder


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A place in the chain, and the catalogue there."""

    mark: ChainMark
    catalogue: Catalogue


def write_snapshot(folder: SensorFolder, calls: FileCalls, snapshot: Snapshot) -> None:
    """Put it in the place of the one before. Raises OSError; then that one stays."""
    body = json.dumps(_document(snapshot), separators=(",", ":"), default=date.isoformat).encode()
    tmp = folder.snapshot.with_name(folder.snapshot.name + TMP)
    fd = calls.create(tmp)
    try:
        calls.write(fd, (sha256(body).hexdigest().encode(), b"\n", body))
        calls.sync(fd)
    finally:
        os.close(fd)
    calls.rename(tmp, folder.snapshot)


def read_snapshot(folder: SensorFolder) -> Snapshot | None:
    """The newest one; None when there is none that is whole."""
    try:
        digest, _, body = folder.snapshot.read_bytes().partition(b"\n")
        if sha256(body).hexdigest().encode() != digest:
            return None
        return _snapshot(json.loads(body))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _document(snapshot: Snapshot) -> dict[str, Any]:
    mark, catalogue = snapshot.mark, snapshot.catalogue
    known = catalogue.known_day
    return {
        "file": mark.file,
        "offset": mark.offset,
        "next_number": mark.end.next_number,
        "head": mark.end.head,
        "positions": {str(slot): list(at) for slot, at in catalogue.positions.items()},
        "holds": [asdict(one) for one in catalogue.holds.values()],
        "next_seq": catalogue.next_seq,
        "known_day": [known.day and known.day.isoformat(), known.jumped_at],
        "last_deletion": catalogue.last_deletion,
        "segments": [(one.manifest, segment_document(one)) for one in catalogue.segments.values()],
    }


def _snapshot(document: dict[str, Any]) -> Snapshot:
    end = ChainEnd(document["next_number"], document["head"])
    day, at = document["known_day"]
    segments = [segment_of(one, number) for number, one in document["segments"]]
    catalogue = Catalogue(
        segments={one.path: one for one in segments},
        positions={int(slot): Position(*at) for slot, at in document["positions"].items()},
        holds={one["name"]: dated(Hold, one) for one in document["holds"]},
        next_seq=document["next_seq"],
        manifests=end.next_number,
        known_day=BelievedDay(day and date.fromisoformat(day), None if at is None else float(at)),
        last_deletion=document["last_deletion"],
    )
    return Snapshot(ChainMark(document["file"], document["offset"], end), catalogue)
