"""Writes events into trails: the finished RFC 5424 message, its leaf and the new head.

A message is built once, inside the transaction of what it tells, with its index in it. From then
on it is only copied: the row, the wire, the sensor's journal and an export hold the same bytes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Final

from sealwire.audit.events import SYSTEM, Event, EventName, Outcome
from sealwire.audit.formats import AuditFormat, word_event
from sealwire.audit.ports import TrailRecord
from sealwire.audit.settings import OPTIONAL_EVENTS, SETTING, read_settings
from sealwire.audit.trail import append_leaf, leaf_hash
from sealwire.errors import RefusedError
from sealwire.syslog.rfc5424 import BOM, StructuredElement, SyslogMessage, build_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.audit.ports import TrailHead, TrailTx
    from sealwire.clock import Clock

SOFTWARE: Final = "sealwire"
MAX_MESSAGE_BYTES: Final = 65_000
MAX_LINE_BYTES: Final = 60_000
MAX_SEQUENCE_ID: Final = 2_147_483_647

_LOG_AUDIT: Final = 13
_INFORMATIONAL: Final = 6
_WARNING: Final = 4
# 32473 is the enterprise number that RFC 5612 sets aside for documentation.
_TLOG_ID: Final = "tlog@32473"
_INPUT_ID: Final = "input@32473"


class Recorder:
    """Records events of one node.

    ``host_name`` becomes HOSTNAME and the first half of the name of every log that begins here;
    a trail that has a name keeps it, so that several nodes may write to it. ``process_id`` is
    PROCID.
    ``gate`` is asked before every event and may refuse it by raising.
    Holds no state of its own: safe to share between threads.
    """

    def __init__(
        self,
        clock: Clock,
        host_name: str,
        audit_format: AuditFormat,
        software_version: str,
        *,
        process_id: str | None = None,
        gate: Callable[[str, EventName], None] | None = None,
    ) -> None:
        self._clock = clock
        self._host_name = host_name
        self._format = AuditFormat(audit_format)
        self._origin = StructuredElement(
            "origin", (("software", SOFTWARE), ("swVersion", software_version))
        )
        self._process_id = process_id
        self._gate = gate

    @property
    def audit_format(self) -> AuditFormat:
        """The wording this node uses."""
        return self._format

    def log_name(self, trail: str) -> str:
        """The name that a trail gets if its first record is made here: ``HOST/TRAIL``."""
        return f"{self._host_name}/{trail}"

    def record(self, tx: TrailTx, trail: str, event: Event) -> TrailRecord | None:
        """Append ``event`` to ``trail`` in the caller's transaction.

        None when the settings say that this optional event is not recorded; a mandatory one
        always is. Raises RefusedError ``audit.event_unknown`` for anything that is no ``Event`` and
        ``audit.record_too_long`` when the message would have more than 65,000 bytes.
        """
        if not isinstance(event, Event):
            raise RefusedError("audit.event_unknown", "Only events of the catalogue are recorded.")
        if self._gate is not None:
            self._gate(trail, event.name)
        wording = word_event(event, self._format)
        # Read with the rest of the transaction: a change holds at once, in every process.
        if event.name in OPTIONAL_EVENTS and not read_settings(tx.setting(SETTING)).records(
            event.name, wording.attributes
        ):
            return None
        return self._append(
            tx,
            trail,
            event.name,
            subject_id=wording.subject_id,
            outcome=wording.outcome.value,
            text=wording.text,
            data=wording.text.encode("utf-8"),
        )

    def record_line(self, tx: TrailTx, trail: str, line: bytes, source: str) -> TrailRecord:
        """Append a line of another program; MSG is exactly ``line``, without its line end.

        ``source`` is the input's name. The record's ``text`` is the line as UTF-8, with U+FFFD
        for NUL and for what is not UTF-8; ``outcome`` is empty, for a line claims none. A byte
        order mark before text that is not UTF-8, which RFC 5424 does not allow, is taken off and
        its removal noted. Raises RefusedError ``audit.line_too_long`` above 60,000 bytes.
        """
        if len(line) > MAX_LINE_BYTES:
            raise RefusedError(
                "audit.line_too_long", f"A line may have {MAX_LINE_BYTES} bytes at most."
            )
        text = line.decode("utf-8", "replace")
        parameters = [("name", source)]
        if line.startswith(BOM) and text.encode("utf-8") != line:
            line = line.removeprefix(BOM)
            parameters.append(("bom", "removed"))
        return self._append(
            tx,
            trail,
            EventName.INPUT_LINE,
            subject_id=SYSTEM,
            outcome="",
            text=line.decode("utf-8", "replace").replace("\0", "\ufffd"),
            data=line,
            extra=(StructuredElement(_INPUT_ID, tuple(parameters)),),
        )

    def _append(
        self,
        tx: TrailTx,
        trail: str,
        name: EventName,
        *,
        subject_id: str,
        outcome: str,
        text: str,
        data: bytes,
        extra: tuple[StructuredElement, ...] = (),
    ) -> TrailRecord:
        head = tx.lock_trail(trail)
        head = replace(head, log=head.log or self.log_name(trail))
        time = self._clock.now().astimezone(UTC)
        message = build_message(
            SyslogMessage(
                facility=_LOG_AUDIT,
                severity=_WARNING if outcome == Outcome.FAILURE else _INFORMATIONAL,
                timestamp=time,
                hostname=self._host_name,
                app_name=f"{SOFTWARE}-{trail}",
                process_id=self._process_id,
                message_id=name.message_id,
                structured_data=(*self._elements(head), *extra),
                message=data,
            )
        )
        if len(message) > MAX_MESSAGE_BYTES:
            raise RefusedError(
                "audit.record_too_long",
                f"An audit record may have {MAX_MESSAGE_BYTES} bytes at most.",
            )
        leaf = leaf_hash(message)
        record = TrailRecord(
            trail, head.size, time, name.value, subject_id, outcome, text, message, leaf
        )
        tx.append_record(record, append_leaf(head, leaf))
        return record

    def _elements(self, head: TrailHead) -> tuple[StructuredElement, ...]:
        # sequenceId runs from 1 to 2147483647 and then again from 1 (RFC 5424 section 7.3.1).
        sequence = head.size % MAX_SEQUENCE_ID + 1
        return (
            StructuredElement("meta", (("sequenceId", str(sequence)),)),
            self._origin,
            StructuredElement(_TLOG_ID, (("log", head.log), ("idx", str(head.size)))),
        )
