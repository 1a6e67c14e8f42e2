"""The chain a server sent, judged as it came: what is missing, out of order or too much.

Trust is decided by the same builder that imports use; here its findings are put into the words
that help with a live server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.errors import RefusedError, Severity
from sealwire.identity.checkup import Ailment, Judgement, Remark, caution, fault, note
from sealwire.x509.certificate import Purpose, aia_issuer_urls
from sealwire.x509.chain import build_chain
from sealwire.x509.der import UNDECODABLE
from sealwire.x509.findings import Code, plain_list
from sealwire.x509.graph import IssuerGraph
from sealwire.x509.subject import dn_text, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.errors import Finding

_MOMENT: Final = timedelta(seconds=1)
# As deep as any client goes: a long chain is a burden, not a fault.
_DEPTH: Final = 32
# Other steps judge these; a chain is not broken by them.
_JUDGED_ELSEWHERE: Final = frozenset(
    {Code.EXPIRED, Code.NOT_YET_VALID, Code.WEAK_KEY, Code.WEAK_SIGNATURE}
)
_RESEND: Final = "have the server send, in this order"


@dataclass(frozen=True, slots=True)
class ServedChain:
    """What was judged: ``sent`` as it came, ``path`` to trust (empty when there is none)."""

    sent: tuple[x509.Certificate, ...]
    path: tuple[x509.Certificate, ...]
    judgement: Judgement

    @property
    def used(self) -> tuple[x509.Certificate, ...]:
        """The certificates worth judging one by one: the path, else what was sent."""
        return self.path or self.sent


def read_sent(ders: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """The certificates of the server's Certificate message. Raises ValueError."""
    try:
        sent = tuple(x509.load_der_x509_certificate(der) for der in ders)
        for certificate in sent:
            certificate.public_key()
            certificate.extensions  # noqa: B018 - decoding them is what can fail
    except UNDECODABLE as error:
        raise ValueError(str(error)) from error
    return sent


def judge_served_chain(
    ders: Sequence[bytes], anchors: Sequence[x509.Certificate], at: datetime
) -> ServedChain:
    """Order, completeness, surplus and trust of what a server sent, leaf first in ``ders``."""
    if not ders:
        remark = fault(
            Ailment.NO_CERTIFICATE,
            "the server showed no certificate",
            "give the server a certificate and its key",
        )
        return ServedChain((), (), Judgement("", (remark,)))
    try:
        sent = read_sent(ders)
    except ValueError as error:
        text = f"a certificate that the server sent cannot be read: {printable(str(error))}"
        remark = fault(Ailment.UNREADABLE, text, "have it issued anew")
        return ServedChain((), (), Judgement("", (remark,)))
    path, distrust = _trust(sent, anchors, at)
    remarks = (*distrust, *_tidiness(sent, path))
    return ServedChain(sent, path, Judgement(_described(sent), remarks))


def _described(sent: Sequence[x509.Certificate]) -> str:
    labels = [_label(certificate) for certificate in sent]
    return f"sent: {' | '.join(labels)}"


# -- trust -----------------------------------------------------------------------------------------


def _trust(
    sent: tuple[x509.Certificate, ...], anchors: Sequence[x509.Certificate], at: datetime
) -> tuple[tuple[x509.Certificate, ...], list[Remark]]:
    leaf = sent[0]
    if not anchors:
        return (), [_untrusted(sent, IssuerGraph(sent, sent[:1]))]
    then = _within(leaf, at)
    try:
        built = build_chain(
            sent, at=then, purpose=Purpose.SERVER, leaf=leaf, roots=anchors, max_depth=_DEPTH
        )
    except RefusedError as refusal:
        # What was not valid at that other time may be so now.
        unfair = {Code.NOT_YET_VALID: then < at, Code.EXPIRED: then > at}
        fair = [each for each in refusal.findings if not unfair.get(Code(each.code), False)]
        return (), _refused(sent, anchors, fair)
    except UNDECODABLE as error:
        text = f"the server's chain cannot be judged: {printable(str(error))}"
        return (), [fault(Ailment.UNREADABLE, text, "have the certificates issued anew")]
    return built.path, []


def _within(leaf: x509.Certificate, at: datetime) -> datetime:
    """A time at which the leaf holds: that it does not hold now is another step's finding."""
    if at > leaf.not_valid_after_utc:
        return leaf.not_valid_after_utc - _MOMENT
    return max(at, leaf.not_valid_before_utc)


def _refused(
    sent: tuple[x509.Certificate, ...],
    anchors: Sequence[x509.Certificate],
    findings: Sequence[Finding],
) -> list[Remark]:
    graph = IssuerGraph(sent, anchors)
    shown = {_label(certificate) for certificate in sent}
    remarks: list[Remark] = []
    for finding in findings:
        elsewhere = finding.code in _JUDGED_ELSEWHERE and finding.subject in shown
        if finding.severity is Severity.ERROR and not elsewhere:
            remarks.append(_worded(finding, sent, graph))
    unique = {remark.code: remark for remark in reversed(remarks)}
    return list(reversed(unique.values()))


