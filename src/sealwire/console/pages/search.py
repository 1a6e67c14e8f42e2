"""*Data Sources > Search*: what arrived, found again, with the evidence for each record."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.responses import StreamingResponse

from sealwire.access.roles import Action
from sealwire.console.asked_records import PAGE, Asked, asked_records, faults_at
from sealwire.console.histogram import Histogram, histogram
from sealwire.console.record_view import narrowed, row
from sealwire.console.routing import get
from sealwire.console.services import present
from sealwire.console.time_range import QUICK, TimeRange, shown
from sealwire.errors import SealwireError
from sealwire.sensor.query import Field
from sealwire.sensor.record_json import record_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.responses import Response

    from sealwire.console.visit import Visit
    from sealwire.sensor.archive import ArchiveStatus, Page, StoredRecord
    from sealwire.sensor.service import Sensor

_STREAM_PAGE: Final = 500
_NS: Final = 1000
EXAMPLES: Final = (
    ("login failed", "both words, each as a whole word, in upper or lower case"),
    ('"Failed password"', "this text, in upper or lower case"),
    ("message:password", "this part of the message, in any case"),
    ("host=web1 app=sshd", "fields that are exactly this"),
    ("host=web*", "a field that begins so"),
    ("severity<=err", "errors and worse"),
    ("source=192.0.2.0/24", "senders of a network"),
    ("login -app=cron", "the word, but not of this app; NOT app=cron is the same"),
    ("(login OR logout) host=web1", "one of the words, and this host"),
    ("/port [0-9]{5}$/", "a regular expression (RE2)"),
    ("app~/^ssh/", "a regular expression in a field"),
    ("audit.user=admin", "a field that the parser found in the message"),
    ("grade=raw", "what could not be taken apart"),
    ("flag=host_not_allowed", "a HOSTNAME that its source may not claim"),
)
"""Questions, and what they find."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought. ``total`` and ``bars`` are None where telling them took too long."""

    records: Sequence[StoredRecord] = ()
    older: Asked | None = None
    newer: Asked | None = None
    total: int | None = None
    bars: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """Why nothing may have been found, and where to go on."""

    text: str
    link: str = ""
    label: str = ""


def search(visit: Visit) -> Response:
    """The form, the bars, and a page of records."""
    sensor = present(visit.services.sensor, "sensor")
    status = _status(sensor)
    try:
        asked = _asked(visit, status)
    except SealwireError as error:
        # The words stay; the range is one that is sure to hold.
        usual = replace(_asked(visit, status, given=False), words=visit.query("q").strip())
        return _page(visit.refused(error), usual, Found(), status)
    try:
        found = _found(sensor, asked)
    except SealwireError as error:
        return _page(visit.refused(error), asked, Found(), status)
    return _page(visit, asked, found, status)


def records_file(visit: Visit) -> Response:
    """All that is found, one JSON object a line; a page at a time is held in memory.

    What fails on the way ends it with a line that has the key ``error`` alone.
    """
    sensor = present(visit.services.sensor, "sensor")
    asked = _asked(visit, _status(sensor))
    question = replace(asked.first.question, limit=_STREAM_PAGE)
    pages = sensor.search_pages(question)
    return StreamingResponse(
        _lines(next(pages, None), pages),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="records.jsonl"'},
    )


def _page(visit: Visit, asked: Asked, found: Found, status: ArchiveStatus | None) -> Response:
    error = visit.error
    faults = [] if error is None else faults_at(asked.words, error.findings)
    return visit.page(
        "search.html",
        asked=asked,
        quick=QUICK,
        rows=[row(record) for record in found.records],
        found=found,
        faults=faults,
        fields=list(Field),
        examples=EXAMPLES,
        command=_command(asked),
        api_query=_api_query(asked),
        hints=[] if found.records or error else list(hints(asked, status)),
        narrowed=_narrower(asked),
        shown=shown,
    )


def _asked(visit: Visit, status: ArchiveStatus | None, *, given: bool = True) -> Asked:
    now_us = visit.services.clock.now_ns() // _NS
    oldest = None if status is None or status.oldest_ns is None else status.oldest_ns // _NS
    return asked_records(visit.query if given else _nothing, now_us, oldest)


def _nothing(_name: str) -> str:
    return ""


