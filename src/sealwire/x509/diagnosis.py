"""Why a chain holds or does not, in plain words, each with its stable code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.errors import Severity
from sealwire.x509.certificate import (
    Purpose,
    aia_issuer_urls,
    certificate_names,
    key_usages,
    names_match,
    serial_number,
    weak_hash,
)
from sealwire.x509.findings import Code, error, info, plain_list, warning
from sealwire.x509.keys import weak_key_findings
from sealwire.x509.subject import dn_text, printable
from sealwire.x509.verifier_words import plain_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sealwire.errors import Finding
    from sealwire.x509.graph import IssuerGraph, Node

_ANY_USAGE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
_USAGE_WORDS = {
    Purpose.SERVER.usage: "serverAuth",
    Purpose.CLIENT.usage: "clientAuth",
    _ANY_USAGE: "anyExtendedKeyUsage",
}


def leaf_faults(
    leaf: x509.Certificate,
    purpose: Purpose,
    at: datetime,
    host: str | None,
) -> list[Finding]:
    """Everything wrong with the leaf by itself, whatever its chain."""
    label = label_of(leaf)
    found = weak_key_findings(leaf.public_key(), label)
    if leaf.version is x509.Version.v1:
        text = "It is an X.509 version 1 certificate, which cannot name a host."
        found.append(error(Code.VERSION_1, text, label))
    found += validity_faults(leaf, at)
    found += _usage_faults(leaf, purpose)
    found += _unknown_faults(leaf)
    if leaf.subject != leaf.issuer:
        found += signature_faults(leaf)
    found += host_faults(leaf, host) if host is not None else []
    return found


def validity_faults(certificate: x509.Certificate, at: datetime) -> list[Finding]:
    """Expired, or not yet valid."""
    if at > certificate.not_valid_after_utc:
        label = label_of(certificate)
        when = _when(certificate.not_valid_after_utc)
        return [error(Code.EXPIRED, f"{label} expired on {when}.", label)]
    if at < certificate.not_valid_before_utc:
        label = label_of(certificate)
        when = _when(certificate.not_valid_before_utc)
        return [error(Code.NOT_YET_VALID, f"{label} is valid only from {when}.", label)]
    return []


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _usage_faults(certificate: x509.Certificate, purpose: Purpose) -> list[Finding]:
    usages = key_usages(certificate)
    if usages is None or purpose.usage in usages:
        return []
    label = label_of(certificate)
    words = plain_list([_usage_word(usage) for usage in usages])
    wanted = _USAGE_WORDS[purpose.usage]
    text = f"{label} is not for a TLS {purpose.value}: it needs {wanted}, it has {words}."
    return [error(Code.EKU_MISMATCH, text, label)]


def _usage_word(usage: x509.ObjectIdentifier) -> str:
    word = usage._name  # noqa: SLF001 - no public spelling exists
    return _USAGE_WORDS.get(usage) or (usage.dotted_string if word == "Unknown OID" else word)


def _unknown_faults(certificate: x509.Certificate) -> list[Finding]:
    """Critical extensions that are not known here: who does not understand one, must refuse."""
    label = label_of(certificate)
    return [
        error(
            Code.CRITICAL_EXTENSION,
            f"{label} has the critical extension {extension.oid.dotted_string}, which is unknown.",
            label,
        )
        for extension in certificate.extensions
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension)
    ]


def host_faults(certificate: x509.Certificate, host: str) -> list[Finding]:
    """The wanted name is not covered; says which names are."""
    if names_match(certificate, host):
        return []
    label = label_of(certificate)
    names = [printable(name) for name in certificate_names(certificate)]
    covered = f"it is for {plain_list(names)}" if names else "it has no subject alternative name"
    if names_match(certificate, host, common_name=True):
        covered += ", and clients no longer look at the common name"
    text = f"The certificate does not cover {printable(host)}: {covered}."
    return [error(Code.NAME_MISMATCH, text, label)]


# -- no chain --------------------------------------------------------------------------------------


def refused_path_faults(
    refused: Sequence[tuple[tuple[Node, ...], str]],
    faults_of: Callable[[Node], tuple[Finding, ...]],
    leaf: Sequence[Finding],
) -> list[Finding]:
    """Why the best complete path was refused; the verifier's words when ours do not fit.

    ``leaf`` is what was found against the leaf by itself, said already.
    """

    def faulty(path: tuple[Node, ...]) -> int:
        return sum(bool(faults_of(node)) for node in path[1:])

    path, words = min(refused, key=lambda pair: (faulty(pair[0]), len(pair[0])))
    found = [fault for node in path[1:] for fault in faults_of(node)]
    if not found and not any(fault.severity is Severity.ERROR for fault in leaf):
        code, plain = plain_refusal(words)
        text = f"The chain to {path[-1].label} is refused: {printable(plain)}."
        found.append(error(code, text, path[0].label))
    return found


def own_fault(node: Node, words: str) -> Finding:
    """What the verifier has against one certificate in a path."""
    code, plain = plain_refusal(words)
    return error(code, f"{node.label}: {printable(plain)}.", node.label)


def issuer_faults(node: Node, purpose: Purpose, at: datetime, *, trusted: bool) -> list[Finding]:
    """Everything wrong with a certificate as an issuer, whatever it issued.

    The signature of a ``trusted`` one does not matter: it is trusted by itself.
    """
    certificate = node.certificate
    found = validity_faults(certificate, at)
    if not node.is_ca:
        text = f"{node.label} is not marked as a CA, so that nothing it signed counts."
        found.append(error(Code.NOT_A_CA, text, node.label))
    usage = node.extensions.get(x509.KeyUsage)
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        text = f"{node.label} may not sign certificates (its key usage lacks keyCertSign)."
        found.append(error(Code.KEY_USAGE, text, node.label))
    usages = node.extensions.get(x509.ExtendedKeyUsage)
    if isinstance(usages, x509.ExtendedKeyUsage) and _ANY_USAGE not in usages:
        found += _usage_faults(certificate, purpose)
    if node.weak:
        found.append(error(Code.WEAK_KEY, f"{node.label}: {node.weak}", node.label))
    if x509.UnrecognizedExtension in node.extensions:
        found += _unknown_faults(certificate)
    if not trusted and weak_hash(certificate):
        found += signature_faults(certificate)
    return found


def signature_faults(certificate: x509.Certificate) -> list[Finding]:
    """Signed with a hash that nobody should rely on; its own issuer's fault, or its age."""
    digest, label = weak_hash(certificate), label_of(certificate)
    if not digest:
        return []
    text = f"{label} is signed with {digest}, which anybody with means can forge."
    return [error(Code.WEAK_SIGNATURE, text, label)]


