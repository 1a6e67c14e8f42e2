"""Cisco's headers of many messages at once: firewalls, IOS and NX-OS with a time and a mnemonic.

What stands before the mnemonic has the same shape in nearly all lines of one sender: only its
digits differ. Where the parts are is found once for each shape, by the reader of single messages;
a shape that is not one of the common ones is left to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sealwire.syslog.cisco import MNEMONIC
from sealwire.syslog.dated import judge
from sealwire.syslog.found import Entries, Header, no_spans
from sealwire.syslog.message import Grade
from sealwire.syslog.moments import LONGEST, bsd_moments, fraction_at, rfc3339
from sealwire.syslog.parser import parse
from sealwire.syslog.rows import ABSENT, Rows, Spans, cut, words_of
from sealwire.syslog.time_forms import ZONES
from sealwire.syslog.timestamps import ANY_MONTH, HOUR_US

if TYPE_CHECKING:
    from sealwire.syslog.headers import Priorities
    from sealwire.syslog.rows import Bytes, Mask, Positions

_PERCENT: Final = ord("%")
_COLON: Final = ord(":")
_SPACE: Final = ord(" ")
_ZERO: Final = ord("0")

# How long the parts may be here; one byte more is looked at.
_LONGEST_HEADER: Final = 127
_LONGEST_MNEMONIC: Final = 63
# Where nearly every message has a shape of its own, learning shapes costs more than it saves.
_ROWS_A_SHAPE: Final = 8

_NAME: Final = rb"[0-9A-Za-z][0-9A-Za-z._-]{0,62}"
# Every digit is 0 in a shape.
_SHAPE: Final = re.compile(
    rb"(?:: ?)?(?:(?P<first>0{1,10}): )?(?:(?P<name>" + _NAME + rb"): )?"
    rb"(?:(?P<second>0{1,10}): )?[*.]?"
    rb"(?P<time>(?:(?P<iso>0000-00-00T00:00:00(?:\.0{1,6})?(?:Z|[+-]00:00))"
    rb"|(?P<early>0000 )?(?P<day>(?:" + ANY_MONTH + rb") [ 0]0) (?P<late>0000 )?"
    rb"(?P<clock>00:00:00)(?:\.(?P<fraction>0{1,9}))?))"
    rb"(?: (?P<zone>[A-Z]{2,5}))?(?: (?P<host>" + _NAME + rb"))?(?: ?: ?| )\Z"
)  # fmt: skip
_CANON: Final = {
    b"0000-00-00T00:00:00": b"2026-03-10T10:10:10",
    b"00:00:00": b"10:10:10",
    b"0000 ": b"2026 ",
}


class _Layout(NamedTuple):
    """Where the parts of a header begin and end, from behind the PRI on; -1 for what it has not.

    ``offset``: microseconds east of UTC that its zone's name says.
    """

    host: tuple[int, int]
    first: tuple[int, int]
    second: tuple[int, int]
    iso: tuple[int, int]
    day: int
    year: int
    clock: int
    fraction: tuple[int, int]
    offset: int
    guessed: bool


def read_cisco_headers(
    rows: Rows, which: Positions, priorities: Priorities, received_us: Positions
) -> tuple[Header, Mask]:
    """The messages ``which``, which have a PRI, and whether the time of each was guessed."""
    at = priorities.ends[which]
    percent = at + (rows.window(at, _LONGEST_HEADER + 1) == _PERCENT).argmax(axis=1)
    kept = (rows.buffer[percent] == _PERCENT) & (percent > at) & (percent < rows.ends[which])
    which, at, percent = which[kept], at[kept], percent[kept]
    header = _header(rows, which, priorities.values[which], percent)
    guessed = np.zeros(len(which), np.bool_)
    if len(which):
        shapes = cut(_without_digits(rows.buffer), Spans(at, percent)).dictionary_encode()
        found = _Placed(shapes, at)
        header.valid &= found.known
        found.fill(rows, header, received_us[which])
        guessed = found.column("guessed").astype(np.bool_)
        judge(rows, header, header.app, _is_mnemonic)
    return header, guessed


def _header(rows: Rows, which: Positions, values: Positions, percent: Positions) -> Header:
    """With the mnemonic, and where the text begins."""
    buffer, ends = rows.buffer, rows.ends[which]
    window = rows.window(percent, _LONGEST_MNEMONIC + 1)
    stop = percent + ((window == _COLON) | (window == _SPACE)).argmax(axis=1)
    valid = (stop > percent) & (stop < ends)
    text = stop
    for octet in (_SPACE, _COLON, _SPACE):
        text = text + ((buffer[text] == octet) & (text < ends))
    count = len(which)
    nowhere = no_spans(count)
    nothing = np.zeros(count, np.int64)
    timed = np.ones(count, np.bool_)
    app = Spans(percent, stop)
    return Header(which, valid, values, nothing, timed, nowhere, app, nowhere, nowhere, text)


def _without_digits(buffer: Bytes) -> Bytes:
    masked = buffer.copy()
    masked[(buffer - np.uint8(_ZERO)) <= np.uint8(9)] = _ZERO
    return masked


@lru_cache(maxsize=4096)
def _is_mnemonic(word: bytes) -> bool:
    found = MNEMONIC.match(word + b":")
    return found is not None and found.end() == len(word)


class _Placed:
    """The layouts of some headers, which begin at ``at``; ``known``: those that have one."""

    def __init__(self, shapes: Any, at: Positions) -> None:  # noqa: ANN401 - Arrow
        words = words_of(shapes)
        few = len(words) * _ROWS_A_SHAPE <= len(at) + _ROWS_A_SHAPE * _ROWS_A_SHAPE
        self._layouts = [_layout(word) if few else None for word in words]
        self._codes = shapes.indices.to_numpy()
        self._at = at
        known = [layout is not None for layout in self._layouts]
        self.known: Mask = np.array(known, np.bool_)[self._codes]

    def column(self, name: str, part: int | None = None) -> Positions:
        """One number of each header's layout."""
        values = [
            0 if layout is None else getattr(layout, name) if part is None
            else getattr(layout, name)[part]
            for layout in self._layouts
        ]  # fmt: skip
        column: Positions = np.array(values, np.int64)[self._codes]
        return column

    def _span(self, name: str) -> Spans:
        starts, ends = self.column(name, 0), self.column(name, 1)
        return Spans(np.where(starts < 0, ABSENT, self._at + starts), self._at + ends)

    def fill(self, rows: Rows, header: Header, received_us: Positions) -> None:
        """Read host, time and sequence numbers."""
        header.host = self._span("host")
        self._read_times(rows, header, received_us)
        header.entries.append(self._sequences(rows, header))

    def _read_times(self, rows: Rows, header: Header, received_us: Positions) -> None:
        whole = self.known & (self.column("iso", 0) >= 0)
        places = np.flatnonzero(header.valid & whole)
        if places.size:
            spans = self._span("iso")
            starts, ends = spans.starts[places], spans.ends[places]
            moments = rfc3339(rows, starts, rows.window(starts, LONGEST + 1), ends - starts)
            header.microseconds[places], header.valid[places] = moments
        places = np.flatnonzero(header.valid & ~whole)
        if places.size:
            self._read_dates(rows, header, places, received_us[places])

    def _read_dates(
        self, rows: Rows, header: Header, places: Positions, received_us: Positions
    ) -> None:
        at, offset = self._at[places], self.column("offset")[places]
        years = self.column("year")[places]
        window = np.concatenate(
            (
                rows.window(at + self.column("day")[places], 7),
                rows.window(at + self.column("clock")[places], 8),
            ),
            axis=1,
        )
        year = rows.window(at + np.maximum(years, 0), 4)
        moments = bsd_moments(window, received_us + offset, year, years >= 0)
        size = self.column("fraction", 1)[places] - self.column("fraction", 0)[places]
        fraction = fraction_at(rows, at + self.column("fraction", 0)[places], size)
        header.microseconds[places] = moments.microseconds + fraction - offset
        header.valid[places] = moments.valid

    def _sequences(self, rows: Rows, header: Header) -> Entries:
        spans = [self._span(name) for name in ("first", "second")]
        starts = np.stack([span.starts for span in spans], axis=1).ravel()
        ends = np.stack([span.ends for span in spans], axis=1).ravel()
        owners = np.repeat(np.arange(len(header.rows)), len(spans))
        there = (starts >= 0) & header.valid[owners]
        values = cut(rows.buffer, Spans(starts[there], ends[there]))
        names = np.zeros(len(values), np.int64)
        return Entries(header.rows[owners[there]], names, ("cisco.sequence",), values)


