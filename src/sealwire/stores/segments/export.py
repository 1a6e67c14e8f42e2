"""Takes the evidence of a time range out: its segments as they are, the whole chain, a listing.

An export has the layout of a segments' folder and ``export.json`` beside it. It is made beside a
process that seals, merges and deletes: what belongs to one hour and class is opened at once, and
the listing says as of which line of the chain that is.
"""

from __future__ import annotations

import json
import os
import tarfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from sealwire.clock import rfc3339
from sealwire.errors import ConflictError
from sealwire.stores.segments.files import SensorFolder
from sealwire.stores.segments.reading import read_chain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.clock import Clock
    from sealwire.stores.segments.catalogue import Catalogue
    from sealwire.stores.segments.chain import ChainReading
    from sealwire.stores.segments.manifest import Segment

LISTING: Final = "export.json"
VERSION: Final = 1
_PIECE: Final = 1024 * 1024
_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Range:
    """Which records: received from ``since_ns`` to before ``until_ns``; of one class, or of all.

    Segments are taken whole: they may hold earlier and later records of their hour too.
    """

    since_ns: int
    until_ns: int
    retention: str | None = None

    def segments(self, catalogue: Catalogue) -> list[Segment]:
        """Live segments that touch it."""
        return [
            one
            for one in catalogue.between(self.since_ns, self.until_ns)
            if self.retention in {None, one.retention}
        ]


class Group(NamedTuple):
    """What belongs to one hour and class."""

    hour: str
    retention: str


class ExportedFile(NamedTuple):
    """One file of an export: name with ``/``, length in bytes, and its content in pieces."""

    name: str
    length: int
    content: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """Segments of one hour and class, as of manifest number ``as_of`` (exclusive)."""

    hour: str
    retention: str
    as_of: int
    segments: dict[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """What ``export.json`` says.

    ``manifests``: how many the chain had when the export began: every segment of the range that
    lived then is in a group. ``head``: SHA-256 of the last line that was exported.
    """

    version: int
    sensor: str
    created: str
    since_ns: int
    until_ns: int
    retention: str | None
    manifests: int
    head: str
    groups: Sequence[ListedGroup]


def grouped(segments: Sequence[Segment]) -> dict[Group, list[Segment]]:
    """Segments by hour and class, in order."""
    groups: dict[Group, list[Segment]] = {}
    for one in segments:
        groups.setdefault(Group(one.hour, one.retention), []).append(one)
    return dict(sorted(groups.items()))


class OpenGroups:
    """What lived of a range at one moment, by hour and class, each group's files open at once.

    A file that is missing was merged or deleted meanwhile: then the chain is read again, and the
    group, with those behind it, is as that says.

    Attributes:
        as_of: how many manifests the chain had when the present group was looked up.

    Raises:
        ConflictError: ``export.overtaken``: segments are merged faster than they can be opened,
            or one is lost.
    """

    def __init__(self, place: SensorFolder, wanted: Range) -> None:
        self._place = place
        self._wanted = wanted
        self._live: dict[Group, list[Segment]] = {}
        self.as_of = 0
        self._look()

    def __iter__(self) -> Iterator[tuple[Group, list[tuple[Segment, BinaryIO]]]]:
        for group in list(self._live):
            with ExitStack() as opened:
                yield group, self._open(group, opened)

    def _look(self) -> None:
        content = read_chain(self._place)
        self._live = grouped(self._wanted.segments(content.catalogue))
        self.as_of = content.chain.end.next_number

    def _open(self, group: Group, opened: ExitStack) -> list[tuple[Segment, BinaryIO]]:
        for _ in range(_TRIES):
            with ExitStack() as trial:
                try:
                    files: list[tuple[Segment, BinaryIO]] = [
                        (one, trial.enter_context(self._place.locate(one.path).open("rb")))
                        for one in self._live.get(group, ())
                    ]
                except FileNotFoundError:
                    self._look()
                    continue
                opened.push(trial.pop_all())
                return files
        raise ConflictError(
            "export.overtaken",
            f"a segment of {group.hour} is missing, or is merged again and again",
            hint="verify the segments; when nothing is damaged, export again",
        )


def export_files(folder: Path, sensor: str, wanted: Range, clock: Clock) -> Iterator[ExportedFile]:
    """Files of an export, one after another; each one's content is to be read before the next.

    Raises:
        ConflictError: ``export.overtaken``: segments are merged faster than they can be opened.
        OSError: a file cannot be read.
    """
    place = SensorFolder(folder, sensor)
    groups = OpenGroups(place, wanted)
    manifests = groups.as_of
    listed = []
    for group, files in groups:
        yield from (_exported(segment.path, file) for segment, file in files)
        hashes = {segment.path: segment.sha256 for segment, _ in files}
        listed.append(ListedGroup(*group, groups.as_of, hashes))
    chain = read_chain(place).chain
    yield from _chain_files(place, chain)
    listing = Listing(
        version=VERSION,
        sensor=sensor,
        created=rfc3339(clock.now()),
        **asdict(wanted),
        manifests=manifests,
        head=chain.end.head,
        groups=listed,
    )
    text = json.dumps(asdict(listing), indent=1).encode() + b"\n"
    yield ExportedFile(LISTING, len(text), iter((text,)))


def export_folder(folder: Path, sensor: str, wanted: Range, target: Path, clock: Clock) -> None:
    """Write an export into the folder ``target``, which must not be there, durably.

    Raises:
        FileExistsError: ``target`` is there.
        ConflictError: as ``export_files``.
    """
    target.mkdir(mode=0o700, parents=True)
    for file in export_files(folder, sensor, wanted, clock):
        path = target / file.name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as written:
            written.writelines(file.content)
            written.flush()
            os.fsync(written.fileno())


def export_tar(folder: Path, sensor: str, wanted: Range, clock: Clock) -> Iterator[bytes]:
    """An export as a tar archive (POSIX.1-2001 pax), in pieces.

    Raises:
        ConflictError: as ``export_files``.
    """
    modified = int(clock.now().timestamp())
    for file in export_files(folder, sensor, wanted, clock):
        entry = tarfile.TarInfo(file.name)
        entry.size, entry.mtime, entry.mode = file.length, modified, 0o600
        yield entry.tobuf(tarfile.PAX_FORMAT)
        yield from file.content
        yield b"\0" * (-file.length % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _exported(path: str, file: BinaryIO) -> ExportedFile:
    length = os.fstat(file.fileno()).st_size
    return ExportedFile(path, length, _pieces(file, length))


def _chain_files(place: SensorFolder, reading: ChainReading) -> Iterator[ExportedFile]:
    """The chain's files up to the last line that was read."""
    if reading.upto is None:
        return
    last, end = reading.upto
    for _, path in place.chain_files():
        if path > last:
            return
        with path.open("rb") as file:
            length = end if path == last else os.fstat(file.fileno()).st_size
            name = PurePosixPath(place.sensor, "chain", path.name)
            yield ExportedFile(str(name), length, _pieces(file, length))


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    """Exactly ``length`` bytes: what is missing at the end of a damaged file is zeros."""
    while length:
        piece = file.read(min(_PIECE, length)) or b"\0" * min(_PIECE, length)
        length -= len(piece)
        yield piece
