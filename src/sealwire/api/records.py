"""``/api/v1/sensor/search`` and beside it: the stored records, and where their evidence lies."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from sealwire.access.roles import Action, Principal
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.errors import SealwireError, UsageError
from sealwire.sensor.archive_documents import summary_document
from sealwire.sensor.record_json import record_json
from sealwire.sensor.searching import MOST_ON_A_PAGE, Question, cursor_text
from sealwire.sensor.statistics import time_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sealwire.sensor.archive import ArchiveStatus, Bucket, Page
    from sealwire.sensor.service import Sensor

router = APIRouter(prefix="/api/v1/sensor", tags=["sensor"])

Reads = Annotated[Principal, guard(Action.READ_SENSOR)]
Changes = Annotated[Principal, guard(Action.CONFIGURE_SENSOR)]
_NDJSON = "application/x-ndjson"
_STREAM_PAGE = 500
_US = 1000


def _question(
    q: Annotated[str, Query(max_length=4096)] = "",
    since: Annotated[str | None, Query(max_length=64)] = None,
    until: Annotated[str | None, Query(max_length=64)] = None,
    order: Annotated[str, Query(pattern="^(newest|oldest)$")] = "newest",
    redelivered: bool = False,  # noqa: FBT001, FBT002 - a query parameter
) -> Question:
    """What every question has. Times: ``15m`` (ago), a date, or RFC 3339."""
    return Question(q, since, until, oldest_first=order == "oldest", redelivered=redelivered)


Asked = Annotated[Question, Depends(_question)]


@router.get("/search")
def search(
    request: Request,
    _who: Reads,
    asked: Asked,
    limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = 100,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> dict[str, Any]:
    """One page of records; ``next`` is the ``cursor`` of the one behind it, null at the end."""
    page = _sensor(request).search(_with(asked, limit, cursor))
    return {
        "records": [record_json(record) for record in page.records],
        "next": cursor_text(page.next),
    }


@router.get("/search/count")
def count(request: Request, _who: Reads, asked: Asked) -> dict[str, int]:
    """How many records there are."""
    return {"count": _sensor(request).count(asked)}


@router.get("/search/stream")
def stream(
    request: Request,
    _who: Reads,
    asked: Asked,
    limit: Annotated[int | None, Query(ge=1)] = None,
) -> StreamingResponse:
    """All records, one JSON object a line; a page at a time is held in memory.

    What fails on the way ends it with a line that has the key ``error`` alone.
    """
    pages = _sensor(request).search_pages(_with(asked, _STREAM_PAGE, None), limit)
    return StreamingResponse(_streamed(next(pages, None), pages), media_type=_NDJSON)


@router.get("/search/chart")
def chart(
    request: Request,
    _who: Reads,
    asked: Asked,
    step: Annotated[int | None, Query(ge=1, le=86_400 * 366)] = None,
) -> dict[str, Any]:
    """How many records were received when, by severity; bars without any are left out."""
    drawn = _sensor(request).chart(asked, step)
    return {
        "since": time_text(drawn.since_us * _US),
        "until": time_text(drawn.until_us * _US),
        "step_seconds": drawn.step_s,
        "buckets": [_bucket_json(bucket) for bucket in drawn.buckets],
    }


@router.get("/records/{seq}")
def record(request: Request, _who: Reads, seq: int) -> dict[str, Any]:
    """One record, and where its evidence lies."""
    if seq < 0:
        raise UsageError("record.number", "a record's number is not negative")
    found, evidence = _sensor(request).record(seq)
    return {**record_json(found), "evidence": asdict(evidence)}


@router.post("/reindex")
def reindex(request: Request, _who: Changes) -> StreamingResponse:
    """Build the index again from the segments; one JSON object a line says how far it is."""
    steps = _sensor(request).reindex()
    return StreamingResponse(_progress(next(steps, None), steps), media_type=_NDJSON)


def _bucket_json(bucket: Bucket) -> dict[str, Any]:
    counts = {
        "none" if severity is None else str(severity): number
        for severity, number in bucket.counts.items()
    }
    return {"start": time_text(bucket.start_us * _US), "counts": counts}


async def _streamed(page: Page | None, pages: Iterator[Page]) -> AsyncIterator[str]:
    while page is not None:
        yield await run_in_threadpool(_page_lines, page)
        try:
            page = await run_in_threadpool(next, pages, None)
        except SealwireError as error:
            yield _error_line(error)
            return


def _page_lines(page: Page) -> str:
    return "".join(json.dumps(record_json(record)) + "\n" for record in page.records)


async def _progress(
    status: ArchiveStatus | None, steps: Iterator[ArchiveStatus]
) -> AsyncIterator[str]:
    while status is not None:
        yield json.dumps(summary_document(status)) + "\n"
        try:
            status = await run_in_threadpool(next, steps, None)
        except SealwireError as error:
            yield _error_line(error)
            return


def _error_line(error: SealwireError) -> str:
    told = {"code": error.code, "detail": error.message, "hint": error.hint}
    return json.dumps({"error": told}) + "\n"


def _with(asked: Question, limit: int, cursor: str | None) -> Question:
    return Question(
        asked.words,
        asked.since,
        asked.until,
        limit,
        asked.oldest_first,
        cursor,
        asked.redelivered,
    )


def _sensor(request: Request) -> Sensor:
    return present(services_of(request).sensor, "sensor")
