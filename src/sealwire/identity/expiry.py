"""How long certificates still last: whole chains are watched, for an intermediate ends too.

A certificate is told about when it has 90, 30, 14, 7 and 1 days left, and when it has ended; each
of these once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sealwire.clock import rfc3339
from sealwire.x509.certificate import certificate_sha256, is_ca
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from cryptography.x509 import Certificate

STEPS_DAYS: Final = (90, 30, 14, 7, 1)
RENEWAL_DUE: Final = 2 / 3
"""How much of its life a certificate has had when it is time for the next one."""

_DAY: Final = timedelta(days=1)


class Place(StrEnum):
    """What a certificate is in its chain."""

    LEAF = "leaf"
    INTERMEDIATE = "intermediate"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Watched:
    """Certificates in use together under one name (``sensor:sensor-1``, ``ca``), leaf first."""

    where: str
    chain: Sequence[Certificate]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One certificate's time. ``days_left`` is negative from the day after it ended.

    ``step`` is the smallest of the steps that it has come to, 0 when it has ended, None while it
    has more than 90 days. ``outlived_by_leaf``: the leaf of its chain would last longer.
    """

    where: str
    place: Place
    subject: str
    sha256: str
    not_before: datetime
    not_after: datetime
    days_left: int
    step: int | None
    renewal_due: datetime
    outlived_by_leaf: bool


def lifetimes(watched: Iterable[Watched], now: datetime) -> list[Lifetime]:
    """Of every certificate in use, the one that ends first before the others."""
    found = [_lifetime(each, certificate, now) for each in watched for certificate in each.chain]
    return sorted(found, key=lambda one: (one.not_after, one.where, one.sha256))


def _lifetime(watched: Watched, certificate: Certificate, now: datetime) -> Lifetime:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    leaf = watched.chain[0]
    return Lifetime(
        where=watched.where,
        place=_place(certificate),
        subject=dn_text(certificate.subject),
        sha256=certificate_sha256(certificate),
        not_before=begin,
        not_after=end,
        days_left=(end - now) // _DAY,
        step=step_of(end, now),
        renewal_due=begin + (end - begin) * RENEWAL_DUE,
        outlived_by_leaf=leaf.not_valid_after_utc > end,
    )


def lifetime_document(one: Lifetime) -> dict[str, str | int | bool | None]:
    """As JSON shows it; times are RFC 3339."""
    return {
        "where": one.where,
        "place": one.place.value,
        "subject": one.subject,
        "sha256": one.sha256,
        "not_before": rfc3339(one.not_before),
        "not_after": rfc3339(one.not_after),
        "days_left": one.days_left,
        "step": one.step,
        "renewal_due": rfc3339(one.renewal_due),
        "outlived_by_leaf": one.outlived_by_leaf,
    }


def _place(certificate: Certificate) -> Place:
    if not is_ca(certificate):
        return Place.LEAF
    return Place.ROOT if certificate.subject == certificate.issuer else Place.INTERMEDIATE


def step_of(end: datetime, now: datetime) -> int | None:
    """The smallest step that ``end`` has come to; 0 after it, None before the first."""
    if now > end:
        return 0
    return min((days for days in STEPS_DAYS if end - now <= days * _DAY), default=None)


def untold(found: Iterable[Lifetime], told: dict[str, int]) -> list[Lifetime]:
    """Those that have come to a step nobody was told of.

    ``told`` maps SHA-256 and place of use (see ``told_as``) to the last step told.
    """
    return [
        one
        for one in found
        if one.step is not None and one.step < told.get(told_as(one), STEPS_DAYS[0] + 1)
    ]


def told_as(one: Lifetime) -> str:
    """Under which name it is remembered that somebody was told."""
    return f"{one.where} {one.sha256}"
