"""Judging a certificate request by a profile: what is granted, or every reason why not.

Reasons are worded as Dogtag words them where Dogtag has the same rule. What a CSR asks for beyond
subject, key and the kinds of names its profile lets through is not judged: it is never copied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from sealwire.ca.profile_words import EllipticCurve, Input, NameKind, SubjectAttribute
from sealwire.errors import Finding, RefusedError, Severity
from sealwire.x509.hostnames import general_name
from sealwire.x509.subject import dn_text, parse_dn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from sealwire.ca.profile_words import SigningAlgorithm
    from sealwire.ca.profiles import Profile

REJECTED: Final = "request.rejected"
"""Code of the error that says a profile refuses a request."""

LONGEST_VALUE: Final[Mapping[x509.ObjectIdentifier, int]] = {
    NameOID.COMMON_NAME: 64,
    NameOID.SURNAME: 64,
    NameOID.GIVEN_NAME: 64,
    NameOID.SERIAL_NUMBER: 64,
    NameOID.COUNTRY_NAME: 2,
    NameOID.LOCALITY_NAME: 128,
    NameOID.STATE_OR_PROVINCE_NAME: 128,
    NameOID.STREET_ADDRESS: 128,
    NameOID.ORGANIZATION_NAME: 64,
    NameOID.ORGANIZATIONAL_UNIT_NAME: 64,
    NameOID.TITLE: 64,
    NameOID.POSTAL_CODE: 40,
    NameOID.DOMAIN_COMPONENT: 63,
    NameOID.USER_ID: 256,
    NameOID.EMAIL_ADDRESS: 255,
}
"""Attribute types a subject may have, with RFC 5280's (appendix A.1) upper bounds in characters."""

_REQUIRED_TYPES: Final[Mapping[SubjectAttribute, x509.ObjectIdentifier]] = {
    SubjectAttribute.COMMON_NAME: NameOID.COMMON_NAME,
    SubjectAttribute.USER_ID: NameOID.USER_ID,
    SubjectAttribute.ORGANIZATION: NameOID.ORGANIZATION_NAME,
    SubjectAttribute.COUNTRY: NameOID.COUNTRY_NAME,
}

_CURVES: Final[Mapping[str, EllipticCurve]] = {
    ec.SECP256R1.name: EllipticCurve.P256,
    ec.SECP384R1.name: EllipticCurve.P384,
}

_MAILBOX: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_LONGEST_QUOTE: Final = 256
# A pattern may take long over a long text, and no subject of allowed attributes is this long.
_LONGEST_SUBJECT: Final = 4096
_MOST_ATTRIBUTES: Final = 32


@dataclass(frozen=True, slots=True)
class Grant:
    """What a profile grants to a request: all that may come from outside into a certificate."""

    subject: x509.Name
    public_key: CertificatePublicKeyTypes
    names: tuple[x509.GeneralName, ...]


def quoted(text: str) -> str:
    """``text`` short enough for a message, e.g. a subject of a megabyte."""
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."


def requested_names(csr: x509.CertificateSigningRequest) -> tuple[x509.GeneralName, ...]:
    """The CSR's alternative names. Raises RefusedError ``csr.invalid`` when they are unreadable."""
    try:
        extension = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return tuple(extension.value)
    except x509.ExtensionNotFound:
        return ()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as fault:
        raise RefusedError("csr.invalid", f"The extensions are not readable: {fault}") from None


def judge(
    profile: Profile,
    csr: x509.CertificateSigningRequest,
    *,
    requestor_email: str,
    algorithm: SigningAlgorithm,
    subject: x509.Name | None = None,
    depth: int | None = None,
    reasons: Iterable[str] = (),
) -> Grant:
    """What ``profile`` grants to ``csr``, signed by a CA that signs with ``algorithm``.

    ``subject`` is the one asked for (see ``asked_subject``), None the CSR's own.
    ``depth`` is how many CAs may stand below that CA (None: any number), ``reasons`` what speaks
    against the request besides. Raises RefusedError ``request.rejected`` with every violated
    constraint; its message is what Dogtag shows as ``Reason``. The CSR's own signature was
    verified when it was read.
    """
    # Each of these parses anew.
    subject, public_key = subject or csr.subject, csr.public_key()
    found = list(_subject_reasons(profile, subject))
    found += _key_reasons(profile, public_key)
    if algorithm not in profile.constraints.signing.algorithms:
        found.append(f"Signing Algorithm Not Matched {algorithm}")
    if _too_deep(profile, depth):
        found.append("Max Path Length not matched")
    names, name_reasons = _granted_names(profile, csr, subject, requestor_email)
    found += name_reasons
    found += reasons
    if found:
        raise rejected(found)
    return Grant(subject, public_key, names)


def asked_subject(profile: Profile, csr: x509.CertificateSigningRequest, text: str) -> x509.Name:
    """The subject that a request asks for: the CSR's, unless the profile's form said another one.

    ``text`` is what the request's row says. Raises RefusedError ``subject.unreadable``.
    """
    own = csr.subject
    if Input.SUBJECT_NAME not in profile.inputs or dn_text(own) == text:
        return own
    return parse_dn(text)


def rejected(reasons: Iterable[str]) -> RefusedError:
    """``request.rejected`` for these reasons."""
    found = list(reasons)
    findings = [Finding(REJECTED, Severity.ERROR, reason) for reason in found]
    return RefusedError(REJECTED, "; ".join(found), findings=findings)


def _too_deep(profile: Profile, depth: int | None) -> bool:
    wanted = profile.defaults.basic_constraints
    return wanted is not None and depth is not None and (wanted.path_length or 0) >= depth


