"""Zip archives as shops send them: read in memory, within limits, never written anywhere."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

from sealwire.x509.findings import Code
from sealwire.x509.subject import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_ZIP_ENTRIES: Final = 2_000
# Certificates hardly shrink; what shrinks like this is a bomb.
MAX_RATIO: Final = 200
_HARMLESS_BYTES: Final = 1024 * 1024
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    ValueError,
    OverflowError,
)


class Allowance:
    """How many bytes may still be unpacked, over all archives of one reading."""

    def __init__(self, total: int, each: int) -> None:
        self.left = total
        self._each = each

    @property
    def limit(self) -> int:
        """Most bytes of the next file."""
        return min(self._each, max(self.left, 0))

    def take(self, count: int) -> bool:
        """Count bytes as used; false when they were too many."""
        allowed = count <= self.limit
        self.left -= count
        return allowed


def zip_entries(
    name: str, data: bytes, allowance: Allowance, refuse: Callable[[Code, str], None]
) -> Iterator[tuple[str, bytes]]:
    """The files of an archive as (name, content); each that cannot be read is refused by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not _is_ballast(entry)]
            if len(entries) > MAX_ZIP_ENTRIES:
                text = f"{name} has {len(entries)} files; only {MAX_ZIP_ENTRIES} are read."
                refuse(Code.LIMIT, text)
            for entry in entries[:MAX_ZIP_ENTRIES]:
                label = f"{name}/{printable(entry.filename)}"
                content = _extract(label, archive, entry, allowance, refuse)
                if content is not None:
                    yield label, content
    except _BROKEN:
        refuse(Code.UNREADABLE, f"{name} is a damaged zip archive.")


def _is_ballast(entry: zipfile.ZipInfo) -> bool:
    # Not ``is_dir``, which fails on an entry without a name.
    return entry.filename.endswith("/") or entry.filename.startswith("__MACOSX/")


def _extract(
    label: str,
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    allowance: Allowance,
    refuse: Callable[[Code, str], None],
) -> bytes | None:
    most = max(_HARMLESS_BYTES, entry.compress_size * MAX_RATIO)
    limit = min(allowance.limit, most)
    if entry.file_size > limit:
        refuse(Code.LIMIT, f"{label} is too large and was not read.")
        return None
    try:
        # The size an archive claims is only a claim: read up to the limit, not up to it.
        with archive.open(entry) as file:
            content = file.read(limit + 1)
    except RuntimeError:
        refuse(Code.PASSWORD_NEEDED, f"{label} is encrypted; unpack the archive first.")
        return None
    except _BROKEN:
        refuse(Code.UNREADABLE, f"{label} cannot be unpacked.")
        return None
    if len(content) > limit:
        # What was unpacked in vain has cost its time.
        allowance.take(len(content))
        refuse(Code.LIMIT, f"{label} is too large and was not read.")
        return None
    return content