def no_path_faults(graph: IssuerGraph, leaf: Node) -> list[Finding]:
    """Where the chain breaks off: the missing issuer by name, and where to get it."""
    top = graph.highest(leaf)
    if top.self_issued and all(each.identity == top.identity for each in graph.issuers(top)):
        text = f"The chain ends at {top.label}, which is not among the trusted roots."
        code = Code.SELF_SIGNED if top is leaf else Code.ROOT_UNTRUSTED
        return [error(code, text, top.label)]
    issuer = dn_text(top.certificate.issuer)
    if graph.issuers(top):
        text = f"The CAs above {leaf.label} sign each other in a circle; a root is missing."
        return [error(Code.ISSUER_MISSING, text, issuer)]
    where = [printable(url) for url in aia_issuer_urls(top.certificate)]
    text = f"The issuer of {top.label} is missing: {issuer}."
    if where:
        text += f" Its CA offers it at {plain_list(where)}."
    found = [error(Code.ISSUER_MISSING, text, issuer)]
    if graph.namesakes(top):
        text = (
            f"A certificate named {issuer} is there, but its key did not sign {top.label}:"
            " it is of another generation."
        )
        found.append(error(Code.ISSUER_OTHER_KEY, text, issuer))
    return found


# -- remarks on a chain that holds -----------------------------------------------------------------


