"""RELP, the server's side of one session, sans-IO: buffers in, runs of frames and answers out.

What a frame looks like stands in ``relp_frames``. A session begins with ``open``, in which both
sides offer what they can; then ``syslog`` carries messages; ``close`` ends it. Every command is
answered, in order, with ``rsp`` and its own transaction number; what has the number 0 is a hint
and is not answered. The server's only hint is ``serverclose``: it is about to go.

A frame that cannot be right ends the session, as the specification wants: after it nobody knows
where the next one begins.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.syslog.framing import DEFAULT_MAX_MESSAGE
from sealwire.syslog.kinds import Kind
from sealwire.syslog.relp_frames import encode_relp_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.syslog.kinds import Segment

SERVERCLOSE: Final = encode_relp_frame(0, b"serverclose")
MOST_OFFERS: Final = 4096
"""Bytes of an ``open`` command's data; a longest message that is shorter bounds them too."""
_VERSION: Final = 1
_LONGEST_REASON: Final = 80
_LONGEST_NAME: Final = 32
_LONGEST_VALUE: Final = 255
_LINE_FEED: Final = 0x0A
_ANSWERED: Final = b" rsp 6 200 OK\n"

_OPENING: Final = re.compile(rb"[0-9]{1,9} open ")
_OPENING_BEGUN: Final = re.compile(rb"[0-9]{1,9}(?: (?:o(?:p(?:en?)?)?)?)?\Z")
_WHOLE: Final = re.compile(rb"([1-9][0-9]{0,8}) syslog ([1-9][0-9]{0,8}) ")
_HEADER: Final = re.compile(rb"([0-9]{1,9}) ([A-Za-z]{1,32}) ([0-9]{1,9})([ \n])")
_HEADER_BEGUN: Final = re.compile(rb"[0-9]{1,9}(?: (?:[A-Za-z]{1,32}(?: (?:[0-9]{1,9})?)?)?)?\Z")
_NUMBER: Final = re.compile(rb"([0-9]{1,9}) ")


class RelpState(Enum):
    """Where a session stands."""

    BEFORE_OPEN = auto()
    OPEN = auto()
    CLOSED = auto()
    """One side closed it; what still comes is not taken."""
    BROKEN = auto()
    """The sender broke the protocol; what still comes is not taken."""


class _Action(Enum):
    ACCEPT = auto()
    STORE = auto()
    CLOSE = auto()
    REFUSE = auto()


_TRANSITIONS: Final[Mapping[tuple[RelpState, bytes], tuple[_Action, RelpState]]] = {
    (RelpState.BEFORE_OPEN, b"open"): (_Action.ACCEPT, RelpState.OPEN),
    # librelp is known to open a second time; its server takes that for harmless.
    (RelpState.OPEN, b"open"): (_Action.ACCEPT, RelpState.OPEN),
    (RelpState.OPEN, b"syslog"): (_Action.STORE, RelpState.OPEN),
    (RelpState.OPEN, b"close"): (_Action.CLOSE, RelpState.CLOSED),
}
_OTHER_COMMANDS: Final = {RelpState.OPEN: (_Action.REFUSE, RelpState.OPEN)}
_OVER: Final = frozenset({RelpState.CLOSED, RelpState.BROKEN})


class _Frame(NamedTuple):
    """A frame whose header is complete; it begins at ``at``, its data at ``start``."""

    at: int
    txnr: bytes
    command: bytes
    start: int
    length: int


class Violation(Exception):  # noqa: N818 - a word of the protocol, raised and caught here alone
    """The sender broke the protocol: how, and up to where the fault reaches in the buffer."""

    def __init__(self, reason: str, end: int, txnr: bytes = b"0") -> None:
        super().__init__(reason)
        self.reason = reason
        self.end = end
        self.txnr = txnr


def is_relp(data: bytes) -> bool | None:
    """Whether a connection that begins with ``data`` speaks RELP; None while that is open."""
    if _OPENING.match(data):
        return True
    return None if not data or _OPENING_BEGUN.match(data) else False