def _found(sensor: Sensor, asked: Asked) -> Found:
    page = sensor.search(asked.question)
    records = tuple(reversed(page.records)) if asked.back else page.records
    before, behind = _neighbours(asked, page, records)
    older, newer = (before, behind) if asked.oldest_first else (behind, before)
    return Found(records, older, newer, _total(sensor, asked), _bars(sensor, asked))


def _neighbours(
    asked: Asked, page: Page, records: Sequence[StoredRecord]
) -> tuple[Asked | None, Asked | None]:
    """The page before and the one behind, in the order that is shown."""
    if not records:
        return (asked.first if asked.cursor else None), None
    more = page.next is not None
    has_before = more if asked.back else bool(asked.cursor)
    has_behind = True if asked.back else more
    return (
        asked.before(records[0]) if has_before else None,
        asked.behind(records[-1]) if has_behind else None,
    )


def _total(sensor: Sensor, asked: Asked) -> int | None:
    try:
        return sensor.count(asked.question)
    except SealwireError:
        return None


def _bars(sensor: Sensor, asked: Asked) -> Histogram | None:
    try:
        return histogram(sensor.chart(asked.question), asked.span)
    except SealwireError:
        return None


def _status(sensor: Sensor) -> ArchiveStatus | None:
    try:
        return sensor.archive_status()
    except SealwireError:
        return None


def hints(asked: Asked, status: ArchiveStatus | None) -> Iterator[Hint]:
    """What may be why nothing was found, the likeliest first."""
    if status is None:
        return
    if status.trouble:
        yield Hint(f"The store process does not go on: {status.trouble}")
    if status.indexed_seq == 0:
        yield Hint("Nothing is stored and indexed yet.", "/sensors/sources", "Who sends")
    elif not _overlaps(asked.span, status):
        oldest, newest = ((moment or 0) // _NS for moment in (status.oldest_ns, status.newest_ns))
        text = f"What is stored was received from {shown(oldest)} to {shown(newest)} UTC."
        everything = TimeRange(oldest, newest, "all")
        yield Hint(text, asked.within(everything).address, "Search all of it")
    elif asked.words:
        yield Hint(
            "Words alone are whole words of the message. message:part finds a part in any case."
        )
        yield Hint(
            "Other times may have it.",
            asked.within(TimeRange(0, 1, "all")).address,
            "Search all times",
        )
    waiting = status.sealed_seq - status.indexed_seq
    if waiting or status.pending_bytes:
        yield Hint(
            f"{waiting} records and {status.pending_bytes} bytes of the journal are not indexed"
            " yet: what came in the last seconds is found in a moment."
        )


def _overlaps(span: TimeRange, status: ArchiveStatus) -> bool:
    if status.oldest_ns is None or status.newest_ns is None:
        return True
    return span.since_us <= status.newest_ns // _NS and status.oldest_ns // _NS < span.until_us


def _api_query(asked: Asked) -> str:
    """The same for the API, with the ends of the range as they are now."""
    question = asked.first.question
    named = {
        "q": question.words,
        "since": question.since or "",
        "until": question.until or "",
        "order": "oldest" if question.oldest_first else "newest",
        "redelivered": "true" if question.redelivered else "",
    }
    return urlencode({name: value for name, value in named.items() if value}, errors="replace")


def _command(asked: Asked) -> str:
    """The same for a shell."""
    question = asked.first.question
    words = ["sealwire", "sensor", "search", f"--since={question.since}"]
    words += [f"--until={question.until}", "--json"]
    words += ["--oldest-first"] * question.oldest_first
    words += ["--redelivered"] * question.redelivered
    words += ["--", question.words] if question.words else []
    return shlex.join(words)


def _narrower(asked: Asked) -> Callable[[str, str], str]:
    """Addresses of the same question that asks for a value of a field, too."""

    def address(field: str, value: str) -> str:
        return asked.asking(narrowed(asked.words, Field(field), value)).address

    return address


def _lines(page: Page | None, pages: Iterator[Page]) -> Iterator[str]:
    while page is not None:
        yield "".join(json.dumps(record_json(record)) + "\n" for record in page.records)
        try:
            page = next(pages, None)
        except SealwireError as error:
            told: dict[str, Any] = {"code": error.code, "detail": error.message}
            yield json.dumps({"error": {**told, "hint": error.hint}}) + "\n"
            return


ROUTES: Final = (
    get(PAGE, Action.READ_SENSOR, search),
    get(f"{PAGE}/records.jsonl", Action.READ_SENSOR, records_file),
)
