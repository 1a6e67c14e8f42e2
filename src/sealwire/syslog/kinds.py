"""What a stretch of received bytes can be, as journals and segments name it."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class Framing(StrEnum):
    """How the messages of a source are told from each other, where an operator says so."""

    AUTO = "auto"
    """As its first frame shows; RELP when it begins with RELP's open."""
    OCTETS = "octets"
    """Octet counting (RFC 5425, RFC 6587 section 3.4.1)."""
    LINES = "lines"
    """Ended by LF, CR LF or NUL; a count is never looked for."""
    NUL = "nul"
    """Ended by NUL alone."""


class Kind(IntEnum):
    """What a stretch of received bytes is. The numbers stand in journals: never reuse one."""

    OCTETS = 1
    """Whole octet-counted frames, and LF, CR or NUL between them."""
    LINES = 2
    """Whole lines with their delimiters."""
    TRUNCATED = 3
    """The kept beginning of one over-long message, without framing."""
    UNTERMINATED = 4
    """The last line of an orderly closed connection, without its delimiter."""
    BAD_COUNT = 5
    """A frame that does not begin with a count, and what follows it up to LF."""
    RESYNC = 6
    """More of what follows a bad count."""
    INCOMPLETE = 7
    """The beginning of a frame whose connection ended."""
    SKIPPED = 8
    """The end of an over-long message. Its bytes are counted, not kept."""
    RELP = 9
    """Whole RELP frames of the command ``syslog``, each with its header and trailer.

    A run of no frames is the ``close`` by which a sender ends its session orderly.
    """
    DATAGRAM = 10
    """One message that came as a datagram, without framing."""
    NULS = 11
    """Whole messages, each with the NUL that ends it; LF in them belongs to them."""


Segment = tuple[Kind, int, int, int]
"""Kind, start and end in the buffer, number of frames."""

WHOLE_KINDS: Final = frozenset({Kind.OCTETS, Kind.LINES, Kind.RELP, Kind.DATAGRAM, Kind.NULS})
"""Kinds of whole messages with nothing wrong: those that a journal sums up for each connection."""

RECORD_KINDS: Final = WHOLE_KINDS | {Kind.TRUNCATED, Kind.UNTERMINATED}
"""Kinds that hold messages; the others hold bytes that never became one."""
