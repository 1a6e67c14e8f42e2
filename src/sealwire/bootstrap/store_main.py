"""The store process: ``python -m sealwire.bootstrap.store_main FD``.

``FD`` is the inherited control socket; what is said over it stands in ``sealwire.net.store_link``.
Light at first: pyarrow is loaded with the first record, the index's engine with the first record
or question. Sealing, indexing and answering have threads of their own.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from sealwire.bootstrap.housekeeping import Housekeeping
from sealwire.bootstrap.observing import NOTHING
from sealwire.bootstrap.sealing import Feed
from sealwire.bootstrap.store_room import StoreRoom, StoreTools
from sealwire.clock import SystemClock
from sealwire.errors import SealwireError, UnavailableError
from sealwire.net.lines import BlockingChannel
from sealwire.net.store_link import StorePlaces
from sealwire.sensor.archive_documents import (
    bucket_document,
    error_document,
    evidence_document,
    page_document,
    record_document,
    search_from,
    status_document,
)
from sealwire.sensor.journal import Position
from sealwire.sensor.policy_documents import policy_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sealwire.bootstrap.observing import Told

log = structlog.get_logger(__name__)

_NICENESS: Final = 15
_ANSWERERS: Final = 4
_STATUS_EVERY: Final = 0.5
_SOURCES_AT_ONCE: Final = 500
_SOURCES_A_SECOND: Final = 2_000


def main(arguments: list[str]) -> int:
    """Serve until main says stop or goes away."""
    # Signals to the process group are main's to answer; it stops this process in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(_NICENESS)
    # The engine of the index takes the mode of its files from here.
    os.umask(0o077)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Without the values of variables: they would be messages.
    render = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.processors.add_log_level, render],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

    channel = BlockingChannel(socket.socket(fileno=int(arguments[0])))
    opening = channel.receive()
    if opening is None:
        return 0
    StoreProcess(channel, opening).run()
    # Answers that are still being worked out are of no use to anybody: their threads end here.
    channel.close()
    sys.stderr.flush()
    os._exit(0)


class StoreProcess:
    """Obeys main, and does its work between."""

    def __init__(self, channel: BlockingChannel, opening: Mapping[str, Any]) -> None:
        self._channel = channel
        folders = {name: Path(opening[name]) for name in ("journal", "segments", "index", "notes")}
        places = StorePlaces(sensor=opening["sensor"], **folders)
        self._clock = SystemClock()
        tools = StoreTools(stuck=self._give_up)
        self._room = StoreRoom(places, self._clock, self._alarm, tools)
        self._housekeeping = Housekeeping(
            self._room, lambda: self._room.sealing.policy, self._clock, self._alarm
        )
        self._ends = _positions(opening["ends"])
        self._fed = threading.Condition()
        self._news = False
        self._policed = False
        self._policy_changed = False
        self._stopping = threading.Event()
        self._wanted: set[int] = set()
        self._telling = threading.Lock()
        self._told: object = None
        self._answerers = ThreadPoolExecutor(_ANSWERERS, thread_name_prefix="answers")
        self._threads = [
            threading.Thread(target=self._seal_on, name="sealing", daemon=True),
            threading.Thread(target=self._index_on, name="indexing", daemon=True),
            threading.Thread(target=self._tell_on, name="status", daemon=True),
        ]

    def run(self) -> None:
        """Until main says stop or its end closes."""
        for thread in self._threads:
            thread.start()
        self._channel.send({"event": "ready"})
        while (message := self._channel.receive()) is not None and message["do"] != "stop":
            self._obey(message)
        self._stopping.set()
        self._room.indexing.stop()
        with self._fed:
            self._fed.notify_all()
        for thread in self._threads:
            thread.join()
        self._room.close()

    def _obey(self, message: Mapping[str, Any]) -> None:
        match message["do"]:
            case "feed":
                ends, settled = _positions(message["ends"]), _positions(message["settled"])
                self._room.sealing.feed(Feed(ends, settled))
                self._wake()
            case "policy":
                self._room.sealing.judge_by(policy_from(message["policy"]))
                self._policed = self._policy_changed = True
                self._wake()
            case "ask":
                self._wanted.add(message["id"])
                self._answerers.submit(self._answer, message)
            case "forget":
                self._wanted.discard(message["id"])
            case unknown:
                raise ValueError(f"main says {unknown}")

    def _wake(self) -> None:
        with self._fed:
            self._news = True
            self._fed.notify_all()

    def _alarm(self, code: str, text: str) -> None:
        log.warning("alarm", code=code, text=text)
        self._channel.send({"event": "alarm", "code": code, "text": text})

    def _give_up(self) -> None:
        """The index's engine is stuck, and no other can be opened here: main starts anew.

        What is sealed is durable, and what is not will be fed again.
        """
        self._alarm("index_stuck", "the index did not come back from a question; it is opened anew")
        sys.stderr.flush()
        os._exit(1)

    # The threads.

    def _seal_on(self) -> None:
        told = False
        while not self._stopping.is_set():
            with self._fed:
                self._news = False
            if not told:
                told = self._open()
            pause = self._advance() if told else _STATUS_EVERY
            with self._fed:
                if pause and not self._news and not self._stopping.is_set():
                    self._fed.wait(pause)

    def _advance(self) -> float:
        """Seal, and keep house where that is due; seconds until there is more to do."""
        pause = self._room.sealing.advance()
        if self._policy_changed:
            self._policy_changed = False
            self._housekeeping.policy_changed()
        if self._policed and not self._housekeeping.due_in():
            self._housekeeping.step()
        return min(pause, self._housekeeping.due_in()) if self._policed else pause

    def _open(self) -> bool:
        """Open the segments as soon as there is a journal; False when it must be tried again."""
        try:
            self._room.sealing.start_from(self._ends)
        except SealwireError as error:
            self._alarm("segments_unavailable", error.message)
            return False
        return True

    def _index_on(self) -> None:
        indexing = self._room.indexing
        while not self._stopping.is_set():
            pause = indexing.advance() if self._room.lacks_index else _STATUS_EVERY
            if pause:
                indexing.wait(pause)

    def _tell_on(self) -> None:
        observed, pause = NOTHING, _STATUS_EVERY
        while not self._stopping.wait(pause):
            pause = _STATUS_EVERY
            if self._room.is_open:
                observed, count = self._tell_observed(observed)
                pause += count / _SOURCES_A_SECOND
            self._tell_status()

    def _tell_status(self) -> None:
        """Tell main how far it is, if that is news."""
        with self._telling:
            if self._room.is_open and (mark := self._room.mark()) != self._told:
                self._told = mark
                status = status_document(self._room.status())
                self._channel.send({"event": "status", "status": status})

    def _tell_observed(self, told: Told) -> tuple[Told, int]:
        """Tell main what is new of each source; how many they were."""
        now, documents = self._room.sealing.observing.news(told)
        whole = now.life != told.life
        for start in range(0, max(len(documents), whole), _SOURCES_AT_ONCE):
            part = documents[start : start + _SOURCES_AT_ONCE]
            self._channel.send({"event": "observed", "whole": whole and not start, "sources": part})
        return now, len(documents)

    # The answering threads.

    def _answer(self, message: Mapping[str, Any]) -> None:
        number = message["id"]
        try:
            # Before the answer, so that nobody is told that what it holds cannot be found yet.
            self._tell_status()
            parts = self._parts(message["what"], message["words"])
            part, more = next(parts, None), True
            while more and number in self._wanted:
                following = next(parts, None)
                more = following is not None
                document = {"event": "answer", "id": number, "result": part, "more": more}
                self._channel.send(document)
                part = following
        except SealwireError as error:
            self._refuse(number, error)
        except Exception as error:
            log.exception("a question failed", what=message["what"])
            text = f"the question failed: {type(error).__name__}"
            self._refuse(number, UnavailableError("archive.failed", text, hint="see the log"))
        finally:
            self._wanted.discard(number)

    def _refuse(self, number: int, error: SealwireError) -> None:
        self._channel.send({"event": "answer", "id": number, "error": error_document(error)})

    def _parts(self, what: str, words: Mapping[str, Any]) -> Iterator[Any]:
        if what == "reindex":
            return (status_document(status) for status in self._room.reindex())
        answers: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "search": lambda asked: page_document(self._room.search(search_from(asked))),
            "count": lambda asked: self._room.count(search_from(asked)),
            "chart": self._chart,
            "record": self._record,
        }
        return iter((answers[what](words),))

    def _chart(self, words: Mapping[str, Any]) -> list[Any]:
        buckets = self._room.chart(search_from(words["search"]), words["step_s"])
        return [bucket_document(bucket) for bucket in buckets]

    def _record(self, words: Mapping[str, Any]) -> dict[str, Any]:
        record, evidence = self._room.record(words["seq"])
        return {"record": record_document(record), "evidence": evidence_document(evidence)}


def _positions(document: Mapping[str, Any]) -> dict[int, Position]:
    return {int(slot): Position(*at) for slot, at in document.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
