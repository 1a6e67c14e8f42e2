"""Questions, answers and errors as documents, for the way between main and the store process."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Final, cast

from sealwire.errors import (
    ConflictError,
    Finding,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    SealwireError,
    Severity,
    UnavailableError,
    UsageError,
)
from sealwire.sensor.archive import (
    ArchiveStatus,
    Bucket,
    Evidence,
    Page,
    RecordFlag,
    StoredRecord,
)
from sealwire.sensor.journal import Position
from sealwire.sensor.query import (
    And,
    Compared,
    Comparison,
    Condition,
    Contains,
    Cursor,
    Equals,
    Field,
    HasPrefix,
    HasWord,
    InNetwork,
    Matches,
    Named,
    Not,
    Or,
    Search,
    Subject,
)
from sealwire.sensor.statistics import time_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ERRORS: Final[Mapping[str, type[SealwireError]]] = {
    kind.__name__: kind
    for kind in (
        ConflictError,
        ForbiddenError,
        NotFoundError,
        RefusedError,
        UnavailableError,
        UsageError,
    )
}
_RECORD_FIELDS: Final = tuple(each.name for each in fields(StoredRecord))


def search_document(search: Search) -> dict[str, Any]:
    """A question."""
    return {
        "since_us": search.since_us,
        "until_us": search.until_us,
        "condition": None if search.condition is None else condition_document(search.condition),
        "limit": search.limit,
        "oldest_first": search.oldest_first,
        "after": _cursor(search.after),
        "redelivered": search.redelivered,
    }


def search_from(document: Mapping[str, Any]) -> Search:
    """The question that ``search_document`` wrote."""
    condition = document["condition"]
    return Search(
        **{
            **document,
            "condition": None if condition is None else condition_from(condition),
            "after": _cursor_from(document["after"]),
        }
    )


def condition_document(condition: Condition) -> list[Any]:
    """A condition: its name, and what it is made of."""
    return [
        type(condition).__name__,
        *(_part(getattr(condition, f.name)) for f in fields(condition)),
    ]


def condition_from(document: Sequence[Any]) -> Condition:
    """The condition that ``condition_document`` wrote. Raises KeyError for an unknown name."""
    name, *parts = document
    kind, readers = _CONDITIONS[name]
    made: Condition = kind(*(read(part) for read, part in zip(readers, parts, strict=True)))
    return made


def page_document(page: Page) -> dict[str, Any]:
    """A page of records."""
    return {
        "records": [record_document(record) for record in page.records],
        "next": _cursor(page.next),
    }


def page_from(document: Mapping[str, Any]) -> Page:
    """The page that ``page_document`` wrote."""
    records = tuple(record_from(record) for record in document["records"])
    return Page(records, _cursor_from(document["next"]))


def record_document(record: StoredRecord) -> list[Any]:
    """One record: its values in the order of its fields."""
    return [
        b64encode(record.raw).decode("ascii") if name == "raw" else getattr(record, name)
        for name in _RECORD_FIELDS
    ]


def record_from(document: Sequence[Any]) -> StoredRecord:
    """The record that ``record_document`` wrote."""
    values = dict(zip(_RECORD_FIELDS, document, strict=True))
    values["flags"] = RecordFlag(values["flags"])
    values["fields"] = tuple((name, value) for name, value in values["fields"])
    values["raw"] = b64decode(values["raw"])
    return StoredRecord(**values)


def evidence_document(evidence: Evidence) -> dict[str, Any]:
    """Where a record lies."""
    return asdict(evidence)


def bucket_document(bucket: Bucket) -> list[Any]:
    """One bar of a chart."""
    return [bucket.start_us, list(bucket.counts.items())]


def bucket_from(document: Sequence[Any]) -> Bucket:
    """The bar that ``bucket_document`` wrote."""
    start_us, counts = document
    return Bucket(start_us, {severity: count for severity, count in counts})  # noqa: C416 - pairs are lists here


def status_document(status: ArchiveStatus) -> dict[str, Any]:
    """How far the archive is; slots as text, for JSON's sake."""
    return {
        **asdict(status),
        "sealed": {str(slot): list(position) for slot, position in status.sealed.items()},
        "details": dict(status.details),
    }


def status_from(document: Mapping[str, Any]) -> ArchiveStatus:
    """The status that ``status_document`` wrote."""
    sealed = {int(slot): Position(*position) for slot, position in document["sealed"].items()}
    return ArchiveStatus(**{**document, "sealed": sealed})


def summary_document(status: ArchiveStatus) -> dict[str, Any]:
    """The status as people and scripts are shown it."""
    return {
        "sealed_records": status.sealed_seq,
        "indexed_records": status.indexed_seq,
        "journal_bytes_waiting": status.pending_bytes,
        "records_waiting": status.sealed_seq - status.indexed_seq,
        "segments": status.segments,
        "segment_bytes": status.segment_bytes,
        "index_bytes": status.index_bytes,
        "oldest": None if status.oldest_ns is None else time_text(status.oldest_ns),
        "newest": None if status.newest_ns is None else time_text(status.newest_ns),
        "trouble": status.trouble,
        **status.details,
    }


def error_document(error: SealwireError) -> dict[str, Any]:
    """An error of the tree."""
    return {
        "kind": type(error).__name__,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "findings": [[f.code, f.severity.value, f.message, f.subject] for f in error.findings],
    }


def error_from(document: Mapping[str, Any]) -> SealwireError:
    """The error that ``error_document`` wrote; one of no known kind is an UnavailableError."""
    kind = _ERRORS.get(document["kind"], UnavailableError)
    findings = [Finding(c, Severity(s), m, subject) for c, s, m, subject in document["findings"]]
    return kind(document["code"], document["message"], hint=document["hint"], findings=findings)


def _subject(subject: Subject) -> list[str]:
    return ["named", subject.name] if isinstance(subject, Named) else ["field", subject.value]


def _subject_from(document: Sequence[str]) -> Subject:
    kind, name = document
    return Named(name) if kind == "named" else Field(name)


def _part(part: object) -> object:
    """One part of a condition, by what it is."""
    match part:
        case Field() | Named():
            return _subject(part)
        case Comparison():
            return part.value
        case IPv4Network() | IPv6Network():
            return str(part)
        case tuple():
            return [condition_document(each) for each in part]
        case str() | int():
            return part
        case _:
            return condition_document(cast("Condition", part))


def _as_is(part: Any) -> Any:  # noqa: ANN401 - text, number or flag
    return part


def _conditions_from(documents: Sequence[Sequence[Any]]) -> tuple[Condition, ...]:
    return tuple(condition_from(document) for document in documents)


def _cursor(cursor: Cursor | None) -> list[int] | None:
    return None if cursor is None else [cursor.received_us, cursor.seq]


def _cursor_from(document: Sequence[int] | None) -> Cursor | None:
    return None if document is None else Cursor(*document)


_CONDITIONS: Final[Mapping[str, tuple[Any, tuple[Callable[[Any], Any], ...]]]] = {
    "Equals": (Equals, (_subject_from, _as_is)),
    "HasPrefix": (HasPrefix, (_subject_from, _as_is)),
    "Matches": (Matches, (_subject_from, _as_is)),
    "Contains": (Contains, (_subject_from, _as_is, _as_is)),
    "Compared": (Compared, (_subject_from, Comparison, _as_is)),
    "InNetwork": (InNetwork, (ip_network,)),
    "HasWord": (HasWord, (_as_is,)),
    "And": (And, (_conditions_from,)),
    "Or": (Or, (_conditions_from,)),
    "Not": (Not, (condition_from,)),
}
