"""``certrequests``: templates, and requests handed in."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Mapping
from typing import Annotated, Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from fastapi import Query, Request

from sealwire.access.roles import Principal
from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.access import Use, permits
from sealwire.api.dogtag.bodies import Posted
from sealwire.api.dogtag.context import authority_of
from sealwire.api.dogtag.errors import DogtagError, bad_request
from sealwire.api.dogtag.inputs import input_blocks, submitted_values
from sealwire.api.dogtag.profile_info import profile_infos
from sealwire.api.dogtag.request_info import request_infos
from sealwire.api.dogtag.routing import Router
from sealwire.api.dogtag.shapes import NO_ATTRIBUTES, JsonObject
from sealwire.api.dogtag.versions import Speaks
from sealwire.api.security import address_of
from sealwire.ca.profiles import Input
from sealwire.ca.requests import Requestor
from sealwire.ca.service import CertificateAuthority
from sealwire.errors import NotFoundError, RefusedError, UsageError
from sealwire.x509.subject import parse_dn

router = Router(prefix="/certrequests")

Offset = Annotated[int, Query(ge=0)]
_PKCS10: Final = "pkcs10"
_PEM: Final = "-----BEGIN"


@router.get("/profiles", dependencies=[permits(Use.LIST_TEMPLATES)])
def templates(
    request: Request, version: Speaks, start: Offset = 0, size: Offset = 20
) -> JsonObject:
    """The profiles that are shown to everybody."""
    register = authority_of(request).profile_register
    shown = [rules for rules in register.profiles() if rules.profile.visible]
    return profile_infos(request, version, shown, start, size)


@router.get("/profiles/{profile_id}", dependencies=[permits(Use.GET_TEMPLATE)])
def template(request: Request, profile_id: str) -> JsonObject:
    """A form to fill in: every field of the profile's inputs, empty."""
    try:
        profile = authority_of(request).profile(profile_id)
    except NotFoundError:
        message = f"Unable to get enrollment template for {profile_id}: Profile not found"
        raise bad_request(message) from None
    return {
        "ProfileID": profile_id,
        "Renewal": False,
        "SerialNumber": None,
        "RemoteHost": "",
        "RemoteAddress": "",
        "Input": input_blocks(profile, {}),
        "Output": [],
        "Attributes": NO_ATTRIBUTES,
    }


@router.post("")
def submit(
    request: Request, version: Speaks, who: Annotated[Principal, permits(Use.SUBMIT)], body: Posted
) -> JsonObject:
    """Hand in; what the profile rejects is a success as well, with the reason in the request."""
    _check_issuer(request)
    if bodies.flag(body, "Renewal"):
        raise bad_request("Renewal is not supported: submit a certificate request")
    values = submitted_values(body)
    profile_id = bodies.text(body, "ProfileID", "profileId")
    if not profile_id:
        raise bad_request("Unable to create enrollment request: Missing profile ID")
    authority, address = authority_of(request), address_of(request)
    try:
        csr = certificate_request(values)
        subject = _subject(authority, profile_id, values)
    except UsageError as fault:
        authority.note_failed_submission(profile_id, fault, actor=who.name, remote_address=address)
        raise
    try:
        made = authority.submit(
            profile_id,
            csr,
            _requestor(values),
            actor=who.name,
            remote_address=address,
            subject=subject,
        )
    except (NotFoundError, RefusedError) as refusal:
        if refusal.code == "role.absent":
            raise
        raise bad_request(f"Bad request data: {refusal.message}") from refusal
    return request_infos(request, version, [made], 1)


def _subject(
    authority: CertificateAuthority, profile_id: str, values: Mapping[str, str]
) -> x509.Name | None:
    """What the form says where the profile has one for the subject; None: the CSR's counts."""
    try:
        profile = authority.profile(profile_id)
    except NotFoundError:
        # Submitting says so, and records it.
        return None
    return form_subject(values) if Input.SUBJECT_NAME in profile.inputs else None


def _requestor(values: Mapping[str, str]) -> Requestor:
    return Requestor(
        values.get("requestor_name", ""),
        values.get("requestor_email", ""),
        values.get("requestor_phone", ""),
    )


def _check_issuer(request: Request) -> None:
    """There is one CA here. Its own name is known, so another one is refused.

    No ids are given out here: one that comes is the sender's own name for this CA.
    """
    issuer_id, issuer_dn = (request.query_params.get(f"issuer-{kind}") for kind in ("id", "dn"))
    if issuer_id is not None and issuer_dn is not None:
        raise bad_request("Cannot provide both issuer ID and issuer DN")
    if issuer_dn is None:
        return
    try:
        wanted = parse_dn(issuer_dn)
    except RefusedError:
        raise bad_request(f"Invalid DN: {issuer_dn}") from None
    own = x509.load_pem_x509_certificate(authority_of(request).chain_pem().encode())
    if own.subject != wanted:
        raise DogtagError(404, f"CA not found: {issuer_dn}")


def certificate_request(values: Mapping[str, str]) -> bytes:
    """The CSR among the submitted values: PEM, or base64 without its frame.

    Raises UsageError ``input.request`` for anything else.
    """
    kind = values.get("cert_request_type", _PKCS10).lower()
    if kind != _PKCS10:
        raise UsageError("input.request", f"Unsupported certificate request type: only {_PKCS10}")
    text = values.get("cert_request", "").strip()
    if not text:
        raise UsageError("input.request", "Certificate Request Not Found")
    if _PEM in text:
        return text.encode("latin-1", "replace")
    try:
        return base64.b64decode(re.sub(r"\s", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("input.request", "The certificate request is not base64") from None


_SUBJECT_FIELDS: Final[dict[str, x509.ObjectIdentifier]] = {
    "sn_uid": NameOID.USER_ID,
    "sn_e": NameOID.EMAIL_ADDRESS,
    "sn_cn": NameOID.COMMON_NAME,
    "sn_ou3": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "sn_ou2": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "sn_ou1": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "sn_ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "sn_o": NameOID.ORGANIZATION_NAME,
    "sn_c": NameOID.COUNTRY_NAME,
}
"""The most specific first; a name is encoded the other way round."""


def form_subject(values: Mapping[str, str]) -> x509.Name | None:
    """The subject of the form's fields, as Dogtag puts it together; None when all are empty.

    Raises UsageError ``input.subject`` for a value that no name can hold.
    """
    try:
        with warnings.catch_warnings():
            # Lengths are the profile's to judge, in its words.
            warnings.simplefilter("ignore")
            attributes = [
                x509.NameAttribute(oid, values[field])
                for field, oid in reversed(_SUBJECT_FIELDS.items())
                if field in values
            ]
    except (ValueError, TypeError) as fault:
        raise UsageError("input.subject", f"Invalid subject name: {fault}") from None
    return x509.Name(attributes) if attributes else None
