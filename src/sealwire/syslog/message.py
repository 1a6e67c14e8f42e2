"""What a parser says of one received message, whatever its format was.

A parser never refuses and never drops: what it cannot take apart is graded ``RAW`` and is all
message. Offsets point into the received bytes, so that nothing is stored twice.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

PARSER_VERSION: Final = 5
"""Rises whenever the same bytes are taken apart otherwise than before; indexes are rebuilt then."""


ENDS: Final = b"\r\n\x00"
"""What senders put behind a message, also where a count or a datagram already ends it.

Such octets are kept with the message, and are no part of its text or fields.
"""


class Grade(IntEnum):
    """How surely a message was taken apart. The numbers stand in segments: never reuse one."""

    STRICT = 1
    """Exactly as RFC 5424 or RFC 3164 says."""
    VARIANT = 2
    """A known vendor's way; every field that is set is sure."""
    NEAR_MISS = 3
    """Taken apart by a rule for what nearly follows an RFC."""
    RAW = 4
    """No header was recognised, or a PRI alone."""


class ParsedMessage(NamedTuple):
    """One message taken apart. A field that the message does not have is None.

    Attributes:
        grade: how surely.
        rule: stable word for what recognised it: ``rfc5424``, ``rfc3164``, ``bsd_year``, ...
        facility: 0 to 23.
        severity: 0 to 7.
        timestamp_us: the sender's time, microseconds since 1970 UTC.
        timestamp_guessed: its year or its zone is not in the message and was taken from the time
            of receipt, or UTC was assumed.
        host: HOSTNAME as claimed.
        app: APP-NAME, or the BSD tag.
        procid: PROCID.
        msgid: MSGID.
        message_start: offset in the received bytes where the text begins (a BOM is before it);
            where they end, without ``ENDS``, when there is no text.
        fields: what else was taken apart, by name, in order: SD parameters as ``SD-ID.NAME``, and
            what a vendor's text holds (``audit.user``, ...). A name may come more than once.
    """

    grade: Grade
    rule: str
    facility: int | None = None
    severity: int | None = None
    timestamp_us: int | None = None
    timestamp_guessed: bool = False
    host: str | None = None
    app: str | None = None
    procid: str | None = None
    msgid: str | None = None
    message_start: int = 0
    fields: tuple[tuple[str, str], ...] = ()
