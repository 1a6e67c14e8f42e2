"""The report of a dry run, as the import pages draw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.console.certificates import facts
from sealwire.identity.import_report import Use, import_report
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.findings import Code
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from cryptography.x509 import Certificate

    from sealwire.console.certificates import CertificateFacts
    from sealwire.errors import Finding
    from sealwire.identity.import_report import ImportReport
    from sealwire.identity.installed import CheckedIdentity

MOST_PIECES: Final = 60
_DRAWN: Final = frozenset({Code.STRANGER, Code.DUPLICATE, Code.REORDERED, Code.ROOT_LEFT_OUT})
_USES: Final = {
    Use.USED: ("good", "used"),
    Use.ROOT_LEFT_OUT: ("info", "root, left out"),
    Use.DUPLICATE: ("info", "there already"),
    Use.STRANGER: ("soon", "not part of the chain"),
}


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One certificate of the tree. ``part``: what it is; ``signed_by``: empty for the first."""

    certificate: CertificateFacts
    part: str
    signed_by: str


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """What became of one certificate of the files."""

    subject: str
    origin: str
    state: str
    use: str


@dataclass(frozen=True, slots=True)
class ImportView:
    """``tree``: from the trusted end down to the leaf. ``alternates``: likewise, subjects only.

    ``found`` and ``needed``: subjects, when the order was put right. ``certificate`` and ``chain``
    are PEM in the right order, to fill the form's boxes with. ``key_needed``: the key came with
    the form, and has to come again. ``more``: pieces that are not listed.
    """

    tree: tuple[TreeNode, ...]
    alternates: tuple[tuple[str, ...], ...]
    pieces: tuple[PieceFacts, ...]
    more: int
    found: tuple[str, ...]
    needed: tuple[str, ...]
    findings: tuple[Finding, ...]
    certificate: str
    chain: str
    key_needed: bool


def import_view(checked: CheckedIdentity, now: datetime) -> ImportView:
    """What to show of a dry run."""
    report = import_report(checked)
    leaf, *issuers = checked.chain.ordered()
    if any(finding.code == Code.ANCHOR_FROM_BUNDLE for finding in checked.findings):
        issuers = list(checked.chain.path[1:])
    return ImportView(
        tree=tuple(_nodes(report, now)),
        alternates=tuple(_subjects(tree) for tree in report.alternates),
        pieces=_pieces(report),
        more=max(0, len(report.pieces) - MOST_PIECES),
        found=_subjects(report.found) if report.reordered else (),
        needed=_subjects(report.needed) if report.reordered else (),
        findings=tuple(f for f in checked.findings if f.code not in _DRAWN),
        certificate=certificate_pem(leaf).decode("ascii"),
        chain=b"".join(map(certificate_pem, issuers)).decode("ascii"),
        key_needed=checked.key_pem is not None,
    )


def _nodes(report: ImportReport, now: datetime) -> Iterator[TreeNode]:
    left_out = len(report.tree) - report.sent
    above = ""
    for depth, certificate in enumerate(report.tree):
        shown = facts(certificate, now)
        part = "intermediate"
        if depth == len(report.tree) - 1:
            part = "certificate"
        elif depth < left_out:
            part = "root, not sent: peers that trust it have it"
        yield TreeNode(shown, part, above)
        above = shown.subject


def _pieces(report: ImportReport) -> tuple[PieceFacts, ...]:
    # Strangers last: somebody may have dropped a whole root store.
    sorted_pieces = sorted(report.pieces, key=lambda piece: piece.use is Use.STRANGER)
    return tuple(
        PieceFacts(dn_text(piece.certificate.subject), piece.origin, *_USES[piece.use])
        for piece in sorted_pieces[:MOST_PIECES]
    )


def _subjects(certificates: Iterable[Certificate]) -> tuple[str, ...]:
    return tuple(dn_text(certificate.subject) for certificate in certificates)
