"""Checks an export in its tar archive: only the chain and the listing are taken out of it."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from sealwire.errors import RefusedError
from sealwire.stores.segments.damage import Damage, DamageKind
from sealwire.stores.segments.export import LISTING
from sealwire.stores.segments.export_check import read_listing, verified
from sealwire.stores.segments.files import CHAIN_SUFFIX, SEGMENT_SUFFIX, SensorFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.stores.segments.export import Listing
    from sealwire.stores.segments.manifest import Segment
    from sealwire.stores.segments.verification import Verification

_LARGEST_TEXT: Final = 1024**3
_CHAIN_PARTS: Final = 3
_PIECE: Final = 1024 * 1024


def verify_tar(path: Path) -> tuple[Listing, Verification]:
    """Check everything in an exported archive.

    Raises:
        RefusedError: ``export.archive``: it is no archive, is cut short, or holds what no export
            holds; ``export.listing``: as ``export_check.verify_export``.
        OSError: it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="sealwire-") as scratch:
        try:
            hashes = _taken_out(path, Path(scratch))
        except (tarfile.TarError, FileExistsError) as error:
            raise _no_export(str(error)) from error
        listing = read_listing(Path(scratch))

        def check(segment: Segment) -> Damage | None:
            found = hashes.get(segment.path)
            if found is None:
                return Damage(DamageKind.MISSING, segment.path, "is not there")
            if found != segment.sha256:
                detail = f"its SHA-256 is {found}, not {segment.sha256}"
                return Damage(DamageKind.CHANGED, segment.path, detail, segment.path)
            return None

        return verified(SensorFolder(Path(scratch), listing.sensor), listing, check, hashes)


def _taken_out(path: Path, scratch: Path) -> dict[str, str]:
    """SHA-256 of every segment by path; what is small lies in ``scratch`` afterwards."""
    hashes: dict[str, str] = {}
    for name, size, content in _members(path):
        if name.endswith(SEGMENT_SUFFIX):
            digest = hashlib.sha256()
            for piece in content:
                digest.update(piece)
            if name in hashes:
                raise _no_export(f"{name} is in it twice")
            hashes[name] = digest.hexdigest()
        elif _is_text(name) and size <= _LARGEST_TEXT:
            target = scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as written:
                written.writelines(content)
        else:
            raise _no_export(f"{name!r} belongs to no export")
    return hashes


def _members(path: Path) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file is None:
                raise _no_export(f"{member.name!r} is no plain file")
            yield member.name, member.size, iter(partial(file.read, _PIECE), b"")


def _is_text(name: str) -> bool:
    """The listing, or a file of the chain: names that lead nowhere else."""
    parts = PurePosixPath(name).parts
    chain = len(parts) == _CHAIN_PARTS and parts[1] == "chain" and name.endswith(CHAIN_SUFFIX)
    return name == LISTING or (chain and not {"..", "/"} & set(parts))


def _no_export(why: str) -> RefusedError:
    return RefusedError(
        "export.archive",
        f"this is no whole export: {why}",
        hint="take the file that `sealwire sensor export` wrote, unchanged and uncompressed",
    )
