"""Certificates and CSRs as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.errors import UsageError
from sealwire.x509.certificate import (
    certificate_names,
    certificate_pem,
    fingerprint_text,
)
from sealwire.x509.csr import read_csr
from sealwire.x509.hostnames import a_label
from sealwire.x509.keys import KeyType, key_label
from sealwire.x509.subject import SubjectFields, common_names, dn_text
from sealwire.x509.wizard import CaKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.console.visit import Visit
    from sealwire.identity.ports import InstalledIdentity, PendingCsr

SOON_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One certificate. Fingerprints in the form of RFC 5425, SHA-256 first."""

    subject: str
    issuer: str
    serial: str
    names: tuple[str, ...]
    key: str
    not_before: datetime
    not_after: datetime
    days_left: int
    sha256: str
    sha1: str
    self_signed: bool
    pem: str

    @property
    def state(self) -> str:
        """``expired``, ``soon`` or ``good``."""
        if self.days_left < 0:
            return "expired"
        return "soon" if self.days_left < SOON_DAYS else "good"


@dataclass(frozen=True, slots=True)
class CsrFacts:
    """A CSR that waits for its certificate; ``file`` is ``NAME.csr``."""

    key_id: str
    subject: str
    names: tuple[str, ...]
    key: str
    pem: str
    file: str
    created: datetime


def facts(certificate: x509.Certificate, now: datetime) -> CertificateFacts:
    """What there is to say about one certificate."""
    return CertificateFacts(
        subject=dn_text(certificate.subject),
        issuer=dn_text(certificate.issuer),
        serial=f"{certificate.serial_number:#x}",
        names=certificate_names(certificate),
        key=key_label(certificate.public_key()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        days_left=(certificate.not_valid_after_utc - now).days,
        sha256=fingerprint_text(certificate),
        sha1=fingerprint_text(certificate, "sha-1"),
        self_signed=certificate.subject == certificate.issuer,
        pem=certificate_pem(certificate).decode("ascii"),
    )


def pem_facts(pem: str, now: datetime) -> list[CertificateFacts]:
    """Of each certificate in a PEM text of ours."""
    found = x509.load_pem_x509_certificates(pem.encode("ascii"))
    return [facts(certificate, now) for certificate in found]


def chain_facts(installed: InstalledIdentity | None, now: datetime) -> list[CertificateFacts]:
    """The installed chain, leaf first; empty when nothing is installed."""
    return [] if installed is None else pem_facts(installed.chain_pem, now)


def csr_facts(pending: PendingCsr) -> CsrFacts:
    """What a CSR of ours asks for."""
    csr = read_csr(pending.csr_pem.encode("ascii"))
    return CsrFacts(
        key_id=pending.key_id,
        subject=dn_text(csr.name),
        names=csr.names,
        key=csr.key_label,
        pem=pending.csr_pem,
        file=f"{_file_stem(csr.name)}.csr",
        created=pending.created,
    )


def _file_stem(name: x509.Name) -> str:
    first = next(iter(common_names(name)), "request")
    try:
        stem = a_label(first.strip()).lower()
    except ValueError:
        stem = "request"
    stem = stem.replace("*", "_wildcard")
    kept = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "_" for c in stem)
    return kept.lstrip(".-") or "request"


def waiting(pending: Sequence[PendingCsr]) -> list[CsrFacts]:
    """Newest first."""
    return [csr_facts(one) for one in reversed(pending)]


def asked_subject(visit: Visit) -> SubjectFields:
    """The fields of *Generate New CSR*."""
    return SubjectFields(
        country=visit.text("country"),
        state=visit.text("state"),
        locality=visit.text("locality"),
        organization=visit.text("organization"),
        unit=visit.text("unit"),
        common_name=visit.text("common_name"),
    )


def asked_names(visit: Visit) -> list[str]:
    """Further names, separated by commas, blanks or line ends."""
    return visit.text("names").replace(",", " ").split()


def asked_key_type(visit: Visit) -> KeyType:
    """The key's kind. Raises UsageError ``key.type``."""
    try:
        return KeyType(visit.text("key_type"))
    except ValueError:
        raise UsageError(
            "key.type", "There is no such kind of key.", hint=f"One of {', '.join(KeyType)}."
        ) from None


def asked_kind(visit: Visit) -> CaKind:
    """The kind of CA. Raises UsageError ``csr.ca``."""
    try:
        return CaKind(visit.text("ca") or CaKind.SEALWIRE)
    except ValueError:
        raise UsageError("csr.ca", "There is no such kind of CA.") from None


def given_files(visit: Visit) -> list[tuple[str, bytes]]:
    """Certificate and chain: pasted, uploaded, or both; in any order and format."""
    pasted = [
        (label, visit.text(name).encode("utf-8", "replace"))
        for name, label in (("certificate", "Client Certificate"), ("chain", "Certificate Chain"))
        if visit.text(name)
    ]
    return [*pasted, *visit.form.uploads("files")]


def given_key(visit: Visit) -> bytes | None:
    """The private key, pasted or uploaded; None when it was made here."""
    pasted = visit.text("key")
    if pasted:
        return pasted.encode("utf-8", "replace")
    return next((data for _, data in visit.form.uploads("key_file")), None)


def given_password(visit: Visit) -> bytes | None:
    """The pass phrase of an encrypted key or PKCS#12 file."""
    text = visit.form.text("key_password")
    return text.encode("utf-8", "replace") if text else None


def require_files(files: Sequence[tuple[str, bytes]]) -> None:
    """Raises UsageError ``import.empty`` when nothing was given."""
    if not files:
        raise UsageError(
            "import.empty",
            "No certificate was given.",
            hint="Paste it with its BEGIN and END lines, or choose its file.",
        )
