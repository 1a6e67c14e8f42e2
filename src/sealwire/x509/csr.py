"""Certificate requests (PKCS#10, RFC 2986): made, read, and judged."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sealwire.errors import RefusedError, Severity, UsageError
from sealwire.x509.der import UNDECODABLE
from sealwire.x509.findings import Code, error, info, plain_list, warning
from sealwire.x509.hostnames import a_label, general_name, is_host, san_texts
from sealwire.x509.keys import key_id, key_label, signature_hash, weak_key_findings
from sealwire.x509.kinds import der_kind
from sealwire.x509.pem import decode_base64, pem_blocks, plain_text
from sealwire.x509.subject import common_names, dn_text, name_findings, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from sealwire.errors import Finding
    from sealwire.x509.keys import PrivateKey

CSR_LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
MAX_CSR_BYTES = 256 * 1024
_WEAK_HASHES = {"sha1", "md5"}
# A request that is cut or damaged may have lost the shape that tells it.
_REQUEST_KINDS = frozenset({"request", "unknown"})
_OTHER_KINDS = {
    "certificate": "a certificate",
    "key": "a private key",
    "pkcs7": "a PKCS#7 file",
    "pkcs12": "a PKCS#12 file",
}


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A request that verified. ``names``: SAN texts in their order, the common name not added.

    ``extensions`` are those asked for; ``findings`` hold what is worth saying but does not refuse.
    """

    der: bytes
    name: x509.Name
    names: tuple[str, ...]
    public_key: CertificatePublicKeyTypes
    key_label: str
    extensions: x509.Extensions
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class CsrDescription:
    """All that can be said about a request, good or bad; texts are safe to print.

    ``request`` is None unless nothing refuses it.
    """

    subject: str = ""
    names: tuple[str, ...] = ()
    key_label: str = ""
    key_id: str = ""
    signature_algorithm: str = ""
    extensions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    request: CertificateRequest | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing refuses it."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


def build_csr(key: PrivateKey, name: x509.Name, san: Sequence[str]) -> bytes:
    """A signed request, PEM.

    The common name comes first into the SAN when it is a host name or an IP address; names that
    differ only in letter case are kept once; internationalised names become A-labels.
    Raises RefusedError ``csr.names`` with every name that cannot be used.
    """
    entries = san_entries(name, san)
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if entries:
        builder = builder.add_extension(x509.SubjectAlternativeName(entries), critical=False)
    return builder.sign(key, signature_hash(key)).public_bytes(serialization.Encoding.PEM)


def san_entries(name: x509.Name, san: Sequence[str]) -> list[x509.DNSName | x509.IPAddress]:
    """SAN entries for a subject and further names, without repeats. Raises as ``build_csr``."""
    texts = [*(text for text in common_names(name) if is_host(text)), *(s.strip() for s in san)]
    entries: dict[str, x509.DNSName | x509.IPAddress] = {}
    faults = []
    for text in texts:
        try:
            entry = general_name(text)
        except ValueError as fault:
            message = f"'{printable(text)}' is no host name and no IP address: {fault}."
            faults.append(error(Code.NAME_SYNTAX, message))
        else:
            entries.setdefault(str(entry.value).lower(), entry)
    if faults:
        message = " ".join(fault.message for fault in faults)
        raise RefusedError("csr.names", message, findings=faults)
    return list(entries.values())


def file_stem(common_name: str) -> str:
    """What the files of a request are called: the lower-cased name, ``*`` as ``_wildcard``.

    For a checked host name, which is never a path. Raises UsageError ``csr.name``.
    """
    stem = a_label(common_name.strip()).lower().replace("*", "_wildcard")
    if "/" in stem or stem.startswith("."):
        raise UsageError("csr.name", "The common name cannot be a file name.")
    return stem


def read_csr(data: bytes) -> CertificateRequest:
    """Read PEM (text around it allowed, both labels) or DER, and verify.

    Raises RefusedError ``csr.invalid`` with all findings: unreadable, broken signature, weak key,
    country, lengths, control characters, names, extensions.
    """
    description = describe_csr(data)
    if description.request is None:
        faults = [f for f in description.findings if f.severity is Severity.ERROR]
        raise RefusedError(
            "csr.invalid",
            "The certificate request is not valid: " + " ".join(f.message for f in faults),
            findings=description.findings,
        )
    return description.request


def describe_csr(data: bytes) -> CsrDescription:
    """Everything about a request, with all its faults; never raises for bad input."""
    if len(data) > MAX_CSR_BYTES:
        return _unreadable(f"It is larger than {MAX_CSR_BYTES} bytes, which no request is.")
    der = _request_der(data)
    if der is None:
        return _unreadable(f"There is no certificate request in it{_instead(data)}.")
    with warnings.catch_warnings():
        # Odd lengths in names are reported as findings, not as Python warnings.
        warnings.simplefilter("ignore")
        try:
            csr = x509.load_der_x509_csr(der)
            name = csr.subject
        except x509.InvalidVersion as fault:
            text = f"The request says version {fault.parsed_version}; it must be 0 (v1)."
            return _unreadable(text)
        except UNDECODABLE:
            return _unreadable("The request cannot be decoded: it is damaged or cut.")
        return _describe(csr, der, name)


def _unreadable(text: str) -> CsrDescription:
    return CsrDescription(findings=(error(Code.CSR_UNREADABLE, text),))


