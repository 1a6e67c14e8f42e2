"""What every store promises and refuses, said once, so that all of them say it alike."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from sealwire.syslog.rfc5424 import is_utf8
from sealwire.x509.subject import dn_text, parse_dn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealwire.ca.ports import CertificateSearch, IssuedCertificate

MAX_SERIAL_BITS: Final = 159
KEPT_CRLS: Final = 5
REVOCATION_COLUMNS: Final = ("revoked", "revoked_by", "revocation_reason", "invalidity")
"""Either the first three have values or none of the four has."""


_PLAIN_PART: Final = r"(?:CN|OU|O|L|ST|C|DC|UID|E)=[A-Za-z0-9._@*:/-]+(?: [A-Za-z0-9._@*:/-]+)*"
_PLAIN_SUBJECT: Final = re.compile(f"{_PLAIN_PART}(?:,{_PLAIN_PART})*")

_COLUMNS: Final[dict[type, tuple[str, ...]]] = {}


class TransactionMisuseError(RuntimeError):
    """A fault of the program: a transaction used after its end, written to in a read, nested."""


def check_texts(row: object) -> None:
    """Raise RefusedError ``store.text`` when a text of ``row`` cannot be kept by every engine.

    That is a NUL (PostgreSQL has none) and an unpaired surrogate (no UTF-8 has one).
    """
    for name in _columns(type(row)):
        value = getattr(row, name)
        if isinstance(value, str):
            check_text(value)
        elif isinstance(value, frozenset):
            _check_each(each for each in value if isinstance(each, str))


def _columns(kind: type) -> tuple[str, ...]:
    if kind not in _COLUMNS:
        _COLUMNS[kind] = tuple(field.name for field in fields(kind))
    return _COLUMNS[kind]


def _check_each(values: Iterable[str]) -> None:
    for value in values:
        check_text(value)


def check_text(value: str) -> None:
    """Raise RefusedError ``store.text`` for a text that not every engine can keep."""
    if "\0" in value or not (value.isascii() or is_utf8(value)):
        raise RefusedError(
            "store.text", "A text holds a NUL character or half a character, and cannot be stored."
        )


def check_search(search: CertificateSearch) -> None:
    """Raise RefusedError ``store.text`` for a text that no row can hold on every engine."""
    check_texts(search)
    _check_each([*search.subject, *search.subject.values()])


def check_serial(serial: int) -> None:
    """Raise RefusedError ``certificate.serial`` unless positive and at most 20 octets of DER."""
    if serial <= 0 or serial.bit_length() > MAX_SERIAL_BITS:
        raise RefusedError(
            "certificate.serial", "A serial number is positive and has at most 20 octets."
        )


def user_certificate_taken() -> ConflictError:
    """Another user logs in with that certificate."""
    return ConflictError(
        "user.certificate_taken", "Another user has this certificate as log-in certificate."
    )


def user_unknown(name: str) -> NotFoundError:
    """No such user."""
    return NotFoundError("user.unknown", f"There is no user {name!r}.")


def request_taken(request_id: int) -> ConflictError:
    """The id has a request already."""
    return ConflictError("request.taken", f"There is a request {request_id} already.")


def request_changed(request_id: int) -> ConflictError:
    """The stored status is not the expected one."""
    return ConflictError(
        "request.changed",
        f"Request {request_id} is no longer in the state that this step starts from.",
        hint="Look at the request again.",
    )


def certificate_taken() -> ConflictError:
    """Serial number or request has a certificate already."""
    return ConflictError(
        "certificate.taken", "This serial number or this request has a certificate already."
    )


def certificate_without_request(request_id: int) -> ConflictError:
    """No certificate without the request it answers."""
    return ConflictError(
        "certificate.request_unknown", f"There is no request {request_id} for this certificate."
    )


def trail_index(trail: str) -> ConflictError:
    """The record's index is not the trail's size."""
    return ConflictError(
        "trail.index", f"The trail {trail!r} has grown since its head was read, or has a gap."
    )


def identity_generation(identity: str) -> ConflictError:
    """The generation is not the last one plus one."""
    return ConflictError(
        "identity.generation",
        f"The identity {identity!r} was changed by somebody else meanwhile.",
        hint="Look at the identity again.",
    )


def cursor_backwards(destination: str) -> ConflictError:
    """Cursors only go on."""
    return ConflictError(
        "cursor.backwards", f"The destination {destination!r} is already further than that."
    )


def lease_changed() -> ConflictError:
    """The term is not the stored one plus one."""
    return ConflictError(
        "lease.changed",
        "Which unit is active was changed by somebody else meanwhile.",
        hint="Look at the units again.",
    )


def destination_unknown(name: str) -> NotFoundError:
    """No such destination."""
    return NotFoundError("destination.unknown", f"There is no destination {name!r}.")


def input_unknown(name: str) -> NotFoundError:
    """No such input."""
    return NotFoundError("input.unknown", f"There is no input {name!r}.")


def unavailable(reason: str) -> UnavailableError:
    """The store cannot do its work now."""
    return UnavailableError(
        "store.unavailable",
        f"The database cannot be used: {reason}.",
        hint="Nothing was changed. Look at the disk's free space and the database's state.",
    )


def searched_attributes(certificate: IssuedCertificate) -> Iterator[tuple[str, str]]:
    """Attribute types and values of a certificate's subject, as a search compares them."""
    if _PLAIN_SUBJECT.fullmatch(certificate.subject):
        # Nearly every subject is so, and parsing one takes longer than storing it.
        for part in reversed(certificate.subject.split(",")):
            kind, _, value = part.partition("=")
            yield kind, value.casefold()
        return
    try:
        name = parse_dn(certificate.subject)
    except RefusedError:
        # A subject without text, or one that this text does not give back: found by number only.
        return
    for attribute in name:
        if isinstance(attribute.value, str):
            kind = dn_text(x509.Name([attribute])).partition("=")[0]
            yield kind.upper(), attribute.value.casefold()


def check_revocation(certificate: IssuedCertificate) -> None:
    """Raise RefusedError ``certificate.revocation`` for half a revocation."""
    given = [getattr(certificate, name) is not None for name in REVOCATION_COLUMNS]
    if any(given) and not all(given[:3]):
        raise RefusedError(
            "certificate.revocation", "A revocation has a time, an agent and a reason."
        )


def certificate_unknown(serial: int) -> NotFoundError:
    """There is no such certificate."""
    return NotFoundError("certificate.unknown", f"Certificate ID {serial:#x} not found")


def approved_before(approver: str) -> ConflictError:
    """The same agent said yes to the same bytes."""
    return ConflictError("approval.repeated", f"{approver} approved this request before.")


def profile_version(profile_id: str) -> ConflictError:
    """Not the next version of a profile."""
    return ConflictError("profile.version", f"The profile {profile_id} was changed meanwhile.")


def profile_unknown(profile_id: str) -> NotFoundError:
    """There is no such profile, in Dogtag's words."""
    return NotFoundError("profile.unknown", f"Profile {profile_id} Not Found")


def crl_number() -> ConflictError:
    """A CRL's number did not grow."""
    return ConflictError("crl.number", "A newer CRL was issued meanwhile.")


def unknown_revocation_source(name: str) -> NotFoundError:
    """No list is configured under that name."""
    return NotFoundError("crl.unknown", f"There is no revocation list named {name}.")
