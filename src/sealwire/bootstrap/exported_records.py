"""The records of a time range as JSON lines, read from a home's segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.bootstrap.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealwire.stores.segments.export import Listing


def exported_records(home_path: Path, listing: Listing) -> Iterator[bytes]:
    """One JSON object a line, of the range that ``listing`` tells; loads pyarrow.

    Raises:
        ConflictError: ``export.overtaken``: segments are merged faster than they can be opened.
        OSError: a segment cannot be read.
    """
    from sealwire.stores.segments.export import Range  # noqa: PLC0415 - heavy, as below
    from sealwire.stores.segments.records import record_lines  # noqa: PLC0415 - heavy
    from sealwire.syslog.parser import parse  # noqa: PLC0415 - heavy

    wanted = Range(listing.since_ns, listing.until_ns, listing.retention)

    def fields_of(raw: bytes, received_us: int) -> tuple[tuple[str, str], ...]:
        return tuple(parse(raw, received_us).fields)

    yield from record_lines(Home(home_path).segments, listing.sensor, wanted, fields_of)
