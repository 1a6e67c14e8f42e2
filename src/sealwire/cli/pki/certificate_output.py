"""Certificates in Dogtag's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.cli.pki.reading import number_of, total_of, understood
from sealwire.cli.pki_output import format_number, java_date, listing, said, visible_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALGORITHMS: Final = {
    "1.2.840.113549.1.1.1": "PKCS #1 RSA",
    "1.2.840.113549.1.1.4": "PKCS #1 MD5 With RSA",
    "1.2.840.10040.4.1": "DSA",
}
CONFIRM_PROMPT: Final = "Are you sure (Y/N)? "


def certificates_found(document: Mapping[str, Any], audit_format: str) -> str:
    """Answer of ``ca-cert-find``: the server's ``CertDataInfos``."""
    with understood("a list of certificates"):
        entries = document.get("entries") or ()
        blocks = [_info_block(entry, audit_format) for entry in entries]
        return listing(blocks, total_of(document), word="found")


def certificate_block(
    document: Mapping[str, Any], audit_format: str, *, pretty: bool = False, encoded: bool = False
) -> str:
    """The server's ``CertData`` as ``ca-cert-show`` prints it."""
    with understood("a certificate"):
        lines = [
            *_identity_lines(document, audit_format),
            f"  Not Valid Before: {java_date(document.get('NotBefore'))}",
            f"  Not Valid After: {java_date(document.get('NotAfter'))}",
            *_revocation_lines(document),
        ]
        text = "\n".join(lines) + "\n"
        if pretty and document.get("PrettyPrint") is not None:
            text += "\n" + visible_lines(document["PrettyPrint"])
        if encoded:
            text += "\n" + encoded_certificate(document)
        return text


def encoded_certificate(document: Mapping[str, Any]) -> str:
    """The PEM of a ``CertData``, its lines ended as everywhere here."""
    with understood("a certificate with its encoding"):
        return visible_lines(document["Encoded"])


def _info_block(document: Mapping[str, Any], audit_format: str) -> str:
    lines = [
        *_identity_lines(document, audit_format),
        f"  Type: {_type(document)}",
        f"  Key Algorithm: {_key_algorithm(document)}",
        f"  Not Valid Before: {java_date(document.get('NotValidBefore'))}",
        f"  Not Valid After: {java_date(document.get('NotValidAfter'))}",
        f"  Issued On: {java_date(document.get('IssuedOn'))}",
        f"  Issued By: {said(document.get('IssuedBy'))}",
        *_revocation_lines(document),
    ]
    return "\n".join(lines) + "\n"


def _identity_lines(document: Mapping[str, Any], audit_format: str) -> list[str]:
    return [
        f"  Serial Number: {format_number(number_of(document['id']), audit_format)}",
        f"  Subject DN: {said(document.get('SubjectDN'))}",
        f"  Issuer DN: {said(document.get('IssuerDN'))}",
        f"  Status: {said(document.get('Status'))}",
    ]


def _revocation_lines(document: Mapping[str, Any]) -> list[str]:
    lines = []
    if document.get("RevokedOn") is not None:
        lines.append(f"  Revoked On: {java_date(document['RevokedOn'])}")
    if document.get("RevokedBy") is not None:
        lines.append(f"  Revoked By: {said(document['RevokedBy'])}")
    return lines


def _type(document: Mapping[str, Any]) -> str:
    version = document.get("Version")
    name = said(document.get("Type"))
    return name if version is None else f"{name} version {int(version) + 1}"


def _key_algorithm(document: Mapping[str, Any]) -> str:
    oid, length = document.get("KeyAlgorithmOID"), document.get("KeyLength")
    name = "" if oid is None else _ALGORITHMS.get(oid, f"OID.{said(oid)}")
    return name if length is None else f"{name} with {int(length)}-bit key"
