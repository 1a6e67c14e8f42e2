"""What CertificateTx promises of searches, of revocation, and of CRLs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sealwire.ca.ports import (
    CertificateSearch,
    CertificateStatus,
    IssuedCertificate,
    IssuedCrl,
    RequestType,
    RevocationReason,
    RevokedEntry,
    TimeRange,
)
from sealwire.errors import ConflictError, NotFoundError, RefusedError
from tests.contract import rows
from tests.contract.rows import NOW

if TYPE_CHECKING:
    from tests.contract.conftest import AnyStore

DAY = timedelta(days=1)
HOLD = RevocationReason.CERTIFICATE_HOLD
NOBODY = "nobody"


@dataclass(frozen=True)
class Made:
    """What differs from one certificate to the next."""

    subject: str
    begin: timedelta = -DAY
    end: timedelta = 90 * DAY
    issued: timedelta = -DAY
    issued_by: str = "caadmin"


MADE = (
    Made("CN=www.example.com,OU=Web,O=Example"),
    Made("CN=WWW2.example.com,O=Example", issued_by="agent"),
    Made("UID=testuser,E=Test@Example.com,C=US", end=-DAY),
    Made("CN=100%_sure,O=Ünïcode \\, Inc", begin=DAY),
    Made("CN=one,CN=two,OU=web"),
    Made("", issued=timedelta()),
)


def certificate(number: int, made: Made) -> IssuedCertificate:
    return replace(
        rows.certificate(number * 10, number),
        subject=made.subject,
        not_before=NOW + made.begin,
        not_after=NOW + made.end,
        issued=NOW + made.issued,
        issued_by=made.issued_by,
        der=b"certificate %d" % number,
        key_id=f"key-{number % 2}",
        issuer_key_id="ca-key",
    )


ISSUED = [certificate(number, made) for number, made in enumerate(MADE, 1)]


@pytest.fixture
def filled(store: AnyStore) -> AnyStore:
    def fill(store_tx: object) -> None:
        for issued in ISSUED:
            store_tx.insert_request(rows.request(issued.request_id))  # type: ignore[attr-defined]
            store_tx.insert_certificate(issued)  # type: ignore[attr-defined]

    store.run(fill)
    return store


def revoked(
    store: AnyStore,
    number: int,
    reason: RevocationReason = RevocationReason.KEY_COMPROMISE,
    *,
    at: datetime = NOW,
    by: str = "caadmin",
    invalidity: datetime | None = None,
) -> IssuedCertificate:
    changed = replace(
        ISSUED[number - 1],
        revoked=at,
        revoked_by=by,
        revocation_reason=reason,
        invalidity=invalidity,
    )
    store.run(lambda tx: tx.update_revocation(changed))
    return changed


def found(store: AnyStore, search: CertificateSearch, now: datetime = NOW) -> list[int]:
    """Request numbers of what is found; counting finds as many."""
    rows_found = store.read(lambda tx: tx.search_certificates(search, now=now, start=0, limit=99))
    assert store.read(lambda tx: tx.count_certificates(search, now=now)) == len(rows_found)
    return [each.request_id for each in rows_found]


EVERYTHING = [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (CertificateSearch(), EVERYTHING),
        (CertificateSearch(serial_from=20, serial_to=40), [2, 3, 4]),
        (CertificateSearch(serial_from=21), [3, 4, 5, 6]),
        (CertificateSearch(serial_to=9), []),
        (CertificateSearch(serial_from=-(2**200), serial_to=2**200), EVERYTHING),
        (CertificateSearch(serial_from=2**160), []),
        (CertificateSearch(serial_to=-1), []),
        (CertificateSearch(subject={"CN": "WWW"}), [1, 2]),
        (CertificateSearch(subject={"cn": "www.example.com"}, match_exactly=True), [1]),
        (CertificateSearch(subject={"CN": "www"}, match_exactly=True), []),
        (CertificateSearch(subject={"CN": "two"}, match_exactly=True), [5]),
        (CertificateSearch(subject={"CN": "one", "OU": "WEB"}), [5]),
        (CertificateSearch(subject={"OU": "web", "O": "example"}), [1]),
        (CertificateSearch(subject={"E": "test@example.com"}, match_exactly=True), [3]),
        (CertificateSearch(subject={"UID": "test", "C": "us"}), [3]),
        (CertificateSearch(subject={"CN": "%"}), [4]),
        (CertificateSearch(subject={"CN": "_"}), [4]),
        (CertificateSearch(subject={"O": "ÜNÏCODE , INC"}, match_exactly=True), [4]),
        (CertificateSearch(subject={"L": "x"}), []),
        (CertificateSearch(subject={"x' OR 1=1 --": "x"}), []),
        (CertificateSearch(status=CertificateStatus.VALID), [1, 2, 5, 6]),
        (CertificateSearch(status=CertificateStatus.INVALID), [4]),
        (CertificateSearch(status=CertificateStatus.EXPIRED), [3]),
        (CertificateSearch(status=CertificateStatus.REVOKED), []),
        (CertificateSearch(issued_by="agent"), [2]),
        (CertificateSearch(issued_by="Agent"), []),
        (CertificateSearch(issued=TimeRange(begin=NOW)), [6]),
        (CertificateSearch(issued=TimeRange(end=NOW - DAY)), [1, 2, 3, 4, 5]),
        (CertificateSearch(not_before=TimeRange(NOW, NOW + DAY)), [4]),
        (CertificateSearch(not_after=TimeRange(end=NOW)), [3]),
        (CertificateSearch(not_after=TimeRange(begin=NOW, end=NOW + 90 * DAY)), [1, 2, 4, 5, 6]),
        (CertificateSearch(revoked=TimeRange(begin=NOW - DAY)), []),
        (CertificateSearch(subject={"CN": "www"}, issued_by="agent", serial_to=20), [2]),
    ],
)
def test_a_search_narrows_down(
    filled: AnyStore, search: CertificateSearch, expected: list[int]
) -> None:
    assert found(filled, search) == expected


def test_a_search_among_the_revoked(filled: AnyStore) -> None:
    revoked(filled, 1, at=NOW - DAY)
    revoked(filled, 2, HOLD, by="agent")
    revoked(filled, 3)
    searches = {
        CertificateStatus.REVOKED: [1, 2],
        CertificateStatus.REVOKED_EXPIRED: [3],
        CertificateStatus.EXPIRED: [],
        CertificateStatus.VALID: [5, 6],
    }
    for status, expected in searches.items():
        assert found(filled, CertificateSearch(status=status)) == expected
    reasons = frozenset({HOLD, RevocationReason.SUPERSEDED})
    assert found(filled, CertificateSearch(revocation_reasons=reasons)) == [2]
    assert found(filled, CertificateSearch(revoked_by="agent")) == [2]
    assert found(filled, CertificateSearch(revoked=TimeRange(begin=NOW))) == [2, 3]
    assert found(filled, CertificateSearch(revoked=TimeRange(end=NOW - DAY))) == [1]


def test_the_status_is_judged_at_the_time_given_and_dates_belong_to_validity(
    filled: AnyStore,
) -> None:
    valid = CertificateSearch(status=CertificateStatus.VALID, serial_to=10)
    one = ISSUED[0]
    assert found(filled, valid, one.not_before) == [1]
    assert found(filled, valid, one.not_after) == [1]
    assert found(filled, valid, one.not_before - timedelta(microseconds=1)) == []
    assert found(filled, valid, one.not_after + timedelta(microseconds=1)) == []


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_text_that_no_engine_can_keep_is_not_looked_for(filled: AnyStore, text: str) -> None:
    for search in (
        CertificateSearch(subject={"CN": text}),
        CertificateSearch(subject={text: "x"}),
        CertificateSearch(issued_by=text),
        CertificateSearch(revoked_by=text),
    ):
        with pytest.raises(RefusedError) as refused:
            found(filled, search)
        assert refused.value.code == "store.text"


def test_pages_of_a_search(filled: AnyStore) -> None:
    search = CertificateSearch(serial_from=20)

    def page(start: int, limit: int) -> list[int]:
        read = filled.read(
            lambda tx: tx.search_certificates(search, now=NOW, start=start, limit=limit)
        )
        return [each.request_id for each in read]

    assert page(0, 2) == [2, 3]
    assert page(2, 2) == [4, 5]
    assert page(4, 2) == [6]
    assert page(5, 2) == []


def test_certificates_of_a_subject_and_of_a_key(filled: AnyStore) -> None:
    first, second = ISSUED[0], ISSUED[1]
    assert filled.read(lambda tx: tx.certificates_of_subject(first.subject)) == [first]
    assert filled.read(lambda tx: tx.certificates_of_subject(first.subject.lower())) == []
    assert filled.read(lambda tx: tx.certificates_of_key("key-0")) == ISSUED[1::2]
    assert filled.read(lambda tx: tx.certificates_of_key(second.key_id.upper())) == []


@pytest.mark.parametrize("reason", RevocationReason)
def test_a_revocation_is_kept_whole_and_can_be_taken_back(
    filled: AnyStore, reason: RevocationReason
) -> None:
    changed = revoked(filled, 1, reason, invalidity=NOW - 3 * DAY)
    assert filled.read(lambda tx: tx.certificate(10)) == changed
    assert filled.run(lambda tx: tx.lock_certificate(10)) == changed
    assert isinstance(changed.revocation_reason, RevocationReason)
    filled.run(lambda tx: tx.update_revocation(ISSUED[0]))
    assert filled.read(lambda tx: tx.certificate(10)) == ISSUED[0]


def test_a_revocation_changes_nothing_else(filled: AnyStore) -> None:
    forged = replace(
        ISSUED[0],
        subject="CN=other",
        der=b"other",
        issued_by="other",
        revoked=NOW,
        revoked_by="caadmin",
        revocation_reason=HOLD,
    )
    filled.run(lambda tx: tx.update_revocation(forged))
    expected = replace(
        ISSUED[0], revoked=NOW, revoked_by="caadmin", revocation_reason=HOLD, invalidity=None
    )
    assert filled.read(lambda tx: tx.certificate(10)) == expected


@pytest.mark.parametrize(
    "half",
    [
        {"revoked": NOW},
        {"revoked_by": "caadmin", "revocation_reason": HOLD},
        {"invalidity": NOW},
        {"revoked": NOW, "revocation_reason": HOLD},
    ],
)
def test_half_a_revocation_is_refused(filled: AnyStore, half: dict[str, object]) -> None:
    with pytest.raises(RefusedError) as refused:
        filled.run(lambda tx: tx.update_revocation(replace(ISSUED[0], **half)))  # type: ignore[arg-type] # whole columns
    assert refused.value.code == "certificate.revocation"


def test_what_is_not_there_is_not_revoked(filled: AnyStore) -> None:
    assert filled.run(lambda tx: tx.lock_certificate(11)) is None
    with pytest.raises(NotFoundError) as unknown:
        filled.run(lambda tx: tx.update_revocation(replace(ISSUED[0], serial=11)))
    assert unknown.value.code == "certificate.unknown"


def test_entries_of_a_crl(filled: AnyStore) -> None:
    later = revoked(filled, 5, invalidity=NOW - 9 * DAY)
    first = revoked(filled, 1, HOLD)
    revoked(filled, 3)  # Expired: a CRL need not name it any more.
    entries = filled.read(lambda tx: tx.revoked_entries("ca-key", now=NOW))
    assert list(entries) == [
        RevokedEntry(10, first.revoked or NOW, HOLD, None),
        RevokedEntry(50, later.revoked or NOW, RevocationReason.KEY_COMPROMISE, NOW - 9 * DAY),
    ]
    assert list(filled.read(lambda tx: tx.revoked_entries("other-key", now=NOW))) == []
    on_its_last_moment = ISSUED[2].not_after
    serials = [
        each.serial
        for each in filled.read(lambda tx: tx.revoked_entries("ca-key", now=on_its_last_moment))
    ]
    assert serials == [10, 30, 50]


def test_a_revoked_certificate_is_known_by_its_digest(filled: AnyStore) -> None:
    digest = hashlib.sha256(ISSUED[0].der).hexdigest()
    assert not filled.read(lambda tx: tx.certificate_revoked(digest))
    revoked(filled, 1, HOLD)
    assert filled.read(lambda tx: tx.certificate_revoked(digest))
    filled.run(lambda tx: tx.update_revocation(ISSUED[0]))
    assert not filled.read(lambda tx: tx.certificate_revoked(digest))
    assert not filled.read(lambda tx: tx.certificate_revoked(NOBODY))


def crl(number: int, key: str = "ca-key") -> IssuedCrl:
    return IssuedCrl(number, key, NOW, NOW + DAY, number, b"crl %d" % number)


def test_the_latest_crl_of_each_key(store: AnyStore) -> None:
    assert store.read(lambda tx: tx.latest_crl("ca-key")) is None
    for number in (1, 2, 7, 8, 9, 10, 11, 12):
        store.run(lambda tx, n=number: tx.put_crl(crl(n)))
        assert store.read(lambda tx: tx.latest_crl("ca-key")) == crl(number)
    store.run(lambda tx: tx.put_crl(crl(3, "root-key")))
    assert store.read(lambda tx: tx.latest_crl("root-key")) == crl(3, "root-key")
    assert store.read(lambda tx: tx.latest_crl("ca-key")) == crl(12)


@pytest.mark.parametrize("number", [0, 4, 5])
def test_a_crls_number_grows(store: AnyStore, number: int) -> None:
    store.run(lambda tx: tx.put_crl(crl(5)))
    with pytest.raises(ConflictError) as conflict:
        store.run(lambda tx: tx.put_crl(crl(number)))
    assert conflict.value.code == "crl.number"
    assert store.read(lambda tx: tx.latest_crl("ca-key")) == crl(5)


def test_requests_are_found_by_type(store: AnyStore) -> None:
    kinds = [RequestType.ENROLLMENT, RequestType.REVOCATION, RequestType.UNREVOCATION]

    def fill(tx: object) -> None:
        for number in range(1, 8):
            row = rows.request(number, request_type=kinds[number % 3], csr_der=b"", serial=None)
            tx.insert_request(row)  # type: ignore[attr-defined]

    store.run(fill)
    for kind, expected in zip(kinds, ([3, 6], [1, 4, 7], [2, 5]), strict=True):
        read = store.read(
            lambda tx, kind=kind: tx.find_requests(status=None, start=0, limit=9, request_type=kind)
        )
        assert [each.request_id for each in read] == expected
        assert {each.request_type for each in read} == {kind}
        counted = store.read(
            lambda tx, kind=kind: tx.count_requests(status=None, request_type=kind)
        )
        assert counted == len(expected)
