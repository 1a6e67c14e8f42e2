"""What a worker tells main, summed up so that neither a fast sender nor an attacker floods it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sealwire.clock import Clock
    from sealwire.net.control import LineChannel
    from sealwire.sensor.journal import RunJournal

_INTERVAL: Final = 0.1
_NEVER: Final = 3600.0
_MOST_FAILURES: Final = 500
_OTHERS: Final = "other"


class Reporter:
    """Gathers what is new and sends it at most every 100 ms, as one document.

    Keys of a report: ``durable`` [file, offset], ``trouble``, ``connections``, ``failures``
    [[address, reason, detail, count, last ns]...], ``alarms`` [[code, text]...].
    """

    def __init__(self, control: LineChannel, clock: Clock, journal: RunJournal) -> None:
        self._control = control
        self._clock = clock
        self._journal = journal
        self._dirty = True
        self._last = 0.0
        self._failures: dict[tuple[str, str], list[Any]] = {}
        self._alarms: dict[str, str] = {}

    def note_journal(self) -> None:
        """The journal's durable end or its trouble has changed."""
        self._dirty = True

    def note_connection(self) -> None:
        """A connection was opened or closed."""
        self._dirty = True

    def note_alarm(self, code: str, text: str) -> None:
        """Something a person should know."""
        self._alarms[code] = text
        self._dirty = True

    def note_failure(self, address: str, reason: str, detail: str) -> None:
        """A connection failed at TLS."""
        if (address, reason) not in self._failures and len(self._failures) >= _MOST_FAILURES:
            address = _OTHERS
        failure = self._failures.setdefault((address, reason), [address, reason, detail, 0, 0])
        failure[3] += 1
        failure[4] = self._clock.now_ns()
        self._dirty = True

    def due_in(self) -> float:
        """Seconds until the next report."""
        if not self._dirty and not self._control.waiting:
            return _NEVER
        return max(0.0, self._last + _INTERVAL - self._clock.monotonic())

    def is_due(self, now: float) -> bool:
        """Whether there is something to tell, and the last report is long enough ago."""
        return (self._dirty or self._control.waiting) and now >= self._last + _INTERVAL

    def report(self, *, connections: int) -> None:
        """Send what is new; while an earlier report waits to be read, go on gathering."""
        self._last = self._clock.monotonic()
        self._control.flush()
        if self._control.waiting:
            return
        self._control.send(
            {
                "event": "report",
                "durable": list(self._journal.durable),
                "trouble": self._journal.trouble,
                "connections": connections,
                "failures": list(self._failures.values()),
                "alarms": list(self._alarms.items()),
            }
        )
        self._failures = {}
        self._alarms = {}
        self._dirty = False
