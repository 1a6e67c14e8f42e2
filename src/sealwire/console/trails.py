"""A trail as a page: the newest records first, some at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from sealwire.audit.ports import TrailRecord, TrailTx
    from sealwire.console.visit import Visit

PAGE_SIZE: Final = 50


def trail_page(visit: Visit, trail: str, title: str, path: str) -> Response:
    """``before`` in the address is the index that the page ends below; without it, the newest."""
    text = visit.query("before")
    asked = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - fits 63 bits

    def query(tx: TrailTx) -> tuple[int, int, Sequence[TrailRecord]]:
        size = tx.trail_head(trail).size
        end = size if asked is None else min(asked, size)
        start = max(0, end - PAGE_SIZE)
        return size, start, tx.trail_records(trail, start=start, limit=end - start)

    size, start, found = visit.services.trails.read(query)
    return visit.page(
        "trail.html",
        title=title,
        path=path,
        records=list(reversed(found)),
        size=size,
        older=start or None,
        newest=asked is None,
    )
