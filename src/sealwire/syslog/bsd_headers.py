"""Headers of many messages at once that begin as RFC 3164 has it: date, clock and host.

Two kinds are read: RFC 3164 to the letter with a tag, and the audit lines of Cisco's management
center, which have ``[TAG] SENDER: `` instead. All others, and whatever a host's or a tag's name
makes doubtful, are left to the reader of single messages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sealwire.syslog.dated import (
    HOST,
    Dated,
    find_host,
    header_of,
    is_tag,
    judge,
    read_tag,
    some_of,
)
from sealwire.syslog.found import Entries, Header
from sealwire.syslog.loose_headers import (
    PADDED,
    Form,
    give_up_holding,
    give_up_odd_texts,
    read_loose,
)
from sealwire.syslog.moments import bsd_time
from sealwire.syslog.rows import FOREIGN, Rows, Spans, cut, places_of
from sealwire.syslog.strict import LOOKED_AT, is_plain_text, names_host
from sealwire.syslog.time_forms import read_bsd_time

if TYPE_CHECKING:
    from sealwire.syslog.headers import Priorities
    from sealwire.syslog.rows import Positions

_SPACE: Final = ord(" ")
_COLON: Final = ord(":")
_COMMA: Final = ord(",")
_OPEN: Final = ord("[")
_CLOSE: Final = ord("]")
_AT: Final = ord("@")

# How long the parts may be here; one byte more is looked at.
_LONGEST_SENDER: Final = 63
_LONGEST_USER: Final = 63
_LONGEST_SUBSYSTEM: Final = 127
_TIME: Final = 16  # Mar  1 14:45:24 and a space
_BSD_TIME: Final = b"Mar 01 14:45:24"


_SENDER: Final = re.compile(rb"[^\s:\[\]\x80-\xff]+\Z")


class BsdHeaders(NamedTuple):
    """Of RFC 3164 with a tag and without, of audit lines, and of others.

    Those are a day with a 0 before it, a space before the date, no PRI.
    """

    tagged: Header
    untagged: Header
    audit: Header
    loose: Header


def read_bsd_headers(
    rows: Rows,
    which: Positions,
    priorities: Priorities,
    received_us: Positions,
    form: Form = PADDED,
) -> BsdHeaders:
    """The messages ``which``, behind whose PRI, or which begin with, a capital letter.

    ``form``: of what is not RFC 3164, which nothing is without a PRI.
    """
    dated = _read_dated(rows, which, priorities.ends[which], received_us)
    labelled = rows.buffer[dated.at] == _OPEN
    audit = some_of(dated, np.flatnonzero(dated.valid & labelled))
    loosely = dated.padded | (form is not PADDED)
    tagged = some_of(dated, np.flatnonzero(dated.valid & ~labelled & ~loosely))
    loose = some_of(dated, np.flatnonzero(dated.valid & ~labelled & loosely))
    values = priorities.values
    with_tag = _read_tagged(rows, tagged, values[tagged.rows])
    rest = some_of(tagged, np.flatnonzero(~with_tag.valid))
    rest = rest._replace(valid=np.ones(len(rest.rows), np.bool_))  # all of them had a date
    return BsdHeaders(
        with_tag,
        _read_untagged(rows, rest, values[rest.rows]),
        _read_audit(rows, audit, values[audit.rows]),
        read_loose(rows, loose, values[loose.rows], form),
    )


def _read_dated(rows: Rows, which: Positions, at: Positions, received_us: Positions) -> Dated:
    ends = rows.ends[which]
    window = rows.window(at, _TIME)
    (microseconds, valid), padded = bsd_time(window, received_us)
    valid &= window[:, _TIME - 1] == _SPACE
    at = at + _TIME
    host, found = find_host(rows, at)
    valid &= found & (host.ends < ends)
    return Dated(which, ends, valid, padded, microseconds, host, host.ends + 1)


def _read_tagged(rows: Rows, dated: Dated, priorities: Positions) -> Header:
    header = header_of(dated, priorities)
    if len(header.rows):
        read_tag(rows, header, dated.ends)
        judge(rows, header, dated.host, _is_plain_host)
        judge(rows, header, header.app, is_tag)
        give_up_odd_texts(rows, header, dated.ends, header.procid.starts < 0)
    return header


def _read_untagged(rows: Rows, dated: Dated, priorities: Positions) -> Header:
    header = header_of(dated, priorities)
    if len(header.rows):
        judge(rows, header, dated.host, _is_plain_host)
    for place in np.flatnonzero(header.valid).tolist():
        text = rows.buffer[header.text[place] : dated.ends[place]][:LOOKED_AT].tobytes()
        header.valid[place] = is_plain_text(text)
    return header


@lru_cache(maxsize=4096)
def _is_plain_host(host: bytes) -> bool:
    """Whether a strict header with this host is what it seems."""
    plain = HOST.match(host) is not None and not host.endswith(b":")
    return plain and names_host(host)


@lru_cache(maxsize=4096)
def _is_audit_host(host: bytes) -> bool:
    """Whether ``host``, perhaps with a colon behind it, does not go on the time before it."""
    time = read_bsd_time(b"%b %b [" % (_BSD_TIME, host), 0, 0)
    return HOST.match(host) is not None and time is not None and time.end == len(_BSD_TIME)


@lru_cache(maxsize=4096)
def _is_sender(sender: bytes) -> bool:
    return _SENDER.match(sender) is not None


def _read_audit(rows: Rows, dated: Dated, priorities: Positions) -> Header:
    """``[TAG] SENDER: USER@ADDRESS, SUBSYSTEM, ACTION``."""
    header = header_of(dated, priorities)
    if not len(header.rows):
        return header
    buffer = rows.buffer
    colon = buffer[dated.host.ends - 1] == _COLON
    judge(rows, header, dated.host, _is_audit_host)
    header.host = Spans(dated.host.starts, dated.host.ends - colon)
    label, sender, who, subsystem = _audit_parts(rows, header, dated.at)
    backwards = rows.window(who.starts, _LONGEST_USER + 1)
    columns = np.arange(_LONGEST_USER + 1)
    within = (backwards == _AT) & (columns < (who.ends - who.starts)[:, None])
    at_sign = who.starts + _LONGEST_USER - within[:, ::-1].argmax(axis=1)
    header.valid &= (buffer[at_sign] == _AT) & (at_sign > who.starts) & (at_sign < who.ends - 1)
    finished = subsystem.ends >= dated.ends
    action = np.where(finished, dated.ends, subsystem.ends + 2)
    comma = (buffer[subsystem.ends] == _COMMA) & (buffer[subsystem.ends + 1] == _SPACE)
    header.valid &= (subsystem.starts <= dated.ends) & (finished | comma) & (action <= dated.ends)
    parts = {
        "audit.tag": label,
        "audit.sender": sender,
        "audit.user": Spans(who.starts, at_sign),
        "audit.address": Spans(at_sign + 1, who.ends),
        "audit.subsystem": Spans(subsystem.starts, np.minimum(subsystem.ends, dated.ends)),
        "audit.action": Spans(action, dated.ends),
    }
    header.app = sender
    header.text = who.starts
    # A percent sign may begin what Cisco's other devices send; a line's end may end a part.
    give_up_holding(rows, header, dated.ends, b"%\n\r")
    judge(rows, header, sender, _is_sender)
    header.entries.append(_entries(rows, header, parts))
    return header


def _entries(rows: Rows, header: Header, parts: dict[str, Spans]) -> Entries:
    """``parts`` of the messages that are valid; those that are not plain ASCII become invalid."""
    kept = np.flatnonzero(header.valid)
    starts = np.stack([part.starts[kept] for part in parts.values()], axis=1)
    ends = np.stack([part.ends[kept] for part in parts.values()], axis=1)
    values = cut(rows.buffer, Spans(starts.ravel(), ends.ravel()))
    owners = np.repeat(kept, len(parts))
    header.valid[owners[places_of(values, (FOREIGN,))]] = False
    names = np.tile(np.arange(len(parts)), len(kept))
    return Entries(header.rows[owners], names, tuple(parts), values)


def _audit_parts(rows: Rows, header: Header, at: Positions) -> tuple[Spans, Spans, Spans, Spans]:
    """Label, sender, who and subsystem, each up to what ends it."""
    buffer = rows.buffer

    def part(at: Positions, stop: int, longest: int) -> Spans:
        return Spans(at, at + (rows.window(at, longest + 1) == stop).argmax(axis=1))

    label = part(at + 1, _CLOSE, _LONGEST_SENDER)
    sender = part(label.ends + 2, _COLON, _LONGEST_SENDER)
    who = part(sender.ends + 2, _COMMA, _LONGEST_USER)
    subsystem = part(who.ends + 2, _COMMA, _LONGEST_SUBSYSTEM)
    header.valid &= (buffer[label.ends] == _CLOSE) & (label.ends > label.starts)
    header.valid &= (buffer[sender.ends] == _COLON) & (sender.ends > sender.starts)
    header.valid &= (buffer[who.ends] == _COMMA) & (who.ends > who.starts)
    for stop in (label.ends, sender.ends, who.ends):
        header.valid &= buffer[stop + 1] == _SPACE
    return label, sender, who, subsystem
