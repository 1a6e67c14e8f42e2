"""Message framing on a stream: octet counting and delimiters.

RFC 5425 section 4.3, RFC 6587 sections 3.4.1 and 3.4.2.

The decoder is fed whole buffers, not messages: it says how far a buffer consists of complete
frames and how many they are, so that the buffer can be kept as it came. What a run of frames
holds is taken apart later, by ``messages_of``.

The first complete frame of a connection fixes how it is read. It is octet counting when a count
of one to seven digits without leading zero and a space stand before ``<``, a byte order mark or
``{``, and the count is within the limit. Above the limit a number before a word, such as
``100000 <info>``, is likelier to be a line's than a count: then a whole PRI must follow it, or no
delimiter come before the limit. An over-long message may be the first after a reconnect, and the
LF within it, which its text chooses, must not decide how the rest is read. Otherwise it is lines,
ended by LF, CR LF or NUL. In lines a count never switches back, so that an injected line cannot
swallow its neighbours. In octet counting a count that makes no sense is skipped up to the next LF.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sealwire.syslog.kinds import RECORD_KINDS, Framing, Kind, Segment
from sealwire.syslog.nul_framing import nul_messages
from sealwire.syslog.relp_frames import LONGEST_HEADER, relp_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_MAX_MESSAGE: Final = 64 * 1024
# A count has at most this many digits; a space follows.
_LONGEST_PREFIX: Final = 8
# What can precede a frame that is not complete yet: a count or a RELP header, and a delimiter.
TAIL_MARGIN: Final = max(_LONGEST_PREFIX, LONGEST_HEADER) + 2


_SEPARATORS: Final = b"\n\r\0"
_OTHER_THAN_SEPARATOR: Final = re.compile(rb"[^\n\r\0]")
_COUNT: Final = re.compile(rb"([1-9][0-9]{0,6}) ")
_COUNT_BEGUN: Final = re.compile(rb"[1-9][0-9]{0,6}\Z")
_CERTAIN_COUNT: Final = re.compile(rb"([1-9][0-9]{0,6}) (?=<|\{|\xef\xbb\xbf)")
_CERTAIN_COUNT_BEGUN: Final = re.compile(rb"[1-9][0-9]{0,6}(?: (?:\xef\xbb?)?)?\Z")
_PRI: Final = re.compile(rb"<[0-9]{1,3}>")
_PRI_BEGUN: Final = re.compile(rb"<[0-9]{0,3}\Z")
_DELIMITER: Final = re.compile(rb"[\n\0]")


_MODES: Final[Mapping[Framing, Kind | None]] = {
    Framing.AUTO: None,
    Framing.OCTETS: Kind.OCTETS,
    Framing.LINES: Kind.LINES,
}


def encode_octet_frame(message: bytes) -> bytes:
    """``MSG-LEN SP SYSLOG-MSG`` (RFC 5425 section 4.3)."""
    return b"%d %b" % (len(message), message)


@lru_cache(maxsize=8)
def frame_lengths(max_message: int) -> Mapping[bytes, int]:
    """Frame length by a frame's first five bytes, where these five decide it.

    That is ``99 <1``, ``256 <`` and ``1024 ``: nearly every frame there is. One lookup is cheaper
    than finding the space and reading the number.
    """
    two = {
        b"%d <%d" % (count, digit): count + 3
        for count in range(10, min(max_message, 99) + 1)
        for digit in range(10)
    }
    three = {b"%d <" % count: count + 4 for count in range(100, min(max_message, 999) + 1)}
    four = {b"%d " % count: count + 5 for count in range(1000, min(max_message, 9999) + 1)}
    return two | three | four


class FrameDecoder:
    """Finds the frames of one connection. Sans-IO; remembers no bytes, only where it stands.

    Args:
        max_message: longest message in bytes, without framing. More is cut off at the end.
        framing: what an operator knows of the sender; not ``NUL``, see ``syslog.nul_framing``.
    """

    __slots__ = ("_max", "_mode", "_resyncing", "_skip", "_skipping_line", "_steps")

    def __init__(
        self, max_message: int = DEFAULT_MAX_MESSAGE, framing: Framing = Framing.AUTO
    ) -> None:
        self._max = max_message
        self._steps = frame_lengths(max_message)
        self._mode: Kind | None = _MODES[framing]
        self._skip = 0
        self._skipping_line = False
        self._resyncing = False

    @property
    def mode(self) -> Kind | None:
        """``OCTETS`` or ``LINES``, None before the first frame decided."""
        return self._mode

    def decode(self, data: bytes) -> tuple[int, list[Segment]]:
        """Take ``data``: what the last call left over, then what came since.

        Returns how many bytes are dealt with, and their segments in order. What is left over
        never exceeds the longest message by more than ``TAIL_MARGIN``.
        """
        if self._mode is Kind.OCTETS:
            return self._octets(data)
        if self._mode is Kind.LINES:
            return self._lines(data)
        return self._first(data)

    def close(self, data: bytes, *, orderly: bool) -> list[Segment]:
        """Judge what is left over when the connection has ended.

        ``orderly``: the peer said so (close_notify), so that its last line is whole even without
        a delimiter. A partial octet-counted frame is never a message.
        """
        if not data:
            return []
        if not orderly or self._mode is Kind.OCTETS:
            return [(Kind.INCOMPLETE, 0, len(data), 0)]
        if data == b"\r":
            return [(Kind.LINES, 0, len(data), 0)]
        return [(Kind.UNTERMINATED, 0, len(data), 1)]

    def _first(self, data: bytes) -> tuple[int, list[Segment]]:
        """Decide the mode; LF, CR and NUL may come before the first frame."""
        start = _after_separators(data, 0)
        before: list[Segment] = [(Kind.OCTETS, 0, start, 0)] if start else []
        if start == len(data) or _CERTAIN_COUNT_BEGUN.match(data, start):
            return start, before
        counted = self._is_counted(data, start)
        if counted is None:
            return start, before
        self._mode = Kind.OCTETS if counted else Kind.LINES
        used, segments = self.decode(data[start:])
        return start + used, [
            *before,
            *((kind, start + a, start + b, frames) for kind, a, b, frames in segments),
        ]

    def _is_counted(self, data: bytes, start: int) -> bool | None:
        """Whether a count stands at ``start``; None while that is open."""
        count = _CERTAIN_COUNT.match(data, start)
        if count is None:
            return False
        if int(count[1]) <= self._max or _PRI.match(data, count.end()):
            return True
        if _PRI_BEGUN.match(data, count.end()):
            return None
        if _DELIMITER.search(data, start, start + self._max):
            return False
        return True if len(data) - start >= self._max else None

    def _octets(self, data: bytes) -> tuple[int, list[Segment]]:
        if self._skip or self._resyncing:
            segments: list[Segment] = []
            start = self._leave_fault(data, segments)
            return self._octets_slowly(data, start, (start, 0), segments)
        end, frames = self._whole_frames(data, 0)
        if end == len(data):
            return end, [(Kind.OCTETS, 0, end, frames)] if end else []
        return self._octets_slowly(data, 0, (end, frames), [])

    def _whole_frames(self, data: bytes, start: int) -> tuple[int, int]:
        """Where the frames of common length from ``start`` on end, and how many they are."""
        steps = self._steps
        size = len(data)
        end = at = start
        frames = 0
        try:
            while end < size:
                at = end
                end += steps[data[at : at + 5]]
                frames += 1
        except KeyError:
            return at, frames
        return (at, frames - 1) if end > size else (end, frames)

    def _octets_slowly(
        self, data: bytes, start: int, found: tuple[int, int], segments: list[Segment]
    ) -> tuple[int, list[Segment]]:
        """Every case: other counts, bytes between frames, over-long and bad ones.

        ``found``: end and number of the frames from ``start`` on that are known already.
        """
        while True:
            at, frames = self._run_of_frames(data, *found)
            if at > start:
                segments.append((Kind.OCTETS, start, at, frames))
            start = self._fault(data, at, segments)
            if start == at:
                return at, segments
            found = start, 0

    def _run_of_frames(self, data: bytes, at: int, frames: int) -> tuple[int, int]:
        """Where complete frames and the separators after them end, and the number of frames."""
        while True:
            at = _after_separators(data, at)
            count = _COUNT.match(data, at)
            if count is None or int(count[1]) > self._max:
                return at, frames
            end = count.end() + int(count[1])
            if end > len(data):
                return at, frames
            at, more = self._whole_frames(data, end)
            frames += 1 + more

    def _fault(self, data: bytes, at: int, segments: list[Segment]) -> int:
        """Deal with a fault at ``at``, if there is one; return where it ends in ``data``."""
        if at == len(data) or _COUNT_BEGUN.match(data, at):
            return at
        count = _COUNT.match(data, at)
        if count is None:
            return self._resynchronise(data, at, segments, Kind.BAD_COUNT)
        if int(count[1]) <= self._max or _CERTAIN_COUNT_BEGUN.match(data, at):
            return at
        if _CERTAIN_COUNT.match(data, at) is None:
            return self._resynchronise(data, at, segments, Kind.BAD_COUNT)
        kept = count.end() + self._max
        if kept > len(data):
            return at
        segments.append((Kind.TRUNCATED, count.end(), kept, 1))
        self._skip = int(count[1]) - self._max
        return self._skip_octets(data, kept, segments)

    def _leave_fault(self, data: bytes, segments: list[Segment]) -> int:
        """Go on with what an earlier buffer began."""
        if self._skip:
            return self._skip_octets(data, 0, segments)
        if self._resyncing:
            return self._resynchronise(data, 0, segments, Kind.RESYNC)
        return 0

    def _skip_octets(self, data: bytes, at: int, segments: list[Segment]) -> int:
        end = min(at + self._skip, len(data))
        if end > at:
            segments.append((Kind.SKIPPED, at, end, 0))
            self._skip -= end - at
        return end

    def _resynchronise(self, data: bytes, at: int, segments: list[Segment], kind: Kind) -> int:
        line_feed = data.find(b"\n", at)
        self._resyncing = line_feed < 0
        end = len(data) if line_feed < 0 else line_feed + 1
        if end > at:
            segments.append((kind, at, end, 0))
        return end

    def _lines(self, data: bytes) -> tuple[int, list[Segment]]:
        end = data.rfind(b"\n") + 1
        if self._skipping_line or b"\0" in data or not self._lines_fit(data, end):
            return self._lines_slowly(data)
        if not end:
            return 0, []
        return end, [(Kind.LINES, 0, end, _count_lines(data, end))]

    def _lines_fit(self, data: bytes, end: int) -> bool:
        """Whether no line up to ``end``, nor the rest, is longer than a message may be."""
        start = 0
        while end - start > self._max + 1:
            start = data.rfind(b"\n", start, start + self._max + 1) + 1
            if not start:
                return False
        return len(data) - end <= self._max

    def _lines_slowly(self, data: bytes) -> tuple[int, list[Segment]]:
        segments: list[Segment] = []
        run = at = self._skip_line(data, segments) if self._skipping_line else 0
        frames = 0
        for start, end in _line_ends(data, at):
            at = end
            if end - 1 - start > self._max:
                _append_run(segments, run, start, frames)
                self._cut_line(start, end, segments)
                run, frames = end, 0
            else:
                frames += not _is_blank(data[start:end])
        _append_run(segments, run, at, frames)
        if len(data) - at > self._max:
            self._cut_line(at, len(data), segments)
            self._skipping_line = True
            at = len(data)
        return at, segments

    def _cut_line(self, start: int, end: int, segments: list[Segment]) -> None:
        kept = start + self._max
        segments.append((Kind.TRUNCATED, start, kept, 1))
        segments.append((Kind.SKIPPED, kept, end, 0))

    def _skip_line(self, data: bytes, segments: list[Segment]) -> int:
        delimiter = _DELIMITER.search(data)
        self._skipping_line = delimiter is None
        end = len(data) if delimiter is None else delimiter.end()
        if end:
            segments.append((Kind.SKIPPED, 0, end, 0))
        return end


def messages_of(kind: Kind, data: bytes) -> Iterator[bytes]:
    """The messages in a stretch of bytes that the decoder called ``kind``, without framing.

    Exactly as many as the decoder counted. None for kinds that hold no message.
    """
    if kind is Kind.OCTETS:
        return _messages_of_octets(data)
    if kind is Kind.LINES:
        return _messages_of_lines(data)
    if kind is Kind.RELP:
        return relp_messages(data)
    if kind is Kind.NULS:
        return nul_messages(data)
    if kind in RECORD_KINDS:
        return iter((data.removesuffix(b"\r") if kind is Kind.UNTERMINATED else data,))
    return iter(())


def _messages_of_octets(data: bytes) -> Iterator[bytes]:
    at = _after_separators(data, 0)
    while at < len(data):
        space = data.index(b" ", at, at + _LONGEST_PREFIX)
        end = space + 1 + int(data[at:space])
        yield data[space + 1 : end]
        at = _after_separators(data, end)


def _messages_of_lines(data: bytes) -> Iterator[bytes]:
    for start, end in _line_ends(data, 0):
        line = data[start:end]
        if not _is_blank(line):
            yield line[:-1].removesuffix(b"\r")


def _line_ends(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Where each line from ``start`` on begins, and where it ends behind its delimiter."""
    for delimiter in _DELIMITER.finditer(data, start):
        yield start, delimiter.end()
        start = delimiter.end()


def _after_separators(data: bytes, at: int) -> int:
    """The first byte from ``at`` on that is not LF, CR or NUL."""
    other = _OTHER_THAN_SEPARATOR.search(data, at)
    return len(data) if other is None else other.start()


def _count_lines(data: bytes, end: int) -> int:
    """Lines up to ``end`` that hold something; no NUL is among them."""
    if data[0] in _SEPARATORS or data.find(b"\n\n", 0, end) >= 0 or b"\n\r" in data:
        return sum(not _is_blank(data[a:b]) for a, b in _line_ends(data[:end], 0))
    return data.count(b"\n", 0, end)


def _is_blank(line: bytes) -> bool:
    """Whether a delimiter stands alone or after CR alone."""
    return len(line) == 1 or (len(line) == 2 and line[0:1] == b"\r")  # noqa: PLR2004 - CR LF


def _append_run(segments: list[Segment], start: int, end: int, frames: int) -> None:
    if end > start:
        segments.append((Kind.LINES, start, end, frames))
