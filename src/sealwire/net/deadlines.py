"""Whose time is up: connections that say nothing, messages that never end, what they hold.

Looked at about once a second, so that a connection costs the receiving path one addition. Nobody
is blamed for what the sensor did not read: while the disk is behind time stands still, and after
a pause of the worker itself it begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.net.connected import Connected
    from sealwire.net.limits import ReceiverLimits

_LOOK_EVERY: Final = 1.0
_LOOKS_PER_DEADLINE: Final = 4
_ASLEEP: Final = 5
_TOO_MUCH: Final = {
    False: ("buffers_full", "all senders together"),
    True: ("source_buffers_full", "the address"),
}


class Overdue(NamedTuple):
    """A connection to be ended. ``politely``: close_notify first, and time for what is under way.

    An idle connection that is closed may cost a message of a sender that never reads: it writes
    the next one into a connection that is gone, and RFC 5425 has no acknowledgement that would
    tell it. So that deadline is long, and 0 means never.
    """

    peer: Connected
    reason: str
    detail: str
    politely: bool


@dataclass(slots=True)
class _Watched:
    """What was seen of a connection: bytes in all, where its last message began, since when."""

    received: int
    heard: float
    begun_at: int
    begun: float


class Deadlines:
    """Judges connections by what their sessions have received. Times are monotonic seconds."""

    def __init__(self, limits: ReceiverLimits) -> None:
        self._limits = limits
        self._watched: dict[Connected, _Watched] = {}
        self._leaving: dict[Connected, float] = {}
        self._held = 0
        self._since_look = 0
        self._last = 0.0
        limited = (limits.first_message_seconds, limits.message_seconds, limits.idle_seconds)
        shortest = min(one for one in (*limited, limits.farewell_seconds, 4 * _LOOK_EVERY) if one)
        self.every = min(_LOOK_EVERY, shortest / _LOOKS_PER_DEADLINE)

    def note(self, received: int) -> None:
        """So many bytes came; what is held cannot have grown by more."""
        self._since_look += received

    def is_due(self, now: float) -> bool:
        """Whether it is time to look, or more may be held than is allowed."""
        full = self._held + self._since_look > self._limits.buffered_bytes
        return full or now >= self._last + self.every

    def forgive(self) -> None:
        """Nothing was read for a while: begin anew with everybody."""
        self._watched.clear()

    def look(self, peers: Iterable[Connected], now: float) -> list[Overdue]:
        """Who is to be ended now."""
        if now > self._last + _ASLEEP * _LOOK_EVERY:
            self.forgive()
        self._last, self._since_look = now, 0
        before, self._watched = self._watched, {}
        overdue: list[Overdue] = []
        holding: dict[str, dict[Connected, int]] = {}
        self._held = 0
        for peer in peers:
            session = peer.session
            if session is None:
                continue
            tail = len(session.tail)
            seen = self._seen(before.get(peer), session.received, tail, now)
            self._watched[peer] = seen
            if tail:
                self._held += tail
                holding.setdefault(peer.address, {})[peer] = tail
            fault = self._fault(seen, tail, now)
            if fault is not None:
                overdue.append(Overdue(peer, *fault))
        return [*self._leavers(overdue, now), *self._greedy(holding)]

    def _seen(self, before: _Watched | None, received: int, tail: int, now: float) -> _Watched:
        begun_at = received - tail
        if before is None:
            return _Watched(received, now, begun_at, now)
        if before.received != received:
            before.received, before.heard = received, now
            if before.begun_at != begun_at or not tail:
                before.begun_at, before.begun = begun_at, now
        return before

    def _fault(self, seen: _Watched, tail: int, now: float) -> tuple[str, str, bool] | None:
        limits = self._limits
        if tail and limits.message_seconds and now - seen.begun >= limits.message_seconds:
            return "message_timeout", "a message was begun and not completed in time", False
        silent = now - seen.heard
        if not seen.received:
            if limits.first_message_seconds and silent >= limits.first_message_seconds:
                return "silent_connection", "connected, and never sent anything", True
        elif limits.idle_seconds and silent >= limits.idle_seconds:
            return "idle_connection", "sent nothing for a long while", True
        return None

    def _leavers(self, overdue: Iterable[Overdue], now: float) -> Iterable[Overdue]:
        """Each is told once to go; who has not gone by then is ended."""
        self._leaving = {
            peer: since for peer, since in self._leaving.items() if peer in self._watched
        }
        for one in overdue:
            if not one.politely:
                yield one
            elif one.peer not in self._leaving:
                self._leaving[one.peer] = now
                yield one
        for peer, since in self._leaving.items():
            if now - since >= self._limits.farewell_seconds:
                yield Overdue(peer, "farewell_timeout", "was told to go and stayed", politely=False)

    def _greedy(self, holding: dict[str, dict[Connected, int]]) -> Iterable[Overdue]:
        """Who holds more memory than an address may, or most when all together hold too much."""
        excess = self._held - self._limits.buffered_bytes
        if excess > 0:
            excess += self._limits.buffered_bytes // 4  # room enough not to look again at once
        for held in sorted(holding.values(), key=lambda one: -sum(one.values())):
            of_one = sum(held.values()) - self._limits.source_buffered_bytes
            for peer, tail in sorted(held.items(), key=lambda item: -item[1]):
                if of_one <= 0 and excess <= 0:
                    break
                reason, what = _TOO_MUCH[of_one > 0]
                detail = f"{what} had too much of messages that were not complete"
                yield Overdue(peer, reason, detail, politely=False)
                of_one -= tail
                excess -= tail
