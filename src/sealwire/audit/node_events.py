"""Sealwire's own events: of identities, of the sensor's engine, of delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.audit.events import SYSTEM, Event, EventName, Outcome
from sealwire.clock import rfc3339

if TYPE_CHECKING:
    from datetime import date, datetime


def _own(
    name: EventName, subject_id: str, outcome: Outcome, attributes: dict[str, str | None]
) -> Event:
    given = ((key, value) for key, value in attributes.items() if value is not None)
    return Event(name, subject_id, outcome, tuple(given))


def csr_generated(subject_id: str, *, identity: str, key_id: str, subject: str) -> Event:
    """A key and its CSR were made; ``subject`` is the DN asked for."""
    attributes: dict[str, str | None] = {
        "Identity": identity,
        "KeyID": key_id,
        "CertSubject": subject,
    }
    return _own(EventName.CSR_GENERATED, subject_id, Outcome.SUCCESS, attributes)


def csr_discarded(subject_id: str, *, identity: str, key_id: str) -> Event:
    """A CSR that waited was given up, and its key with it."""
    attributes: dict[str, str | None] = {"Identity": identity, "KeyID": key_id}
    return _own(EventName.CSR_DISCARDED, subject_id, Outcome.SUCCESS, attributes)


def identity_installed(
    subject_id: str,
    outcome: Outcome,
    *,
    identity: str,
    generation: int | None = None,
    subject: str | None = None,
    certificate_sha256: str | None = None,
    info: str | None = None,
) -> Event:
    """A certificate was installed, or refused (then ``info`` says why)."""
    attributes = {
        "Identity": identity,
        "Generation": None if generation is None else str(generation),
        "CertSubject": subject,
        "CertSHA256": certificate_sha256,
        "Info": info,
    }
    return _own(EventName.IDENTITY_INSTALLED, subject_id, outcome, attributes)


def identity_rolled_back(
    subject_id: str,
    *,
    identity: str,
    generation: int,
    subject: str,
    certificate_sha256: str,
) -> Event:
    """An earlier certificate is in use again, as ``generation``."""
    attributes: dict[str, str | None] = {
        "Identity": identity,
        "Generation": str(generation),
        "CertSubject": subject,
        "CertSHA256": certificate_sha256,
    }
    return _own(EventName.IDENTITY_ROLLED_BACK, subject_id, Outcome.SUCCESS, attributes)


def certificate_expiring(
    identity: str,
    *,
    subject: str,
    certificate_sha256: str,
    days_left: int,
    not_after: datetime,
) -> Event:
    """A certificate in use has come to a step of its last days; expired, it is a failure."""
    attributes: dict[str, str | None] = {
        "Identity": identity,
        "CertSubject": subject,
        "CertSHA256": certificate_sha256,
        "DaysLeft": str(days_left),
        "NotAfter": rfc3339(not_after),
    }
    outcome = Outcome.FAILURE if days_left < 0 else Outcome.SUCCESS
    return _own(EventName.CERTIFICATE_EXPIRING, SYSTEM, outcome, attributes)


def journal_recovered(journal: str, *, cut_bytes: int, info: str | None = None) -> Event:
    """A journal was opened after a crash; ``cut_bytes`` of a torn tail were cut off."""
    attributes = {"Journal": journal, "CutBytes": str(cut_bytes), "Info": info}
    return _own(EventName.JOURNAL_RECOVERED, SYSTEM, Outcome.SUCCESS, attributes)


def worker_restarted(
    worker: str, *, outcome: Outcome = Outcome.SUCCESS, info: str | None = None
) -> Event:
    """A receiver worker had died; ``info`` says how."""
    return _own(EventName.WORKER_RESTARTED, SYSTEM, outcome, {"Worker": worker, "Info": info})


def source_silent(address: str, subject: str | None, last_seen: str, *, info: str) -> Event:
    """A source that used to send has sent nothing for too long; ``last_seen`` is RFC 3339."""
    attributes = _source_attributes(address, subject, last_seen, info)
    return _own(EventName.SOURCE_SILENT, SYSTEM, Outcome.FAILURE, attributes)


def source_heard(address: str, subject: str | None, last_seen: str, info: str) -> Event:
    """A source that was silent is so no longer; ``info`` says why."""
    attributes = _source_attributes(address, subject, last_seen, info)
    return _own(EventName.SOURCE_HEARD, SYSTEM, Outcome.SUCCESS, attributes)


def _source_attributes(
    address: str, subject: str | None, last_seen: str, info: str
) -> dict[str, str | None]:
    return {"ClientIP": address, "CertSubject": subject, "LastSeen": last_seen, "Info": info}


def records_deleted(
    *, day: date, retention: str, reason: str, records: int, size: int, manifest: int
) -> Event:
    """A class's day was deleted: ``expired``, or for the ``budget``; manifest ``manifest`` says so.

    ``size``: bytes of its segments.
    """
    attributes: dict[str, str | None] = {
        "Day": day.isoformat(),
        "RetentionClass": retention,
        "Reason": reason,
        "Records": str(records),
        "Bytes": str(size),
        "Manifest": str(manifest),
    }
    return _own(EventName.RECORDS_DELETED, SYSTEM, Outcome.SUCCESS, attributes)


def records_exported(
    subject_id: str, *, since: str, until: str, retention: str | None = None
) -> Event:
    """Somebody began to take the evidence of a time range out."""
    attributes = {"Since": since, "Until": until, "RetentionClass": retention}
    return _own(EventName.RECORDS_EXPORTED, subject_id, Outcome.SUCCESS, attributes)


def delivery_connected(destination: str, host: str, port: int, *, info: str | None = None) -> Event:
    """A connection to a destination stands."""
    attributes = {
        "Destination": destination,
        "ServerHost": host,
        "ServerPort": str(port),
        "Info": info,
    }
    return _own(EventName.DELIVERY_CONNECTED, SYSTEM, Outcome.SUCCESS, attributes)


def delivery_failed(destination: str, host: str, port: int, *, info: str, count: int = 1) -> Event:
    """Connecting or sending failed ``count`` times in a row; ``info`` says why the last time."""
    attributes: dict[str, str | None] = {
        "Destination": destination,
        "ServerHost": host,
        "ServerPort": str(port),
        "Count": str(count),
        "Info": info,
    }
    return _own(EventName.DELIVERY_FAILED, SYSTEM, Outcome.FAILURE, attributes)


def delivery_closed(destination: str, host: str, port: int, *, info: str | None = None) -> Event:
    """A connection to a destination ended in good order."""
    attributes = {
        "Destination": destination,
        "ServerHost": host,
        "ServerPort": str(port),
        "Info": info,
    }
    return _own(EventName.DELIVERY_CLOSED, SYSTEM, Outcome.SUCCESS, attributes)
