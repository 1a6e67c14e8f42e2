"""A search for certificates as conditions of SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, or_

from sealwire.ca.ports import CertificateStatus
from sealwire.stores import promises
from sealwire.stores import sql_schema as schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Column, ColumnElement

    from sealwire.ca.ports import CertificateSearch, TimeRange

_TABLE = schema.certificates.c
_BEYOND = 1 << promises.MAX_SERIAL_BITS


def matching(search: CertificateSearch, now: datetime) -> list[ColumnElement[bool]]:
    """What a row of ``certificates`` must fulfil. Raises RefusedError ``store.text``."""
    promises.check_search(search)
    return [
        *_serials(search),
        *_subject(search),
        *_status(search.status, now),
        *_revocation(search),
        *_times(_TABLE.issued, search.issued),
        *_times(_TABLE.not_before, search.not_before),
        *_times(_TABLE.not_after, search.not_after),
    ]


def _serials(search: CertificateSearch) -> Iterator[ColumnElement[bool]]:
    # As they are kept, only numbers within these bounds compare like numbers.
    if search.serial_from is not None:
        yield _TABLE.serial >= min(max(search.serial_from, 0), _BEYOND)
    if search.serial_to is not None:
        yield _TABLE.serial <= min(max(search.serial_to, 0), _BEYOND)


def _subject(search: CertificateSearch) -> Iterator[ColumnElement[bool]]:
    names = schema.subject_attributes.c
    for attribute, wanted in search.subject.items():
        text = wanted.casefold()
        matches = (
            names.value == text
            if search.match_exactly
            else names.value.contains(text, autoescape=True)
        )
        yield exists().where(
            names.serial == _TABLE.serial, names.attribute == attribute.upper(), matches
        )


def _status(status: CertificateStatus | None, now: datetime) -> list[ColumnElement[bool]]:
    revoked, expired = _TABLE.revoked.is_not(None), _TABLE.not_after < now
    conditions: dict[CertificateStatus, ColumnElement[bool]] = {
        CertificateStatus.INVALID: and_(~revoked, _TABLE.not_before > now),
        CertificateStatus.VALID: and_(~revoked, ~expired, _TABLE.not_before <= now),
        CertificateStatus.EXPIRED: and_(~revoked, expired),
        CertificateStatus.REVOKED: and_(revoked, ~expired),
        CertificateStatus.REVOKED_EXPIRED: and_(revoked, expired),
    }
    return [] if status is None else [conditions[status]]


def _revocation(search: CertificateSearch) -> Iterator[ColumnElement[bool]]:
    if search.revoked_by is not None:
        yield _TABLE.revoked_by == search.revoked_by
    if search.revocation_reasons:
        yield or_(*(_TABLE.revocation_reason == each for each in search.revocation_reasons))
    if search.issued_by is not None:
        yield _TABLE.issued_by == search.issued_by
    yield from _times(_TABLE.revoked, search.revoked)


def _times(column: Column[datetime], span: TimeRange) -> Iterator[ColumnElement[bool]]:
    if span.begin is not None:
        yield column >= span.begin
    if span.end is not None:
        yield column <= span.end
