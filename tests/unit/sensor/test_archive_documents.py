"""What goes between main and the store process arrives as it was."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any

import pytest

from sealwire.errors import (
    ConflictError,
    Finding,
    NotFoundError,
    RefusedError,
    SealwireError,
    Severity,
    UnavailableError,
    UsageError,
)
from sealwire.sensor.archive import ArchiveStatus, Bucket, Page, RecordFlag, StoredRecord
from sealwire.sensor.archive_documents import (
    bucket_document,
    bucket_from,
    error_document,
    error_from,
    page_document,
    page_from,
    search_document,
    search_from,
    status_document,
    status_from,
    summary_document,
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
)

RECORD = StoredRecord(
    seq=7,
    received_ns=1_795_000_000_000_000_001,
    listener_port=6514,
    transport="relp",
    peer_address="192.0.2.1",
    peer_port=40_000,
    certificate_sha256="ab" * 32,
    certificate_subject="CN=a",
    framing="relp",
    flags=RecordFlag.TRUNCATED | RecordFlag.NO_TIME,
    retention="default",
    grade="raw",
    rule="raw",
    facility=None,
    severity=3,
    timestamp_us=None,
    host=None,
    app="app",
    procid=None,
    msgid=None,
    fields=(("a.b", "1"), ("a.b", "2")),
    message_start=2,
    raw=b"\xff\x00<1>",
)
CONDITIONS: list[Condition] = [
    Equals(Field.HOST, "a"),
    HasPrefix(Named("audit.user"), "ad"),
    Compared(Field.SEVERITY, Comparison.AT_MOST, 3),
    InNetwork(ip_network("192.0.2.0/24")),
    InNetwork(ip_network("2001:db8::/32")),
    HasWord("word"),
    Contains(Field.MESSAGE, "text", ignore_case=True),
    Matches(Named("x"), "a.*b"),
]
STATUS = ArchiveStatus({0: Position(3, 9)}, 10, 8, 7, 2, 500, 300, 1, 2, "no room", {"lag": 1.5})


def over_the_wire(document: object) -> Any:  # noqa: ANN401 - JSON
    return json.loads(json.dumps(document))


@pytest.mark.parametrize(
    "condition",
    [*CONDITIONS, And(tuple(CONDITIONS)), Or((Not(CONDITIONS[0]), And(()))), None],
    ids=lambda one: type(one).__name__,
)
def test_questions(condition: Condition | None) -> None:
    asked = Search(1, 2, condition, 50, oldest_first=True, after=Cursor(3, 4), redelivered=True)
    assert search_from(over_the_wire(search_document(asked))) == asked


def test_an_unknown_condition_is_refused() -> None:
    document = {**search_document(Search(1, 2)), "condition": ["Guess", "x"]}
    with pytest.raises(KeyError):
        search_from(document)


def test_pages() -> None:
    page = Page((RECORD,), Cursor(1, 2))
    assert page_from(over_the_wire(page_document(page))) == page
    assert page_from(over_the_wire(page_document(Page(())))) == Page(())


def test_bars() -> None:
    bucket = Bucket(60, {None: 1, 3: 2})
    assert bucket_from(over_the_wire(bucket_document(bucket))) == bucket


def test_status() -> None:
    assert status_from(over_the_wire(status_document(STATUS))) == STATUS
    shown = over_the_wire(summary_document(STATUS))
    assert (shown["records_waiting"], shown["journal_bytes_waiting"]) == (2, 7)
    assert (shown["trouble"], shown["lag"]) == ("no room", 1.5)


@pytest.mark.parametrize(
    "kind", [ConflictError, NotFoundError, RefusedError, UnavailableError, UsageError]
)
def test_errors(kind: type[SealwireError]) -> None:
    finding = Finding("f", Severity.WARNING, "what", "whom")
    error = kind("some.code", "said", hint="do", findings=[finding])
    came = error_from(over_the_wire(error_document(error)))
    assert type(came) is kind
    assert (came.code, came.message, came.hint, came.findings) == (
        *("some.code", "said", "do"),
        (finding,),
    )
