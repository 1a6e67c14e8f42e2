"""Whether certificates, requests and audit records tell the same story.

Every certificate answers one complete request and stands in one audit record, and the other way
round. What is found here points to a fault, or to somebody who wrote to the store past Sealwire.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from sealwire.audit.events import EventName, Outcome
from sealwire.ca.ports import RequestStatus
from sealwire.ca.review import stored_certificate
from sealwire.errors import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealwire.audit.ports import TrailRecord
    from sealwire.ca.ports import CaTx, IssuedCertificate, Request

RowT = TypeVar("RowT")

_PAGE: Final = 1000
# 10.4.4 says Success of a rejection too: only its InfoName tells them apart.
_APPROVED: Final = re.compile(
    r"\[ReqID=(?P<request>0x[0-9a-f]+|[0-9]+)\]"
    r"(?:\[CertSerialNum=(?P<serial>0x[0-9a-f]+|[0-9]+)\]|\[InfoName=certificate\])"
)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How many of each there are, and everything that does not fit."""

    certificates: int
    complete_requests: int
    approvals: int
    findings: Sequence[Finding]

    @property
    def holds(self) -> bool:
        """Whether everything fits."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class _Approval:
    """An audit record of an approval; 10.4.4 does not print the serial number."""

    idx: int
    request_id: int
    serial: int | None


def reconcile(tx: CaTx, trail: str) -> Reconciliation:
    """Compare all of them, as of one moment; ``trail`` has the CA's audit records."""
    certificates = {each.request_id: each for each in _certificates(tx)}
    requests = {each.request_id: each for each in _complete_requests(tx)}
    approvals = list(_approvals(tx, trail))
    findings = [
        *_certificate_findings(certificates, requests),
        *_request_findings(certificates, requests),
        *_record_findings(certificates, approvals),
    ]
    return Reconciliation(len(certificates), len(requests), len(approvals), findings)


def _certificate_findings(
    certificates: dict[int, IssuedCertificate], requests: dict[int, Request]
) -> Iterator[Finding]:
    for number, issued in certificates.items():
        request = requests.get(number)
        if request is None:
            yield _fault(
                "certificate_without_request", number, "has a certificate, but is not complete"
            )
        elif request.serial != issued.serial:
            yield _fault(
                "serial_differs", number, "names another serial number than its certificate"
            )
        if stored_certificate(issued.der).serial_number != issued.serial:
            yield _fault(
                "certificate_altered", number, "has a certificate of another serial number"
            )


def _request_findings(
    certificates: dict[int, IssuedCertificate], requests: dict[int, Request]
) -> Iterator[Finding]:
    for number in requests.keys() - certificates.keys():
        yield _fault("request_without_certificate", number, "is complete, but has no certificate")


def _record_findings(
    certificates: dict[int, IssuedCertificate], approvals: Sequence[_Approval]
) -> Iterator[Finding]:
    recorded = Counter(approval.request_id for approval in approvals)
    for number in certificates.keys() - recorded.keys():
        yield _fault("certificate_without_record", number, "has a certificate, but no audit record")
    for number, count in recorded.items():
        if count > 1:
            yield _fault("recorded_twice", number, f"has {count} audit records of its approval")
        if number not in certificates:
            yield _fault("record_without_certificate", number, "was recorded, but not issued")
    for approval in approvals:
        issued = certificates.get(approval.request_id)
        if issued is not None and approval.serial not in {None, issued.serial}:
            text = f"has another serial number in audit record {approval.idx}"
            yield _fault("serial_differs", approval.request_id, text)


def _fault(code: str, request_id: int, text: str) -> Finding:
    return Finding(
        f"reconcile.{code}", Severity.ERROR, f"Request {request_id} {text}.", str(request_id)
    )


def _certificates(tx: CaTx) -> Iterator[IssuedCertificate]:
    return _paged(
        lambda start: tx.find_certificates(start=start, limit=_PAGE),
        lambda start, page: start + len(page),
    )


def _complete_requests(tx: CaTx) -> Iterator[Request]:
    return _paged(
        lambda start: tx.find_requests(status=RequestStatus.COMPLETE, start=start, limit=_PAGE),
        lambda _, page: page[-1].request_id + 1,
    )


def _approvals(tx: CaTx, trail: str) -> Iterator[_Approval]:
    records = _paged(
        lambda start: tx.trail_records(trail, start=start, limit=_PAGE),
        lambda start, page: start + len(page),
    )
    return (approval for record in records if (approval := _approval(record)) is not None)


def _approval(record: TrailRecord) -> _Approval | None:
    if record.event != EventName.CERT_REQUEST_PROCESSED or record.outcome != Outcome.SUCCESS:
        return None
    found = _APPROVED.search(record.text)
    if found is None:
        return None
    serial = found["serial"]
    return _Approval(
        record.idx, int(found["request"], 0), None if serial is None else int(serial, 0)
    )


def _paged(
    read: Callable[[int], Sequence[RowT]], following: Callable[[int, Sequence[RowT]], int]
) -> Iterator[RowT]:
    start = 0
    while page := read(start):
        yield from page
        start = following(start, page)
