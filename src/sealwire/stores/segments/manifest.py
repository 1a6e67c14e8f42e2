"""Manifests: what was sealed, merged, deleted or held, one JSON line each, chained by hash.

A line names the SHA-256 of the line before it (without its line end), so that no line can be
changed, dropped or put elsewhere unseen. Lines are numbered from 0 and stay under 64 KiB: each
can be a leaf of a Merkle tree (``number`` its index, the line its bytes).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sealwire.sensor.journal import Position

if TYPE_CHECKING:
    from collections.abc import Mapping

GENESIS: Final = "0" * 64
"""What the first line names as the line before it."""

LONGEST_LINE: Final = 65_535
MOST_SEGMENTS: Final = 96
"""Segments that one line names; a seal of more takes several lines."""


class ManifestKind(StrEnum):
    """What a manifest is about."""

    SEAL = "seal"
    """Records of a journal range became segments."""
    COMPACT = "compact"
    """Segments became one, with the same records."""
    DELETE = "delete"
    """A day of a retention class was deleted."""
    HOLD = "hold"
    """Days may not be deleted from now on."""
    RELEASE = "release"
    """A hold ended."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One sealed file. ``path``: below the segments' folder, with ``/``.

    ``bytes``: of the file. ``first_ns``, ``last_ns``: earliest and latest time of receipt.
    ``retention``: the class of all its records; all were received in one hour of ``day`` (UTC).
    ``manifest``: number of the manifest that names it; it does not stand in the line.
    """

    path: str
    sha256: str
    bytes: int
    rows: int
    first_seq: int
    last_seq: int
    first_ns: int
    last_ns: int
    retention: str
    day: date
    manifest: int = field(default=-1, compare=False)

    @property
    def hour(self) -> str:
        """The folder of the hour of receipt that it belongs to."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted and why: every segment of a class's day that was there.

    ``reason``: ``expired`` or ``budget``.
    """

    day: date
    retention: str
    reason: str
    segments: int
    rows: int
    bytes: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it was when it was set; ``retention`` None: every class."""

    name: str
    first: date
    last: date
    retention: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One line of the chain.

    ``created``: RFC 3339. ``positions``: of every slot that has one, for ``SEAL``. ``more``: the
    seal goes on in the next line. ``replaces``: paths of the segments that ``COMPACT`` merged.
    ``hold`` is the one that was set, ``release`` the name of the one that ended.
    """

    number: int
    prev: str
    kind: ManifestKind
    sensor: str
    created: str
    positions: Mapping[int, Position] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    more: bool = False
    replaces: tuple[str, ...] = ()
    deletion: Deletion | None = None
    hold: Hold | None = None
    release: str | None = None


def line_hash(line: bytes) -> str:
    """SHA-256 of a line without its line end, lower-case hex."""
    return sha256(line).hexdigest()


def encode_manifest(manifest: Manifest) -> bytes:
    """The line, without its line end. What is empty is left out.

    Raises:
        ValueError: it would be too long.
    """
    document: dict[str, Any] = {
        "number": manifest.number,
        "prev": manifest.prev,
        "kind": manifest.kind,
        "sensor": manifest.sensor,
        "created": manifest.created,
        "positions": {str(slot): list(at) for slot, at in sorted(manifest.positions.items())},
        "segments": [segment_document(one) for one in manifest.segments],
        "more": manifest.more,
        "replaces": list(manifest.replaces),
        "deletion": manifest.deletion and asdict(manifest.deletion),
        "hold": manifest.hold and asdict(manifest.hold),
        "release": manifest.release,
    }
    kept = {name: value for name, value in document.items() if value or name == "number"}
    line = json.dumps(kept, separators=(",", ":"), default=date.isoformat).encode()
    if len(line) > LONGEST_LINE:
        raise ValueError(f"a manifest of {len(line)} bytes is too long")
    return line


def decode_manifest(line: bytes) -> Manifest:
    """What a line says.

    Raises:
        ValueError: it is no manifest; unknown names and kinds are refused too.
    """
    try:
        return _manifest(json.loads(line))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {error}") from error


def _manifest(document: dict[str, Any]) -> Manifest:
    number = int(document["number"])
    rest: dict[str, Any] = {
        "kind": ManifestKind(document["kind"]),
        "positions": {
            int(slot): Position(*at) for slot, at in document.get("positions", {}).items()
        },
        "segments": tuple(segment_of(one, number) for one in document.get("segments", ())),
        "replaces": tuple(document.get("replaces", ())),
        "deletion": dated(Deletion, document.get("deletion")),
        "hold": dated(Hold, document.get("hold")),
    }
    return Manifest(**{**document, **rest})


_SEGMENT_NAMES: Final = tuple(one.name for one in fields(Segment) if one.name != "manifest")


def segment_document(segment: Segment) -> dict[str, Any]:
    """A segment as it stands in a line."""
    return {name: getattr(segment, name) for name in _SEGMENT_NAMES}


def segment_of(document: dict[str, Any], number: int) -> Segment:
    """The segment that a document of manifest ``number`` names."""
    day = date.fromisoformat(document["day"])
    return Segment(**{**document, "day": day, "manifest": number})


def dated(kind: type[Any], document: dict[str, Any] | None) -> Any:  # noqa: ANN401 - of ``kind``
    """A ``Deletion`` or ``Hold`` from its document; None stays None."""
    if document is None:
        return None
    days: dict[str, Any] = {
        name: date.fromisoformat(document[name])
        for name in ("day", "first", "last")
        if name in document
    }
    return kind(**{**document, **days})
