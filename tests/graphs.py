"""Who-signed-whom puzzles: cross-signs, loops and bad branches, with and without a way out.

Each case is a graph of certificates from ``ROOT`` to ``EE`` in which some are spoilt in one way.
A case has a way out when a path of unspoilt certificates is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealwire.x509.der import elements, first_element
from tests import pki

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.x509.keys import PrivateKey

Edge = tuple[str, str]  # issuer, subject
HOST = "ee.example.com"
FAULTS = (
    "expired",
    "not-yet",
    "no-basic-constraints",
    "not-a-ca",
    "bad-usage",
    "no-cert-sign",
    "name-constraints",
    "deprecated-hash",
    "unknown-critical",
)
_serials = count(1)

# Every pair is a certificate; EE's own is never spoilt.
GRAPHS: dict[str, tuple[Edge, ...]] = {
    "line": (("ROOT", "A"), ("A", "EE")),
    "long-line": (("ROOT", "C"), ("C", "B"), ("B", "A"), ("A", "EE")),
    "diamond": (("ROOT", "B"), ("ROOT", "C"), ("B", "A"), ("C", "A"), ("A", "EE")),
    "short-and-long": (*(("ROOT", "A"), ("ROOT", "C"), ("C", "B"), ("B", "A"), ("A", "EE")),),
    "loop": (("ROOT", "B"), ("A", "B"), ("B", "A"), ("ROOT", "A"), ("A", "EE")),
    "two-roots": (("ROOT", "A"), ("OTHER", "A"), ("OTHER", "OTHER"), ("A", "EE")),
    "bridge": (
        *(("ROOT", "BRIDGE"), ("OTHER", "BRIDGE"), ("BRIDGE", "A"), ("BRIDGE", "OTHER")),
        *(("OTHER", "A"), ("OTHER", "OTHER"), ("A", "EE")),
    ),
    "mesh": (
        *((one, other) for one in "ABCDEF" for other in "ABCDEF" if one != other),
        *(("ROOT", "F"), ("ROOT", "D"), ("A", "EE")),
    ),
}


@dataclass(frozen=True)
class Puzzle:
    """One case: the bag in its order, the trusted root, and whether there is a way out."""

    name: str
    root: x509.Certificate
    leaf: x509.Certificate
    bag: tuple[x509.Certificate, ...]
    solvable: bool


def puzzles(now: datetime) -> list[Puzzle]:
    """All cases: each graph whole, each with one branch spoilt, and with all of them."""
    made = []
    for name, edges in GRAPHS.items():
        made.append(_puzzle(f"{name}/whole", edges, frozenset(), "", now))
        for fault in FAULTS:
            for label, spoilt in _spoilt(edges):
                made.append(_puzzle(f"{name}/{fault}/{label}", edges, spoilt, fault, now))
    return made


def random_puzzle(edges: dict[Edge, str], now: datetime) -> Puzzle:
    """A bag of any certificates, each with its own fault or none; EE is signed by A."""
    leaf = sign(("A", "EE"), "", now)
    bag = (leaf, *(sign(edge, fault, now) for edge, fault in edges.items()))
    sound = [edge for edge, fault in edges.items() if not fault]
    return Puzzle("random", sign(("ROOT", "ROOT"), "", now), leaf, bag, _reachable(sound))


def _spoilt(edges: tuple[Edge, ...]) -> Iterator[tuple[str, frozenset[Edge]]]:
    upper = [edge for edge in edges if edge[1] != "EE" and edge[0] != edge[1]]
    direct = [edge for edge in upper if edge[1] == "A"]
    trusted = [edge for edge in upper if edge[0] == "ROOT"]
    yield "first", frozenset(upper[:1])
    if len(direct) > 1:
        yield "above-leaf", frozenset(direct)
        yield "all-but-one", frozenset(direct[1:])
    if len(trusted) > 1:
        yield "below-root", frozenset(trusted)
        yield "second-below-root", frozenset(trusted[1:])


def _puzzle(
    name: str, edges: tuple[Edge, ...], spoilt: frozenset[Edge], fault: str, now: datetime
) -> Puzzle:
    certificates = [sign(edge, fault if edge in spoilt else "", now) for edge in edges]
    leaf = certificates[edges.index(("A", "EE"))]
    rest = [certificate for certificate in certificates if certificate is not leaf]
    return Puzzle(
        name,
        sign(("ROOT", "ROOT"), "", now),
        leaf,
        (leaf, *rest[::-1]),
        _reachable([edge for edge in edges if edge not in spoilt]),
    )


def _reachable(edges: list[Edge]) -> bool:
    reached, edges = {"ROOT"}, [*edges, ("A", "EE")]
    while True:
        more = {subject for issuer, subject in edges if issuer in reached} - reached
        if not more:
            return "EE" in reached
        reached |= more


@cache
def sign(edge: Edge, fault: str, now: datetime) -> x509.Certificate:
    """One certificate, spoilt as asked; the same for the same words."""
    issuer, subject = edge
    own, signer = pki.key(subject, "rsa2048"), pki.key(issuer, "rsa2048")
    started, lasts = now - timedelta(days=400), 4000
    if fault == "expired":
        lasts = 390
    elif fault == "not-yet":
        started = now + timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(own.public_key())
        .serial_number(next(_serials))
        .not_valid_before(started)
        .not_valid_after(started + timedelta(days=lasts))
    )
    for value, critical in _extensions(edge, own, signer, fault):
        builder = builder.add_extension(value, critical=critical)
    certificate = builder.sign(signer, hashes.SHA256())
    return _signed_with_sha1(certificate, signer) if fault == "deprecated-hash" else certificate


def _name(word: str) -> x509.Name:
    # "A'" is another CA that has the name of "A": same name, other key.
    word = word.rstrip("'")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, word)])


def _extensions(
    edge: Edge, own: PrivateKey, signer: PrivateKey, fault: str
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    yield x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
    if edge[1] == "EE":
        yield x509.SubjectAlternativeName([x509.DNSName(HOST)]), False
        yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False
        return
    if fault != "no-basic-constraints":
        yield x509.BasicConstraints(ca=fault != "not-a-ca", path_length=None), True
    yield pki._key_usage(cert_sign=fault != "no-cert-sign"), True
    if fault == "bad-usage":
        yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False
    if fault == "name-constraints":
        only = [x509.DNSName("other.example.net")]
        yield x509.NameConstraints(permitted_subtrees=only, excluded_subtrees=None), True
    if fault == "unknown-critical":
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.55738.666.1")
        yield x509.UnrecognizedExtension(oid, b"\x05\x00"), True


def _signed_with_sha1(certificate: x509.Certificate, signer: PrivateKey) -> x509.Certificate:
    """The same certificate, signed anew as nobody should any more."""
    assert isinstance(signer, rsa.RSAPrivateKey)
    with_sha256, with_sha1 = (bytes.fromhex(f"06092a864886f70d0101{end}") for end in ("0b", "05"))
    tbs = certificate.tbs_certificate_bytes.replace(with_sha256, with_sha1)
    whole = certificate.public_bytes(pki.serialization.Encoding.DER)
    parts = list(elements(first_element(whole).content))
    algorithm = parts[1].whole.replace(with_sha256, with_sha1)
    signature = signer.sign(tbs, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - to be refused
    body = tbs + algorithm + parts[2].whole[: -len(signature)] + signature
    return x509.load_der_x509_certificate(b"\x30\x82" + len(body).to_bytes(2, "big") + body)