class RelpServer:
    """The server's side of one session. Remembers no bytes, only where it stands.

    Args:
        max_message: longest message in bytes. More is cut off at the end.

    ``objection``: how the sender broke the protocol, in plain words; None while it did not.
    """

    __slots__ = (
        "_answers",
        "_awaited",
        "_max",
        "_segments",
        "_skip",
        "_skipped",
        "objection",
        "state",
    )

    def __init__(self, max_message: int = DEFAULT_MAX_MESSAGE) -> None:
        self.state = RelpState.BEFORE_OPEN
        self.objection: str | None = None
        self._max = max_message
        self._skip = 0
        self._skipped: Kind | None = None
        self._awaited: bytes | None = None
        self._segments: list[Segment] = []
        self._answers: list[bytes] = []

    @property
    def is_open(self) -> bool:
        """Whether the session goes on."""
        return self.state not in _OVER

    def leave(self) -> None:
        """The server ends the session, having said ``SERVERCLOSE``."""
        self.state = RelpState.CLOSED

    def decode(self, data: bytes) -> tuple[int, list[Segment], bytes]:
        """Take ``data``: what the last call left over, then what came since.

        Returns how many bytes are dealt with, their segments in order, and the answers to the
        frames that they complete. An answer promises that its message is kept: it may be sent
        only when all of the segments are durable. What is left over never exceeds the longest
        message by more than ``framing.TAIL_MARGIN``.
        """
        self._segments, self._answers = [], []
        at = 0
        try:
            while at < len(data) and self.state not in _OVER:
                before = at
                at = self._go_on(data, at)
                if at == before:
                    break
        except Violation as violation:
            self._break(at, violation)
            at = len(data)
        if self.state in _OVER:
            at = len(data)
        return at, self._segments, b"".join(self._answers)

    def close(self, data: bytes) -> list[Segment]:
        """Judge what is left over when the connection has ended: a partial frame is no message."""
        return [(Kind.INCOMPLETE, 0, len(data), 0)] if data else []

    def _go_on(self, data: bytes, at: int) -> int:
        if self._awaited is not None:
            return self._leave_frame(data, at)
        if self.state is RelpState.OPEN:
            end = self._whole_frames(data, at)
            if end > at:
                return end
        return self._any_frame(data, at)

    def _whole_frames(self, data: bytes, start: int) -> int:
        """Where the common ``syslog`` frames from ``start`` on end: complete and not too long."""
        header, most, size = _WHOLE.match, self._max, len(data)
        txnrs: list[bytes] = []
        at = start
        while (found := header(data, at)) is not None:
            length = int(found[2])
            end = found.end() + length
            if length > most or end >= size or data[end] != _LINE_FEED:
                break
            txnrs.append(found[1])
            at = end + 1
        if txnrs:
            self._segments.append((Kind.RELP, start, at, len(txnrs)))
            txnrs.append(b"")
            self._answers.append(_ANSWERED.join(txnrs))
        return at

    def _any_frame(self, data: bytes, at: int) -> int:
        """Every case: one frame of any command, or the beginning of one."""
        found = _HEADER.match(data, at)
        if found is None:
            if _HEADER_BEGUN.match(data, at):
                return at
            raise _bad_header(data, at)
        length = int(found[3])
        frame = _Frame(at, found[1], found[2], found.end() - (not length), length)
        if bool(length) != (found[4] == b" "):
            raise Violation("a space, data and LF must follow DATALEN", found.end(), frame.txnr)
        key = self.state, frame.command
        step = _TRANSITIONS.get(key) or _OTHER_COMMANDS.get(self.state)
        if step is None:
            raise Violation("a session must begin with open", found.end(), frame.txnr)
        return self._act(data, frame, *step)

    def _act(self, data: bytes, frame: _Frame, action: _Action, after: RelpState) -> int:
        if action is _Action.REFUSE:
            self._awaited = _answer(frame.txnr, b"500 unknown command")
            self._skip, self._skipped = frame.length, None
            return self._leave_frame(data, frame.start)
        if action is _Action.STORE and frame.length > self._max:
            return self._cut(data, frame)
        if action is _Action.ACCEPT and frame.length > min(MOST_OFFERS, self._max):
            raise Violation("open with too many offers", frame.start, frame.txnr)
        end = frame.start + frame.length
        if end >= len(data):
            return frame.at
        if data[end] != _LINE_FEED:
            raise Violation("a frame does not end with LF", end + 1, frame.txnr)
        if action is _Action.ACCEPT:
            chosen = _chosen_offers(data[frame.start : end], end + 1, frame.txnr)
            self._answers.append(_answer(frame.txnr, b"200 OK\n" + chosen))
        else:
            frames = int(action is _Action.STORE)
            self._segments.append((Kind.RELP, frame.at, end + 1, frames))
            self._answers.append(_answer(frame.txnr, b"200 OK"))
        self.state = after
        return end + 1

    def _cut(self, data: bytes, frame: _Frame) -> int:
        """Keep the beginning of an over-long message; its end is counted and let go."""
        kept = frame.start + self._max
        if kept > len(data):
            return frame.at
        self._segments.append((Kind.TRUNCATED, frame.start, kept, 1))
        self._awaited = _answer(frame.txnr, b"200 OK")
        self._skip, self._skipped = frame.length - self._max, Kind.SKIPPED
        return self._leave_frame(data, kept)

    def _leave_frame(self, data: bytes, at: int) -> int:
        """Let go of the rest of a frame; its end completes it."""
        end = min(at + self._skip, len(data))
        if end > at and self._skipped is not None:
            self._segments.append((self._skipped, at, end, 0))
        self._skip -= end - at
        if self._skip or end == len(data):
            return end
        if data[end] != _LINE_FEED:
            raise Violation("a frame does not end with LF", end + 1)
        self._answers.append(self._awaited or b"")
        self._awaited = None
        return end + 1

    def _break(self, at: int, violation: Violation) -> None:
        """Say what is wrong, and that this is the end."""
        self.state = RelpState.BROKEN
        self.objection = violation.reason
        if violation.end > at and self._awaited is None:
            self._segments.append((Kind.BAD_COUNT, at, violation.end, 0))
        reason = b"500 " + violation.reason.encode()[:_LONGEST_REASON]
        self._answers += (_answer(violation.txnr, reason), SERVERCLOSE)


