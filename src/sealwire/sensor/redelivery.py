"""Which RELP messages came a second time, so that the index holds each once.

After a cut connection a RELP sender opens a new session and sends everything again for which it
has not seen an answer, in order, and goes on with what is new. Part of it had become durable
before: the new session begins with the end of what is remembered of an earlier one. Journal and
segments keep both; here the second ones are found.

What is remembered is a **stream** for each sender: the hashes of its last messages without the
repeated ones. A session that repeats the end of a stream takes the stream over, so that a second
cut in the middle of the repetition is no other case.

When it is not certain, a message is kept, because a record twice is a nuisance and a record
hidden is a loss:

* An overlap counts only when at least one message in it stands only once in the stream. Then no
  other overlap is possible: a shorter one would make each of its messages stand there twice. A
  sender that says the same over and over, without a time in it, is never flagged.
* An overlap reaches from the session's first message to the stream's end, or to the last message
  seen so far. One that breaks off in between is none, and everything from there on is kept.
* Only the beginning of a session can repeat, so what repeats inside one session is kept.
* A session that was closed orderly has seen its answers: its stream is forgotten. So is what is
  older than ``MESSAGES``, for which the answer has long arrived.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.sensor.journal import Connection

SNAPSHOT_VERSION: Final = 1
MESSAGES: Final = 8_000
"""Remembered of one stream. More than a receiver leaves unanswered, see ``sensor.relp_session``."""
STREAMS: Final = 10_000
STREAMS_OF_A_SOURCE: Final = 16
HASHES: Final = 4_000_000
"""Remembered of all streams together: 32 MB. The stream that was silent longest goes first."""
_LAST_TXNR: Final = 999_999_999

Hashes = array  # of unsigned 64-bit numbers
_Source = tuple[str, str | None]
_SessionKey = tuple[str, int, int, int]


@dataclass(slots=True, eq=False)
class _Stream:
    """What one sender sent last, and how far its present session has come in it.

    ``repeating``: so many of the last hashes are still to be repeated. ``probing``: the session
    began here with what may be the beginning of a repetition that is not certain yet. ``used``:
    when it was last fed, as a running number.
    """

    source: _Source
    session: _SessionKey | None
    hashes: Hashes[int] = field(default_factory=lambda: Hashes("Q"))
    last_txnr: int = 0
    repeating: int = 0
    probing: bool = False
    used: int = 0


class Redeliveries:
    """Fed with every RELP message in the order of its receipt. Pure; for one thread.

    A session's repetition is seen only when the earlier session's messages were fed before. Slots
    must therefore be fed in the order of receipt too, and after a worker's death nothing that came
    later than it before that worker's slot is recovered and fed. What is fed again after a restart
    must begin where the restored snapshot was taken.

    Args:
        messages: remembered of one stream.
        streams: remembered at all.
        hashes: remembered of all streams together.
    """

    def __init__(
        self, *, messages: int = MESSAGES, streams: int = STREAMS, hashes: int = HASHES
    ) -> None:
        self._most_messages = messages
        self._most_streams = streams
        self._most_hashes = hashes
        self._streams: OrderedDict[int, _Stream] = OrderedDict()
        self._sessions: dict[_SessionKey, _Stream] = {}
        self._sources: dict[_Source, list[_Stream]] = {}
        self._held = 0
        self._uses = 0

    def flag(
        self, connection: Connection, messages: Sequence[bytes], txnrs: Sequence[int]
    ) -> list[bool]:
        """Which of ``messages`` repeat the end of an earlier session; one bool for each.

        Args:
            connection: as the journal names it; ``transport`` is ``relp``.
            messages: of consecutive runs of this connection, without framing, at least one.
            txnrs: their transaction numbers, 0 where none is known (over-long messages).
        """
        fresh = Hashes("Q", map(_hash_of, messages))
        stream = self._stream_of(connection, next(filter(None, txnrs), 0))
        if stream is None:
            stream = self._begun(connection)
        stream.last_txnr = next(filter(None, reversed(txnrs)), stream.last_txnr)
        self._touch(stream)
        if stream.repeating:
            repeated = self._repeat_on(stream, fresh)
        elif stream.probing:
            repeated = self._probe(stream, fresh)
        else:
            repeated = 0
            self._remember(stream, fresh)
        return [True] * repeated + [False] * (len(fresh) - repeated)

    def closed(self, connection: Connection) -> None:
        """The sender closed its session orderly (``close``): it has seen every answer."""
        stream = self._sessions.get(_session_of(connection))
        if stream is not None:
            self._forget(stream)

    def snapshot(self) -> dict[str, Any]:
        """Everything remembered, as a JSON document; see ``restored``."""
        return {
            "version": SNAPSHOT_VERSION,
            "streams": [
                [
                    *one.source,
                    one.session,
                    one.last_txnr,
                    one.repeating,
                    one.probing,
                    b64encode(_little_endian(one.hashes).tobytes()).decode(),
                ]
                for one in self._streams.values()
            ],
        }

    @classmethod
    def restored(cls, document: Mapping[str, Any] | None, **bounds: int) -> Redeliveries:
        """From a snapshot; an empty one from None. Raises ConflictError for another version."""
        self = cls(**bounds)
        if document is None:
            return self
        if document["version"] != SNAPSHOT_VERSION:
            raise ConflictError(
                "redelivery.version",
                "what RELP senders sent last was written by another release of Sealwire",
            )
        for address, certificate, session, *rest, hashes in document["streams"]:
            key = tuple(session) if session is not None else None
            stream = _Stream((address, certificate), key, Hashes("Q", b64decode(hashes)), *rest)
            stream.hashes = _little_endian(stream.hashes)
            self._add(stream)
        return self

    def _stream_of(self, connection: Connection, first_txnr: int) -> _Stream | None:
        """The connection's stream; None when a session begins.

        Numbers and ports are used again in the course of time: a transaction number that is not
        higher than the one before tells a new session.
        """
        stream = self._sessions.get(_session_of(connection))
        if stream is None:
            return None
        if first_txnr and first_txnr <= stream.last_txnr < _LAST_TXNR:
            self._leave(stream)
            return None
        return stream

    def _begun(self, connection: Connection) -> _Stream:
        source = connection.address, connection.certificate_sha256
        stream = _Stream(source, _session_of(connection), probing=True)
        self._add(stream)
        return stream

    def _probe(self, stream: _Stream, fresh: Hashes[int]) -> int:
        """A session's beginning: find what it repeats. How many of ``fresh`` are repetitions."""
        before = len(stream.hashes)
        begun = stream.hashes + fresh
        self._remember(stream, fresh)
        stream.probing = False
        for other in self._sources[stream.source]:
            if other is stream:
                continue
            start, length = longest_overlap(other.hashes, begun)
            if not length:
                continue
            if _holds_unique(other.hashes, start, length):
                left = len(other.hashes) - start - length
                self._take_over(other, stream, left, begun[length:])
                return max(0, length - before)
            stream.probing = stream.probing or length == len(begun)
        return 0

    def _take_over(self, other: _Stream, stream: _Stream, left: int, rest: Hashes[int]) -> None:
        """The session that began ``stream`` continues ``other``, with ``rest`` as what is new.

        ``left``: so many of the other's last messages are still to be repeated.
        """
        session, last_txnr = stream.session, stream.last_txnr
        self._forget(stream)
        self._leave(other)
        other.session, other.last_txnr, other.repeating = session, last_txnr, left
        if session is not None:
            self._sessions[session] = other
        self._touch(other)
        self._remember(other, rest)

    def _repeat_on(self, stream: _Stream, fresh: Hashes[int]) -> int:
        """A repetition goes on, to the stream's end or until it is seen to be none."""
        start = len(stream.hashes) - stream.repeating
        length = min(stream.repeating, len(fresh))
        if stream.hashes[start : start + length] == fresh[:length]:
            stream.repeating -= length
            self._remember(stream, fresh[length:])
            return length
        session, last_txnr = stream.session, stream.last_txnr
        self._leave(stream)
        own = _Stream(stream.source, session, last_txnr=last_txnr)
        self._add(own)
        self._remember(own, fresh)
        return 0

    def _remember(self, stream: _Stream, fresh: Hashes[int]) -> None:
        stream.hashes += fresh
        surplus = len(stream.hashes) - self._most_messages
        if surplus > 0:
            del stream.hashes[:surplus]
        self._held += len(fresh) - max(0, surplus)
        while self._held > self._most_hashes and len(self._streams) > 1:
            self._forget(next(iter(self._streams.values())))

    def _add(self, stream: _Stream) -> None:
        self._streams[id(stream)] = stream
        siblings = self._sources.setdefault(stream.source, [])
        siblings.append(stream)
        if stream.session is not None:
            self._sessions[stream.session] = stream
        self._held += len(stream.hashes)
        self._touch(stream)
        if len(siblings) > STREAMS_OF_A_SOURCE:
            self._forget(min(siblings, key=_last_use))
        if len(self._streams) > self._most_streams:
            self._forget(next(iter(self._streams.values())))

    def _touch(self, stream: _Stream) -> None:
        self._uses += 1
        stream.used = self._uses
        self._streams.move_to_end(id(stream))

    def _leave(self, stream: _Stream) -> None:
        """The stream's session is over; what it sent stays remembered."""
        if stream.session is not None:
            self._sessions.pop(stream.session, None)
        stream.session, stream.repeating, stream.probing = None, 0, False

    def _forget(self, stream: _Stream) -> None:
        self._leave(stream)
        del self._streams[id(stream)]
        siblings = self._sources[stream.source]
        siblings.remove(stream)
        if not siblings:
            del self._sources[stream.source]
        self._held -= len(stream.hashes)


