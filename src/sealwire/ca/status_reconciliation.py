"""Whether certificates' status, the requests that changed it and the audit records fit together.

Each request for a change stands in one audit record, and the other way round; and what a
certificate is now is what the changes that were made, one after the other, made of it.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.audit.events import EventName
from sealwire.ca.bookkeeping import PAGE, fault, paged
from sealwire.ca.ports import (
    CertificateSearch,
    RequestStatus,
    RequestType,
    RevocationReason,
)
from sealwire.ca.revocation import Change
from sealwire.errors import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.audit.ports import TrailRecord
    from sealwire.ca.ports import CaTx, Request

# Which certificates are revoked does not depend on when it is asked.
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NUMBER: Final = r"0x[0-9a-f]+|[0-9]+"
_PROCESSED: Final = re.compile(
    rf"\[ReqID=(?P<request>{_NUMBER})\]\[CertSerialNum=(?P<serial>-?0x[0-9a-f]+)\]"
    r"\[RequestType=(?P<change>[a-z-]+)\]\[RevokeReasonNum=(?P<reason>[0-9]+)\]"
    r"\[Approval=(?P<approval>[a-z]+)\]"
)
_APPROVALS: Final[Mapping[str, RequestStatus]] = {
    "complete": RequestStatus.COMPLETE,
    "rejected": RequestStatus.REJECTED,
}
_TYPES: Final[Mapping[str, RequestType]] = {
    Change.REVOKE: RequestType.REVOCATION,
    Change.HOLD: RequestType.REVOCATION,
    Change.RELEASE: RequestType.UNREVOCATION,
}


class ChangeRecord(NamedTuple):
    """An audit record of a change of status that was made or refused."""

    request_id: int
    serial: int
    request_type: RequestType | None
    reason: int
    status: RequestStatus | None


def change_record(record: TrailRecord) -> ChangeRecord | None:
    """What ``record`` says, when it is of that kind."""
    if record.event != EventName.CERT_STATUS_CHANGE_REQUEST_PROCESSED:
        return None
    found = _PROCESSED.search(record.text)
    if found is None:
        return None
    return ChangeRecord(
        int(found["request"], 0),
        int(found["serial"], 16),
        _TYPES.get(found["change"]),
        int(found["reason"]),
        _APPROVALS.get(found["approval"]),
    )


class _Asked(NamedTuple):
    """What is kept of a request."""

    serial: int | None
    request_type: RequestType
    status: RequestStatus


def status_findings(tx: CaTx, records: Sequence[ChangeRecord]) -> Iterator[Finding]:
    """Everything that does not fit; ``records`` in the order of the trail."""
    requests = dict(sorted(_requests(tx)))
    yield from _record_findings(requests, records)
    yield from _standing_findings(tx, requests, records)


def _record_findings(
    requests: Mapping[int, _Asked], records: Sequence[ChangeRecord]
) -> Iterator[Finding]:
    recorded = Counter(record.request_id for record in records)
    for number in sorted(requests.keys() - recorded.keys()):
        yield fault("change_without_record", number, "changes a status, but has no audit record")
    for number, count in recorded.items():
        if count > 1:
            yield fault("change_recorded_twice", number, f"has {count} audit records")
        if number not in requests:
            yield fault("record_without_change", number, "was recorded, but is not there")
    for record in records:
        asked = requests.get(record.request_id)
        told = (record.request_type, record.status)
        if asked is not None and (
            (asked.request_type, asked.status) != told or asked.serial not in {None, record.serial}
        ):
            yield fault("change_differs", record.request_id, "is not what its audit record says")


def _standing_findings(
    tx: CaTx, requests: Mapping[int, _Asked], records: Sequence[ChangeRecord]
) -> Iterator[Finding]:
    reasons = {record.request_id: record.reason for record in records}
    expected: dict[int, tuple[int, int]] = {}
    for number, asked in requests.items():
        if asked.status is RequestStatus.COMPLETE and asked.serial is not None:
            expected.pop(asked.serial, None)
            if asked.request_type is RequestType.REVOCATION:
                expected[asked.serial] = (number, reasons.get(number, -1))
    for serial, reason in _revoked(tx):
        number, told = expected.pop(serial, (0, -1))
        if not number:
            text = f"The certificate {serial:#x} is revoked, but nobody asked for that."
            yield Finding("reconcile.revoked_without_change", Severity.ERROR, text, hex(serial))
        elif told not in {-1, int(reason)}:
            yield fault("reason_differs", number, "revoked for another reason than is kept")
    for serial, (number, _) in sorted(expected.items()):
        yield fault("change_without_effect", number, f"revoked {serial:#x}, which is not revoked")


def _revoked(tx: CaTx) -> Iterator[tuple[int, RevocationReason]]:
    """Serial numbers and reasons of all that are revoked now."""
    search = CertificateSearch(revocation_reasons=frozenset(RevocationReason))
    pages = paged(
        lambda start: tx.search_certificates(search, now=_ANY_TIME, start=start, limit=PAGE),
        lambda start, page: start + len(page),
    )
    for row in chain.from_iterable(pages):
        yield row.serial, row.revocation_reason or RevocationReason.UNSPECIFIED


def _requests(tx: CaTx) -> Iterator[tuple[int, _Asked]]:
    """Every request for a change of status."""
    for kind in (RequestType.REVOCATION, RequestType.UNREVOCATION):
        pages = paged(partial(_asked_page, tx, kind), lambda _, page: page[-1].request_id + 1)
        for each in chain.from_iterable(pages):
            yield each.request_id, _Asked(each.serial, kind, each.status)


def _asked_page(tx: CaTx, kind: RequestType, start: int) -> Sequence[Request]:
    return tx.find_requests(status=None, request_type=kind, start=start, limit=PAGE)
