"""Filling in a profile's enrolment template, as Dogtag's command line does.

Templates are the server's ``CertEnrollmentRequest``: inputs with named attributes. What a template
does not ask for is not sent.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sealwire.cli.pki.reading import understood
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SUBJECT_INPUT: Final = "Subject Name"
_DNS_NAME: Final = "req_san_pattern_"


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody asks for. ``subject`` is (attribute type, value) pairs of the DN ``dn``.

    ``credentials`` are what the profile itself checks, e.g. ``uid`` and ``pwd``.
    """

    csr: str | None = None
    request_type: str | None = "pkcs10"
    dn: str | None = None
    subject: Sequence[tuple[str, str]] = ()
    requestor: str | None = None
    dns_names: Sequence[str] = ()
    renewal: bool = False
    serial: int | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)


def filled(template: Mapping[str, Any], answers: Answers) -> dict[str, Any]:
    """The request to post. Raises UsageError ``pki.dns_names`` when there is no place for them."""
    with understood("an enrollment template"):
        request = {**deepcopy(template), "Input": deepcopy(template["Input"])}
        values = _values(answers)
        for block in request["Input"]:
            own = values | (_subject(answers) if block.get("Name") == _SUBJECT_INPUT else {})
            for attribute in block["Attribute"]:
                value = own.get(attribute["name"])
                if value is not None:
                    attribute["Value"] = value
        names = [attribute["name"] for attribute in _attributes(request)]
        request["Renewal"] = answers.renewal or bool(request.get("Renewal"))
        _add_credentials(request, answers.credentials)
    if answers.serial is not None:
        request["SerialNumber"] = hex(answers.serial)
    _room_for_dns_names(names, answers.dns_names)
    return request


def _values(answers: Answers) -> dict[str, str | None]:
    return {
        "cert_request_type": answers.request_type,
        "cert_request": answers.csr,
        "requestor_name": answers.requestor,
        "serial_num": None if answers.serial is None else hex(answers.serial),
        **{f"{_DNS_NAME}{i}": name for i, name in enumerate(answers.dns_names)},
    }


def _subject(answers: Answers) -> dict[str, str | None]:
    """Where a profile asks for the subject apart from the CSR: whole, or by attribute type."""
    parts = {f"sn_{name.lower()}": value for name, value in answers.subject}
    return {"subject": answers.dn, **parts}


def _attributes(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for block in request["Input"]:
        yield from block["Attribute"]


def _add_credentials(request: dict[str, Any], credentials: Mapping[str, str]) -> None:
    if not credentials:
        return
    listed = request.setdefault("Attributes", {}).setdefault("Attribute", [])
    listed += [{"name": name, "value": value} for name, value in credentials.items()]


def _room_for_dns_names(asked: Sequence[str], given: Sequence[str]) -> None:
    room = sum(name.startswith(_DNS_NAME) for name in asked)
    if len(given) > room:
        raise UsageError(
            "pki.dns_names",
            f"the profile takes {room or 'no'} DNS names",
            hint="put the names into the CSR: sealwire csr new --san NAME",
        )
