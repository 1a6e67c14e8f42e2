"""Trail records as RFC 5425 frames, several to a write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealwire.syslog.framing import encode_octet_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.audit.ports import TrailRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """Octet-counted frames of records ``first_idx`` to before ``next_idx``, back to back."""

    first_idx: int
    next_idx: int
    data: bytes


def batches(records: Sequence[TrailRecord], limit: int) -> Iterator[Batch]:
    """Pack records, in order, into batches of at most ``limit`` bytes.

    A record longer than ``limit`` travels alone. The trail's bytes are not touched: only they
    are provable.
    """
    frames: list[bytes] = []
    size = 0
    first = records[0].idx if records else 0
    for record in records:
        frame = encode_octet_frame(record.message)
        if frames and size + len(frame) > limit:
            yield Batch(first, record.idx, b"".join(frames))
            frames, size, first = [], 0, record.idx
        frames.append(frame)
        size += len(frame)
    if frames:
        yield Batch(first, records[-1].idx + 1, b"".join(frames))
