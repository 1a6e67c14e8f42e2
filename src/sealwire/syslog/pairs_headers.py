"""FortiGate's way in many messages at once: ``<PRI>date=2015-08-11 time=19:19:43 devname=...``.

Zone and name stand anywhere among the pairs and are looked for in each message by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sealwire.syslog.cisco import WITHIN
from sealwire.syslog.found import Header, no_spans
from sealwire.syslog.moments import days_of, digits_of, seconds_of
from sealwire.syslog.rows import ABSENT, Rows, Spans
from sealwire.syslog.timestamps import DAY_US, SECOND_US
from sealwire.syslog.vendors import find_name, find_zone

if TYPE_CHECKING:
    from sealwire.syslog.headers import Priorities
    from sealwire.syslog.rows import Mask, Positions

_BEGIN: Final = b"date=2015-08-11 time=19:19:43 "
_SIZE: Final = len(_BEGIN)
_DIGITS: Final = tuple(place for place, octet in enumerate(_BEGIN) if chr(octet).isdigit())
_FIXED: Final = tuple(
    (place, octet) for place, octet in enumerate(_BEGIN) if not chr(octet).isdigit()
)
# How far the pairs are looked at, and where Cisco's mnemonic would be.
_LOOKED_AT: Final = 4096
_MNEMONIC_WITHIN: Final = 2 * WITHIN + 64


def read_pairs_headers(rows: Rows, which: Positions, priorities: Priorities) -> tuple[Header, Mask]:
    """The messages ``which``, which have a PRI, and whether the zone of each was guessed."""
    at = priorities.ends[which]
    header = _header(rows, which, at, priorities.values[which])
    starts = np.full(len(which), ABSENT, np.int64)
    ends = np.zeros(len(which), np.int64)
    guessed = np.zeros(len(which), np.bool_)
    for place in np.flatnonzero(header.valid).tolist():
        begin = int(at[place])
        text = rows.buffer[begin : rows.ends[which[place]]][:_LOOKED_AT].tobytes()
        zone, name = find_zone(text), find_name(text)
        if text.find(b"%", 0, _MNEMONIC_WITHIN) >= 0 or zone is None:
            header.valid[place] = False
            continue
        offset_us, guessed[place] = zone
        header.microseconds[place] -= offset_us
        if name is not None:
            starts[place], ends[place] = begin + name[0], begin + name[1]
            header.valid[place] = text[name[0] : name[1]].isascii()
    header.host = Spans(starts, ends)
    return header, guessed


def _header(rows: Rows, which: Positions, at: Positions, values: Positions) -> Header:
    window = rows.window(at, _SIZE)
    digits, valid = digits_of(window, _DIGITS)
    for place, octet in _FIXED:
        valid &= window[:, place] == octet
    y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2 = digits
    days, possible = days_of(y1 * 1000 + y2 * 100 + y3 * 10 + y4, m1 * 10 + m2, d1 * 10 + d2)
    seconds, exists = seconds_of(h1 * 10 + h2, n1 * 10 + n2, s1 * 10 + s2)
    valid &= possible & exists & (at + _SIZE <= rows.ends[which])
    nowhere = no_spans(len(which))
    microseconds = days * DAY_US + seconds * SECOND_US
    timed = np.ones(len(which), np.bool_)
    return Header(which, valid, values, microseconds, timed, nowhere, nowhere, nowhere, nowhere, at)
