"""The filters of ``ca-cert-find``: their options, and the search that they make.

Dogtag's search has groups: what belongs to a group counts only when the group is in use.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

import typer

from sealwire.cli.pki_output import parse_number, visible
from sealwire.errors import UsageError

REASONS: Final[Mapping[str, int]] = {
    "Unspecified": 0,
    "Key_Compromise": 1,
    "CA_Compromise": 2,
    "Affiliation_Changed": 3,
    "Superseded": 4,
    "Cessation_of_Operation": 5,
    "Certificate_Hold": 6,
    "Remove_from_CRL": 8,
    "Privilege_Withdrawn": 9,
    "AA_Compromise": 10,
}
"""Reasons of a revocation as Dogtag writes them, with their numbers (RFC 5280 5.3.1)."""

_STATUSES: Final = ("VALID", "INVALID", "REVOKED", "EXPIRED", "REVOKED_EXPIRED")
_DAY: Final = 86_400_000
_UNITS: Final = {"day": _DAY, "week": 7 * _DAY, "month": 30 * _DAY, "year": 365 * _DAY}
_OPERATIONS: Final = ("<=", ">=")
_VALIDITY: Final = "validityLengthInUse"

CommandT = TypeVar("CommandT", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Filter:
    """One option, what it sets in the search, and the group that it brings into use."""

    option: str
    key: str
    group: str
    help: str
    read: Callable[[str], object] = str

    @property
    def parameter(self) -> str:
        """Its name among the command's parameters."""
        return f"filter_{self.key.lower()}"


def revocation_reason(text: str) -> str:
    """A reason in Dogtag's spelling, from its name in any case or its number.

    Raises UsageError ``pki.reason``.
    """
    for name, number in REASONS.items():
        if text.lower() == name.lower() or text == str(number):
            return name
    raise UsageError(
        "pki.reason",
        f"Invalid revocation reason: {visible(text)}",
        hint=f"one of {', '.join(REASONS)}",
    )


def search_of(given: Mapping[str, str | None], document: Mapping[str, Any]) -> dict[str, Any]:
    """The ``CertSearchRequest`` for what was given, by parameter, on top of ``document``.

    Without any filter every certificate is meant. Raises UsageError for values that are none.
    """
    search = dict(document)
    for each in FILTERS:
        text = given.get(each.parameter)
        if text is not None:
            search[each.key] = each.read(text)
            if each.group:
                search[each.group] = True
    if search.get(_VALIDITY):
        _complete_validity(search)
    return search or {"serialNumberRangeInUse": True}


def with_filters(command: CommandT) -> CommandT:
    """Give the command, which takes ``**filters``, an option for each filter."""
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    added = [
        inspect.Parameter(
            each.parameter, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(each)
        )
        for each in FILTERS
    ]
    command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
    return command


def _option(each: Filter) -> object:
    return Annotated[str | None, typer.Option(f"--{each.option}", help=each.help)]


def _complete_validity(search: dict[str, Any]) -> None:
    for key, word in (("validityOperation", "operation"), ("validityCount", "count")):
        if search.get(key) is None:
            raise UsageError("pki.validity", f"Missing validity duration {word}")
    search.setdefault("validityUnit", _UNITS["month"])


def _date(text: str) -> str:
    """Milliseconds since 1970 of that day's begin in the local time zone."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").astimezone()
    except ValueError:
        raise UsageError(
            "pki.date", f"not a date: {visible(text)}", hint="write it as 2026-01-31"
        ) from None
    return str(int(day.timestamp()) * 1000)


def _serial(text: str) -> str:
    return hex(parse_number(text, what="serial number"))


def _one_of(words: Mapping[str, object] | tuple[str, ...], what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise UsageError(
                "pki.filter", f"Invalid {what}: {visible(text)}", hint=f"one of {', '.join(words)}"
            )
        return text

    return read


def _reason_number(text: str) -> str:
    return str(REASONS[revocation_reason(text)])


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise UsageError("pki.filter", f"Invalid validity duration count: {visible(text)}")
    return int(text)


def _unit(text: str) -> int:
    return _UNITS[_one_of(_UNITS, "validity duration unit")(text.lower())]


def _subject(option: str, key: str, what: str) -> Filter:
    return Filter(option, key, "subjectInUse", f"Subject's {what}.")


def _period(option: str, group: str, what: str) -> tuple[Filter, Filter]:
    start = Filter(
        f"{option}From", f"{option}From", group, f"{what} on or after YYYY-MM-DD.", _date
    )
    end = Filter(f"{option}To", f"{option}To", group, f"{what} on or before YYYY-MM-DD.", _date)
    return start, end


def _kind(option: str, what: str) -> Filter:
    read = _one_of(("on", "off"), "certificate type")
    return Filter(option, option, "certTypeInUse", f"Certificate type {what}: on or off.", read)


_SERIALS: Final = "serialNumberRangeInUse"
FILTERS: Final[tuple[Filter, ...]] = (
    Filter("minSerialNumber", "serialFrom", _SERIALS, "Smallest serial number.", _serial),
    Filter("maxSerialNumber", "serialTo", _SERIALS, "Largest serial number.", _serial),
    _subject("name", "commonName", "common name"),
    _subject("email", "eMail", "e-mail address"),
    _subject("uid", "userID", "user id"),
    _subject("org", "org", "organization"),
    _subject("orgUnit", "orgUnit", "organizational unit"),
    _subject("locality", "locality", "locality"),
    _subject("state", "state", "state"),
    _subject("country", "country", "country"),
    Filter("status", "status", "", f"{', '.join(_STATUSES)}.", _one_of(_STATUSES, "status")),
    Filter("revokedBy", "revokedBy", "revokedByInUse", "Who revoked it."),
    *_period("revokedOn", "revokedOnInUse", "Revoked"),
    Filter(
        "revocationReason",
        "revocationReason",
        "revocationReasonInUse",
        "Reason of the revocation, its name or number.",
        _reason_number,
    ),
    Filter("issuedBy", "issuedBy", "issuedByInUse", "Who issued it."),
    *_period("issuedOn", "issuedOnInUse", "Issued"),
    _kind("certTypeSubEmailCA", "CA for e-mail"),
    _kind("certTypeSubSSLCA", "CA for TLS"),
    _kind("certTypeSecureEmail", "secure e-mail"),
    _kind("certTypeSSLClient", "TLS client"),
    _kind("certTypeSSLServer", "TLS server"),
    *_period("validNotBefore", "validNotBeforeInUse", "Valid not before"),
    *_period("validNotAfter", "validNotAfterInUse", "Valid not after"),
    Filter(
        "validityOperation",
        "validityOperation",
        _VALIDITY,
        "Compare the lifetime: <= or >=.",
        _one_of(_OPERATIONS, "validity duration operation"),
    ),
    Filter("validityCount", "validityCount", _VALIDITY, "Lifetime, in units.", _count),
    Filter("validityUnit", "validityUnit", _VALIDITY, "day, week, month (default), year.", _unit),
)
