"""What a submitter fills in, as Dogtag's templates show it and its clients send it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.api.dogtag import bodies
from sealwire.ca.profiles import Input

if TYPE_CHECKING:
    from sealwire.api.dogtag.shapes import Json, JsonObject
    from sealwire.ca.profiles import Profile


@dataclass(frozen=True, slots=True)
class Form:
    """One input's name, and its fields: name, syntax, what it is."""

    name: str
    fields: tuple[tuple[str, str, str], ...]


FORMS: Final[Mapping[Input, Form]] = {
    Input.CERTIFICATE_REQUEST: Form(
        "Certificate Request Input",
        (
            ("cert_request_type", "cert_request_type", "Certificate Request Type"),
            ("cert_request", "cert_request", "Certificate Request"),
        ),
    ),
    Input.KEY_GENERATION: Form(
        "Key Generation",
        (
            ("cert_request_type", "keygen_request_type", "Key Generation Request Type"),
            ("cert_request", "keygen_request", "Key Generation Request"),
        ),
    ),
    Input.SUBJECT_NAME: Form(
        "Subject Name",
        (
            ("sn_uid", "string", "UID"),
            ("sn_e", "string", "Email"),
            ("sn_cn", "string", "Common Name"),
            ("sn_ou3", "string", "Organizational Unit 3"),
            ("sn_ou2", "string", "Organizational Unit 2"),
            ("sn_ou1", "string", "Organizational Unit 1"),
            ("sn_ou", "string", "Organizational Unit"),
            ("sn_o", "string", "Organization"),
            ("sn_c", "string", "Country"),
        ),
    ),
    Input.REQUESTOR: Form(
        "Requestor Information",
        (
            ("requestor_name", "string", "Requestor Name"),
            ("requestor_email", "string", "Requestor Email"),
            ("requestor_phone", "string", "Requestor Phone"),
        ),
    ),
}

OUTPUT_CLASS: Final = "certOutputImpl"
_OUTPUT_NAME: Final = "Certificate Output"
_OUTPUTS: Final = (
    ("pretty_cert", "pretty_print", "Certificate Pretty Print"),
    ("b64_cert", "pretty_print", "Certificate Base-64 Encoded"),
)


def descriptor(syntax: str, description: str) -> JsonObject:
    """What a value is, for whoever fills it in."""
    return {
        "Syntax": syntax,
        "Description": description,
        "Constraint": None,
        "DefaultValue": None,
    }


def attribute(name: str, syntax: str, description: str, value: Json) -> JsonObject:
    """A named value with its description."""
    return {"name": name, "Value": value, "Descriptor": descriptor(syntax, description)}


def input_blocks(profile: Profile, values: Mapping[str, str] | None) -> list[Json]:
    """The profile's inputs, numbered ``i1`` on, filled with ``values``; None: not filled in.

    Dogtag's Python client needs both ``Attribute`` and ``ConfigAttribute``.
    """
    return [
        {
            "id": f"i{number}",
            "ClassID": kind.value,
            "Name": FORMS[kind].name,
            "Text": None,
            "Attribute": [
                attribute(*field, None if values is None else values.get(field[0], ""))
                for field in FORMS[kind].fields
            ],
            "ConfigAttribute": [],
        }
        for number, kind in enumerate(profile.inputs, start=1)
    ]


def output_blocks() -> list[Json]:
    """What a profile gives out: the certificate, printed and encoded."""
    given: list[Json] = [attribute(*field, None) for field in _OUTPUTS]
    return [{"id": "o1", "name": _OUTPUT_NAME, "classId": OUTPUT_CLASS, "attributes": given}]


def submitted_values(body: JsonObject) -> dict[str, str]:
    """Every value that a submitted form holds, by the attribute's name.

    The first one that is not empty counts. Raises UsageError ``input.shape``.
    """
    values: dict[str, str] = {}
    for block in bodies.objects(body, "Input", "inputs"):
        for each in bodies.objects(block, "Attribute", "attributes"):
            name, value = bodies.text(each, "name"), bodies.text(each, "Value", "value")
            if name and value:
                values.setdefault(name, value)
    return values
