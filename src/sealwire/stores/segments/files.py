"""A sensor's folder of segments: names, lock, and the calls to the operating system that may fail.

::

    <folder>/<sensor>/chain/<number of its first manifest>.jsonl
    <folder>/<sensor>/<yyyy>/<mm>/<dd>/<hh>/<sensor>-<first seq>.parquet
    <folder>/<sensor>/<yyyy>/<mm>/<dd>/<hh>/<sensor>-<first seq>-<manifest>.parquet    merged
    <folder>/<sensor>/catalogue.snapshot    what the chain adds up to, for a quick start
    <folder>/<sensor>/reserve    room that is given up when a full disk has to be made room on
    <folder>/<sensor>/quarantine/       files that nothing names and that were not deleted
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.errors import ConflictError, RefusedError
from sealwire.stores import files
from sealwire.stores.files import open_locked, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

TMP: Final = ".tmp"
SEGMENT_SUFFIX: Final = ".parquet"
CHAIN_SUFFIX: Final = ".jsonl"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOUR: Final = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2}")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.parquet")
_NS: Final = 1_000_000_000


class FileCalls(files.FileCalls, Protocol):
    """Calls that change the disk, apart so that a full or failing one can be played in tests."""

    def create(self, path: Path) -> int:
        """Open an empty file to write to its end; what stood there is gone."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Give the file another name, in one step."""
        ...

    def remove(self, path: Path) -> None:
        """Remove the file; no error when there is none."""
        ...

    def make_folder(self, path: Path) -> None:
        """Make a folder whose parent is there; no error when it is there itself."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Make names that were added or removed durable."""
        ...


class SystemFileCalls(files.SystemFileCalls):
    """The operating system's."""

    def create(self, path: Path) -> int:
        """Open an empty file, for its owner alone, to write to its end."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        return os.open(path, flags, 0o600)

    def rename(self, source: Path, target: Path) -> None:
        """``rename``."""
        source.rename(target)

    def remove(self, path: Path) -> None:
        """``unlink``."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """``mkdir``, for its owner alone."""
        path.mkdir(mode=0o700, exist_ok=True)

    def sync_folder(self, path: Path) -> None:
        """``fsync`` of the folder."""
        sync_folder(path)


class SensorFolder:
    """Where the segments of one sensor lie.

    Args:
        folder: the segments' folder, of all sensors.
        sensor: its name, which becomes part of file names.

    Raises:
        RefusedError: ``segments.sensor_name``.
    """

    def __init__(self, folder: Path, sensor: str) -> None:
        if not _NAME.fullmatch(sensor):
            raise RefusedError(
                "segments.sensor_name",
                f"{sensor!r} cannot be part of a file's name",
                hint="letters, digits, '.', '_' and '-', at most 64, the first a letter or digit",
            )
        self._segment = re.compile(f"{re.escape(sensor)}/{_HOUR.pattern}/{_FILE.pattern}")
        self.root = folder
        self.sensor = sensor
        self.path = folder / sensor
        self.chain = self.path / "chain"
        self.snapshot = self.path / "catalogue.snapshot"
        self.reserve = self.path / "reserve"
        self.quarantine = self.path / "quarantine"

    def create(self) -> None:
        """Make the folders, durably; no error when they are there."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.chain.is_dir():
            self.chain.mkdir(mode=0o700, parents=True, exist_ok=True)
            for made in (self.path, self.root, self.root.parent):
                sync_folder(made)

    def make_hour(self, hour: str, calls: FileCalls) -> Path:
        """The folder ``<sensor>/yyyy/mm/dd/hh`` below the root, durably there."""
        target = self.root / hour
        if not target.is_dir():
            made = self.path
            for part in Path(hour).parts[1:]:
                calls.make_folder(made / part)
                calls.sync_folder(made)
                made /= part
        return target

    def hour(self, received_ns: int) -> str:
        """Folder, below the root, of the hour (UTC) in which a record was received."""
        moment = datetime.fromtimestamp(received_ns // _NS, UTC)
        return f"{self.sensor}/{moment:%Y/%m/%d/%H}"

    def segment_path(self, hour: str, first_seq: int, manifest: int | None = None) -> str:
        """Path of a segment below the root; ``manifest``: of the merging that made it."""
        merged = "" if manifest is None else f"-{manifest:012d}"
        return f"{hour}/{self.sensor}-{first_seq:012d}{merged}{SEGMENT_SUFFIX}"

    def is_segment_path(self, path: str) -> bool:
        """Whether it is a path that a segment of this sensor can have, and leads nowhere else."""
        return self._segment.fullmatch(path) is not None

    def locate(self, path: str) -> Path:
        """The file of a path that a manifest names.

        Raises:
            ValueError: it is no segment's of this sensor.
        """
        if not self.is_segment_path(path):
            raise ValueError(f"{path!r} is no path of a segment of {self.sensor}")
        return self.root / path

    def segment_files(self) -> Iterator[str]:
        """Paths below the root of all files in folders of hours, whatever they are."""
        for parent, _, names in os.walk(self.path):
            below = Path(parent).relative_to(self.path).as_posix()
            if _HOUR.fullmatch(below):
                yield from (f"{self.sensor}/{below}/{name}" for name in names)

    def chain_file(self, number: int) -> Path:
        """The file of the chain that begins with line ``number``."""
        return self.chain / f"{number:012d}{CHAIN_SUFFIX}"

    def chain_files(self) -> list[tuple[int, Path]]:
        """Files of the chain with the number that each begins with, in order."""
        if not self.chain.is_dir():
            return []
        found = self.chain.glob(f"*{CHAIN_SUFFIX}")
        return sorted((int(one.stem), one) for one in found if one.stem.isdecimal())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder. Raises ConflictError ``segments.locked`` when another process does."""
        refusal = ConflictError(
            "segments.locked",
            f"the segments of {self.sensor} are in use by another process",
            hint="a store process of an earlier start may still be writing; it ends by itself",
        )
        fd = open_locked(self.path / "lock", refusal)
        try:
            yield
        finally:
            os.close(fd)
