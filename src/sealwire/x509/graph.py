"""Who issued whom in a bag of certificates. Signatures are checked once and remembered."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from sealwire.errors import Severity
from sealwire.x509.certificate import (
    certificate_der,
    certificate_sha256,
    weak_hash,
)
from sealwire.x509.der import UNDECODABLE, anatomy
from sealwire.x509.keys import public_key_der, weak_key_findings
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Identity = tuple[bytes, bytes]

# Real bags need a few for each certificate; a crafted one could ask for the square of its size.
MAX_SIGNATURE_CHECKS: Final = 1_500


ValueT = TypeVar("ValueT")


class once(Generic[ValueT]):  # noqa: N801 - used as a decorator
    """A property worked out when first asked for, without the lock of the standard library's."""

    def __init__(self, work: Callable[[Any], ValueT]) -> None:
        self._work = work
        self.__doc__ = work.__doc__

    def __get__(self, node: Any, _: type | None = None) -> ValueT:  # noqa: ANN401 - of any class
        value = self._work(node)
        node.__dict__[self._work.__name__] = value
        return value


@dataclass(frozen=True, eq=False)
class Node:
    """A certificate with what the search asks of it again and again.

    ``subject``, ``issuer`` and ``spki`` are DER as it stands in the certificate. ``identity`` is
    subject and public key: two generations of one CA share it, and no path holds it twice.
    """

    certificate: x509.Certificate
    digest: str
    subject: bytes
    issuer: bytes
    spki: bytes

    # Most of a crowded bag is never asked these.

    @once
    def extensions(self) -> dict[type[x509.ExtensionType], x509.ExtensionType]:
        """The values of its extensions by their kind."""
        values = [extension.value for extension in self.certificate.extensions]
        return {type(value): value for value in values}

    @once
    def is_ca(self) -> bool:
        """Whether BasicConstraints says CA."""
        constraints = self.extensions.get(x509.BasicConstraints)
        return isinstance(constraints, x509.BasicConstraints) and constraints.ca

    @once
    def own_identifier(self) -> bytes | None:
        """The subject key identifier."""
        value = self.extensions.get(x509.SubjectKeyIdentifier)
        return value.digest if isinstance(value, x509.SubjectKeyIdentifier) else None

    @once
    def issuer_identifier(self) -> bytes | None:
        """The key identifier of its issuer, as it says itself."""
        value = self.extensions.get(x509.AuthorityKeyIdentifier)
        return value.key_identifier if isinstance(value, x509.AuthorityKeyIdentifier) else None

    @once
    def not_before(self) -> int:
        """Seconds since 1970."""
        return int(self.certificate.not_valid_before_utc.timestamp())

    @once
    def not_after(self) -> int:
        """Seconds since 1970."""
        return int(self.certificate.not_valid_after_utc.timestamp())

    @once
    def weak(self) -> str:
        """Why its key is refused, or nothing."""
        faults = weak_key_findings(self.certificate.public_key())
        return next((f.message for f in faults if f.severity is Severity.ERROR), "")

    @once
    def identity(self) -> Identity:
        """Subject and public key."""
        return (self.subject, self.spki)

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are one name."""
        return self.subject == self.issuer

    @once
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
        anchors = {node.digest: node for node in map(_node, roots)}
        bag = {node.digest: node for node in map(_node, (*certificates, *extra))}
        self._trusted: dict[str, bool] = dict.fromkeys(anchors, True)
        self._nodes = dict(sorted((anchors | bag).items()))
        self.bag = [node for digest, node in self._nodes.items() if digest in bag]
        self._by_subject: dict[bytes, list[Node]] = defaultdict(list)
        self._by_issuer: dict[bytes, list[Node]] = defaultdict(list)
        for node in self._nodes.values():
            self._by_subject[node.subject].append(node)
            self._by_issuer[node.issuer].append(node)
        self._issued: dict[tuple[bytes, str], bool] = {}
        self.exhausted = False
        self._parents: dict[str, list[Node]] = {}
        self._claimed: dict[tuple[bytes, bytes | None], frozenset[Identity]] = {}

    def trusts(self, node: Node) -> bool:
        """Whether a chain may end here: a given root or, without any, a self-signed certificate."""
        if node.digest not in self._trusted:
            self._trusted[node.digest] = self.trusts_bundle and _self_signed(node)
        return self._trusted[node.digest]

    def node(self, certificate: x509.Certificate) -> Node:
        """The node of a certificate that is in the graph."""
        return self._nodes[certificate_sha256(certificate)]

    def with_key(self, spki: bytes) -> list[Node]:
        """Certificates of the bag for a public key, SubjectPublicKeyInfo DER."""
        found = [node for node in self.bag if node.spki == spki]
        # The same key can be written otherwise: parameters left out, a compressed point.
        return found or [n for n in self.bag if public_key_der(n.certificate.public_key()) == spki]

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
        """Whether some certificate here but those of its own name and key was signed by this one.

        A key that got its certificate from a CA often has a self-signed one of before.
        """
        return any(
            other.identity != node.identity and self._has_issued(node, other)
            for other in self._by_issuer[node.subject]
        )

    def claimed_issuers(self, node: Node) -> frozenset[Identity]:
        """Identities that could have signed the node, by name and key identifier."""
        claim = (node.issuer, node.issuer_identifier)
        if claim not in self._claimed:
            fitting = (one for one in self._by_subject[node.issuer] if _keys_agree(one, node))
            self._claimed[claim] = frozenset(one.identity for one in fitting)
        return self._claimed[claim]

    def rooted(self, leaf: Node, usable: Callable[[Node], bool]) -> set[Identity]:
        """Identities above ``leaf``, its own included, whose usable certificates lead to trust.

        By names and key identifiers only: no signature is checked. Without it a search would walk
        every path of a crowd that ends nowhere.
        """
        members = {leaf.identity: [leaf]}
        children: dict[Identity, list[Identity]] = defaultdict(list)
        waiting = [leaf.identity]
        while waiting:
            identity = waiting.pop()
            for above in {one for node in members[identity] for one in self.claimed_issuers(node)}:
                children[above].append(identity)
                if above not in members:
                    members[above] = [node for node in self._named(above) if usable(node)]
                    waiting.append(above)
        reached = {one for one, nodes in members.items() if any(map(self.trusts, nodes))}
        below = list(reached)
        while below:
            new = {child for child in children[below.pop()] if child not in reached}
            reached.update(new)
            below.extend(new)
        return reached

    def _named(self, identity: Identity) -> list[Node]:
        return [node for node in self._by_subject[identity[0]] if node.spki == identity[1]]

    def topmost(self) -> tuple[x509.Certificate, ...]:
        """Certificates of the bag at which a chain can only end: nobody here issued them."""
        return tuple(node.certificate for node in self.bag if not self.issuers(node))

    def highest(self, leaf: Node) -> Node:
        """The end of the longest walk upward from ``leaf``, breadth first, each identity once."""
        seen, level, top = {leaf.identity}, [leaf], leaf
        while level:
            top = level[0]
            above = {}
            for node in level:
                for issuer in self.issuers(node):
                    if issuer.identity not in seen:
                        above[issuer.digest] = issuer
            seen |= {node.identity for node in above.values()}
            level = [above[digest] for digest in sorted(above)]
        return top


def _node(certificate: x509.Certificate) -> Node:
    der = certificate_der(certificate)
    parts = anatomy(der)
    digest = hashlib.sha256(der).hexdigest()
    return Node(certificate, digest, parts.subject, parts.issuer, parts.spki)


def _keys_agree(issuer: Node, node: Node) -> bool:
    """False only when both key identifiers are there and differ: it spares a signature check.

    A wrong identifier on a right signature is left to the verifiers of the world; most follow it.
    """
    theirs, own = node.issuer_identifier, issuer.own_identifier
    return theirs is None or own is None or theirs == own


def _self_signed(node: Node) -> bool:
    # Old roots carry SHA-1 signatures of their own. Nothing rests on those: a root counts for
    # being trusted, so that name and key identifier are enough.
    return (
        node.self_issued
        and _keys_agree(node, node)
        and _signed_by(node.certificate, node.certificate)
    )


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the signature holds; one by a hash that nobody accepts is taken at its word.

    No path may use such a signature (see ``diagnosis.issuer_faults``); taking it at its word
    lets the refusal name it.
    """
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNDECODABLE):
        return bool(weak_hash(certificate))
    return True
