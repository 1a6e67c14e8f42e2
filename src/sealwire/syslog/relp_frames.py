"""RELP frames: how they look, and what a journalled run of them holds.

The Reliable Event Logging Protocol has no RFC; its specification comes with librelp
(doc/relp.md), whose behaviour settles what the text leaves open::

    frame = TXNR SP COMMAND SP DATALEN [SP DATA] LF

TXNR has up to nine digits; 0 is for hints, which are not answered. COMMAND is up to 32 letters.
DATA and the space before it are missing when DATALEN is 0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_HEADER: Final = 9 + 1 + 32 + 1 + 9 + 1
"""Bytes of the longest header with the space behind it."""

SYSLOG_HEADER: Final = re.compile(rb"([0-9]{1,9}) syslog (?:([1-9][0-9]{0,8}) |0{1,9}(?=\n))")
"""Matches the whole header of a ``syslog`` frame; group 2 is None when it has no data."""


class RelpRun(NamedTuple):
    """What one run of ``Kind.RELP`` holds: the messages without framing, and their numbers.

    ``closed``: the sender closed its session orderly behind them (``close``).
    """

    messages: list[bytes]
    txnrs: list[int]
    closed: bool


def encode_relp_frame(txnr: int, command: bytes, data: bytes = b"") -> bytes:
    """One frame."""
    if not data:
        return b"%d %b 0\n" % (txnr, command)
    return b"%d %b %d %b\n" % (txnr, command, len(data), data)


def relp_run(data: bytes) -> RelpRun:
    """Take a run of ``Kind.RELP`` apart. Exactly as many messages as its run counts frames."""
    messages: list[bytes] = []
    txnrs: list[int] = []
    for txnr, message in _syslog_frames(data):
        txnrs.append(txnr)
        messages.append(message)
    return RelpRun(messages, txnrs, not messages and bool(data))


def relp_messages(data: bytes) -> Iterator[bytes]:
    """The messages of a run of ``Kind.RELP``, without framing."""
    for _, message in _syslog_frames(data):
        yield message


def _syslog_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    header = SYSLOG_HEADER.match
    at = 0
    while (found := header(data, at)) is not None:
        start = found.end()
        end = start + int(found[2] or 0)
        yield int(found[1]), data[start:end]
        at = end + 1