def _answer(txnr: bytes, data: bytes) -> bytes:
    """``rsp`` to a command; nothing to a hint."""
    number = int(txnr)
    return encode_relp_frame(number, b"rsp", data) if number else b""


def _bad_header(data: bytes, at: int) -> Violation:
    """Up to the first byte that cannot belong to a header."""
    end = at + 1
    while _HEADER_BEGUN.match(data[at:end]):
        end += 1
    number = _NUMBER.match(data[at:end])
    return Violation("bad frame header", end, number[1] if number else b"0")


def _chosen_offers(data: bytes, end: int, txnr: bytes) -> bytes:
    """Of what the sender offers, what the session uses; offers that nobody knows are left out.

    Raises Violation without a usable ``relp_version`` or the command ``syslog``.
    """
    offers: dict[bytes, list[bytes]] = {}
    for line in filter(None, data.split(b"\n")):
        name, _, values = line.partition(b"=")
        offers[name] = values.split(b",")
        too_long = max(map(len, offers[name])) > _LONGEST_VALUE
        if not name or len(name) > _LONGEST_NAME or too_long:
            raise Violation("open with a malformed offer", end, txnr)
    (version, *_) = offers.get(b"relp_version", [b""])
    if not version.isdigit():
        raise Violation("open without relp_version", end, txnr)
    if b"syslog" not in offers.get(b"commands", []):
        raise Violation("required command not supported by client", end, txnr)
    chosen = min(int(version), _VERSION)
    return b"relp_version=%d\nrelp_software=Sealwire\ncommands=syslog" % chosen
