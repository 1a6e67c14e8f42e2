"""Who issued whom in a bag of certificates. Signatures are checked once and remembered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from sealwire.errors import Severity
from sealwire.x509.certificate import certificate_sha256, extension_value, is_ca
from sealwire.x509.der import UNDECODABLE
from sealwire.x509.keys import public_key_der, weak_key_findings
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


# Real bags need a few for each certificate; a crafted one could ask for the square of its size.
MAX_SIGNATURE_CHECKS: Final = 4_000


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A certificate with what the search asks of it again and again.

    ``identity`` is subject and public key: two generations of one CA share it, and no path holds
    it twice. ``not_before``/``not_after`` are seconds since 1970. ``weak`` says why its key is
    refused, or is empty.
    """

    certificate: x509.Certificate
    digest: str
    subject: bytes
    issuer: bytes
    spki: bytes
    is_ca: bool
    not_before: int
    not_after: int
    weak: str

    @property
    def identity(self) -> tuple[bytes, bytes]:
        """Subject and public key."""
        return (self.subject, self.spki)

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are one name."""
        return self.subject == self.issuer

    @property
    def label(self) -> str:
        """Its subject, safe to print."""
        return dn_text(self.certificate.subject) or f"(no subject, sha256 {self.digest[:16]})"


class IssuerGraph:
    """The bag and the trusted certificates, each once, sorted by digest.

    ``exhausted`` turns true when signatures were left unchecked for their number.
    """

    def __init__(
        self,
        certificates: Iterable[x509.Certificate],
        roots: Sequence[x509.Certificate],
        *,
        extra: Iterable[x509.Certificate] = (),
    ) -> None:
        self.trusts_bundle = not roots
        self._trusted: dict[str, bool] = {}
        anchors = {certificate_sha256(root): root for root in roots}
        self._trusted.update(dict.fromkeys(anchors, True))
        bag = {certificate_sha256(one): one for one in (*certificates, *extra)}
        self._nodes = {
            digest: _node(certificate, digest)
            for digest, certificate in sorted((anchors | bag).items())
        }
        self.bag = [node for digest, node in self._nodes.items() if digest in bag]
        self._by_subject: dict[bytes, list[Node]] = defaultdict(list)
        self._by_issuer: dict[bytes, list[Node]] = defaultdict(list)
        for node in self._nodes.values():
            self._by_subject[node.subject].append(node)
            self._by_issuer[node.issuer].append(node)
        self._issued: dict[tuple[bytes, str], bool] = {}
        self.exhausted = False
        self._parents: dict[str, list[Node]] = {}

    def trusts(self, node: Node) -> bool:
        """Whether a chain may end here: a given root or, without any, a self-signed certificate."""
        if node.digest not in self._trusted:
            self._trusted[node.digest] = self.trusts_bundle and (
                node.self_issued and _signed_by(node.certificate, node.certificate)
            )
        return self._trusted[node.digest]

    def node(self, certificate: x509.Certificate) -> Node:
        """The node of a certificate that is in the graph."""
        return self._nodes[certificate_sha256(certificate)]

    def namesakes(self, node: Node) -> list[Node]:
        """Certificates whose subject is the node's issuer, whatever their key; not itself."""
        return [other for other in self._by_subject[node.issuer] if other is not node]

    def issuers(self, node: Node) -> list[Node]:
        """Certificates whose key really signed the node, other than itself."""
        if node.digest not in self._parents:
            self._parents[node.digest] = [
                other for other in self.namesakes(node) if self._has_issued(other, node)
            ]
        return self._parents[node.digest]

    def _has_issued(self, issuer: Node, node: Node) -> bool:
        if not _keys_agree(issuer, node):
            return False
        # Generations of one CA share name and key: one check does for all.
        pair = (issuer.spki, node.digest)
        if pair not in self._issued:
            if len(self._issued) >= MAX_SIGNATURE_CHECKS:
                self.exhausted = True
                return False
            self._issued[pair] = _signed_by(node.certificate, issuer.certificate)
        return self._issued[pair]

    def issues_another(self, node: Node) -> bool:
        """Whether some other certificate here was signed by this one."""
        return any(
            other is not node and self._has_issued(node, other)
            for other in self._by_issuer[node.subject]
        )

    def rooted(self, leaf: Node) -> set[str]:
        """Digests of the certificates above ``leaf``, itself included, that lead to a trusted one.

        Without it a search would walk every path of a crowd that ends nowhere.
        """
        above, waiting = {leaf.digest: leaf}, [leaf]
        children: dict[str, list[str]] = defaultdict(list)
        while waiting:
            node = waiting.pop()
            for issuer in self.issuers(node):
                children[issuer.digest].append(node.digest)
                if issuer.digest not in above:
                    above[issuer.digest] = issuer
                    waiting.append(issuer)
        reached = {digest for digest, node in above.items() if self.trusts(node)}
        below = list(reached)
        while below:
            new = [child for child in children[below.pop()] if child not in reached]
            reached.update(new)
            below.extend(new)
        return reached

    def topmost(self) -> tuple[x509.Certificate, ...]:
        """Certificates of the bag at which a chain can only end: nobody here issued them."""
        return tuple(node.certificate for node in self.bag if not self.issuers(node))


def _node(certificate: x509.Certificate, digest: str) -> Node:
    public_key = certificate.public_key()
    faults = [f for f in weak_key_findings(public_key) if f.severity is Severity.ERROR]
    return Node(
        certificate,
        digest,
        certificate.subject.public_bytes(),
        certificate.issuer.public_bytes(),
        public_key_der(public_key),
        is_ca(certificate),
        int(certificate.not_valid_before_utc.timestamp()),
        int(certificate.not_valid_after_utc.timestamp()),
        faults[0].message if faults else "",
    )


def _keys_agree(issuer: Node, node: Node) -> bool:
    """False only when both key identifiers are there and differ: it spares a signature check.

    A wrong identifier on a right signature is left to the verifiers of the world; most follow it.
    """
    theirs = extension_value(node.certificate, x509.AuthorityKeyIdentifier)
    own = extension_value(issuer.certificate, x509.SubjectKeyIdentifier)
    if theirs is None or theirs.key_identifier is None or own is None:
        return True
    return theirs.key_identifier == own.digest


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNDECODABLE):
        return False
    return True
