"""From a bag of certificates to one chain: the leaf, its path to a root, and what to say about it.

The path is the shortest one without a loop, found breadth-first over issuers; every candidate is
verified by the library's verifier (see ``verification``). The result depends on the set of
certificates only, never on their order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sealwire.errors import Severity
from sealwire.x509.advice import public_ca_advice
from sealwire.x509.certificate import Purpose, aia_issuer_urls, certificate_pem
from sealwire.x509.diagnosis import chain_remarks, label_of, leaf_faults, order_remarks
from sealwire.x509.findings import Code, info, warning
from sealwire.x509.graph import IssuerGraph, Node
from sealwire.x509.leaf import Wanted, choose_leaf, key_faults, purpose_of, refusal
from sealwire.x509.paths import Question, find_paths
from sealwire.x509.subject import printable
from sealwire.x509.webpki import ADVISED, web_objections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PublicKeyTypes,
    )

    from sealwire.errors import Finding
    from sealwire.x509.paths import Paths

    Certificates = tuple[x509.Certificate, ...]

__all__ = ["DEFAULT_DEPTH", "BuiltChain", "Order", "Purpose", "build_chain", "refusal"]

DEFAULT_DEPTH = 8


class Order(StrEnum):
    """The orders that products ask for."""

    TLS = "tls"
    CISCO = "cisco"
    USM = "usm"


@dataclass(frozen=True, slots=True)
class BuiltChain:
    """``path``: leaf first, trusted end last (the leaf alone when it is its own issuer).

    ``alternates``: further paths that hold as well, next best first. ``refused``: paths that do
    not hold, each with the reason. Both are cut where a bag has very many.
    """

    path: Certificates
    purpose: Purpose
    findings: tuple[Finding, ...]
    alternates: tuple[Certificates, ...] = ()
    refused: tuple[tuple[Certificates, str], ...] = ()

    @property
    def leaf(self) -> x509.Certificate:
        """The end entity's certificate."""
        return self.path[0]

    @property
    def anchor(self) -> x509.Certificate:
        """The trusted end."""
        return self.path[-1]

    def ordered(self, order: Order = Order.TLS) -> Certificates:
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
    strict: bool = False,
) -> BuiltChain:
    """Pick and verify the chain at time ``at`` (aware).

    The leaf is ``leaf``, else the one that ``key`` (public) belongs to, else the only one that
    issues nothing. Without ``purpose`` the leaf's extended key usage decides, server if both.
    Without ``roots`` the self-signed CAs among ``certificates`` are trusted, which a finding says.
    ``order`` only words the remarks. ``strict`` demands what the public web demands (``webpki``);
    without it that is advice.
    Raises RefusedError ``chain.invalid`` with all findings when there is no valid chain.
    """
    # Certificates count in whole seconds, and hold until the end of their last one.
    at = at.replace(microsecond=0)
    graph = IssuerGraph(certificates, roots, extra=(leaf,) if leaf is not None else ())
    node = choose_leaf(graph, Wanted(at, leaf, key, host, purpose))
    purpose = purpose or purpose_of(node.certificate)
    asked = Question(purpose, at, max_depth, host, strict)
    found = leaf_faults(node.certificate, purpose, at, host)
    found += key_faults(graph, node, key) if key is not None else []
    paths = find_paths(graph, node, asked, found)
    found += paths.findings
    if not paths.good or _refused(found):
        raise refusal(found, _missing(graph, node, found))
    chain = _chain(paths, purpose)
    found += _remarks(chain, asked)
    found += _trust_remarks(graph, paths.good[0])
    found += order_remarks(certificates, chain.path, chain.ordered(order), tls=order is Order.TLS)
    return replace(chain, findings=tuple(found))


def _chain(paths: Paths, purpose: Purpose) -> BuiltChain:
    best, *others = (tuple(node.certificate for node in path) for path in paths.good)
    refused = tuple(
        (tuple(node.certificate for node in path), words) for path, words in paths.refused
    )
    return BuiltChain(best, purpose, (), tuple(others), refused)


def _remarks(chain: BuiltChain, asked: Question) -> list[Finding]:
    """What is worth knowing about a chain that holds."""
    found = chain_remarks(chain.path, asked.purpose)
    if not asked.strict:
        objections = web_objections(
            chain.path, asked.purpose, asked.at, asked.max_depth, places=ADVISED
        )
        if objections:
            text = f"Verifiers of the public web would refuse it: {'; '.join(objections)}."
            found.append(warning(Code.STRICT_PROFILE, printable(text), label_of(chain.leaf)))
    return found + public_ca_advice(chain.leaf, asked.purpose)


def _missing(graph: IssuerGraph, leaf: Node, found: Sequence[Finding]) -> dict[str, str]:
    if not any(finding.code == Code.ISSUER_MISSING for finding in found):
        return {}
    urls = aia_issuer_urls(graph.highest(leaf).certificate)
    return {"issuer_urls": "\n".join(urls)} if urls else {}


def _refused(findings: Sequence[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def _trust_remarks(graph: IssuerGraph, path: tuple[Node, ...]) -> list[Finding]:
    end = path[-1]
    if len(path) == 1 and end.self_issued:
        text = "The certificate is signed by itself: peers must be told to trust it."
        return [warning(Code.SELF_SIGNED, text, end.label)]
    if graph.trusts_bundle:
        text = f"Trust rests on a root that came in the bundle itself: {end.label}."
        return [info(Code.ANCHOR_FROM_BUNDLE, text, end.label)]
    return []
