"""What ``sealwire chain`` and ``sealwire cert`` print as JSON, and what they sum up for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.cli.output import printable
from sealwire.cli.report import chain_entry, finding_document
from sealwire.errors import Finding, Severity
from sealwire.x509.certificate import certificate_sha256
from sealwire.x509.findings import Code, plain_list, warning
from sealwire.x509.keys import key_id, key_label
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography.x509 import Certificate

    from sealwire.x509.bundle import Bundle
    from sealwire.x509.chain import BuiltChain, Order

_MANY = 6
_CROWDS = {
    Code.STRANGER: "certificates are not part of the chain",
    Code.NOTHING_FOUND: "files hold no certificate, key or request",
}


def chain_document(chain: BuiltChain, order: Order, bundle: Bundle) -> dict[str, object]:
    """A chain that holds: what is written, what else would hold, what became of each file."""
    written = chain.ordered(order)
    return {
        "ok": True,
        "purpose": chain.purpose.value,
        "chain": _entries(written),
        "path": _entries(chain.path),
        "alternates": [{"chain": _entries(path)} for path in chain.alternates],
        "refused": [
            {"chain": _entries(path), "reason": printable(why)} for path, why in chain.refused
        ],
        "certificates": list(_uses(bundle, chain, written)),
        "findings": [finding_document(finding) for finding in (*chain.findings, *bundle.findings)],
    }


def refused_document(bundle: Bundle, findings: Sequence[Finding]) -> dict[str, object]:
    """No chain: what was in the files, and why it is none."""
    return {
        "ok": False,
        "chain": [],
        "certificates": [
            _use(certificate, origin, None)
            for certificate, origin in zip(bundle.certificates, bundle.origins, strict=True)
        ],
        "findings": [finding_document(finding) for finding in findings],
    }


def _entries(certificates: Iterable[Certificate]) -> list[dict[str, str]]:
    return [chain_entry(certificate) for certificate in certificates]


def _uses(
    bundle: Bundle, chain: BuiltChain, written: Sequence[Certificate]
) -> Iterable[dict[str, str | None]]:
    seen = set()
    for certificate, origin in zip(bundle.certificates, bundle.origins, strict=True):
        if certificate in seen:
            use = "duplicate"
        elif certificate in written:
            use = "used"
        else:
            use = "left_out" if certificate in chain.path else "stranger"
        seen.add(certificate)
        yield _use(certificate, origin, use)


def _use(certificate: Certificate, origin: str, use: str | None) -> dict[str, str | None]:
    return {
        "subject": dn_text(certificate.subject),
        "sha256": certificate_sha256(certificate),
        "file": origin,
        "use": use,
    }


def summed_up(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with crowds of one kind in one line: a root store in the bag, or a whole folder.

    Scripts read all of them (``--json``).
    """
    findings = list(findings)
    for code, words in _CROWDS.items():
        some = [finding.subject or "" for finding in findings if finding.code == code]
        if len(some) >= _MANY:
            text = f"{len(some)} {words}: {plain_list(some, 3)}."
            findings = [finding for finding in findings if finding.code != code]
            findings.append(Finding(code.value, Severity.INFO, text))
    return findings


def without_certificate(bundle: Bundle) -> Iterable[Finding]:
    """What is there instead when there is no certificate at all."""
    if bundle.certificates:
        return
    if bundle.csrs:
        text = "There is a certificate request: what is needed is the CA's answer to it."
        yield warning(Code.NOTHING_FOUND, text)
    if bundle.keys:
        yield warning(Code.NOTHING_FOUND, "There is a private key, which has no certificate here.")


def contents_document(
    bundle: Bundle, documents: Sequence[dict[str, object]], remarks: Sequence[Sequence[Finding]]
) -> dict[str, object]:
    """Everything that files hold."""
    certificates = [
        {**document, "findings": [finding_document(finding) for finding in found]}
        for document, found in zip(documents, remarks, strict=True)
    ]
    keys = [
        {"key": key_label(key.public_key()), "key_id": key_id(key.public_key())}
        for key in bundle.keys
    ]
    return {
        "certificates": certificates,
        "keys": keys,
        "requests": len(bundle.csrs),
        "findings": [finding_document(finding) for finding in bundle.findings],
    }


def other_contents(bundle: Bundle) -> Iterable[str]:
    """Lines about keys and requests among the files."""
    certified = {key_id(one.public_key()): one for one in bundle.certificates}
    for key in bundle.keys:
        owner = certified.get(key_id(key.public_key()))
        whose = f"of {dn_text(owner.subject)}" if owner else "of none of the certificates"
        yield printable(f"Private key ({key_label(key.public_key())}) {whose}")
    if bundle.csrs:
        yield f"Certificate requests: {len(bundle.csrs)} (see: sealwire csr show)"
