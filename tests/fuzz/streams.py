"""What a connection delivers, cut anywhere: the same messages and answers, and nothing lost.

The first bytes of an input choose how the sender is framed, the longest message, and where its
stream is cut; the rest is the stream.
"""

from __future__ import annotations

from typing import Any, Final

from sealwire.sensor.journal import Connection
from sealwire.sensor.session import Session
from sealwire.syslog.framing import TAIL_MARGIN, encode_octet_frame, messages_of
from sealwire.syslog.kinds import WHOLE_KINDS, Framing, Kind
from sealwire.syslog.relp import RelpServer
from sealwire.syslog.relp_frames import encode_relp_frame
from sealwire.syslog.splitting import split

_CHOICE: Final = 6
_MOST_STEPS: Final = 100
_LIMITS: Final = (40, 300, 2048, 65536)
_FRAMINGS: Final = tuple(Framing)
_CONNECTION: Final = Connection(1, "192.0.2.1", 5000, 6514, "TLSv1.3", "x")
_MORE_OF: Final = {Kind.RESYNC: Kind.BAD_COUNT}


class Events:
    """What was made of a stream, told so that it does not matter where it was cut."""

    ticket = durable_ticket = 1

    def __init__(self) -> None:
        self.found: list[Any] = []
        self.size = 0

    def append(
        self, _connection: Connection, kind: Kind, frames: int, _received_ns: int, data: bytes
    ) -> None:
        """As a journal: a run of one kind."""
        data = bytes(data)
        assert data, f"an empty run of {kind}"
        self.size += len(data)
        messages = list(messages_of(kind, data))
        assert len(messages) == frames, f"{kind} counts {frames} frames, and has {len(messages)}"
        assert split(kind, data) == messages
        if kind in WHOLE_KINDS:
            self.found += messages or [kind] * (kind is Kind.RELP)
        else:
            self._stretch(_MORE_OF.get(kind, kind), data)

    def check_size(self, size: int) -> None:
        """Everything was told of, but for the counts of messages that were cut."""
        cut = sum(isinstance(one, tuple) and one[0] is Kind.TRUNCATED for one in self.found)
        missing = size - self.size
        assert 0 <= missing <= cut * len(b"1234567 "), f"{missing} bytes are told of nowhere"

    def _stretch(self, kind: Kind, data: bytes) -> None:
        """Faults and what was let go: neighbours are one."""
        last = self.found[-1] if self.found else None
        if kind is not Kind.TRUNCATED and isinstance(last, tuple) and last[0] is kind:
            data = last[1] + data
            self.found.pop()
        self.found.append((kind, data))


