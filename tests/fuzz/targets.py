"""Everything that reads what strangers send, as functions of bytes, and what to begin with.

A target may return or raise a ``SealwireError``; anything else that it raises is a fault, and so is
taking longer than a second.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from sealwire.errors import SealwireError
from tests.fuzz import certificates, streams, texts

if TYPE_CHECKING:
    from collections.abc import Callable

SLOWEST: Final = 1.0
FOUND: Final = Path(__file__).parent / "found"
"""Inputs that once were too much for a target, in a folder of its name."""


@dataclass(frozen=True, slots=True)
class Target:
    """A reader; ``seeds``: good input to be spoilt; ``longest``: bytes of input that make sense."""

    read: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    longest: int


TARGETS: Final[dict[str, Target]] = {
    "frames": Target(streams.frames, streams.stream_seeds, 1600),
    "relp": Target(streams.relp, streams.session_seeds, 1600),
    "message": Target(texts.message, texts.message_seeds, 8192),
    "columns": Target(texts.columns, texts.batch_seeds, 16384),
    "question": Target(texts.question, texts.question_seeds, 12000),
    "bundle": Target(certificates.bundle, certificates.seeds, 16384),
    "request": Target(certificates.request, certificates.request_seeds, 8192),
    "key": Target(certificates.key, certificates.key_seeds, 8192),
    "text": Target(certificates.text, certificates.seeds, 16384),
    "revocation": Target(certificates.revocation_list, certificates.list_seeds, 8192),
    "inquiry": Target(certificates.inquiry, certificates.inquiry_seeds, 4096),
}


def run(target: Target, data: bytes) -> None:
    """Run a target and see that it takes no longer than it may."""
    started = time.process_time()
    with suppress(SealwireError):
        target.read(data)
    taken = time.process_time() - started
    assert taken < SLOWEST, f"{taken:.2f} s for {data!r}"


def beginnings(name: str) -> list[bytes]:
    """What to begin with: good input, and what was once too much."""
    found = sorted((FOUND / name).glob("*")) if (FOUND / name).is_dir() else []
    return [*TARGETS[name].seeds(), *(path.read_bytes() for path in found)]


# Octets that lengths, tags and text trip over.
_SPITEFUL: Final = st.sampled_from(
    [
        *(b"\x00", b"\xff", b"\x7f", b"\x80", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff"),
        *(b"\x02\x00", b"\x04\x08", b"\x02\x04\x7f\xff\xff\xff", b"\xa0\x03", b"="),
        *(b"\r", b"\n\n", b"\xef\xbb\xbf", b"PK\x03\x04", b"\x1b[31m", b"-----END "),
        *(b"-----BEGIN ", b"Proc-Type: 4,ENCRYPTED\n", b"5 <", b"[a b=", b'"', b"\x1e"),
    ]
)


@st.composite
def spoilt(draw: st.DrawFn, good: list[bytes]) -> bytes:
    """A seed with a few places overwritten, cut out, put in, doubled, or a second seed behind."""
    data = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        until = min(len(data), at + draw(st.sampled_from([0, 1, 1, 2, 4, 16, 200])))
        patch = draw(st.one_of(st.binary(max_size=6), _SPITEFUL, st.just(data[at:until] * 2)))
        data = data[:at] + patch + data[until:]
    if draw(st.booleans()):
        data += draw(st.sampled_from(good))
    return data
