"""From a bag of certificates to one chain: the leaf, its path to a root, and what to say about it.

The path is the shortest one without a loop, found breadth-first over issuers; every candidate is
verified by the library's verifier (see ``verification``). The result depends on the set of
certificates only, never on their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.errors import RefusedError, Severity
from sealwire.x509.certificate import Purpose, certificate_pem, key_usages, names_match
from sealwire.x509.diagnosis import (
    chain_remarks,
    leaf_faults,
    no_path_faults,
    order_remarks,
    refused_path_faults,
)
from sealwire.x509.findings import Code, error, info, plain_list, warning
from sealwire.x509.graph import IssuerGraph, Node
from sealwire.x509.keys import public_key_der
from sealwire.x509.subject import dn_text
from sealwire.x509.verification import PathRefusedError, path_verifier, reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PublicKeyTypes,
    )

    from sealwire.errors import Finding

__all__ = ["DEFAULT_DEPTH", "BuiltChain", "Order", "Purpose", "build_chain", "check_chain"]

DEFAULT_DEPTH = 8
# Crafted bags have more paths than there is time; real ones need a few dozen.
MAX_PATHS_WALKED = 20_000
MAX_PATHS_VERIFIED = 300


class Order(StrEnum):
    """The orders that products ask for."""

    TLS = "tls"
    CISCO = "cisco"
    USM = "usm"


@dataclass(frozen=True, slots=True)
class BuiltChain:
    """``path``: leaf first, trusted end last (the leaf alone when it is its own issuer)."""

    path: tuple[x509.Certificate, ...]
    purpose: Purpose
    findings: tuple[Finding, ...]

    @property
    def leaf(self) -> x509.Certificate:
        """The end entity's certificate."""
        return self.path[0]

    @property
    def anchor(self) -> x509.Certificate:
        """The trusted end."""
        return self.path[-1]

    def ordered(self, order: Order = Order.TLS) -> tuple[x509.Certificate, ...]:
        """The certificates in the order a product wants.

        ``tls``: leaf, issuing CA, ... without the self-signed root. ``cisco``: issuing CA up to
        the root. ``usm``: root down to the issuing CA. A self-signed leaf stands for itself.
        """
        issuers = self.path[1:]
        if not issuers:
            return self.path
        if order is Order.CISCO:
            return issuers
        if order is Order.USM:
            return tuple(reversed(issuers))
        kept = issuers[:-1] if issuers[-1].subject == issuers[-1].issuer else issuers
        return (self.path[0], *kept)

    def pem(self, order: Order = Order.TLS) -> bytes:
        """PEM of ``ordered``."""
        return b"".join(certificate_pem(certificate) for certificate in self.ordered(order))


@dataclass(slots=True)
class _Search:
    """One building job: what was asked, what was found out on the way."""

    graph: IssuerGraph
    leaf: Node
    purpose: Purpose
    at: datetime
    max_depth: int
    findings: list[Finding] = field(default_factory=list)


def build_chain(  # noqa: PLR0913 - every option of the command is one of its own
    certificates: Sequence[x509.Certificate],
    *,
    at: datetime,
    purpose: Purpose | None = None,
    host: str | None = None,
    leaf: x509.Certificate | None = None,
    key: PublicKeyTypes | CertificatePublicKeyTypes | None = None,
    roots: Sequence[x509.Certificate] = (),
    max_depth: int = DEFAULT_DEPTH,
    order: Order = Order.TLS,
) -> BuiltChain:
    """Pick and verify the chain at time ``at`` (aware).

    The leaf is ``leaf``, else the one that ``key`` (public) belongs to, else the only one that
    issues nothing. Without ``purpose`` the leaf's extended key usage decides, server if both.
    Without ``roots`` the self-signed CAs among ``certificates`` are trusted, which a finding says.
    ``order`` only words the remarks.
    Raises RefusedError ``chain.invalid`` with all findings when there is no valid chain.
    """
    # Certificates count in whole seconds, and hold until the end of their last one.
    at = at.replace(microsecond=0)
    graph = IssuerGraph(certificates, roots, extra=(leaf,) if leaf is not None else ())
    node = _choose_leaf(graph, leaf, key, host, purpose)
    purpose = purpose or purpose_of(node.certificate)
    search = _Search(graph, node, purpose, at, max_depth)
    search.findings.extend(leaf_faults(node.certificate, purpose, at, host, key))
    path = _find_path(search)
    if path is None or _refused(search.findings):
        raise refusal(search.findings)
    built = tuple(step.certificate for step in path)
    result = BuiltChain(built, purpose, ())
    search.findings.extend(chain_remarks(built, purpose, at, max_depth))
    search.findings.extend(_trust_remarks(graph, path))
    search.findings.extend(
        order_remarks(certificates, built, result.ordered(order), tls=order is Order.TLS)
    )
    return BuiltChain(built, purpose, tuple(search.findings))


