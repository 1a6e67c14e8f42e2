"""Near misses that come in great number, many at once: a padded day, and RFC 3339 before a host.

``<PRI>Mar 01 14:45:24 HOST TAG: `` and ``<PRI>2026-03-01T14:45:24Z HOST TAG: ``, as rsyslog and
others send them. Whether a host or a tag is what it seems, the reader of single messages is asked
once for each; texts that may be a vendor's way are left to it.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sealwire.syslog.dated import HOST, Dated, find_host, header_of, is_tag, judge, read_tag
from sealwire.syslog.hypervisors import read_levels
from sealwire.syslog.message import Grade
from sealwire.syslog.moments import LONGEST, rfc3339
from sealwire.syslog.parser import parse
from sealwire.syslog.rows import first_not_graphic
from sealwire.syslog.strict import ODD_TEXT

if TYPE_CHECKING:
    from sealwire.syslog.found import Header
    from sealwire.syslog.headers import Priorities
    from sealwire.syslog.message import ParsedMessage
    from sealwire.syslog.rows import Mask, Positions, Rows

_SPACE: Final = ord(" ")
# How much of a text decides whether it may be a vendor's way.
_LOOKED_AT: Final = 320
_ODD_BEGINS: Final = np.zeros(256, np.bool_)
_ODD_BEGINS[list(b"viwetp")] = True


class Form(NamedTuple):
    """A rule of the parser, a beginning for which it takes a message, and the grade it gives."""

    rule: str
    begins: bytes
    grade: Grade = Grade.NEAR_MISS


PADDED: Final = Form("bsd", b"<13>Mar 01 14:45:24")
ISO: Final = Form("iso", b"<13>2026-03-01T14:45:24Z", Grade.VARIANT)
SPACED: Final = Form("bsd", b"<13> Mar  1 14:45:24")
UNMARKED: Final = Form("no_pri", b"Mar  1 14:45:24")
UNMARKED_ISO: Final = Form("no_pri", b"2026-03-01T14:45:24Z")


def read_iso_headers(
    rows: Rows, which: Positions, priorities: Priorities, form: Form = ISO
) -> Header:
    """The messages ``which``, behind whose PRI, or which begin with, a digit."""
    at = priorities.ends[which]
    ends = rows.ends[which]
    window = rows.window(at, LONGEST + 1)
    lengths = first_not_graphic(window)
    microseconds, valid = rfc3339(rows, at, window, lengths)
    host, found = find_host(rows, at + lengths + 1)
    valid &= found & (host.ends < ends) & (rows.buffer[at + lengths] == _SPACE)
    padded = np.zeros(len(which), np.bool_)
    dated = Dated(which, ends, valid, padded, microseconds, host, host.ends + 1)
    return read_loose(rows, dated, priorities.values[which], form)


def read_loose(rows: Rows, dated: Dated, priorities: Positions, form: Form) -> Header:
    """Those with a host and a tag that ``form`` is sure of."""
    header = header_of(dated, priorities)
    if len(header.rows):
        read_tag(rows, header, dated.ends)
        # A percent sign may begin what Cisco's devices send.
        give_up_holding(rows, header, dated.ends, b"%")
        judge(rows, header, dated.host, partial(_is_host, form))
        judge(rows, header, header.app, partial(_is_app, form))
        text = rows.buffer[np.minimum(header.text, dated.ends)]
        levels = read_levels(rows, header, dated.ends, _ODD_BEGINS[text])
        doubtful = ~levels & ((header.procid.starts < 0) | _ODD_BEGINS[text])
        give_up_odd_texts(rows, header, dated.ends, doubtful)
    return header


def give_up_odd_texts(rows: Rows, header: Header, ends: Positions, doubtful: Mask) -> None:
    """Of the ``doubtful`` ones, give up those whose text may be a vendor's way."""
    for place in np.flatnonzero(header.valid & doubtful).tolist():
        text = rows.buffer[header.text[place] : ends[place]][:_LOOKED_AT].tobytes()
        header.valid[place] = ODD_TEXT.match(text) is None


def give_up_holding(rows: Rows, header: Header, ends: Positions, octets: bytes) -> None:
    """Give up the messages that hold one of ``octets`` anywhere."""
    held = rows.buffer == octets[0]
    for octet in octets[1:]:
        held |= rows.buffer == octet
    places = np.flatnonzero(held)
    if places.size:
        starts = rows.starts[header.rows]
        header.valid &= np.searchsorted(places, starts) == np.searchsorted(places, ends)


@lru_cache(maxsize=4096)
def _is_host(form: Form, host: bytes) -> bool:
    # With a number and a point before it, a text may look like a line of Dogtag's.
    if HOST.match(host) is None or host[:1].isdigit():
        return False
    return _is_read(form, host, b"app", b"") and _is_read(form, host, b"app", b"[1]")


@lru_cache(maxsize=4096)
def _is_app(form: Form, app: bytes) -> bool:
    return (
        is_tag(app) and _is_read(form, b"host", app, b"") and _is_read(form, b"host", app, b"[1]")
    )


def _is_read(form: Form, host: bytes, app: bytes, process: bytes) -> bool:
    """Whether the reader of single messages takes these for a host and a tag."""
    parsed: ParsedMessage = parse(b"%b %b %b%b: x" % (form.begins, host, app, process), 0)
    found = (parsed.rule, parsed.host, parsed.app, parsed.procid)
    return found == (form.rule, host.decode(), app.decode(), "1" if process else None)
