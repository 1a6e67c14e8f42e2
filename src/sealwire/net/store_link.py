"""The store process as main sees it: its life, what it is fed, and questions to it.

JSON lines over a socket pair. Main says (key ``do``): ``open``, first, with the places, the policy
and the journal's ends; ``feed`` with ``ends`` and ``settled``; ``policy``; ``ask`` with ``id``,
``what`` and ``words``; ``forget`` an ``id`` that nobody waits for any more; ``stop``. The process
says (key ``event``): ``ready``; ``status``; ``observed`` with ``sources``, all there are when
``whole``; ``alarm`` with ``code`` and ``text``; ``answer`` with
``id`` and ``result`` or ``error``; of an answer in parts each but the last has ``more``. When
main's end closes, the process ends by itself.
"""

from __future__ import annotations

import itertools
import selectors
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import UnavailableError
from sealwire.net.bell import Bell
from sealwire.net.processes import FIRST_DELAY, delay_after, ended_status, started, status_text
from sealwire.sensor.archive_documents import error_from, status_from
from sealwire.sensor.observations import ToldObservations
from sealwire.sensor.policy import ArchivePolicy
from sealwire.sensor.policy_documents import policy_document
from sealwire.sensor.sealing import SETTLE_S

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sealwire.clock import Clock
    from sealwire.net.control import LineChannel
    from sealwire.sensor.archive import ArchiveStatus
    from sealwire.sensor.journal import Position

_FEED_EVERY: Final = 0.2
_STOP_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 60.0
_PART_SECONDS: Final = 600.0
_MOST_QUESTIONS: Final = 64
_LONGEST_HOLD: Final = 30.0
_PROGRAM: Final = (sys.executable, "-m", "sealwire.bootstrap.store_main")


@dataclass(frozen=True, slots=True)
class StorePlaces:
    """Where the store process reads and writes."""

    journal: Path
    segments: Path
    index: Path
    notes: Path
    sensor: str


@dataclass(frozen=True, slots=True)
class StoreHearer:
    """Whom main tells what happens. Called from the link's thread; must not raise.

    ``lost``: the process died (how), and is started again. ``alarm``: code and plain words.
    """

    lost: Callable[[str], None]
    alarm: Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class StoreFeed:
    """What main knows.

    ``positions``: how far each slot is durable. ``whole``: whether no slot waits to be recovered.
    ``policy``: as it is now.
    """

    positions: Callable[[], Mapping[int, Position]]
    whole: Callable[[], bool]
    policy: Callable[[], ArchivePolicy]


@dataclass(slots=True)
class _Child:
    """The process, or its absence."""

    process: subprocess.Popen[bytes] | None = None
    channel: LineChannel | None = None
    started: float = 0.0
    start_at: float = 0.0
    delay: float = FIRST_DELAY
    ready: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    policy: ArchivePolicy | None = None


