"""The receiver workers: their listening sockets, their life, and what they report.

Main binds the sockets and hands them to each worker, so that a worker's death closes no port:
senders that come meanwhile wait in the kernel's queue for the next accept.
"""

from __future__ import annotations

import os
import selectors
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import ConflictError, UnavailableError
from sealwire.net.bell import Bell
from sealwire.net.control import material_document
from sealwire.net.listening import bound_listeners
from sealwire.net.processes import (
    FIRST_DELAY,
    LONGEST_DELAY,
    delay_after,
    ended_status,
    started,
    status_text,
)
from sealwire.net.tls import server_context
from sealwire.sensor.journal import Position
from sealwire.sensor.receiving import ListenerState, Transport
from sealwire.sensor.statistics import TlsFailure

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from sealwire.clock import Clock
    from sealwire.net.control import LineChannel
    from sealwire.net.listening import Listener
    from sealwire.net.pool_settings import PoolSettings, Recoverer
    from sealwire.sensor.receiving import ReceiverObserver, TlsMaterial

_START_SECONDS: Final = 20.0
_RELOAD_SECONDS: Final = 2.0
_LOCK_SECONDS: Final = 15.0
_RETRY_LOCK: Final = 0.1
_KILL_AFTER: Final = 3.0
_TICK: Final = 0.5
_MOMENT: Final = 1.0
_PROGRAM: Final = (sys.executable, "-m", "sealwire.bootstrap.receiver_main")
# The C library shall keep a worker's buffers for the next turn: to give them back and have them
# mapped and cleared anew costs a tenth of all the receiving. What the operator has set stands.
_MEMORY: Final = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024),
}


@dataclass(slots=True)
class _Worker:
    """One child process, or the place of one that is to be started again."""

    slot: int
    process: subprocess.Popen[bytes] | None = None
    channel: LineChannel | None = None
    started: float = 0.0
    start_at: float = 0.0
    delay: float = FIRST_DELAY
    ready: bool = False
    unrecovered: bool = False
    generation: int = 0


