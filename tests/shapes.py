"""The shapes in which shops and vendors hand out certificates, and what should be said of each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from tests import pki
from tests.pki import Family, Issued, family, issue, variant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PASSWORD = b"sesame"


@dataclass(frozen=True)
class Shape:
    """Pieces that may be shuffled, how they are packed, and what comes of it.

    ``said``: codes that must be among the findings; ``unsaid``: codes that must not. ``wanted``:
    the chain that must be written, or nothing when there is none.
    """

    pieces: Sequence[Issued]
    pack: Callable[[Sequence[Issued]], list[tuple[str, bytes]]]
    wanted: Sequence[Issued]
    said: frozenset[str] = frozenset()
    unsaid: frozenset[str] = frozenset()
    roots: Sequence[Issued] = field(default=())

    def packed(self, turn: int) -> list[tuple[str, bytes]]:
        """The files, their pieces in an order that differs from turn to turn; turn 0 as listed."""
        return self.pack(shuffled(self.pieces, turn) if turn else self.pieces)


def shuffled(pieces: Sequence[Issued], turn: int) -> list[Issued]:
    """The same order for the same turn."""
    order = sorted(
        range(len(pieces)), key=lambda at: hashlib.sha256(b"%d %d" % (turn, at)).digest()
    )
    return [pieces[at] for at in order]


def shapes(kind: str) -> dict[str, Shape]:
    """Every shape, with keys of one kind (``p256`` or ``rsa2048``)."""
    tree = family(kind=kind)
    leaf, issuing, middle, root = tree.all
    served = [leaf, issuing, middle]
    return {
        "reverse order": Shape([leaf, root, middle, issuing], _pem, served, _left_out("reordered")),
        "root included": Shape(tree.all, _pem, served, _left_out()),
        "duplicates": Shape([*tree.all, issuing, leaf], _pem, served, _left_out("duplicate")),
        "bag attributes": Shape(tree.all, _bag_attributes, served, _left_out()),
        "crlf and bom": Shape(tree.all, _crlf, served, _left_out()),
        "p7b": Shape(tree.all, _p7b, served, _left_out()),
        "p12": Shape(tree.all, _p12, served, _left_out()),
        "two cross-signs": _cross_signed(tree, kind),
        "wrong generation": _wrong_generation(tree, kind),
        "wrong generation beside the right one": _both_generations(tree, kind),
        "missing intermediate": _missing(tree),
    }


def _left_out(*more: str) -> frozenset[str]:
    return frozenset({"root_left_out", "anchor_from_bundle", *more})


def _cross_signed(tree: Family, kind: str) -> Shape:
    """The issuing CA has three certificates: its own root's line, and those of two older roots."""
    old = issue(variant(pki.ROOT, name="Old Root"), None, pki.key("old root", kind))
    older = issue(variant(pki.ROOT, name="Older Root"), None, pki.key("older root", kind))
    crossed = [issue(pki.MIDDLE, root, tree.middle.key) for root in (old, older)]
    return Shape(
        [*tree.all, *crossed, old, older],
        _pem,
        [tree.leaf, tree.issuing, tree.middle],
        frozenset({"stranger"}),
        roots=[tree.root],
    )


def _wrong_generation(tree: Family, kind: str) -> Shape:
    wrong = issue(pki.ISSUING, tree.middle, pki.key("issuing g3", kind))
    said = frozenset({"issuer_missing", "issuer_other_key"})
    return Shape([tree.leaf, wrong, tree.middle, tree.root], _pem, [], said)


def _both_generations(tree: Family, kind: str) -> Shape:
    wrong = issue(pki.ISSUING, tree.middle, pki.key("issuing g3", kind))
    served = [tree.leaf, tree.issuing, tree.middle]
    return Shape([*tree.all, wrong], _pem, served, _left_out("stranger"))


def _missing(tree: Family) -> Shape:
    issuing = issue(
        variant(pki.ISSUING, aia="http://ca.example.com/middle.crt"), tree.middle, tree.issuing.key
    )
    leaf = issue(pki.LEAF, issuing, tree.leaf.key)
    return Shape([leaf, issuing, tree.root], _pem, [], frozenset({"issuer_missing"}))


def _pem(pieces: Sequence[Issued]) -> list[tuple[str, bytes]]:
    return [("bundle.pem", b"".join(piece.pem for piece in pieces))]


def _bag_attributes(pieces: Sequence[Issued]) -> list[tuple[str, bytes]]:
    heads = b"Bag Attributes\n    localKeyID: 01\nsubject=CN = x\n\nissuer=CN = y\n\n"
    key = b"Bag Attributes\nKey Attributes: <No Attributes>\n" + _leaf_of(pieces).key_pem
    return [("export.pem", key + b"".join(heads + piece.pem for piece in pieces))]


def _crlf(pieces: Sequence[Issued]) -> list[tuple[str, bytes]]:
    mark = b"\xef\xbb\xbf"
    return [
        (f"{number}.cer", mark + piece.pem.replace(b"\n", b"\r\n"))
        for number, piece in enumerate(pieces)
    ]


def _p7b(pieces: Sequence[Issued]) -> list[tuple[str, bytes]]:
    certificates = [piece.certificate for piece in pieces]
    return [("chain.p7b", pkcs7.serialize_certificates(certificates, serialization.Encoding.DER))]


def _p12(pieces: Sequence[Issued]) -> list[tuple[str, bytes]]:
    leaf = _leaf_of(pieces)
    others = [piece.certificate for piece in pieces if piece is not leaf]
    lock = serialization.BestAvailableEncryption(PASSWORD)
    return [
        (
            "identity.pfx",
            pkcs12.serialize_key_and_certificates(b"gw", leaf.key, leaf.certificate, others, lock),
        )
    ]


def _leaf_of(pieces: Sequence[Issued]) -> Issued:
    return next(piece for piece in pieces if _is_leaf(piece.certificate))


def _is_leaf(certificate: x509.Certificate) -> bool:
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    return not constraints.value.ca
