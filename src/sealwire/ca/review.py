"""What an agent sees of a request: what was submitted, what would be signed, and how they differ.

Everything from outside is made printable here: a CSR can hold any bytes.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID, NameOID

from sealwire.ca.constraints import requested_names
from sealwire.ca.objections import read_lint_document
from sealwire.ca.ports import RequestType
from sealwire.ca.profile_words import Input
from sealwire.errors import RefusedError
from sealwire.x509.keys import key_label
from sealwire.x509.subject import dn_text, parse_dn, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.ca.ports import Approval, Request
    from sealwire.ca.profiles import Profile
    from sealwire.errors import Finding

_INPUT_NAMES: Final[Mapping[Input, str]] = {
    Input.CERTIFICATE_REQUEST: "Certificate Request Input",
    Input.KEY_GENERATION: "Key Generation",
    Input.SUBJECT_NAME: "Subject Name",
    Input.REQUESTOR: "Requestor Information",
}

_SUBJECT_INPUT: Final[Mapping[str, x509.ObjectIdentifier]] = {
    "sn_uid": NameOID.USER_ID,
    "sn_e": NameOID.EMAIL_ADDRESS,
    "sn_cn": NameOID.COMMON_NAME,
    "sn_ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "sn_o": NameOID.ORGANIZATION_NAME,
    "sn_c": NameOID.COUNTRY_NAME,
}


@dataclass(frozen=True, slots=True)
class ReviewInput:
    """One input of the profile, named as Dogtag names it, with what was submitted."""

    name: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Review:
    """A request as an agent reviews it.

    ``certificate_text`` shows what approval would sign, or for a complete request what was
    signed; empty for the other states. ``tbs_sha256`` names exactly these bytes: an approval that
    carries it holds for nothing else. ``differences`` say where the CSR asked for something else,
    ``lint`` what the linter said of just these bytes. ``approvals`` are those that hold for them,
    of ``approvals_needed``.
    """

    request: Request
    profile_name: str
    inputs: tuple[ReviewInput, ...]
    certificate_text: str
    differences: tuple[str, ...]
    tbs_sha256: str | None
    lint: tuple[Finding, ...] = ()
    approvals: tuple[Approval, ...] = ()
    approvals_needed: int = 1


def build_review(
    request: Request,
    profile: Profile | None,
    certificate: x509.Certificate | None,
    approvals: tuple[Approval, ...] = (),
) -> Review:
    """Put together what there is; ``profile`` is None when it does not exist any more.

    A change of a certificate's status has no CSR: it shows the certificate that it is about.
    """
    if request.request_type is not RequestType.ENROLLMENT:
        return Review(
            request=request,
            profile_name="",
            inputs=(),
            certificate_text=certificate_text(certificate) if certificate else "",
            differences=(),
            tbs_sha256=None,
        )
    csr = x509.load_der_x509_csr(request.csr_der)
    inputs = profile.inputs if profile else (Input.CERTIFICATE_REQUEST, Input.REQUESTOR)
    return Review(
        request=request,
        profile_name=profile.name if profile else request.profile_id,
        inputs=tuple(ReviewInput(_INPUT_NAMES[i], _attributes(i, request, csr)) for i in inputs),
        certificate_text=certificate_text(certificate) if certificate else "",
        differences=tuple(differences(csr, certificate)) if certificate else (),
        tbs_sha256=request.tbs_sha256 if certificate else None,
        lint=read_lint_document(request.lint),
        approvals=approvals,
        approvals_needed=profile.approval.approvers if profile else 1,
    )


def _attributes(
    kind: Input, request: Request, csr: x509.CertificateSigningRequest
) -> tuple[tuple[str, str], ...]:
    if kind is Input.REQUESTOR:
        return (
            ("requestor_name", printable(request.requestor_name)),
            ("requestor_email", printable(request.requestor_email)),
            ("requestor_phone", printable(request.requestor_phone)),
        )
    if kind is Input.SUBJECT_NAME:
        same = dn_text(csr.subject) == request.subject
        subject = csr.subject if same else parse_dn(request.subject)
        return tuple(
            (name, ", ".join(_values(subject, oid))) for name, oid in _SUBJECT_INPUT.items()
        )
    pem = csr.public_bytes(serialization.Encoding.PEM).decode()
    return (("cert_request_type", "pkcs10"), ("cert_request", pem))


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    return [printable(str(attribute.value)) for attribute in name.get_attributes_for_oid(oid)]


def certificate_text(certificate: x509.Certificate) -> str:
    """The certificate in lines for people; nothing in it can move a cursor."""
    lines = [
        f"Serial number: {certificate.serial_number:#x}",
        f"Subject: {dn_text(certificate.subject)}",
        f"Issuer: {dn_text(certificate.issuer)}",
        f"Not before: {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC",
        f"Not after: {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
        f"Public key: {key_label(certificate.public_key())}",
    ]
    for extension in certificate.extensions:
        critical = " (critical)" if extension.critical else ""
        lines.append(f"{_label(extension.oid)}{critical}: {_extension_text(extension.value)}")
    return "\n".join(lines) + "\n"


def differences(
    csr: x509.CertificateSigningRequest, certificate: x509.Certificate
) -> Iterator[str]:
    """Where the certificate is not what the CSR asked for, a sentence each."""
    own, given = dn_text(csr.subject), dn_text(certificate.subject)
    if own != given:
        yield f"The request's key is signed for the subject {own}; its form says {given}."
    asked, issued = requested_names(csr), _issued_names(certificate)
    for name in _without(asked, issued):
        yield f"The request asks for the name {name_text(name)}; it is left out."
    for name in _without(issued, asked):
        yield f"The name {name_text(name)} is added."
    granted = {extension.oid: extension.value for extension in certificate.extensions}
    for extension in csr.extensions:
        label, text = _label(extension.oid), _extension_text(extension.value)
        if extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            continue
        if extension.oid not in granted:
            yield f"The request asks for {label} ({text}); it is left out."
        elif granted[extension.oid] != extension.value:
            yield f"The request asks for {label} ({text}); the profile decides."


def _without(
    names: Sequence[x509.GeneralName], others: Sequence[x509.GeneralName]
) -> Iterator[x509.GeneralName]:
    known = {_same_name(other) for other in others}
    return (name for name in names if _same_name(name) not in known)


def _issued_names(certificate: x509.Certificate) -> Sequence[x509.GeneralName]:
    try:
        return tuple(
            certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        )
    except x509.ExtensionNotFound:
        return ()


def _same_name(name: x509.GeneralName) -> tuple[type[x509.GeneralName], str]:
    return type(name), str(name.value).lower()


def name_text(name: x509.GeneralName) -> str:
    """``DNS:www.example.com``, ``IP:192.0.2.1``, ``email:...``; other kinds by their class."""
    words = {x509.DNSName: "DNS", x509.IPAddress: "IP", x509.RFC822Name: "email"} | {
        x509.UniformResourceIdentifier: "URI"
    }
    word = words.get(type(name), type(name).__name__)
    value = dn_text(name.value) if isinstance(name, x509.DirectoryName) else str(name.value)
    return f"{word}:{printable(value)}"


def _extension_text(value: x509.ExtensionType) -> str:
    match value:
        case x509.SubjectAlternativeName():
            text = ", ".join(name_text(name) for name in value)
        case x509.ExtendedKeyUsage():
            text = ", ".join(_label(purpose) for purpose in value)
        case x509.KeyUsage():
            text = ", ".join(_key_usage_bits(value)) or "none"
        case x509.BasicConstraints():
            length = "" if value.path_length is None else f", path length {value.path_length}"
            text = f"CA:{str(value.ca).upper()}{length}"
        case x509.OCSPNoCheck():
            text = "present"
        case _:
            text = _pointer_text(value)
    return text


def _pointer_text(value: x509.ExtensionType) -> str:
    match value:
        case x509.SubjectKeyIdentifier():
            text = value.digest.hex(":").upper()
        case x509.AuthorityKeyIdentifier():
            text = (value.key_identifier or b"").hex(":").upper()
        case x509.AuthorityInformationAccess() | x509.CRLDistributionPoints():
            text = ", ".join(_addresses(value))
        case _:
            text = f"{len(value.public_bytes())} octets"
    return text


def _addresses(
    value: x509.AuthorityInformationAccess | x509.CRLDistributionPoints,
) -> Iterator[str]:
    if isinstance(value, x509.AuthorityInformationAccess):
        for access in value:
            yield f"{_label(access.access_method)} {name_text(access.access_location)}"
        return
    for point in value:
        yield from (name_text(name) for name in point.full_name or ())


def _key_usage_bits(usage: x509.KeyUsage) -> Iterator[str]:
    bits = {
        "digitalSignature": usage.digital_signature,
        "nonRepudiation": usage.content_commitment,
        "keyEncipherment": usage.key_encipherment,
        "dataEncipherment": usage.data_encipherment,
        "keyAgreement": usage.key_agreement,
        "keyCertSign": usage.key_cert_sign,
        "cRLSign": usage.crl_sign,
    }
    return (name for name, present in bits.items() if present)


def _label(oid: x509.ObjectIdentifier) -> str:
    word = oid._name  # noqa: SLF001 - no public spelling exists
    return oid.dotted_string if word == "Unknown OID" else word


def stored_certificate(der: bytes) -> x509.Certificate:
    """A certificate row's DER, parsed. Raises RefusedError ``certificate.damaged``."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise RefusedError(
            "certificate.damaged", "The stored certificate cannot be read."
        ) from None