class ReceiverPool:
    """Fills ``sensor.receiving.Receivers``. ``bind``, then ``start``; finally ``stop``."""

    def __init__(
        self,
        settings: PoolSettings,
        recoverer: Recoverer,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._recoverer = recoverer
        self._observer: ReceiverObserver | None = None
        self._clock = clock
        self._listeners: list[Listener] = []
        self._workers = [_Worker(slot) for slot in settings.slots]
        self._material: TlsMaterial | None = None
        self._generation = 0
        self._positions: dict[int, Position] = {}
        self._troubles: dict[int, str | None] = {}
        self._connections: dict[int, int] = {}
        self._changed = threading.Condition()
        self._stop_seconds: float | None = None
        self._selector = selectors.DefaultSelector()
        self._bell = Bell()
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._supervise, name="receivers"),
            threading.Thread(target=self._pass_moments, name="receivers-moments"),
        ]

    # Called from any thread.

    def bind(self) -> None:
        """Open the listening sockets. Raises UnavailableError ``listen.failed``."""
        settings = self._settings
        ports = {
            Transport.TLS: settings.ports,
            Transport.TCP: settings.tcp_ports,
            Transport.UDP: settings.udp_ports,
        }
        self._listeners = bound_listeners(settings.host, ports)

    @property
    def ports(self) -> tuple[int, ...]:
        """The TLS ports that were bound, in the order of the settings."""
        return self.ports_of(Transport.TLS)

    def ports_of(self, transport: Transport) -> tuple[int, ...]:
        """The ports that were bound for one transport, in the order of the settings."""
        return tuple(one.port for one in self._listeners if one.transport is transport)

    @property
    def pids(self) -> dict[int, int]:
        """Process ids of living workers by slot."""
        return {w.slot: w.process.pid for w in self._workers if w.process is not None}

    def listeners(self) -> Sequence[ListenerState]:
        """TLS ports, then plain TCP and UDP, each in the order of the settings."""
        serving = any(worker.ready for worker in self._workers)
        return [ListenerState(one.port, serving, one.transport) for one in self._listeners]

    def positions(self) -> Mapping[int, Position]:
        """How far each slot of the journal is durable."""
        with self._changed:
            return dict(self._positions)

    def connections(self) -> int:
        """How many are open, those in their handshake among them; some tenths of a second old."""
        with self._changed:
            return sum(self._connections.values())

    @property
    def whole(self) -> bool:
        """Whether no slot of a worker that died waits to be recovered."""
        return not any(worker.unrecovered for worker in self._workers)

    def warm(self) -> None:
        """Start the bound workers' processes ahead of ``start``: they load while others do."""
        now = self._clock.monotonic()
        for worker in self._workers:
            self._spawn(worker, now)

    def start(self, material: TlsMaterial, observer: ReceiverObserver) -> None:
        """Recover the journal, start the workers, return when all of them serve.

        ``observer`` hears what happens from then on. Raises RefusedError ``tls.material``,
        UnavailableError ``receivers.start``; then ``stop`` is still to be called.
        """
        server_context(material)
        self._material, self._observer = material, observer
        for slot in sorted({*self._recoverer.slots(), *self._settings.slots}):
            self._recover(slot)
        for worker in self._workers:
            self._configure(worker)
        for thread in self._threads:
            thread.start()
        with self._changed:
            if not self._changed.wait_for(self._all_ready, _START_SECONDS):
                raise UnavailableError(
                    "receivers.start", "the receivers did not start in time", hint="see the log"
                )

    def reload(self, material: TlsMaterial) -> None:
        """Use ``material`` for new connections; returns when every living worker does."""
        server_context(material)
        with self._changed:
            self._material = material
            self._generation += 1
            self._bell.ring()
            self._changed.wait_for(self._all_reloaded, _RELOAD_SECONDS)

    def stop(self, seconds: float = 5.0) -> None:
        """Stop accepting, let senders finish for ``seconds``, make everything durable, end.

        To be called once by one thread; another call does nothing.
        """
        with self._changed:
            if self._stop_seconds is not None:
                return
            self._stop_seconds = seconds
            self._bell.ring()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for worker in self._workers:
            # Only of a pool that was never started: its own thread sees to the end of all others.
            if worker.process is not None and worker.channel is not None:
                worker.channel.close()
                ended_status(worker.process)
        for one in self._listeners:
            one.sock.close()
        self._bell.close()
        self._selector.close()

    def _all_ready(self) -> bool:
        return all(worker.ready for worker in self._workers)

    def _all_reloaded(self) -> bool:
        return all(w.generation >= self._generation for w in self._workers if w.ready)

    @property
    def _hearer(self) -> ReceiverObserver:
        if self._observer is None:
            raise RuntimeError("the pool was not started")
        return self._observer

    def _pass_moments(self) -> None:
        while not self._ended.wait(_MOMENT):
            self._hearer.moment_passed()

    # The supervising thread.

    def _supervise(self) -> None:
        stop_by: float | None = None
        while True:
            now = self._clock.monotonic()
            if stop_by is None and self._stop_seconds is not None:
                stop_by = now + self._stop_seconds + _KILL_AFTER
                self._say({"do": "stop", "seconds": self._stop_seconds})
            living = [worker for worker in self._workers if worker.process is not None]
            if stop_by is not None:
                if not living:
                    self._ended.set()
                    return
                if now > stop_by:
                    self._kill(living)
            else:
                self._start_due(now)
                self._send_material()
            for key, _ in self._selector.select(_TICK):
                self._hear(key.data)

    def _start_due(self, now: float) -> None:
        for worker in self._workers:
            if worker.process is None and now >= worker.start_at and self._is_recovered(worker):
                self._spawn(worker, now)

    def _is_recovered(self, worker: _Worker) -> bool:
        """Recover the slot of a worker that died; a disk that fails is tried again later."""
        if worker.unrecovered:
            try:
                self._recover(worker.slot)
            except (ConflictError, OSError) as error:
                worker.start_at = self._clock.monotonic() + LONGEST_DELAY
                self._hearer.journal_trouble(worker.slot, str(error))
                return False
            worker.unrecovered = False
        return True

    def _spawn(self, worker: _Worker, now: float) -> None:
        descriptors = [one.sock.fileno() for one in self._listeners_of(worker.slot)]
        worker.process, worker.channel = started(_PROGRAM, descriptors, _MEMORY | os.environ)
        worker.started = now
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        self._configure(worker)

    def _configure(self, worker: _Worker) -> None:
        """Let it serve, if it lives and what it is to serve with is known."""
        with self._changed:
            worker.generation = self._generation
            material = self._material
        if material is not None and worker.channel is not None:
            worker.channel.send(self._configuration(worker.slot, material))

    def _listeners_of(self, slot: int) -> list[Listener]:
        """Streams for every worker; each port for datagrams for one, see ``net.datagrams``."""
        slots = len(self._settings.slots)
        datagrams = [one for one in self._listeners if one.transport is Transport.UDP]
        mine = datagrams[slot % slots :: slots]
        return [one for one in self._listeners if one not in datagrams or one in mine]

    def _configuration(self, slot: int, material: TlsMaterial) -> dict[str, Any]:
        settings = self._settings
        listeners = self._listeners_of(slot)
        return {
            "do": "serve",
            "slot": slot,
            "journal": str(settings.journal),
            "sensor": settings.sensor,
            "rotate_at": settings.rotate_at,
            "listeners": [[one.transport, one.port, one.sock.fileno()] for one in listeners],
            "tls": material_document(material),
            "limits": asdict(settings.limits),
        }

    def _send_material(self) -> None:
        with self._changed:
            generation, material = self._generation, self._material
        for worker in self._workers:
            if worker.channel is not None and material is not None:
                worker.channel.flush()
                if worker.generation < generation and worker.ready:
                    document = material_document(material)
                    worker.channel.send({"do": "reload", "tls": document, "generation": generation})

    def _say(self, document: dict[str, Any]) -> None:
        for worker in self._workers:
            if worker.channel is not None:
                worker.channel.send(document)

    def _hear(self, worker: _Worker | None) -> None:
        if worker is None:
            self._bell.hush()
            return
        if worker.channel is None:
            return
        try:
            for document in worker.channel.receive():
                self._take(worker, document)
        except EOFError:
            self._bury(worker)

    def _take(self, worker: _Worker, document: dict[str, Any]) -> None:
        match document["event"]:
            case "ready":
                with self._changed:
                    worker.ready = True
                    self._changed.notify_all()
            case "reloaded":
                with self._changed:
                    worker.generation = document["generation"]
                    self._changed.notify_all()
            case "report":
                self._take_report(worker.slot, document)
            case unknown:
                raise ValueError(f"a worker says {unknown}")

    def _take_report(self, slot: int, report: dict[str, Any]) -> None:
        with self._changed:
            self._positions[slot] = max(
                Position(*report["durable"]), self._positions.get(slot, Position())
            )
            self._connections[slot] = report["connections"]
        if report["failures"]:
            self._hearer.connections_refused([TlsFailure(*row) for row in report["failures"]])
        for code, text in report["alarms"]:
            self._hearer.receiver_alarm(slot, code, text)
        if report["trouble"] != self._troubles.get(slot):
            self._troubles[slot] = report["trouble"]
            self._hearer.journal_trouble(slot, report["trouble"])

    def _bury(self, worker: _Worker) -> None:
        """A worker is gone: tell, recover its slot, and start another unless all is to stop."""
        process, channel = worker.process, worker.channel
        if process is None or channel is None:
            return
        self._selector.unregister(channel)
        channel.close()
        status = ended_status(process)
        lived = self._clock.monotonic() - worker.started
        with self._changed:
            worker.process, worker.channel, worker.ready = None, None, False
            self._connections.pop(worker.slot, None)
            self._changed.notify_all()
        if self._stop_seconds is None:
            worker.delay = delay_after(lived, worker.delay)
            worker.start_at = self._clock.monotonic() + worker.delay
            worker.unrecovered = True
            self._hearer.worker_lost(worker.slot, status_text(status))

    def _recover(self, slot: int) -> None:
        """Recover a slot; one that a worker of an earlier start still holds is waited for."""
        until = self._clock.monotonic() + _LOCK_SECONDS
        pause = threading.Event()
        while True:
            try:
                recovery = self._recoverer.recover(slot)
            except ConflictError:
                if self._clock.monotonic() > until:
                    raise
                pause.wait(_RETRY_LOCK)
                continue
            with self._changed:
                self._positions[slot] = recovery.end
            self._hearer.slot_recovered(recovery)
            return

    def _kill(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            if worker.process is not None:
                worker.process.kill()