def _request_der(data: bytes) -> bytes | None:
    """The request's DER, damaged or not; None when nothing in it claims to be one."""
    blocks = list(pem_blocks(data))
    for block in blocks:
        if block.label in CSR_LABELS:
            return block.der if block.der is not None else b""
    return None if blocks else _bare_der(data, _REQUEST_KINDS)


def _bare_der(data: bytes, kinds: frozenset[str]) -> bytes | None:
    der = data if data.startswith(b"\x30") else decode_base64(plain_text(data))
    return der if der is not None and der[:1] == b"\x30" and der_kind(der) in kinds else None


def _instead(data: bytes) -> str:
    """What is there in its place."""
    labels = list(dict.fromkeys(block.label for block in pem_blocks(data)))
    if labels:
        return f" (PKCS#10): it holds {plain_list(labels)}"
    found = _bare_der(data, frozenset(_OTHER_KINDS))
    return (
        f" (PKCS#10): it is {_OTHER_KINDS[der_kind(found)]}" if found else " (PKCS#10, PEM or DER)"
    )


def _describe(csr: x509.CertificateSigningRequest, der: bytes, name: x509.Name) -> CsrDescription:
    found = list(name_findings(name))
    public_key = _public_key(csr, found)
    _check_signature(csr, found, key_known=public_key is not None)
    extensions = _extensions(csr, found)
    names = _names(name, extensions, found)
    description = CsrDescription(
        subject=dn_text(name),
        names=tuple(printable(text) for text in names),
        key_label=key_label(public_key) if public_key else "",
        key_id=key_id(public_key) if public_key else "",
        signature_algorithm=_signature_algorithm(csr),
        extensions=tuple(_extension_label(extension) for extension in extensions),
        findings=tuple(found),
    )
    if public_key is None or not description.ok:
        return description
    request = CertificateRequest(
        der, name, names, public_key, description.key_label, extensions, tuple(found)
    )
    object.__setattr__(description, "request", request)
    return description


def _public_key(
    csr: x509.CertificateSigningRequest, found: list[Finding]
) -> CertificatePublicKeyTypes | None:
    try:
        public_key = csr.public_key()
    except UNDECODABLE:
        text = "Its public key is of a kind that cannot be read or is damaged."
        found.append(error(Code.KEY_UNREADABLE, text))
        return None
    found.extend(weak_key_findings(public_key))
    return public_key


def _check_signature(
    csr: x509.CertificateSigningRequest, found: list[Finding], *, key_known: bool
) -> None:
    if not key_known:
        return
    try:
        digest = csr.signature_hash_algorithm
        if digest is not None and digest.name in _WEAK_HASHES:
            text = f"It is signed with {digest.name.upper()}, which is no longer safe."
            found.append(warning(Code.WEAK_SIGNATURE, text))
        if csr.is_signature_valid:
            return
    except UNDECODABLE:
        text = "Its signature uses an algorithm that is not supported."
        found.append(error(Code.SIGNATURE_UNSUPPORTED, text))
        return
    text = "Its signature does not fit its key: the request was changed or damaged on its way."
    found.append(error(Code.SIGNATURE_BROKEN, text))


def _signature_algorithm(csr: x509.CertificateSigningRequest) -> str:
    oid = csr.signature_algorithm_oid
    # ``_name`` is the library's only table of these words.
    word = oid._name  # noqa: SLF001 - no public spelling exists
    return oid.dotted_string if word == "Unknown OID" else word


def _extensions(csr: x509.CertificateSigningRequest, found: list[Finding]) -> x509.Extensions:
    try:
        return csr.extensions
    except x509.DuplicateExtension as fault:
        text = f"The extension {fault.oid.dotted_string} is in it twice."
        found.append(error(Code.DUPLICATE_EXTENSION, text))
    except UNDECODABLE:
        found.append(error(Code.EXTENSION_UNREADABLE, "An extension in it cannot be decoded."))
    return x509.Extensions([])


def _extension_label(extension: x509.Extension[x509.ExtensionType]) -> str:
    word = extension.oid._name  # noqa: SLF001 - no public spelling exists
    label = extension.oid.dotted_string if word == "Unknown OID" else word
    return f"{label} (critical)" if extension.critical else label


def _names(name: x509.Name, extensions: x509.Extensions, found: list[Finding]) -> tuple[str, ...]:
    try:
        san = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        if not found and any(is_host(text) for text in common_names(name)):
            text = "It has no subject alternative name; only its common name says whom it is for."
            found.append(info(Code.SAN_MISSING, text))
        return ()
    if not list(name) and not list(san):
        found.append(error(Code.NAME_MISSING, "It names nobody: subject and SAN are empty."))
    for entry in san:
        _check_san_entry(entry, found)
    return san_texts(san)


def _check_san_entry(entry: x509.GeneralName, found: list[Finding]) -> None:
    if isinstance(entry, x509.DNSName):
        try:
            general_name(entry.value.replace("_", "-"))
        except ValueError as fault:
            text = f"The SAN '{printable(entry.value)}' is no host name: {fault}."
            found.append(error(Code.NAME_SYNTAX, text))
    elif isinstance(entry, (x509.RFC822Name, x509.UniformResourceIdentifier)):
        if printable(entry.value) != entry.value:
            text = f"The SAN '{printable(entry.value)}' holds control characters."
            found.append(error(Code.FIELD_CONTROL, text))
    elif not isinstance(entry, x509.IPAddress):
        text = f"A SAN entry of kind {type(entry).__name__} is not used here."
        found.append(warning(Code.NAME_SYNTAX, text))
