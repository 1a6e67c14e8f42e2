"""Records TLS sessions of the HTTPS listener, and what repeated failures still owe the trail."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final

import structlog
from cryptography import x509

from sealwire.audit.events import (
    UNIDENTIFIED,
    Event,
    Outcome,
    access_session_establish,
    access_session_terminated,
)
from sealwire.audit.repeats import Repeats, more, neighbourhood
from sealwire.errors import SealwireError
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.audit.ports import Store, TrailTx
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock
    from sealwire.net.http import SessionNotice

_MOST_WAITING: Final = 10_000
_SETTLE_SECONDS: Final = 5.0
_SESSIONS_A_MINUTE: Final = 60
_FAILURES_A_MINUTE: Final = 1
log = structlog.get_logger(__name__)


class SessionWatch:
    """``hear`` never blocks; a thread records, and calls ``settlers`` now and then.

    What comes faster than it can be written is lost, which the node's own log tells. A failed
    handshake is recorded at once; further ones from the same address and for the same reason
    within a minute are one record with a count. Sessions are those with a client certificate: a
    stranger's request makes no record.
    """

    def __init__(
        self,
        store: Store[TrailTx],
        recorder: Recorder,
        trail: str,
        clock: Clock,
        settlers: Sequence[Callable[[], None]],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._trail = trail
        self._clock = clock
        self._settlers = settlers
        self._waiting: queue.Queue[SessionNotice | None] = queue.Queue(_MOST_WAITING)
        self._failures = Repeats(_FAILURES_A_MINUTE)
        self._sessions = Repeats(_SESSIONS_A_MINUTE)
        self._thread = threading.Thread(target=self._run, name="session-watch", daemon=True)

    def start(self) -> None:
        """Begin to record."""
        self._thread.start()

    def stop(self) -> None:
        """Record what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def hear(self, notice: SessionNotice) -> None:
        """Something happened to a connection."""
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            log.warning("TLS sessions come faster than they can be recorded")

    def _run(self) -> None:
        settled = self._clock.monotonic()
        while True:
            try:
                notice = self._waiting.get(timeout=_SETTLE_SECONDS)
            except queue.Empty:
                pass
            else:
                if notice is None:
                    return
                self._safely(self.events(notice))
            if self._clock.monotonic() - settled >= _SETTLE_SECONDS:
                settled = self._clock.monotonic()
                self._settle()

    def _settle(self) -> None:
        now = self._clock.now()
        self._safely([*self._failures.due(now), *self._sessions.due(now)])
        for settle in self._settlers:
            try:
                settle()
            except SealwireError as error:
                log.warning("repeated failures could not be recorded", reason=error.message)

    def _safely(self, events: Sequence[Event]) -> None:
        def use_case(tx: TrailTx) -> None:
            for event in events:
                self._recorder.record(tx, self._trail, event)

        try:
            if events:
                self._store.run(use_case)
        except SealwireError as error:
            log.warning("a TLS session could not be recorded", reason=error.message)

    def events(self, notice: SessionNotice) -> Sequence[Event]:
        """What to record of it now."""
        failed = notice.event == "failed"
        kind = f"{notice.event} {neighbourhood(notice.client)} {notice.info if failed else ''}"
        repeats = self._failures if failed else self._sessions
        return repeats.note(kind, self._clock.now(), lambda count: _event(notice, count))


def _event(notice: SessionNotice, count: int) -> Event:
    subject = UNIDENTIFIED
    if notice.certificate is not None:
        subject = dn_text(x509.load_der_x509_certificate(notice.certificate).subject)
    info = more(notice.info, count).strip() or None
    if notice.event == "ended":
        return access_session_terminated(notice.client, notice.server, subject, info=info)
    outcome = Outcome.FAILURE if notice.event == "failed" else Outcome.SUCCESS
    return access_session_establish(notice.client, notice.server, subject, outcome, info=info)