def chain_remarks(path: tuple[x509.Certificate, ...], purpose: Purpose) -> list[Finding]:
    """What is worth knowing about a valid chain."""
    leaf, label = path[0], label_of(path[0])
    found = []
    if purpose is Purpose.SERVER and not certificate_names(leaf):
        text = "It has no subject alternative name; current clients ignore the common name."
        found.append(warning(Code.SAN_MISSING, text, label))
    for issuer in path[1:]:
        if issuer.not_valid_after_utc < leaf.not_valid_after_utc:
            when = _when(issuer.not_valid_after_utc)
            text = f"{label_of(issuer)} expires on {when}, before the certificate itself."
            found.append(warning(Code.OUTLIVES_ISSUER, text, label_of(issuer)))
    for issuer in path[1:]:
        found += [
            fault
            for fault in weak_key_findings(issuer.public_key(), label_of(issuer))
            if fault.severity is not Severity.ERROR
        ]
    return found


def passed_over(
    refused: Sequence[tuple[tuple[Node, ...], str]],
    faults_of: Callable[[Node], tuple[Finding, ...]],
) -> list[Finding]:
    """Why paths no longer than the chosen one were not taken; each reason once."""
    reasons: dict[str, str] = {}
    for path, words in refused:
        fault = next((fault for node in path[1:] for fault in faults_of(node)), None)
        text = fault.message if fault else f"{plain_refusal(words)[1]}."
        subject = fault.subject if fault and fault.subject else path[-1].label
        reasons.setdefault(printable(text), subject)
    return [
        info(Code.PATH_SKIPPED, f"Another path was passed over: {text}", subject)
        for text, subject in reasons.items()
    ]


def order_remarks(
    bag: Sequence[x509.Certificate],
    path: Sequence[x509.Certificate],
    written: Sequence[x509.Certificate],
    *,
    tls: bool,
) -> list[Finding]:
    """What was done with the bag: reordered, duplicates and strangers dropped, root left out."""
    found = []
    distinct = list(dict.fromkeys(bag))
    present = [certificate for certificate in distinct if certificate in written]
    if present != [certificate for certificate in written if certificate in distinct]:
        before = " | ".join(label_of(certificate) for certificate in present)
        after = " | ".join(label_of(certificate) for certificate in written)
        found.append(info(Code.REORDERED, f"Found in the order {before}; written as {after}."))
    found += _dropped(bag, distinct, path)
    if tls and path[-1] not in written:
        text = f"The root {label_of(path[-1])} is left out: peers that trust it have it."
        found.append(info(Code.ROOT_LEFT_OUT, text, label_of(path[-1])))
    return found


def _dropped(
    bag: Sequence[x509.Certificate],
    distinct: Sequence[x509.Certificate],
    path: Sequence[x509.Certificate],
) -> list[Finding]:
    found = []
    counts: dict[x509.Certificate, int] = {}
    for certificate in bag:
        counts[certificate] = counts.get(certificate, 0) + 1
    repeated = [
        (label_of(certificate), count) for certificate, count in counts.items() if count > 1
    ]
    for label, count in sorted(repeated):
        found.append(info(Code.DUPLICATE, f"{label} is there {count} times.", label))
    chosen = set(path)
    strangers = sorted(
        label_of(certificate) for certificate in distinct if certificate not in chosen
    )
    return found + [
        info(Code.STRANGER, f"{label} is not part of the chain.", label) for label in strangers
    ]


def label_of(certificate: x509.Certificate) -> str:
    """Its subject, safe to print."""
    return dn_text(certificate.subject) or f"(no subject, serial {serial_number(certificate):x})"
