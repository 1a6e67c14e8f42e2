"""Follows the CA's trail into the signed audit file, while the settings ask for one.

How far the file goes stands in the file itself, so a crash neither loses nor repeats a line. While
it cannot be written or signed, the gate holds the CA's work; every few seconds it is tried again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from cryptography import x509

from sealwire.audit.ca_events import audit_log_delete
from sealwire.audit.events import SYSTEM, Outcome
from sealwire.audit.gate import GATED_TRAIL
from sealwire.audit.node_events import journal_recovered
from sealwire.audit.settings import SETTING, read_settings
from sealwire.audit.signed_log import LogSigner, log_key, record_line, sign_digest
from sealwire.errors import ConflictError, SealwireError, UnavailableError
from sealwire.stores.audit_files import CURRENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.audit.events import Event
    from sealwire.audit.gate import AuditGate
    from sealwire.audit.ports import Store, TrailRecord
    from sealwire.audit.recorder import Recorder
    from sealwire.audit.settings import FileSettings
    from sealwire.audit.signed_log import LogPrivateKey
    from sealwire.ca.ports import SigningKeys
    from sealwire.clock import Clock
    from sealwire.stores.audit_files import AuditFiles
    from sealwire.stores.sql_transaction import SqlTransaction

LOG_IDENTITY: Final = "ca:audit-log"
_PAGE: Final = 1000
_RETRY_SECONDS: Final = 2.0
_IDLE_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.1
"""Between two looks, however often there is news: under load, many records to a write."""

_STAMP: Final = "%Y%m%d%H%M%S"
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Open:
    """The file in hand. ``waiting_since``: when a record first waited for the buffer to fill."""

    signer: LogSigner
    next_record: int
    begun: datetime | None
    size: int
    waiting_since: float | None = None


class AuditFileWriter:
    """Writes what is due, step by step; used by one thread."""

    def __init__(
        self,
        store: Store[SqlTransaction],
        files: AuditFiles,
        keys: SigningKeys,
        recorder: Recorder,
        clock: Clock,
        gate: AuditGate,
    ) -> None:
        self._store = store
        self._files = files
        self._keys = keys
        self._recorder = recorder
        self._clock = clock
        self._gate = gate
        self._open: _Open | None = None

    def step(self, *, flush: bool = False) -> float | None:
        """Write what is due, all of it when ``flush``; when to come again, in seconds.

        None: when there is something new. Opens and closes the gate.
        """
        try:
            wait = self._step(flush=flush)
        except SealwireError as error:
            return self._failed(error.message)
        except Exception:  # whatever it is: what is not written must stop the work
            log.exception("audit file: unforeseen")
            return self._failed("unforeseen, see the node's own log")
        if self._gate.reason:
            log.warning("audit file written again: the CA works again")
        self._gate.open()
        return wait

    def _failed(self, reason: str) -> float:
        if self._gate.reason != reason:
            log.critical("audit file failed: the CA refuses work", reason=reason)
        self._gate.close(reason)
        self._put_down()
        return _RETRY_SECONDS

    def close(self) -> None:
        """Write what waits, and put the file down."""
        self.step(flush=True)
        self._put_down()

    def _put_down(self) -> None:
        self._files.close()
        self._open = None

    def _step(self, *, flush: bool) -> float | None:
        settings = self._store.read(lambda tx: read_settings(tx.setting(SETTING))).file
        if not settings.enabled:
            self._put_down()
            return None
        current = self._open or self._take_in_hand()
        self._roll_over(current, settings)
        while True:
            records = self._records(current.next_record)
            if not records or not self._due(current, records, settings, flush=flush):
                break
            self._write(current, records, settings)
            self._roll_over(current, settings)
        if not records or current.waiting_since is None:
            return None
        waited = self._clock.monotonic() - current.waiting_since
        return max(0.0, settings.flush_interval - waited)

    def _records(self, start: int) -> Sequence[TrailRecord]:
        return self._store.read(lambda tx: tx.trail_records(GATED_TRAIL, start=start, limit=_PAGE))

    def _due(
        self,
        current: _Open,
        records: Sequence[TrailRecord],
        settings: FileSettings,
        *,
        flush: bool,
    ) -> bool:
        """Whether the buffer is full, or old enough. What waits is durable in the trail."""
        now = self._clock.monotonic()
        if current.waiting_since is None:
            current.waiting_since = now
        old = now - current.waiting_since >= settings.flush_interval
        return flush or old or sum(len(record.text) for record in records) > settings.buffer_size

    def _write(
        self, current: _Open, records: Sequence[TrailRecord], settings: FileSettings
    ) -> None:
        now = self._clock.now()
        lines: list[bytes] = []
        for block in _blocks(records, settings.buffer_size):
            signed = current.signer.signed(block, now)
            current.signer.written(signed[-1])
            lines += signed
        current.size = self._files.append(lines)
        current.next_record = records[-1].idx + 1
        current.begun = current.begun or now
        current.waiting_since = None

    def _take_in_hand(self) -> _Open:
        key = self._key()
        end = self._files.open()
        if end.cut:
            log.warning("audit file cut to its last signature", bytes=end.cut)
            info = "what followed its last signature"
            self._record(journal_recovered(CURRENT, cut_bytes=end.cut, info=info))
        size = self._store.read(lambda tx: tx.trail_head(GATED_TRAIL)).size
        position = 0 if end.last_record is None else end.last_record + 1
        if position > size:
            raise ConflictError(
                "audit.file_ahead",
                f"the audit log file has record {position - 1}, the trail has {size}: "
                "it is another database's",
            )
        signer = LogSigner(lambda digest: sign_digest(key, digest), end.signature)
        begun = None if end.begun is None else datetime(*end.begun, tzinfo=UTC)
        self._open = _Open(signer, position, begun, end.size)
        # As Dogtag at its start: a signature at once, so that all that follows is vouched for.
        self._sign_start(self._open)
        return self._open

    def _sign_start(self, current: _Open) -> None:
        now = self._clock.now()
        signed = current.signer.signed((), now)
        current.signer.written(signed[-1])
        current.size = self._files.append(signed)
        current.begun = current.begun or now

    def _roll_over(self, current: _Open, settings: FileSettings) -> None:
        now = self._clock.now()
        full = settings.max_size_kb and current.size >= settings.max_size_kb * 1024
        begun = current.begun
        aged = (
            settings.rollover
            and begun is not None
            and (now - begun >= timedelta(seconds=settings.rollover))
        )
        if full or aged:
            self._files.close_current(now.strftime(_STAMP))
            self._files.open()
            current.begun, current.size = now, 0
            self._sign_start(current)
        self._remove_expired(now, settings)

    def _remove_expired(self, now: datetime, settings: FileSettings) -> None:
        if not settings.expiration:
            return
        oldest_kept = (now - timedelta(seconds=settings.expiration)).strftime(_STAMP)
        for name in self._files.names():
            stamp = name.removeprefix(f"{CURRENT}.")[:14]
            if name != CURRENT and stamp < oldest_kept:
                self._files.remove(name)
                self._record(audit_log_delete(SYSTEM, Outcome.SUCCESS, name))

    def _record(self, event: Event) -> None:
        self._store.run(lambda tx: self._recorder.record(tx, GATED_TRAIL, event))

    def _key(self) -> LogPrivateKey:
        identity = self._store.read(lambda tx: tx.installed_identity(LOG_IDENTITY))
        if identity is None:
            raise UnavailableError("audit.no_log_key", "there is no certificate to sign it with")
        key = self._keys.signer(identity.key_id)
        log_key(key.public_key())
        leaf = x509.load_pem_x509_certificate(identity.chain_pem.encode("ascii"))
        if leaf.public_key() != key.public_key():
            raise UnavailableError("audit.log_key", "its key is not its certificate's")
        return key


def _blocks(records: Sequence[TrailRecord], buffer_size: int) -> Iterator[list[bytes]]:
    """Lines in blocks that end where they are longer than the buffer, as Dogtag flushes."""
    block: list[bytes] = []
    length = 0
    for record in records:
        block.append(record_line(record))
        length += len(block[-1]) + 1
        if length > buffer_size:
            yield block
            block, length = [], 0
    if block:
        yield block


class AuditFileFollower:
    """The thread that writes; ``wake`` tells that there may be something new."""

    def __init__(self, writer: AuditFileWriter) -> None:
        self._writer = writer
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-file", daemon=True)

    def start(self) -> None:
        """Write what is due before anything else happens, then follow."""
        self._writer.step()
        self._thread.start()

    def wake(self) -> None:
        """There may be new records, or other settings."""
        self._news.set()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._stopping.set()
        self._news.set()
        self._thread.join()
        self._writer.close()

    def _run(self) -> None:
        wait: float | None = 0.0
        while not self._stopping.wait(_PAUSE_SECONDS):
            # Other processes write to the trail as well: look now and then, unasked.
            self._news.wait(_IDLE_SECONDS if wait is None else min(wait, _IDLE_SECONDS))
            self._news.clear()
            wait = self._writer.step()
