"""Which certificate of a bag is the one that everything is about, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.errors import RefusedError, Severity
from sealwire.x509.certificate import Purpose, host_matcher, key_usages
from sealwire.x509.findings import Code, error, plain_list
from sealwire.x509.keys import public_key_der

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PublicKeyTypes,
    )

    from sealwire.errors import Finding
    from sealwire.x509.graph import IssuerGraph, Node


def refusal(findings: Sequence[Finding], members: Mapping[str, str] | None = None) -> RefusedError:
    """The error that says why there is no chain.

    Its member ``issuer_urls``, when there, holds the addresses of the missing issuer, one a line.
    """
    faults = [finding for finding in findings if finding.severity is Severity.ERROR]
    first = faults[0].message if faults else "The certificates do not form a chain."
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    text = f"No valid chain: {first}{more}"
    hint = next((_HINTS[fault.code] for fault in faults if fault.code in _HINTS), "")
    return RefusedError("chain.invalid", text, hint=hint, findings=findings, members=members)


_RENEW: Final = "have the CA issue it anew"
_HINTS: Final[Mapping[str, str]] = {
    Code.LEAF_MISSING: "add the certificate that the CA issued for this host or client",
    Code.ISSUER_MISSING: "ask the CA for the missing certificate (it is no secret) and add it; if"
    " it is the root, have it trusted here",
    Code.ISSUER_OTHER_KEY: "ask the CA for the CA certificate that goes with this one",
    Code.ROOT_UNTRUSTED: "trust that root here if it is the right one, or use another CA",
    Code.SELF_SIGNED: "have a CA issue the certificate, or trust this one itself",
    Code.KEY_MISMATCH: "give the key that the request was made with, or ask for a new certificate",
    Code.EXPIRED: "renew what has expired; if it has not, correct the clock",
    Code.NOT_YET_VALID: "wait until then; if it should be valid by now, correct the clock",
    Code.NAME_MISMATCH: "use a name that it covers, or have it issued with this one too",
    Code.EKU_MISMATCH: f"{_RENEW}, for this purpose",
    Code.NOT_A_CA: "have it issued by a CA certificate, not by a host's",
    Code.KEY_USAGE: "have the CA's certificate issued anew, with keyCertSign",
    Code.VERSION_1: f"{_RENEW}, as version 3 with a subject alternative name",
    Code.WEAK_KEY: f"{_RENEW}, with a new key: RSA 2048 or P-256",
    Code.WEAK_SIGNATURE: f"{_RENEW}, with SHA-256",
    Code.ORDER_WRONG: "put the certificates into the order needed, or build the chain anew",
    Code.PATH_LENGTH: "use a CA with fewer intermediates, or allow more of them",
}


def purpose_of(leaf: x509.Certificate) -> Purpose:
    """What the leaf is for: client only when its extended key usage says client and not server."""
    usages = key_usages(leaf)
    if usages is None or ExtendedKeyUsageOID.SERVER_AUTH in usages:
        return Purpose.SERVER
    if ExtendedKeyUsageOID.CLIENT_AUTH in usages:
        return Purpose.CLIENT
    return Purpose.SERVER


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the leaf is told by; ``key`` is public. ``at``: a renewed certificate has several."""

    at: datetime
    certificate: x509.Certificate | None = None
    key: PublicKeyTypes | CertificatePublicKeyTypes | None = None
    host: str | None = None
    purpose: Purpose | None = None


def choose_leaf(graph: IssuerGraph, wanted: Wanted) -> Node:
    """The certificate named, else the key's, else the only one that issues nothing.

    Raises RefusedError ``chain.invalid`` when there is none, or several could be meant.
    """
    if wanted.certificate is not None:
        return graph.node(wanted.certificate)
    if wanted.key is not None:
        return _leaf_by_key(graph, public_key_der(wanted.key), wanted.at)
    candidates = _likely_leaves(graph)
    if len(candidates) > 1:
        candidates = _narrowed(candidates, wanted)
    if not candidates:
        text = (
            "There is no end certificate among them, only CA certificates."
            if graph.bag
            else "There is no certificate in it."
        )
        raise refusal([error(Code.LEAF_MISSING, text)])
    if len({candidate.identity for candidate in candidates}) > 1:
        labels = [candidate.label for candidate in candidates]
        text = f"Several certificates could be meant: {plain_list(labels)}."
        text += " Say which one, or give its key."
        raise refusal([error(Code.LEAF_AMBIGUOUS, text)])
    return _newest(candidates, wanted.at)


def _newest(nodes: list[Node], at: datetime) -> Node:
    """Of a certificate and its renewals the newest that is valid; a CA's before a self-signed one.

    Never a CA's own if there is else.
    """
    moment = int(at.timestamp())

    def worth(node: Node) -> tuple[bool, bool, bool, int, str]:
        valid = node.not_before <= moment <= node.not_after
        return (node.is_ca, not valid, node.self_issued, -node.not_before, node.digest)

    return min(nodes, key=worth)


def _leaf_by_key(graph: IssuerGraph, spki: bytes, at: datetime) -> Node:
    matching = graph.with_key(spki)
    leaves = [node.label for node in _likely_leaves(graph)]
    if not matching:
        text = "The key belongs to none of the certificates"
        text += f"; there is one for {plain_list(leaves)}." if leaves else "."
        raise refusal([error(Code.KEY_MISMATCH, text)])
    node = _newest(matching, at)
    if node.is_ca and graph.issues_another(node) and leaves:
        text = f"The key belongs to the CA certificate {node.label}, not to {plain_list(leaves)}."
        raise refusal([error(Code.KEY_MISMATCH, text, node.label)])
    return node


def key_faults(
    graph: IssuerGraph, leaf: Node, key: PublicKeyTypes | CertificatePublicKeyTypes
) -> list[Finding]:
    """The key is another certificate's, or nobody's."""
    owners = graph.with_key(public_key_der(key))
    if leaf in owners:
        return []
    text = f"The key does not belong to the certificate {leaf.label}"
    text += f"; it belongs to {plain_list([owner.label for owner in owners])}." if owners else "."
    return [error(Code.KEY_MISMATCH, text, leaf.label)]


def _likely_leaves(graph: IssuerGraph) -> list[Node]:
    """The best non-empty class: CAs only when the bag holds nothing else but one self-signed."""
    plain = [node for node in graph.bag if not node.is_ca and not graph.issues_another(node)]
    if plain:
        return [node for node in plain if not node.self_issued] or plain
    return graph.bag if len(graph.bag) == 1 and graph.bag[0].self_issued else []


def _narrowed(nodes: list[Node], wanted: Wanted) -> list[Node]:
    if wanted.host is not None:
        covers = host_matcher(wanted.host)
        nodes = [node for node in nodes if covers(node.certificate)] or nodes
    if wanted.purpose is not None:
        fitting = []
        for node in nodes:
            usages = key_usages(node.certificate)
            if usages is None or wanted.purpose.usage in usages:
                fitting.append(node)
        nodes = fitting or nodes
    return nodes