@lru_cache(maxsize=4096)
def _layout(shape: bytes) -> _Layout | None:
    """None when it is not common, or the reader of single messages sees something else in it."""
    found = _SHAPE.match(shape)
    if found is None or (found["name"] and found["host"]):
        return None
    named = "name" if found["name"] else "host"
    if found[named] and not found[named].strip(b"0"):
        return None  # perhaps a year
    zone = ZONES.get(found["zone"]) if found["zone"] else None
    yearless = found["iso"] is None and not (found["early"] or found["late"])
    layout = _Layout(
        found.span(named),
        found.span("first"),
        found.span("second"),
        found.span("iso"),
        found.start("day"),
        max(found.start("early"), found.start("late")),
        found.start("clock"),
        found.span("fraction"),
        int((zone or 0) * HOUR_US),
        guessed=found["iso"] is None and (yearless or zone is None),
    )
    return layout if _is_so_read(shape, found, layout, found[named]) else None


def _is_so_read(shape: bytes, found: re.Match[bytes], layout: _Layout, host: bytes | None) -> bool:
    text = found["time"]
    for blank, canon in _CANON.items():
        text = text.replace(blank, canon, 1)
    text = re.sub(rb"(?<=[a-z] )([ 0])0", rb"\g<1>1", text)
    whole = shape[: found.start("time")] + text + shape[found.end("time") :]
    parsed = parse(b"<13>" + whole + b"%SYS-5-CONFIG_I: text", 0)
    sequences = tuple(
        ("cisco.sequence", found[name].decode()) for name in ("first", "second") if found[name]
    )
    return (
        parsed.rule == "cisco"
        and parsed.grade is Grade.VARIANT
        and parsed.app == "%SYS-5-CONFIG_I"
        and parsed.procid is None
        and parsed.host == (host.decode() if host else None)
        and parsed.fields == sequences
        and parsed.timestamp_us is not None
        and parsed.timestamp_guessed == layout.guessed
    )
