"""The CA's own certificate when somebody else signed it: judged whole, before anything rests on it.

What came back is a bag of files: our certificate, the CAs above it, their root. The chain is the
shortest one without a loop; each certificate in it must be what an issuer of TLS certificates
has to be, and all faults are told at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.ca.authority_certificates import subject_identifier
from sealwire.ca.ports import CaCertificates
from sealwire.errors import RefusedError, Severity
from sealwire.x509.certificate import Purpose, certificate_pem, extension_value
from sealwire.x509.diagnosis import issuer_faults, no_path_faults
from sealwire.x509.findings import Code, error, info, plain_list, warning
from sealwire.x509.graph import IssuerGraph
from sealwire.x509.keys import key_id
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sealwire.errors import Finding
    from sealwire.x509.bundle import Bundle
    from sealwire.x509.graph import Node

    Path = tuple[Node, ...]

_MOST_STEPS: Final = 5_000
_UNDERSTOOD: Final = frozenset(
    {
        x509.BasicConstraints.oid,
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.NameConstraints.oid,
        x509.CertificatePolicies.oid,
        x509.PolicyConstraints.oid,
        x509.InhibitAnyPolicy.oid,
        x509.SubjectAlternativeName.oid,
        x509.SubjectKeyIdentifier.oid,
        x509.AuthorityKeyIdentifier.oid,
        x509.CRLDistributionPoints.oid,
    }
)


@dataclass(frozen=True, slots=True)
class OutsideChain:
    """Our certificate, those between it and the root (its own signer first), and the root."""

    issuing: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    root: x509.Certificate
    findings: tuple[Finding, ...]

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """Root first, as trust goes."""
        return (self.root, *reversed(self.intermediates), self.issuing)

    def rows(self) -> CaCertificates:
        """What SQL keeps of it: the root's key is somewhere else."""
        return CaCertificates(
            issuing_pem=certificate_pem(self.issuing).decode(),
            root_pem=certificate_pem(self.root).decode(),
            issuing_key_id=key_id(self.issuing.public_key()),
            root_key_id=None,
            intermediates_pem="".join(certificate_pem(c).decode() for c in self.intermediates),
        )


def judge_outside(
    bundle: Bundle,
    roots: Sequence[x509.Certificate],
    *,
    asked: Mapping[str, str],
    at: datetime,
) -> OutsideChain:
    """Find our certificate and its chain to a root among ``bundle`` and ``roots``.

    ``asked`` maps the id of each key of ours to the subject that was asked for. Without ``roots``
    a self-signed CA of the bundle is taken for the root, which a finding says. Raises RefusedError
    ``ca.certificate`` with all findings.
    """
    graph = IssuerGraph(bundle.certificates, roots)
    own = _own(graph, asked, bundle)
    found = [*bundle.findings, *_own_faults(own, asked, at)]
    path, faults = _path(graph, own, at)
    found += faults
    if path is None or any(finding.severity is Severity.ERROR for finding in found):
        raise _refusal(found)
    root = path[-1]
    if graph.trusts_bundle:
        text = f"Trust rests on a root that came with the files: {root.label}."
        found.append(info(Code.ANCHOR_FROM_BUNDLE, text, root.label))
    found += [remark for node in path[:-1] for remark in _limits(node)]
    certificates = [node.certificate for node in path]
    return OutsideChain(certificates[0], tuple(certificates[1:-1]), root.certificate, tuple(found))


def require_successor(chain: OutsideChain, current: x509.Certificate) -> None:
    """What was issued so far must hold under the new certificate as under ``current``.

    Raises RefusedError ``ca.certificate`` for another name or another key identifier: certificates
    carry both of their issuer.
    """
    found, name = [], dn_text(chain.issuing.subject)
    if chain.issuing.subject != current.subject:
        was = dn_text(current.subject)
        text = f"The new certificate is for {name}; it has to be for {was}, as until now."
        found.append(error(Code.NAME_MISMATCH, text, name))
    if subject_identifier(chain.issuing) != subject_identifier(current):
        text = f"{name} has another subject key identifier than until now."
        found.append(error(Code.KEY_MISMATCH, text, name))
    if found:
        raise _refusal([*found, *chain.findings])


def _own(graph: IssuerGraph, asked: Mapping[str, str], bundle: Bundle) -> Node:
    """The newest certificate for a key of ours."""
    mine = [node for node in graph.bag if key_id(node.certificate.public_key()) in asked]
    if mine:
        return max(mine, key=lambda node: (node.not_before, node.digest))
    names = plain_list([dn_text(certificate.subject) for certificate in bundle.certificates])
    text = f"None of the certificates is for the key of {plain_list(list(asked.values()))}"
    text += f"; there is {names}." if names else ": there is no certificate in these files."
    raise _refusal([*bundle.findings, error(Code.KEY_MISMATCH, text)])