def cuts(choice: bytes, size: int) -> list[int]:
    """Ends of the pieces of a stream; the last is ``size``. By the byte, when it is short."""
    steps = [1 + step % 97 for step in choice] or [1 + size // _MOST_STEPS]
    ends: list[int] = []
    at = 0
    while at < size:
        at = min(at + steps[len(ends) % len(steps)], size)
        ends.append(at)
    return ends


def listened(framing: Framing, limit: int, stream: bytes, ends: list[int], *, orderly: bool) -> Any:  # noqa: ANN401 - to be compared
    """What a session makes of a stream that comes in pieces."""
    events = Events()
    session = Session(_CONNECTION, events, limit, framing)  # type: ignore[arg-type]
    at = 0
    for end in ends:
        session.receive(session.tail + stream[at:end], 0)
        assert len(session.tail) <= max(limit, 4096 * (session.relp is not None)) + TAIL_MARGIN
        at = end
    assert session.received == len(stream)
    relp = session.relp
    answers = b"" if relp is None else relp.due()
    objection = None if relp is None else relp.objection
    session.end(0, orderly=orderly)
    if relp is None:
        events.check_size(len(stream))
    return events.found, answers, objection, session.framing


def frames(data: bytes) -> None:
    """Read as a connection; whole, in pieces, and byte by byte."""
    if len(data) < _CHOICE:
        return
    choice, stream = data[:_CHOICE], data[_CHOICE:]
    framing = _FRAMINGS[choice[0] % len(_FRAMINGS)]
    limit, orderly = _LIMITS[choice[1] % len(_LIMITS)], bool(choice[1] & 0x80)
    size = len(stream)
    whole, *others = (
        listened(framing, limit, stream, ends, orderly=orderly)
        for ends in ([size] if size else [], cuts(choice[2:], size), cuts(b"", size))
    )
    for other in others:
        assert other == whole, f"{framing}, at most {limit}: {other} but {whole}"


def relp(data: bytes) -> None:
    """Read as a RELP session that has begun; whole and in pieces."""
    choice, stream = data[:_CHOICE], OPENING + data[_CHOICE:]
    limit = _LIMITS[choice[0] % len(_LIMITS)] if choice else 300
    told = []
    for ends in ([len(stream)], cuts(choice[2:], len(stream)), cuts(b"", len(stream))):
        server, events, tail, answers, at = RelpServer(limit), Events(), b"", b"", 0
        for end in ends:
            piece = tail + stream[at:end]
            used, segments, given = server.decode(piece)
            for kind, start, stop, count in segments:
                events.append(_CONNECTION, kind, count, 0, piece[start:stop])
            tail, answers, at = piece[used:], answers + given, end
            assert len(tail) <= max(limit, 4096) + TAIL_MARGIN
        for kind, start, stop, count in server.close(tail):
            events.append(_CONNECTION, kind, count, 0, tail[start:stop])
        told.append((events.found, answers, server.objection, server.state))
    assert told[0] == told[1] == told[2]


OPENING: Final = encode_relp_frame(1, b"open", b"relp_version=0\ncommands=syslog")

_STREAMS: Final = (
    encode_octet_frame(b"<14>1 - h a - - - one") * 3,
    b"\n" + encode_octet_frame(b"<14>x") + b"\r\n\0" + encode_octet_frame(b'{"a": 1}'),
    b"<14>1 - h a - - - one\n<13>two\r\n\n<12>three\0<11>four",
    b"2020 Oct 26 12:00:00 h text\n45 <14>injected\n",
    encode_octet_frame(b"<14>" + b"z" * 330) + encode_octet_frame(b"<14>after"),
    encode_octet_frame(b"<14>" + b"z\n" * 160) + encode_octet_frame(b"<14>after"),
    encode_octet_frame(b"<14>x") + b"007 bad\n1073741824 <14>\n" + encode_octet_frame(b"<14>y"),
    b"<14>" + b"long " * 100 + b"\n<14>next\n" + b"<14>" + b"long " * 100 + b"\0<14>last\0",
    b"one\ntwo\0\0three\0" + b"o" * 350 + b"\0end",
    OPENING + encode_relp_frame(2, b"syslog", b"<14>x") + encode_relp_frame(3, b"close"),
    b"1 open 5 wrong",
)
_SESSIONS: Final = (
    encode_relp_frame(2, b"syslog", b"<14>one") * 3 + encode_relp_frame(3, b"close"),
    encode_relp_frame(2, b"syslog", b"<14>" + b"z" * 330) + encode_relp_frame(3, b"syslog", b"<1>"),
    encode_relp_frame(2, b"other", b"x" * 50) + OPENING + encode_relp_frame(0, b"syslog"),
    encode_relp_frame(999_999_999, b"syslog", b"<14>x\n<14>y") + b"7 syslog 5 12345x",
    b"2 syslog 0\n3 syslog 00 \n",
)


def stream_seeds() -> list[bytes]:
    """Each stream in each framing, cut differently."""
    return [
        bytes((number, number * 7 % 256, 0, 3, 60, 17)) + stream
        for number, stream in enumerate(_STREAMS * len(_FRAMINGS))
    ]


def session_seeds() -> list[bytes]:
    """RELP sessions behind their opening."""
    return [bytes((n, 0, 0, 3, 60, 17)) + each for n, each in enumerate(_SESSIONS)]