class _Settled:
    """Remembers where the journal ended ``SETTLE_S`` ago, by a clock that nobody sets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, dict[str, list[int]]]] = deque()

    def of(self, ends: dict[str, list[int]]) -> dict[str, list[int]]:
        """Where it ended then; ``ends`` is where it ends now."""
        now = self._clock.monotonic()
        if not self._seen or self._seen[-1][1] != ends:
            self._seen.append((now, ends))
        while len(self._seen) > 1 and self._seen[1][0] <= now - SETTLE_S:
            self._seen.popleft()
        seen, settled = self._seen[0]
        return settled if seen <= now - SETTLE_S else {}


class StoreLink:
    """Starts the store process, feeds it, asks it. ``start`` once, ``stop`` once."""

    def __init__(self, places: StorePlaces, clock: Clock, run: Sequence[str] = _PROGRAM) -> None:
        self._places, self._program = places, run
        self._clock = clock
        self._feed = StoreFeed(dict, lambda: True, ArchivePolicy)
        self._hearer = StoreHearer(lambda _how: None, lambda _code, _text: None)
        self._child = _Child()
        self._lock = threading.Lock()
        self._waiting: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._status: ArchiveStatus | None = None
        self._observed = ToldObservations()
        self._away_since: float | None = clock.monotonic()
        self._held_since: float | None = None
        self._settled = _Settled(clock)
        self._stopping = False
        self._stop_by = 0.0
        self._selector = selectors.DefaultSelector()
        self._bell = Bell()
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._supervise, name="store-link")

    # Called from any thread.

    def start(self, feed: StoreFeed, hearer: StoreHearer) -> None:
        """Begin to supervise; returns at once."""
        self._feed, self._hearer = feed, hearer
        self._thread.start()

    def stop(self) -> None:
        """Let the process finish what it is doing, and end it."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
        self._bell.ring()
        if self._thread.ident is not None:
            self._thread.join()
        self._selector.close()
        self._bell.close()

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        process = self._child.process
        return None if process is None else process.pid

    def status(self) -> ArchiveStatus:
        """What it said last. Raises UnavailableError before it has said anything."""
        status = self._status
        if status is None:
            raise _away()
        return status

    def observations(self) -> Sequence[Mapping[str, Any]]:
        """What it saw of each source's messages, as it said last."""
        return self._observed.documents()

    def away_s(self) -> float:
        """For how many seconds it has not been there; 0 when it is."""
        since = self._away_since
        return 0.0 if since is None else max(0.0, self._clock.monotonic() - since)

    def ask(self, what: str, words: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """One question, one answer. Raises what the answer says, and UnavailableError."""
        return next(self.ask_parts(what, words, seconds=_ANSWER_SECONDS))

    def ask_parts(
        self, what: str, words: Mapping[str, Any], *, seconds: float = _PART_SECONDS
    ) -> Iterator[Any]:
        """A question whose answer comes in parts, each within ``seconds``."""
        number, answers = self._asked(what, words)
        try:
            while True:
                answer = _next_answer(answers, seconds)
                if "error" in answer:
                    raise error_from(answer["error"])
                yield answer["result"]
                if not answer.get("more"):
                    return
        finally:
            with self._lock:
                self._waiting.pop(number, None)
                self._say({"do": "forget", "id": number})

    def _asked(
        self, what: str, words: Mapping[str, Any]
    ) -> tuple[int, SimpleQueue[dict[str, Any]]]:
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        with self._lock:
            if self._child.channel is None:
                raise _away()
            if len(self._waiting) >= _MOST_QUESTIONS:
                raise UnavailableError(
                    "archive.busy", "too many searches at the moment", hint="try again in a moment"
                )
            number = next(self._numbers)
            self._waiting[number] = answers
            self._say({"do": "ask", "id": number, "what": what, "words": dict(words)})
        return number, answers

    def _say(self, document: dict[str, Any]) -> None:
        """With the lock held."""
        channel = self._child.channel
        if channel is not None:
            channel.send(document)
            if channel.waiting:
                self._bell.ring()

    # The supervising thread.

    def _supervise(self) -> None:
        while True:
            now = self._clock.monotonic()
            if self._stopping:
                if self._child.process is None:
                    return
                self._end(now)
            elif self._child.process is None:
                if now >= self._child.start_at:
                    self._spawn(now)
            else:
                self._tell()
            for key, _ in self._selector.select(_FEED_EVERY):
                self._hear(key.data)

    def _end(self, now: float) -> None:
        if not self._stop_by:
            self._stop_by = now + _STOP_SECONDS
            with self._lock:
                self._say({"do": "stop"})
        process = self._child.process
        # One that loads has begun nothing that were to be finished, and may take long to find out.
        if process is not None and (now > self._stop_by or not self._child.ready):
            process.kill()
        self._flush()

    def _spawn(self, now: float) -> None:
        process, channel = started(self._program)
        self._selector.register(channel, selectors.EVENT_READ, channel)
        with self._lock:
            child = self._child
            child.process, child.channel, child.started = process, channel, now
            child.ready = False
            child.told, child.policy = {}, None
            channel.send(self._opening())

    def _opening(self) -> dict[str, Any]:
        places = self._places
        return {
            "do": "open",
            "journal": str(places.journal),
            "segments": str(places.segments),
            "index": str(places.index),
            "notes": str(places.notes),
            "sensor": places.sensor,
            "ends": _ends(self._feed.positions()),
        }

    def _tell(self) -> None:
        """What is new: policy, positions."""
        policy = self._feed.policy()
        ends = _ends(self._feed.positions())
        with self._lock:
            child = self._child
            if policy != child.policy:
                child.policy = policy
                self._say({"do": "policy", "policy": policy_document(policy)})
            feed = {"do": "feed", "ends": ends, "settled": self._settled.of(ends)}
            if feed != child.told and not self._holds():
                child.told = feed
                self._say(feed)
        self._flush()

    def _holds(self) -> bool:
        """Whether a slot waits to be recovered: what its sender repeats elsewhere has to wait."""
        now = self._clock.monotonic()
        if self._feed.whole():
            self._held_since = None
            return False
        if self._held_since is None:
            self._held_since = now
        return now - self._held_since < _LONGEST_HOLD

    def _flush(self) -> None:
        with self._lock:
            if self._child.channel is not None:
                self._child.channel.flush()

    def _hear(self, channel: LineChannel | None) -> None:
        if channel is None:
            self._bell.hush()
            return
        try:
            for document in channel.receive():
                self._take(document)
        except (EOFError, KeyError, TypeError, ValueError) as error:
            # What is not understood comes of another version, installed while this one runs.
            if not isinstance(error, EOFError) and self._child.process is not None:
                self._child.process.kill()
            self._bury(channel)

    def _take(self, document: dict[str, Any]) -> None:
        match document["event"]:
            case "status":
                self._status = status_from(document["status"])
            case "observed":
                self._observed.take(document)
            case "answer":
                with self._lock:
                    answers = self._waiting.get(document["id"])
                if answers is not None:
                    answers.put(document)
            case "alarm":
                self._hearer.alarm(document["code"], document["text"])
            case "ready":
                self._away_since = None
                self._child.ready = True
            case unknown:
                raise ValueError(f"the store process says {unknown}")

    def _bury(self, channel: LineChannel) -> None:
        self._selector.unregister(channel)
        channel.close()
        with self._lock:
            child = self._child
            process, child.process, child.channel = child.process, None, None
            waiting, self._waiting = list(self._waiting.values()), {}
        for answers in waiting:
            answers.put({"error": _AWAY})
        status = 0 if process is None else ended_status(process)
        now = self._clock.monotonic()
        if self._away_since is None:
            self._away_since = now
        if not self._stopping:
            child.delay = delay_after(now - child.started, child.delay)
            child.start_at = now + child.delay
            self._hearer.lost(status_text(status))


def _ends(positions: Mapping[int, Position]) -> dict[str, list[int]]:
    return {str(slot): list(at) for slot, at in sorted(positions.items())}


def _next_answer(answers: SimpleQueue[dict[str, Any]], seconds: float) -> dict[str, Any]:
    try:
        return answers.get(timeout=seconds)
    except Empty:
        raise UnavailableError(
            "archive.unavailable",
            "the stored records did not answer in time",
            hint="ask for less, or try again later",
        ) from None


def _away() -> UnavailableError:
    return UnavailableError(_AWAY["code"], _AWAY["message"], hint=_AWAY["hint"])


_AWAY: Final[dict[str, Any]] = {
    "kind": "UnavailableError",
    "code": "archive.unavailable",
    "message": "the stored records cannot be asked at the moment",
    "hint": "the store process is starting; try again in a moment",
    "findings": [],
}