def _worded(finding: Finding, sent: tuple[x509.Certificate, ...], graph: IssuerGraph) -> Remark:
    message = finding.message
    match finding.code:
        case Code.ISSUER_MISSING | Code.ROOT_UNTRUSTED | Code.SELF_SIGNED:
            return _untrusted(sent, graph)
        case Code.ISSUER_OTHER_KEY:
            fix = "install the intermediates that came with this certificate, not an older set"
            return fault(Ailment.ISSUER_OTHER_KEY, message, fix)
        case Code.EKU_MISMATCH:
            fix = "have it issued with the extended key usage serverAuth"
            return fault(Ailment.WRONG_PURPOSE, message, fix)
        case Code.VERSION_1:
            fix = "have it issued as version 3, with a subject alternative name"
            return fault(Ailment.REFUSED, message, fix)
        case Code.NOT_A_CA | Code.KEY_USAGE:
            fix = "have the certificate issued by a CA"
            return fault(Ailment.NOT_A_CA, message, fix)
        case _:
            fix = "correct the server's certificates, or those trusted for it here"
            return fault(Ailment.REFUSED, message, fix)


def _untrusted(sent: tuple[x509.Certificate, ...], graph: IssuerGraph) -> Remark:
    """Where the chain ends without trust, in the words for what was sent."""
    top = _top(sent, graph)
    issuer = dn_text(top.issuer)
    if top.subject == top.issuer:
        if top == sent[0]:
            return fault(
                Ailment.SELF_SIGNED,
                "the server's certificate is self-signed and not among the trusted ones",
                "install a certificate of a CA, or give this one as trusted (--ca)",
            )
        return fault(
            Ailment.UNKNOWN_CA,
            f"certificate signed by an unknown CA: its root {_label(top)} is not trusted here",
            f"if {_label(top)} is the right root, give it as trusted (--ca)",
        )
    where = [printable(url) for url in aia_issuer_urls(top)]
    offered = f"; its CA offers it at {plain_list(where)}" if where else ""
    if len(set(sent)) == 1:
        return fault(
            Ailment.NO_INTERMEDIATE,
            "server sends no intermediate: it sends its own certificate alone, whose issuer"
            f" {issuer} is not known here",
            f"have the server send {issuer} after its own certificate{offered}; if {issuer} is"
            " itself the root, give it as trusted (--ca)",
        )
    return fault(
        Ailment.UNKNOWN_CA,
        f"certificate signed by an unknown CA: the chain ends at {_label(top)}, whose issuer"
        f" {issuer} is neither sent nor trusted here",
        f"if {issuer} is an intermediate, have the server send it too{offered}; if it is the"
        " root, give it as trusted (--ca)",
    )


def _top(sent: tuple[x509.Certificate, ...], graph: IssuerGraph) -> x509.Certificate:
    """The end of the walk upward from the leaf."""
    node = graph.node(sent[0])
    seen = {node.identity}
    while above := [each for each in graph.issuers(node) if each.identity not in seen]:
        node = above[0]
        seen.add(node.identity)
    return node.certificate


# -- order and surplus -----------------------------------------------------------------------------


def _tidiness(
    sent: tuple[x509.Certificate, ...], path: tuple[x509.Certificate, ...]
) -> list[Remark]:
    distinct = tuple(dict.fromkeys(sent))
    wanted = tuple(each for each in path if each in distinct) or _linked(distinct)
    remarks = []
    present = tuple(each for each in distinct if each in wanted)
    if present != wanted:
        ordered = [each for each in wanted if each is wanted[0] or each.subject != each.issuer]
        text = f"the certificates are in the wrong order: {_listed(present)}"
        fix = f"{_RESEND}: {_listed(ordered)}"
        remarks.append(fault(Ailment.ORDER_WRONG, text, fix))
    remarks += [
        caution(
            Ailment.DUPLICATE,
            f"{_label(each)} is sent {sent.count(each)} times",
            "leave the repetition out of the server's chain file",
        )
        for each in distinct
        if sent.count(each) > 1
    ]
    remarks += _surplus(distinct, wanted)
    return remarks + _unsent(distinct, path)


def _surplus(
    distinct: tuple[x509.Certificate, ...], wanted: tuple[x509.Certificate, ...]
) -> list[Remark]:
    remarks = []
    for each in distinct:
        if each not in wanted:
            text = f"{_label(each)} is sent, and is no part of the chain"
            remarks.append(caution(Ailment.STRANGER, text, "leave it out of the chain file"))
        elif each is not distinct[0] and each.subject == each.issuer:
            text = f"the root {_label(each)} is sent, which is not needed"
            remarks.append(note(Ailment.ROOT_INCLUDED, text, "it may be left out"))
    return remarks


def _unsent(
    distinct: tuple[x509.Certificate, ...], path: tuple[x509.Certificate, ...]
) -> list[Remark]:
    """Intermediates that only this side has: peers that know no more than the root will fail."""
    absent = [each for each in path[1:] if each not in distinct and each.subject != each.issuer]
    if not absent:
        return []
    text = f"server sends no intermediate {_listed(absent)}; it is known here, but not to others"
    return [caution(Ailment.NO_INTERMEDIATE, text, f"{_RESEND}: {_listed(path[: len(path)])}")]


def _linked(distinct: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
    """The walk upward from the leaf through what was sent."""
    graph = IssuerGraph(distinct, distinct[:1])
    walk = [graph.node(distinct[0])]
    while above := [each for each in graph.issuers(walk[-1]) if each not in walk]:
        walk.append(above[0])
    return tuple(node.certificate for node in walk)


def _listed(certificates: Sequence[x509.Certificate]) -> str:
    return " | ".join(_label(certificate) for certificate in certificates)


def _label(certificate: x509.Certificate) -> str:
    return dn_text(certificate.subject) or f"(no subject, serial {certificate.serial_number:x})"