def longest_overlap(history: Sequence[int], begun: Sequence[int]) -> tuple[int, int]:
    """Where in ``history`` the longest beginning of ``begun`` stands, and its length.

    It must reach to the end of ``history`` or be all of ``begun``; (0, 0) when there is none.
    Linear in both lengths (Knuth, Morris and Pratt 1977).
    """
    if not begun or begun[0] not in history:
        return 0, 0
    falls = _falls(begun[: len(history) + 1])
    matched = 0
    for at, one in enumerate(history):
        while matched and begun[matched] != one:
            matched = falls[matched - 1]
        matched += begun[matched] == one
        if matched == len(begun):
            return at + 1 - matched, matched
    return len(history) - matched, matched


def _falls(begun: Sequence[int]) -> list[int]:
    """For each length the longest shorter beginning that is also its end."""
    falls = [0]
    length = 0
    for one in begun[1:]:
        while length and begun[length] != one:
            length = falls[length - 1]
        length += begun[length] == one
        falls.append(length)
    return falls


def _holds_unique(history: Hashes[int], start: int, length: int) -> bool:
    """Whether one of these hashes stands nowhere else in ``history``."""
    counts: dict[int, int] = {}
    for one in history:
        counts[one] = counts.get(one, 0) + 1
    return any(counts[one] == 1 for one in history[start : start + length])


def _hash_of(message: bytes) -> int:
    return int.from_bytes(blake2b(message, digest_size=8).digest(), "little")


def _session_of(connection: Connection) -> _SessionKey:
    return connection.address, connection.port, connection.listener_port, connection.number


def _last_use(stream: _Stream) -> int:
    return stream.used


def _little_endian(hashes: Hashes[int]) -> Hashes[int]:
    if sys.byteorder == "big":
        hashes = hashes[:]
        hashes.byteswap()
    return hashes
