"""Whether certificates, requests, approvals and audit records tell the same story.

Every certificate answers one complete request, which as many agents approved as its profile asked
for, each of them just these bytes; and it stands in one audit record; and the other way round.
The request is the one that came in, as its own audit record says.
What is found here points to a fault, or to somebody who wrote to the store past Sealwire.

Everything is read in pages and only numbers and digests are kept, so that a CA of a hundred
thousand certificates is judged in seconds.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.audit.events import EventName, Outcome
from sealwire.ca.bookkeeping import PAGE, fault, paged
from sealwire.ca.evidence import Evidence
from sealwire.ca.ports import RequestStatus, RequestType
from sealwire.ca.recorded_requests import RecordedRequests
from sealwire.ca.review import stored_certificate
from sealwire.ca.status_reconciliation import ChangeRecord, change_record, status_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.audit.ports import TrailRecord
    from sealwire.ca.ports import CaTx, IssuedCertificate, Request
    from sealwire.errors import Finding

# 10.4.4 says Success of a rejection too: only its InfoName tells them apart.
_APPROVED: Final = re.compile(
    r"\[ReqID=(?P<request>0x[0-9a-f]+|[0-9]+)\]"
    r"(?:\[CertSerialNum=(?P<serial>0x[0-9a-f]+|[0-9]+)\]|\[InfoName=certificate\])"
)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How many of each there are, and everything that does not fit.

    ``approvals`` counts the audit records of approvals that led to a certificate,
    ``status_changes`` those of revocations, holds and releases, refused ones too.
    """

    certificates: int
    complete_requests: int
    approvals: int
    findings: Sequence[Finding]
    status_changes: int = 0

    @property
    def holds(self) -> bool:
        """Whether everything fits."""
        return not self.findings


class _Record(NamedTuple):
    """An audit record of an approval; 10.4.4 does not print the serial number."""

    idx: int
    request_id: int
    serial: int | None
    subject_id: str


class _Done(NamedTuple):
    """What is kept of a complete request."""

    serial: int | None
    tbs_sha256: str | None


def reconcile(tx: CaTx, trail: str) -> Reconciliation:
    """Compare all of them, as of one moment; ``trail`` has the CA's audit records."""
    recorded = RecordedRequests()
    records, changes = _records(tx, trail, recorded)
    approvers = {record.request_id: record.subject_id for record in records}
    findings: list[Finding] = []
    requests = dict(_requests(tx, approvers, recorded, findings))
    certificates = dict(_certificates(tx, requests, findings))
    findings += _request_findings(certificates, requests)
    findings += _record_findings(certificates, records)
    findings += status_findings(tx, changes)
    return Reconciliation(
        len(certificates), len(requests), len(records), findings, status_changes=len(changes)
    )


def _requests(
    tx: CaTx,
    approvers: Mapping[int, str],
    recorded: RecordedRequests,
    findings: list[Finding],
) -> Iterator[tuple[int, _Done]]:
    evidence = Evidence(tx)
    for page in _complete_requests(tx):
        for request, faults in evidence.judged(page, approvers, recorded.agreed):
            every = (*faults, *recorded.faults(request))
            findings += [fault(code, request.request_id, text) for code, text in every]
            yield request.request_id, _Done(request.serial, request.tbs_sha256)


def _certificates(
    tx: CaTx, requests: Mapping[int, _Done], findings: list[Finding]
) -> Iterator[tuple[int, int]]:
    """Request numbers and serial numbers of what was issued."""
    pages = paged(
        lambda start: tx.find_certificates(start=start, limit=PAGE),
        lambda start, page: start + len(page),
    )
    for page in pages:
        for issued in page:
            findings += _certificate_findings(issued, requests.get(issued.request_id))
            yield issued.request_id, issued.serial


def _certificate_findings(issued: IssuedCertificate, request: _Done | None) -> Iterator[Finding]:
    number = issued.request_id
    certificate = stored_certificate(issued.der)
    if request is None:
        yield fault("certificate_without_request", number, "has a certificate, but is not complete")
    elif request.serial != issued.serial:
        yield fault("serial_differs", number, "names another serial number than its certificate")
    if certificate.serial_number != issued.serial:
        yield fault("certificate_altered", number, "has a certificate of another serial number")
    elif request is not None and request.serial == issued.serial:
        digest = hashlib.sha256(certificate.tbs_certificate_bytes).hexdigest()
        if digest != request.tbs_sha256:
            yield fault("certificate_altered", number, "has another certificate than was approved")


def _request_findings(
    certificates: Mapping[int, int], requests: Mapping[int, _Done]
) -> Iterator[Finding]:
    for number in sorted(requests.keys() - certificates.keys()):
        yield fault("request_without_certificate", number, "is complete, but has no certificate")


def _record_findings(
    certificates: Mapping[int, int], records: Sequence[_Record]
) -> Iterator[Finding]:
    recorded = Counter(record.request_id for record in records)
    for number in sorted(certificates.keys() - recorded.keys()):
        yield fault("certificate_without_record", number, "has a certificate, but no audit record")
    for number, count in recorded.items():
        if count > 1:
            yield fault("recorded_twice", number, f"has {count} audit records of its approval")
        if number not in certificates:
            yield fault("record_without_certificate", number, "was recorded, but not issued")
    for record in records:
        serial = certificates.get(record.request_id)
        if serial is not None and record.serial not in {None, serial}:
            text = f"has another serial number in audit record {record.idx}"
            yield fault("serial_differs", record.request_id, text)


def _complete_requests(tx: CaTx) -> Iterator[Sequence[Request]]:
    return paged(
        lambda start: tx.find_requests(
            status=RequestStatus.COMPLETE,
            request_type=RequestType.ENROLLMENT,
            start=start,
            limit=PAGE,
        ),
        lambda _, page: page[-1].request_id + 1,
    )


def _records(
    tx: CaTx, trail: str, recorded: RecordedRequests
) -> tuple[list[_Record], list[ChangeRecord]]:
    """The audit records of approvals, and those of changes of a certificate's status.

    ``recorded`` notes those of what came before.
    """
    pages = paged(
        lambda start: tx.trail_records(trail, start=start, limit=PAGE),
        lambda start, page: start + len(page),
    )
    approvals, changes = [], []
    for page in pages:
        for record in page:
            if (approval := _record(record)) is not None:
                approvals.append(approval)
            elif (change := change_record(record)) is not None:
                changes.append(change)
            else:
                recorded.note(record)
    return approvals, changes


def _record(record: TrailRecord) -> _Record | None:
    if record.event != EventName.CERT_REQUEST_PROCESSED or record.outcome != Outcome.SUCCESS:
        return None
    found = _APPROVED.search(record.text)
    if found is None:
        return None
    serial = found["serial"]
    return _Record(
        record.idx,
        int(found["request"], 0),
        None if serial is None else int(serial, 0),
        record.subject_id,
    )