def _own_faults(own: Node, asked: Mapping[str, str], at: datetime) -> list[Finding]:
    certificate, label = own.certificate, own.label
    found = _issuer_faults(own, at, trusted=False)
    if own.self_issued:
        text = f"{label} is signed by its own key; it needs a CA above it."
        found.append(error(Code.SELF_SIGNED, text, label))
    usage = extension_value(certificate, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        text = f"{label} may not sign CRLs (its key usage lacks cRLSign)."
        found.append(error(Code.KEY_USAGE, text, label))
    if extension_value(certificate, x509.SubjectKeyIdentifier) is None:
        text = f"{label} has no subject key identifier, which every CA certificate needs."
        found.append(error(Code.NOT_A_CA, text, label))
    wanted = asked[key_id(certificate.public_key())]
    if dn_text(certificate.subject) != wanted:
        text = f"It was asked for as {wanted} and came back as {label}."
        found.append(warning(Code.NAME_MISMATCH, text, label))
    return found


def _issuer_faults(node: Node, at: datetime, *, trusted: bool) -> list[Finding]:
    """Faults that no leaf below could mend; good for servers or clients only is a warning."""
    kinds = [issuer_faults(node, purpose, at, trusted=trusted) for purpose in Purpose]
    narrow = any(not any(f.code == Code.EKU_MISMATCH for f in kind) for kind in kinds)
    found: list[Finding] = []
    for fault in (fault for kind in kinds for fault in kind):
        judged = fault
        if narrow and fault.code == Code.EKU_MISMATCH:
            judged = replace(fault, severity=Severity.WARNING)
        if judged not in found:
            found.append(judged)
    unknown = [
        extension.oid.dotted_string
        for extension in node.certificate.extensions
        if extension.critical and extension.oid not in _UNDERSTOOD
    ]
    if unknown:
        text = f"{node.label} has critical extensions that nobody here understands: "
        found.append(error(Code.CRITICAL_EXTENSION, text + plain_list(unknown), node.label))
    return found


def _path(graph: IssuerGraph, own: Node, at: datetime) -> tuple[Path | None, list[Finding]]:
    """The shortest path that holds; without one, what is wrong with the shortest there is."""

    def faults(issuer: Node, below: Path) -> list[Finding]:
        found = _issuer_faults(issuer, at, trusted=graph.trusts(issuer))
        constraints = extension_value(issuer.certificate, x509.BasicConstraints)
        room = constraints.path_length if constraints is not None else None
        if room is not None and room < sum(not node.self_issued for node in below):
            text = f"{issuer.label} allows {room} CAs below itself, and here are {len(below)}."
            found.append(error(Code.PATH_LENGTH, text, issuer.label))
        return found

    def sound(issuer: Node, below: Path) -> bool:
        return not any(f.severity is Severity.ERROR for f in faults(issuer, below))

    path = _shortest(graph, own, sound)
    tried = path or _shortest(graph, own, lambda _issuer, _below: True)
    if tried is None:
        return None, no_path_faults(graph, own)
    remarks = [f for place in range(1, len(tried)) for f in faults(tried[place], tried[:place])]
    return path, remarks


def _shortest(graph: IssuerGraph, own: Node, usable: Callable[[Node, Path], bool]) -> Path | None:
    waiting: deque[Path] = deque([(own,)])
    for _ in range(_MOST_STEPS):
        if not waiting:
            return None
        path = waiting.popleft()
        if len(path) > 1 and graph.trusts(path[-1]):
            return path
        seen = {node.identity for node in path}
        # Of several the one that lasts longest; the digest decides whatever the files' order.
        above = sorted(graph.issuers(path[-1]), key=lambda node: (-node.not_after, node.digest))
        waiting.extend(
            (*path, issuer)
            for issuer in above
            if issuer.identity not in seen and usable(issuer, path)
        )
    return None


def _limits(node: Node) -> list[Finding]:
    constraints = extension_value(node.certificate, x509.NameConstraints)
    if constraints is None:
        return []
    allowed = [str(name.value) for name in constraints.permitted_subtrees or ()]
    barred = [str(name.value) for name in constraints.excluded_subtrees or ()]
    words = f" only {plain_list(allowed)}" if allowed else ""
    words += f" not {plain_list(barred)}" if barred else ""
    text = f"{node.label} limits the names that certificates may have:{words}."
    return [warning(Code.NAME_CONSTRAINTS, text, node.label)]


def _refusal(findings: Sequence[Finding]) -> RefusedError:
    faults = [finding for finding in findings if finding.severity is Severity.ERROR]
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    return RefusedError(
        "ca.certificate",
        f"This cannot be the CA's certificate: {faults[0].message}{more}",
        findings=findings,
    )