def refusal(findings: Sequence[Finding]) -> RefusedError:
    """The error that says why there is no chain."""
    faults = [finding for finding in findings if finding.severity is Severity.ERROR]
    first = faults[0].message if faults else "The certificates do not form a chain."
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    return RefusedError("chain.invalid", f"No valid chain: {first}{more}", findings=findings)


def _refused(findings: Sequence[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def purpose_of(leaf: x509.Certificate) -> Purpose:
    """What the leaf is for: client only when its extended key usage says client and not server."""
    usages = key_usages(leaf)
    if usages is None or ExtendedKeyUsageOID.SERVER_AUTH in usages:
        return Purpose.SERVER
    if ExtendedKeyUsageOID.CLIENT_AUTH in usages:
        return Purpose.CLIENT
    return Purpose.SERVER


# -- the leaf ------------------------------------------------------------------------------------


def _choose_leaf(
    graph: IssuerGraph,
    leaf: x509.Certificate | None,
    key: PublicKeyTypes | CertificatePublicKeyTypes | None,
    host: str | None,
    purpose: Purpose | None,
) -> Node:
    if leaf is not None:
        return graph.node(leaf)
    if key is not None:
        return _leaf_by_key(graph, public_key_der(key))
    candidates = _likely_leaves(graph)
    if len(candidates) > 1:
        candidates = _narrowed(candidates, host, purpose)
    if not candidates:
        text = (
            "There is no end certificate among them, only CA certificates."
            if graph.bag
            else "There is no certificate in it."
        )
        raise refusal([error(Code.LEAF_MISSING, text)])
    if len(candidates) > 1:
        labels = [candidate.label for candidate in candidates]
        text = f"Several certificates could be meant: {plain_list(labels)}."
        text += " Say which one, or give its key."
        raise refusal([error(Code.LEAF_AMBIGUOUS, text)])
    return candidates[0]


def _leaf_by_key(graph: IssuerGraph, spki: bytes) -> Node:
    matching = [node for node in graph.bag if node.spki == spki]
    if not matching:
        leaves = [node.label for node in _likely_leaves(graph)]
        text = "The key belongs to none of the certificates"
        text += f"; there is one for {plain_list(leaves)}." if leaves else "."
        raise refusal([error(Code.KEY_MISMATCH, text)])
    # A renewal with the same key leaves two: the newer one is meant, a CA never.
    return min(matching, key=lambda node: (node.is_ca, -node.not_before, node.digest))


def _likely_leaves(graph: IssuerGraph) -> list[Node]:
    """The best non-empty class: CAs only when the bag holds nothing else but one self-signed."""
    plain = [node for node in graph.bag if not node.is_ca and not graph.issues_another(node)]
    if plain:
        return [node for node in plain if not node.self_issued] or plain
    return graph.bag if len(graph.bag) == 1 and graph.bag[0].self_issued else []


def _narrowed(nodes: list[Node], host: str | None, purpose: Purpose | None) -> list[Node]:
    if host is not None:
        nodes = [node for node in nodes if names_match(node.certificate, host)] or nodes
    if purpose is not None:
        fitting = []
        for node in nodes:
            usages = key_usages(node.certificate)
            if usages is None or purpose.usage in usages:
                fitting.append(node)
        nodes = fitting or nodes
    return nodes


# -- the path ------------------------------------------------------------------------------------


def _find_path(search: _Search) -> tuple[Node, ...] | None:
    """The shortest path that verifies; its absence is explained in ``search.findings``."""
    verify = path_verifier(search.purpose, search.at, search.max_depth)
    refused: list[tuple[tuple[Node, ...], str]] = []
    for path in _anchored_paths(search):
        if len(refused) >= MAX_PATHS_VERIFIED:
            text = f"{MAX_PATHS_VERIFIED} possible paths were refused; the search stopped."
            search.findings.append(error(Code.SEARCH_LIMIT, text))
            break
        try:
            verify([node.certificate for node in path])
            _refuse_weak_keys(path)
        except PathRefusedError as fault:
            refused.append((path, reason(fault)))
        else:
            return path
    if search.graph.exhausted:
        text = "There are too many certificates with the same names; some were not tried."
        search.findings.append(error(Code.SEARCH_LIMIT, text))
    if refused:
        search.findings.extend(refused_path_faults(refused, search.purpose, search.at))
    elif not any(finding.code == Code.SEARCH_LIMIT for finding in search.findings):
        search.findings.extend(no_path_faults(search.graph, search.leaf))
    return None


def _refuse_weak_keys(path: tuple[Node, ...]) -> None:
    # The verifier leaves the keys of leaf and trusted end alone; this rule is ours.
    weak = next((node for node in path if node.weak), None)
    if weak is not None:
        raise PathRefusedError(f"{weak.label}: {weak.weak}")


def _anchored_paths(search: _Search) -> Iterator[tuple[Node, ...]]:
    """Loop-free paths that end in a trusted certificate, shortest first, best first among equals.

    Among paths of one length, the one whose certificates expire last comes first; the digests
    break ties, so that the order of the input never matters.
    """
    rooted = search.graph.rooted(search.leaf)
    level: list[tuple[Node, ...]] = [(search.leaf,)] if rooted else []
    budget = MAX_PATHS_WALKED
    for _ in range(search.max_depth + 2):
        yield from sorted(
            (path for path in level if search.graph.trusts(path[-1])), key=_preference
        )
        longer = list(islice(_extended(search.graph, rooted, level), budget + 1))
        budget -= len(longer)
        if budget < 0:
            text = "There are too many possible paths; the search stopped."
            search.findings.append(error(Code.SEARCH_LIMIT, text))
            return
        level = longer


def _extended(
    graph: IssuerGraph, rooted: set[str], paths: Sequence[tuple[Node, ...]]
) -> Iterator[tuple[Node, ...]]:
    """Each path with each issuer of its end that leads to trust and that it does not hold yet."""
    for path in paths:
        if path[-1].self_issued and graph.trusts(path[-1]):
            continue
        for issuer in graph.issuers(path[-1]):
            if issuer.digest in rooted and all(issuer.identity != step.identity for step in path):
                yield (*path, issuer)


def _preference(path: tuple[Node, ...]) -> tuple[int, tuple[str, ...]]:
    return (-min(node.not_after for node in path), tuple(node.digest for node in path))


def _trust_remarks(graph: IssuerGraph, path: tuple[Node, ...]) -> list[Finding]:
    end = path[-1]
    if len(path) == 1 and end.self_issued:
        text = "The certificate is signed by itself: peers must be told to trust it."
        return [warning(Code.SELF_SIGNED, text, end.label)]
    if graph.trusts_bundle:
        text = f"Trust rests on a root that came in the bundle itself: {end.label}."
        return [info(Code.ANCHOR_FROM_BUNDLE, text, end.label)]
    return []


# -- checking a file as it is ----------------------------------------------------------------------


def check_chain(
    certificates: Sequence[x509.Certificate],
    *,
    at: datetime,
    purpose: Purpose | None = None,
    host: str | None = None,
    key: PublicKeyTypes | CertificatePublicKeyTypes | None = None,
    roots: Sequence[x509.Certificate] = (),
    max_depth: int = DEFAULT_DEPTH,
) -> BuiltChain:
    """Judge a file as a server would send it: leaf first, each issuer after it, nothing else.

    Without ``roots`` the chain may end at a certificate whose issuer is not in the file, for a
    root is not sent. Raises RefusedError ``chain.invalid``; a wrong order is an error here.
    """
    graph = IssuerGraph(certificates, ())
    ends = tuple(roots) or graph.topmost()
    built = build_chain(
        certificates,
        at=at,
        purpose=purpose,
        host=host,
        key=key,
        roots=ends,
        max_depth=max_depth,
    )
    findings = [f for f in built.findings if f.code not in {Code.REORDERED, Code.ROOT_LEFT_OUT}]
    strangers = any(finding.code == Code.STRANGER for finding in findings)
    if len(built.path) == 1 and strangers and built.leaf.subject != built.leaf.issuer:
        raise refusal([*findings, *no_path_faults(graph, graph.node(built.leaf))])
    served = _as_served(certificates, built)
    if tuple(certificates[: len(served)]) != served:
        text = f"The order is wrong. Needed: {' | '.join(dn_text(one.subject) for one in served)}."
        findings.append(error(Code.ORDER_WRONG, text))
        raise refusal(findings)
    if built.anchor.subject != built.anchor.issuer:
        text = f"Peers must know the issuer of the last one: {dn_text(built.anchor.issuer)}."
        findings.append(info(Code.ISSUER_MISSING, text))
    elif built.anchor in certificates and len(built.path) > 1:
        text = "The root is in the file; sending it is not needed."
        findings.append(info(Code.ROOT_INCLUDED, text))
    return BuiltChain(built.path, built.purpose, tuple(findings))


def _as_served(
    certificates: Sequence[x509.Certificate], built: BuiltChain
) -> tuple[x509.Certificate, ...]:
    return tuple(certificate for certificate in built.path if certificate in certificates)