def _subject_reasons(profile: Profile, subject: x509.Name) -> Iterator[str]:
    constraint = profile.constraints.subject
    text = dn_text(subject)
    if not list(subject):
        yield "Subject Name Not Found"
        return
    missing = [
        kind
        for kind in constraint.required
        if not any(str(a.value) for a in subject.get_attributes_for_oid(_REQUIRED_TYPES[kind]))
    ]
    matched = len(text) <= _LONGEST_SUBJECT and re.fullmatch(constraint.pattern, text, re.DOTALL)
    if missing or not matched:
        yield f"Subject Name Not Matched {quoted(text)}"
    if len(list(subject)) > _MOST_ATTRIBUTES:
        yield f"Subject Name With More Than {_MOST_ATTRIBUTES} Attributes"
        return
    if len(subject.get_attributes_for_oid(NameOID.COMMON_NAME)) > 1:
        yield "Subject Name With More Than One Common Name"
    for attribute in subject:
        yield from _attribute_reasons(attribute)


def _attribute_reasons(attribute: x509.NameAttribute[str | bytes]) -> Iterator[str]:
    label = attribute.rfc4514_attribute_name
    longest = LONGEST_VALUE.get(attribute.oid)
    if longest is None:
        yield f"Subject Name Attribute Not Allowed {label}"
    elif len(attribute.value) > longest:
        yield f"Subject Name Attribute {label} Longer Than {longest} Characters"
    # Octets (a BIT STRING value) are not printable either: no attribute in the table has them.
    if not isinstance(attribute.value, str) or not attribute.value.isprintable():
        yield f"Subject Name Attribute {label} Contains Control Characters"


def _key_reasons(profile: Profile, public_key: object) -> Iterator[str]:
    allowed = profile.constraints.key
    types = [name for name, values in (("RSA", allowed.rsa), ("EC", allowed.ec)) if values]
    parameters = ",".join([*(str(size) for size in allowed.rsa), *allowed.ec])
    if isinstance(public_key, rsa.RSAPublicKey) and allowed.rsa:
        matched = public_key.key_size in allowed.rsa
    elif isinstance(public_key, ec.EllipticCurvePublicKey) and allowed.ec:
        matched = _CURVES.get(public_key.curve.name) in allowed.ec
    else:
        yield f"Key Type {','.join(types)} Not Matched"
        return
    if not matched:
        yield f"Key Parameters {parameters} Not Matched"


def _granted_names(
    profile: Profile,
    csr: x509.CertificateSigningRequest,
    subject: x509.Name,
    requestor_email: str,
) -> tuple[tuple[x509.GeneralName, ...], list[str]]:
    rules, pattern = profile.defaults.names, profile.constraints.names.pattern
    names: dict[x509.GeneralName, None] = {}
    reasons: list[str] = []
    hosts = dict.fromkeys(_wanted_hosts(profile, csr, subject))
    mails = dict.fromkeys(_wanted_mail_addresses(profile, subject, requestor_email))
    if len(hosts) + len(mails) > rules.maximum:
        # Not judged one by one: there may be ten thousand.
        return (), [f"More Than {rules.maximum} Subject Alternative Names"]
    for text in hosts:
        name = host_or_address(text, wildcards=rules.wildcards)
        if name is None or not re.fullmatch(pattern, str(name.value), re.DOTALL):
            reasons.append(f"Subject Alternative Name Not Matched {quoted(text)}")
        else:
            names[name] = None
    for origin, text in mails:
        mail = _mail_address(text)
        if mail is None:
            reasons.append(f"{origin} Email Not Matched {quoted(text)}")
        else:
            names[mail] = None
    return tuple(names), reasons


def _wanted_hosts(
    profile: Profile, csr: x509.CertificateSigningRequest, subject: x509.Name
) -> Iterator[str]:
    rules = profile.defaults.names
    if rules.from_common_name:
        for attribute in subject.get_attributes_for_oid(NameOID.COMMON_NAME):
            yield str(attribute.value)
    if rules.from_request:
        yield from _names_let_through(csr, rules.from_request)


def _wanted_mail_addresses(
    profile: Profile, subject: x509.Name, requestor_email: str
) -> Iterator[tuple[str, str]]:
    rules = profile.defaults.names
    if rules.from_requestor_email and requestor_email:
        yield "Requestor", requestor_email
    if rules.from_subject_email:
        for attribute in subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
            yield "Subject", str(attribute.value)


def _names_let_through(
    csr: x509.CertificateSigningRequest, kinds: tuple[NameKind, ...]
) -> Iterator[str]:
    for name in requested_names(csr):
        is_dns = isinstance(name, x509.DNSName) and NameKind.DNS in kinds
        is_ip = isinstance(name, x509.IPAddress) and NameKind.IP in kinds
        if is_dns or is_ip:
            yield str(name.value)


def host_or_address(text: str, *, wildcards: bool) -> x509.DNSName | x509.IPAddress | None:
    """A name that TLS clients can check: an address, or a host name in lower case. Else None.

    A wildcard stands alone in the leftmost of at least three labels.
    """
    try:
        name = general_name(text)
    except ValueError:
        return None
    if isinstance(name, x509.IPAddress):
        return name
    if "*" in name.value and not (wildcards and name.value.count(".") > 1):
        return None
    return x509.DNSName(name.value.lower())


def _mail_address(text: str) -> x509.RFC822Name | None:
    mailbox, _, domain = text.rpartition("@")
    if not _MAILBOX.fullmatch(mailbox) or not domain.isascii():
        return None
    host = host_or_address(domain, wildcards=False)
    return x509.RFC822Name(text) if isinstance(host, x509.DNSName) else None
