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
    extension_value,
    is_ca,
    key_usages,
    names_match,
)
from sealwire.x509.findings import Code, error, info, plain_list, warning
from sealwire.x509.keys import public_key_der, weak_key_findings
from sealwire.x509.subject import dn_text, printable
from sealwire.x509.verification import strict_profile_objection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PublicKeyTypes,
    )

    from sealwire.errors import Finding
    from sealwire.x509.graph import IssuerGraph, Node

_USAGE_WORDS = {
    Purpose.SERVER.usage: "serverAuth",
    Purpose.CLIENT.usage: "clientAuth",
}


def leaf_faults(
    leaf: x509.Certificate,
    purpose: Purpose,
    at: datetime,
    host: str | None,
    key: PublicKeyTypes | CertificatePublicKeyTypes | None,
) -> list[Finding]:
    """Everything wrong with the leaf by itself, whatever its chain."""
    label = _label(leaf)
    found = weak_key_findings(leaf.public_key(), label)
    if leaf.version is x509.Version.v1:
        text = "It is an X.509 version 1 certificate, which cannot name a host."
        found.append(error(Code.VERSION_1, text, label))
    found += validity_faults(leaf, at)
    found += _usage_faults(leaf, purpose)
    found += host_faults(leaf, host) if host is not None else []
    if key is not None and public_key_der(leaf.public_key()) != public_key_der(key):
        text = f"The key does not belong to the certificate {label}."
        found.append(error(Code.KEY_MISMATCH, text, label))
    return found


def validity_faults(certificate: x509.Certificate, at: datetime) -> list[Finding]:
    """Expired, or not yet valid."""
    label = _label(certificate)
    if at > certificate.not_valid_after_utc:
        when = certificate.not_valid_after_utc.isoformat()
        return [error(Code.EXPIRED, f"{label} expired on {when}.", label)]
    if at < certificate.not_valid_before_utc:
        when = certificate.not_valid_before_utc.isoformat()
        return [error(Code.NOT_YET_VALID, f"{label} is valid only from {when}.", label)]
    return []


def _usage_faults(certificate: x509.Certificate, purpose: Purpose) -> list[Finding]:
    usages = key_usages(certificate)
    if usages is None or purpose.usage in usages:
        return []
    label = _label(certificate)
    words = plain_list([_usage_word(usage) for usage in usages])
    wanted = _USAGE_WORDS[purpose.usage]
    text = f"{label} is not for a TLS {purpose.value}: it needs {wanted}, it has {words}."
    return [error(Code.EKU_MISMATCH, text, label)]


def _usage_word(usage: x509.ObjectIdentifier) -> str:
    word = usage._name  # noqa: SLF001 - no public spelling exists
    return _USAGE_WORDS.get(usage) or (usage.dotted_string if word == "Unknown OID" else word)


def host_faults(certificate: x509.Certificate, host: str) -> list[Finding]:
    """The wanted name is not covered; says which names are."""
    if names_match(certificate, host):
        return []
    label = _label(certificate)
    names = [printable(name) for name in certificate_names(certificate)]
    covered = f"it is for {plain_list(names)}" if names else "it has no subject alternative name"
    text = f"The certificate does not cover {printable(host)}: {covered}."
    return [error(Code.NAME_MISMATCH, text, label)]


# -- no chain --------------------------------------------------------------------------------------


def refused_path_faults(
    refused: Sequence[tuple[tuple[Node, ...], str]],
    purpose: Purpose,
    at: datetime,
) -> list[Finding]:
    """Why the best complete path was refused; the verifier's words when ours do not fit."""
    path, words = min(refused, key=lambda pair: (_faulty(pair[0], purpose, at), len(pair[0])))
    found: list[Finding] = []
    for node in path[1:]:
        found += _issuer_faults(node, purpose, at)
    own_words = found or validity_faults(path[0].certificate, at)
    own_words = own_words or _usage_faults(path[0].certificate, purpose)
    if not own_words and not path[0].weak:
        text = f"The chain to {path[-1].label} is refused: {printable(words)}."
        found.append(error(Code.PATH_REFUSED, text, path[0].label))
    return found


