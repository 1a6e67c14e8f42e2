"""*Data Sources > Search > Record*: one record, all that is known of it, and its evidence."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console import record_view
from sealwire.console.asked_records import Asked
from sealwire.console.routing import get
from sealwire.console.services import present
from sealwire.console.time_range import around
from sealwire.console.visit import download
from sealwire.errors import SealwireError
from sealwire.sensor.query import Cursor, Field
from sealwire.sensor.searching import Question, cursor_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from sealwire.console.visit import Visit
    from sealwire.sensor.archive import Evidence, StoredRecord
    from sealwire.sensor.service import Sensor

_RECORD: Final = "/sensors/records"
_GREATEST: Final = (1 << 64) - 1


def record(visit: Visit) -> Response:
    """The message, what was read in it, its envelope, its bytes, and where they lie."""
    sensor = present(visit.services.sensor, "sensor")
    found, evidence = _found(visit, sensor)
    raw = found.raw
    return visit.page(
        "record.html",
        record=found,
        line=record_view.row(found),
        message=record_view.message_text(found),
        parsed=record_view.parsed_values(found),
        envelope=record_view.envelope_values(found),
        reading=record_view.reading_values(found),
        flags=record_view.flag_values(found),
        raw_text=raw.decode("utf-8", "backslashreplace"),
        raw_hex="" if record_view.readable(raw) else record_view.hex_lines(raw),
        hex_bytes=record_view.HEX_BYTES,
        evidence=evidence,
        commands=check_commands(found, evidence),
        older=_neighbour(sensor, found, oldest_first=False),
        newer=_neighbour(sensor, found, oldest_first=True),
        search_for=_searcher(visit, found),
    )


def raw_bytes(visit: Visit) -> Response:
    """Exactly what was received, without framing."""
    found, _ = _found(visit, present(visit.services.sensor, "sensor"))
    return download(found.raw, f"record-{found.seq}.bin", "application/octet-stream")


def check_commands(found: StoredRecord, evidence: Evidence) -> str:
    """What to type to see the evidence for oneself."""
    line = shlex.quote(f"{evidence.sha256}  segments/{evidence.segment}")
    return f"sealwire sensor record {found.seq} --home .\necho {line} | sha256sum --check"


def _found(visit: Visit, sensor: Sensor) -> tuple[StoredRecord, Evidence]:
    return sensor.record(min(visit.number("seq"), _GREATEST))


def _neighbour(sensor: Sensor, found: StoredRecord, *, oldest_first: bool) -> int | None:
    """Number of the next record of the same address; None when there is none, or none is told."""
    question = Question(
        words=record_view.words_for(Field.SOURCE, found.peer_address),
        limit=1,
        oldest_first=oldest_first,
        cursor=cursor_text(Cursor(found.received_ns // 1000, found.seq)),
        redelivered=True,
    )
    try:
        page = sensor.search(question)
    except SealwireError:
        return None
    return page.records[0].seq if page.records else None


def _searcher(visit: Visit, found: StoredRecord) -> Callable[[str], str]:
    """Addresses of searches half a day around the record."""
    span = around(found.received_ns // 1000, visit.services.clock.now_ns() // 1000)
    asked = Asked("", span)
    return lambda words: asked.asking(words).address


ROUTES: Final = (
    get(f"{_RECORD}/{{seq}}", Action.READ_SENSOR, record),
    get(f"{_RECORD}/{{seq}}/raw", Action.READ_SENSOR, raw_bytes),
)
