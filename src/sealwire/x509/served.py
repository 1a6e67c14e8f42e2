"""Judging a file as it stands: is it what a server should send?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.x509.chain import DEFAULT_DEPTH, BuiltChain, build_chain
from sealwire.x509.diagnosis import no_path_faults
from sealwire.x509.findings import Code, error, info
from sealwire.x509.graph import IssuerGraph
from sealwire.x509.leaf import refusal
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PublicKeyTypes,
    )

    from sealwire.x509.certificate import Purpose

_SHOWN: Final = 12


def check_chain(
    certificates: Sequence[x509.Certificate],
    *,
    at: datetime,
    purpose: Purpose | None = None,
    host: str | None = None,
    key: PublicKeyTypes | CertificatePublicKeyTypes | None = None,
    roots: Sequence[x509.Certificate] = (),
    max_depth: int = DEFAULT_DEPTH,
    strict: bool = False,
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
        strict=strict,
    )
    findings = [f for f in built.findings if f.code not in {Code.REORDERED, Code.ROOT_LEFT_OUT}]
    strangers = any(finding.code == Code.STRANGER for finding in findings)
    if len(built.path) == 1 and strangers and built.leaf.subject != built.leaf.issuer:
        raise refusal([*findings, *no_path_faults(graph, graph.node(built.leaf))])
    served = _as_served(certificates, built)
    if tuple(certificates[: len(served)]) != served:
        found, needed = (
            " | ".join(dn_text(one.subject) for one in some)
            for some in (certificates[:_SHOWN], served)
        )
        text = f"The order is wrong: {found}. Needed: {needed}."
        findings.append(error(Code.ORDER_WRONG, text))
        raise refusal(findings)
    if built.anchor.subject != built.anchor.issuer:
        text = f"Peers must know the issuer of the last one: {dn_text(built.anchor.issuer)}."
        findings.append(info(Code.ISSUER_MISSING, text))
    elif built.anchor in certificates and len(built.path) > 1:
        text = "The root is in the file; sending it is not needed."
        findings.append(info(Code.ROOT_INCLUDED, text))
    return replace(built, findings=tuple(findings))


def _as_served(
    certificates: Sequence[x509.Certificate], built: BuiltChain
) -> tuple[x509.Certificate, ...]:
    return tuple(certificate for certificate in built.path if certificate in certificates)