def _faulty(path: tuple[Node, ...], purpose: Purpose, at: datetime) -> int:
    return sum(bool(_issuer_faults(node, purpose, at)) for node in path[1:])


def _issuer_faults(node: Node, purpose: Purpose, at: datetime) -> list[Finding]:
    certificate, label = node.certificate, node.label
    found = validity_faults(certificate, at)
    if not is_ca(certificate):
        text = f"{label} is not marked as a CA, so that nothing it signed counts."
        found.append(error(Code.NOT_A_CA, text, label))
    usage = extension_value(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        text = f"{label} may not sign certificates (its key usage lacks keyCertSign)."
        found.append(error(Code.KEY_USAGE, text, label))
    usages = key_usages(certificate)
    if usages is not None and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usages:
        found += _usage_faults(certificate, purpose)
    if node.weak:
        found.append(error(Code.WEAK_KEY, f"{label}: {node.weak}", label))
    return found


def no_path_faults(graph: IssuerGraph, leaf: Node) -> list[Finding]:
    """Where the chain breaks off: the missing issuer by name, and where to get it."""
    top = _highest(graph, leaf)
    if top.self_issued and not graph.issuers(top):
        text = f"The chain ends at {top.label}, which is not among the trusted roots."
        code = Code.SELF_SIGNED if top is leaf else Code.ROOT_UNTRUSTED
        return [error(code, text, top.label)]
    issuer = dn_text(top.certificate.issuer)
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


def _highest(graph: IssuerGraph, leaf: Node) -> Node:
    """The end of the longest walk upward, breadth first, each identity once."""
    seen, level, top = {leaf.identity}, [leaf], leaf
    while level:
        top = level[0]
        above = {}
        for node in level:
            for issuer in graph.issuers(node):
                if issuer.identity not in seen:
                    above[issuer.digest] = issuer
        seen |= {node.identity for node in above.values()}
        level = [above[digest] for digest in sorted(above)]
    return top


# -- remarks on a chain that holds -----------------------------------------------------------------


def chain_remarks(
    path: tuple[x509.Certificate, ...], purpose: Purpose, at: datetime, max_depth: int
) -> list[Finding]:
    """What is worth knowing about a valid chain."""
    leaf, label = path[0], _label(path[0])
    found = []
    if purpose is Purpose.SERVER and not certificate_names(leaf):
        text = "It has no subject alternative name; current clients ignore the common name."
        found.append(warning(Code.SAN_MISSING, text, label))
    for issuer in path[1:]:
        if issuer.not_valid_after_utc < leaf.not_valid_after_utc:
            when = issuer.not_valid_after_utc.isoformat()
            text = f"{_label(issuer)} expires on {when}, before the certificate itself."
            found.append(warning(Code.OUTLIVES_ISSUER, text, _label(issuer)))
    for issuer in path[1:]:
        found += [
            fault
            for fault in weak_key_findings(issuer.public_key(), _label(issuer))
            if fault.severity is not Severity.ERROR
        ]
    objection = strict_profile_objection(path, purpose, at, max_depth)
    if objection is not None:
        text = f"Verifiers with the public web's strict profile would refuse it: {objection}."
        found.append(warning(Code.STRICT_PROFILE, printable(text), label))
    return found


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
        before = " | ".join(_label(certificate) for certificate in present)
        after = " | ".join(_label(certificate) for certificate in written)
        found.append(info(Code.REORDERED, f"Found in the order {before}; written as {after}."))
    found += _dropped(bag, distinct, path)
    if tls and path[-1] not in written:
        text = f"The root {_label(path[-1])} is left out: peers that trust it have it."
        found.append(info(Code.ROOT_LEFT_OUT, text, _label(path[-1])))
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
    for certificate, count in sorted(counts.items(), key=lambda pair: _label(pair[0])):
        if count > 1:
            label = _label(certificate)
            found.append(info(Code.DUPLICATE, f"{label} is there {count} times.", label))
    strangers = sorted(_label(certificate) for certificate in distinct if certificate not in path)
    return found + [
        info(Code.STRANGER, f"{label} is not part of the chain.", label) for label in strangers
    ]


def _label(certificate: x509.Certificate) -> str:
    return dn_text(certificate.subject) or f"(no subject, serial {certificate.serial_number:x})"
