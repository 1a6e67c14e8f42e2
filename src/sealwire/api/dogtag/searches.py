"""Dogtag's search for certificates: groups of conditions, each with a flag that it is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.errors import bad_request
from sealwire.api.dogtag.shapes import read_number, time_of_ms
from sealwire.ca.ports import (
    CertificateSearch,
    CertificateStatus,
    IssuedCertificate,
    RevocationReason,
    TimeRange,
)
from sealwire.ca.register import CertificatePage
from sealwire.ca.review import stored_certificate
from sealwire.ca.revocation import reason_named

if TYPE_CHECKING:
    from sealwire.api.dogtag.shapes import JsonObject
    from sealwire.ca.service import CertificateAuthority

Test = Callable[[IssuedCertificate], bool]

_SUBJECT: Final[Mapping[str, str]] = {
    "eMail": "E",
    "commonName": "CN",
    "userID": "UID",
    "orgUnit": "OU",
    "org": "O",
    "locality": "L",
    "state": "ST",
    "country": "C",
}
_END_OF_DAY: Final = timedelta(milliseconds=86_399_999)
"""A range's end is a day, which belongs to it as a whole."""

_CHUNK: Final = 1000
_LONGEST_VALUE: Final = 1024


@dataclass(frozen=True, slots=True)
class Search:
    """What the store can look for, and what is left to be looked at in each certificate."""

    stored: CertificateSearch
    tests: tuple[Test, ...] = ()


def read_search(body: JsonObject) -> Search:
    """The conditions of a CertSearchRequest that are in use; unknown keys are passed over.

    Raises UsageError or DogtagError for values that cannot be what they should.
    """
    return Search(
        CertificateSearch(
            serial_from=_serial(body, "serialFrom"),
            serial_to=_serial(body, "serialTo"),
            subject=_subject(body),
            match_exactly=bodies.flag(body, "matchExactly"),
            status=certificate_status(_value(body, "status")),
            revoked_by=_if_used(body, "revokedBy"),
            revocation_reasons=_reasons(body),
            issued_by=_if_used(body, "issuedBy"),
            revoked=_range(body, "revokedOn"),
            issued=_range(body, "issuedOn"),
            not_before=_range(body, "validNotBefore"),
            not_after=_range(body, "validNotAfter"),
        ),
        (*_length_tests(body), *_type_tests(body)),
    )


def search(
    authority: CertificateAuthority, wanted: Search, *, start: int, limit: int
) -> CertificatePage:
    """A page of what is found, and how many that are in all."""
    if not wanted.tests:
        return authority.search_certificates(wanted.stored, start=start, limit=limit)
    found = [row for row in _all(authority, wanted.stored) if all(t(row) for t in wanted.tests)]
    return CertificatePage(found[start : start + limit], len(found))


def _all(authority: CertificateAuthority, wanted: CertificateSearch) -> Iterator[IssuedCertificate]:
    start = 0
    while True:
        rows = authority.search_certificates(wanted, start=start, limit=_CHUNK).entries
        yield from rows
        if len(rows) < _CHUNK:
            return
        start += _CHUNK


def _serial(body: JsonObject, name: str) -> int | None:
    # Dogtag looks at these two whether serialNumberRangeInUse says so or not.
    value = _value(body, name)
    return read_number(value, name) if value else None


def _value(body: JsonObject, name: str) -> str:
    value = (bodies.text(body, name) or "").strip()
    if len(value) > _LONGEST_VALUE:
        raise bad_request(f"{name} is too long")
    return value


def _if_used(body: JsonObject, name: str) -> str | None:
    return (_value(body, name) or None) if bodies.flag(body, f"{name}InUse") else None


def _subject(body: JsonObject) -> dict[str, str]:
    if not bodies.flag(body, "subjectInUse"):
        return {}
    given = {word: _value(body, name) for name, word in _SUBJECT.items()}
    return {word: value for word, value in given.items() if value}


def certificate_status(word: str) -> CertificateStatus | None:
    """A status by Dogtag's word, None for none. Raises a bad request for a word nobody knows."""
    if not word:
        return None
    try:
        return CertificateStatus(word)
    except ValueError:
        known = ", ".join(CertificateStatus)
        raise bad_request(f"Unknown certificate status: one of {known}") from None


def _reasons(body: JsonObject) -> frozenset[RevocationReason]:
    words = _if_used(body, "revocationReason")
    given = (words or "").replace(" ", "").split(",")
    return frozenset(reason_named(word) for word in given if word)


def _range(body: JsonObject, name: str) -> TimeRange:
    if not bodies.flag(body, f"{name}InUse"):
        return TimeRange()
    begin, end = (time_of_ms(body.get(name + side), name + side) for side in ("From", "To"))
    return TimeRange(begin, None if end is None else end + _END_OF_DAY)


def _length_tests(body: JsonObject) -> list[Test]:
    if not bodies.flag(body, "validityLengthInUse"):
        return []
    operation = _value(body, "validityOperation")
    count = read_number(_value(body, "validityCount"), "validityCount", _LONGEST_SPAN)
    unit = read_number(_value(body, "validityUnit"), "validityUnit", _LONGEST_SPAN)
    if count * unit > _LONGEST_SPAN:
        raise bad_request("The validity length is too large")
    span = timedelta(milliseconds=count * unit)
    match operation:
        case "<=":
            return [lambda row: row.not_after - row.not_before <= span]
        case ">=":
            return [lambda row: row.not_after - row.not_before >= span]
        case "=":
            return [lambda row: row.not_after - row.not_before == span]
        case _:
            raise bad_request("validityOperation is <=, >= or =")


_LONGEST_SPAN: Final = 10_000 * 366 * 86_400_000

_TYPES: Final[Mapping[str, x509.ObjectIdentifier | None]] = {
    "certTypeSSLClient": ExtendedKeyUsageOID.CLIENT_AUTH,
    "certTypeSSLServer": ExtendedKeyUsageOID.SERVER_AUTH,
    "certTypeSecureEmail": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "certTypeSubSSLCA": None,
    "certTypeSubEmailCA": None,
}
"""What stands today where Netscape's certificate types were; None is a CA."""


def _type_tests(body: JsonObject) -> list[Test]:
    if not bodies.flag(body, "certTypeInUse"):
        return []
    tests: list[Test] = []
    for name, purpose in _TYPES.items():
        word = str(first) if (first := body.get(name)) is not None else ""
        if word.lower() in {"on", "off", "true", "false"}:
            tests.append(_type_test(purpose, wanted=word.lower() in {"on", "true"}))
        elif word:
            raise bad_request(f"{name} is on or off")
    return tests


def _type_test(purpose: x509.ObjectIdentifier | None, *, wanted: bool) -> Test:
    def test(row: IssuedCertificate) -> bool:
        extensions = stored_certificate(row.der).extensions
        if purpose is None:
            held = any(
                isinstance(each.value, x509.BasicConstraints) and each.value.ca
                for each in extensions
            )
        else:
            held = any(
                isinstance(each.value, x509.ExtendedKeyUsage) and purpose in each.value
                for each in extensions
            )
        return held is wanted

    return test
