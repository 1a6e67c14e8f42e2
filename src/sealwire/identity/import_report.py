"""What an import would do, as a report: the chain as a tree, what became of each certificate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from sealwire.identity.installed import CheckedIdentity


class Use(StrEnum):
    """What became of one certificate of the files."""

    USED = "used"
    ROOT_LEFT_OUT = "root_left_out"
    """Not sent: peers that trust it have it."""
    DUPLICATE = "duplicate"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Piece:
    """One certificate of the files; ``origin`` is its file, and the place in it."""

    certificate: Certificate
    origin: str
    use: Use


@dataclass(frozen=True, slots=True)
class ImportReport:
    """``tree``: the trusted end first, each the issuer of the next, the leaf last.

    ``sent``: how many of its last are sent to peers. ``alternates``: further trees that would
    hold. ``found`` and ``needed``: the certificates of the files that are sent, in the order they
    came in and in the order that TLS wants.
    """

    tree: tuple[Certificate, ...]
    sent: int
    alternates: tuple[tuple[Certificate, ...], ...]
    pieces: tuple[Piece, ...]
    found: tuple[Certificate, ...]
    needed: tuple[Certificate, ...]

    @property
    def reordered(self) -> bool:
        """Whether the files had them in another order."""
        present = [one for one in self.needed if one in self.found]
        return list(self.found) != present


def import_report(checked: CheckedIdentity) -> ImportReport:
    """The report of a dry run."""
    chain, bundle = checked.chain, checked.bundle
    needed = chain.ordered()
    distinct = dict.fromkeys(bundle.certificates)
    return ImportReport(
        tree=tuple(reversed(chain.path)),
        sent=len(needed),
        alternates=tuple(tuple(reversed(path)) for path in chain.alternates),
        pieces=_pieces(checked, needed),
        found=tuple(one for one in distinct if one in needed),
        needed=needed,
    )


def _pieces(checked: CheckedIdentity, sent: tuple[Certificate, ...]) -> tuple[Piece, ...]:
    pieces, seen = [], set()
    bundle = checked.bundle
    for certificate, origin in zip(bundle.certificates, bundle.origins, strict=True):
        use = Use.STRANGER
        if certificate in seen:
            use = Use.DUPLICATE
        elif certificate in sent:
            use = Use.USED
        elif certificate in checked.chain.path:
            use = Use.ROOT_LEFT_OUT
        seen.add(certificate)
        pieces.append(Piece(certificate, origin, use))
    return tuple(pieces)
