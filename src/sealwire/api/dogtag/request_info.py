"""A request as Dogtag's CertRequestInfo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.api.dogtag.context import address
from sealwire.api.dogtag.shapes import Json, JsonObject, epoch_ms, without_nulls
from sealwire.ca.ports import RequestStatus, RequestType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request as HttpRequest

    from sealwire.api.dogtag.versions import Version
    from sealwire.ca.ports import Request


def request_info(http: HttpRequest, version: Version, row: Request) -> JsonObject:
    """One request. Numbers are hex; the last part of ``requestURL`` is decimal."""
    complete = row.status is RequestStatus.COMPLETE and row.serial is not None
    serial = hex(row.serial) if complete and row.serial is not None else None
    links = _links(http, version, row.request_id, serial) if version.with_links else ()
    times = _times(row) if version.with_times else ()
    return without_nulls(
        [
            ("requestID", hex(row.request_id)),
            ("requestId", hex(row.request_id)),
            ("requestType", row.request_type.value),
            ("requestStatus", row.status.value),
            ("certRequestType", "pkcs10" if _enrollment(row) else None),
            ("operationResult", _result(row)),
            ("errorMessage", row.error_message),
            ("certId", serial),
            *links,
            *times,
        ]
    )


def request_infos(
    http: HttpRequest, version: Version, rows: Sequence[Request], total: int
) -> JsonObject:
    """Dogtag's CertRequestInfos: some of ``total``."""
    entries: list[Json] = [request_info(http, version, row) for row in rows]
    return {"total": total, "entries": entries}


def _enrollment(row: Request) -> bool:
    return row.request_type is RequestType.ENROLLMENT


def _result(row: Request) -> str:
    # What a profile rejects is a success in Dogtag: the request was taken in and judged.
    failed = not _enrollment(row) and row.status is not RequestStatus.COMPLETE
    return "error" if failed else "success"


def _links(
    http: HttpRequest, version: Version, number: int, serial: str | None
) -> list[tuple[str, Json]]:
    return [
        ("requestURL", address(http, version, "certrequests", str(number))),
        ("certURL", None if serial is None else address(http, version, "certs", serial)),
    ]


def _times(row: Request) -> list[tuple[str, Json]]:
    return [
        ("creationTime", epoch_ms(row.created)),
        ("modificationTime", epoch_ms(row.modified)),
    ]
