"""Name, validity, strength and revocation of what a server showed, each a step of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealwire.errors import Severity
from sealwire.identity.checkup import Ailment, Judgement, Remark, caution, fault, skipped
from sealwire.x509.certificate import certificate_names, hash_name, names_match, weak_hash
from sealwire.x509.findings import plain_list
from sealwire.x509.keys import key_label, weak_key_findings
from sealwire.x509.revocation import Standing, look_up_path
from sealwire.x509.subject import dn_text, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509

    from sealwire.x509.revocation import RevocationList, Verdict

SOON: Final = timedelta(days=30)


def judge_name(leaf: x509.Certificate, host: str) -> Judgement:
    """Whether the leaf covers ``host`` by its subject alternative names (RFC 9525)."""
    names = [printable(name) for name in certificate_names(leaf)]
    detail = f"for {plain_list(names)}" if names else "it has no subject alternative name"
    if names_match(leaf, host):
        return Judgement(detail)
    shown = printable(host)
    if names_match(leaf, host, common_name=True):
        remark = fault(
            Ailment.COMMON_NAME_ONLY,
            f"name {shown} stands only in the common name, which clients no longer look at",
            "have it issued with a subject alternative name",
        )
    else:
        has = plain_list(names) if names else "no name"
        remark = fault(
            Ailment.NAME_MISMATCH,
            f"name {shown} not in certificate (has: {has})",
            "connect by one of its names, or have it issued with this name too",
        )
    return Judgement(detail, (remark,))


def judge_validity(used: Sequence[x509.Certificate], at: datetime) -> Judgement:
    """Now against the dates of every certificate, leaf first."""
    remarks: list[Remark] = []
    leaf = used[0]
    for certificate in used:
        remarks += _dates(certificate, at, is_leaf=certificate is leaf)
    remarks += [
        caution(
            Ailment.OUTLIVES_ISSUER,
            f"{_label(issuer)} expires on {_day(issuer)}, before the certificate below it",
            "ask the CA for a certificate under its newer issuing CA",
        )
        for issuer in used[1:]
        if at <= issuer.not_valid_after_utc < leaf.not_valid_after_utc
    ]
    return Judgement(f"valid until {_day(leaf)}", tuple(remarks))


def _dates(certificate: x509.Certificate, at: datetime, *, is_leaf: bool) -> list[Remark]:
    whose = "the server's certificate" if is_leaf else _label(certificate)
    if at > certificate.not_valid_after_utc:
        code = Ailment.EXPIRED if is_leaf else Ailment.ISSUER_EXPIRED
        fix = "renew it" if is_leaf else "have the server send the CA's newer certificate"
        return [fault(code, f"{whose} has expired, on {_day(certificate)}", fix)]
    if at < certificate.not_valid_before_utc:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        text = f"{whose} is not valid yet, only from {begins}"
        return [fault(Ailment.NOT_YET_VALID, text, "check the clocks of both machines")]
    left = certificate.not_valid_after_utc - at
    if left <= SOON:
        text = f"{whose} expires in {left.days} days, on {_day(certificate)}"
        return [caution(Ailment.EXPIRES_SOON, text, "renew it now")]
    return []


def judge_strength(used: Sequence[x509.Certificate]) -> Judgement:
    """Keys of all, signatures of all but roots: a root's own signature proves nothing."""
    remarks: list[Remark] = []
    for certificate in used:
        label = _label(certificate)
        for finding in weak_key_findings(certificate.public_key(), label):
            say = fault if finding.severity is Severity.ERROR else caution
            text = f"{label}: {finding.message}"
            remarks.append(say(Ailment.WEAK_KEY, text, "renew it with RSA 2048 or P-256"))
        weak = weak_hash(certificate)
        if certificate.subject != certificate.issuer and weak:
            text = f"{label} is signed with {weak}, which can be forged"
            remarks.append(fault(Ailment.WEAK_SIGNATURE, text, "have it issued anew with SHA-256"))
    leaf = used[0]
    hashed = hash_name(leaf)
    with_hash = f", signed with {hashed}" if hashed else ""
    return Judgement(f"{key_label(leaf.public_key())}{with_hash}", tuple(remarks))


def judge_revocation(
    path: Sequence[x509.Certificate], lists: Sequence[RevocationList], at: datetime
) -> Judgement:
    """What the given lists say of each certificate of the path but its trusted end."""
    if not lists:
        return skipped("no revocation list is given (--crl)")
    if not path:
        return skipped("there is no trusted chain whose issuers could vouch for a list")
    verdicts = look_up_path(path, lists, at)
    remarks = [remark for verdict in verdicts if (remark := _revocation(verdict)) is not None]
    good = sum(verdict.standing is Standing.GOOD for verdict in verdicts)
    return Judgement(f"{good} of {len(verdicts)} not named in a fresh list", tuple(remarks))


def _revocation(verdict: Verdict) -> Remark | None:
    label, issuer = _label(verdict.certificate), dn_text(verdict.certificate.issuer)
    match verdict.standing:
        case Standing.REVOKED:
            since = f" since {verdict.since:%Y-%m-%d}" if verdict.since else ""
            why = f" ({printable(verdict.reason)})" if verdict.reason else ""
            text = f"{label} is revoked{since}{why}"
            return fault(Ailment.REVOKED, text, "renew the certificate")
        case Standing.STALE:
            due = f"{verdict.next_update:%Y-%m-%d %H:%M} UTC" if verdict.next_update else "unknown"
            text = f"the revocation list of {issuer} is stale: the next one was due {due}"
            return caution(Ailment.STALE_LIST, text, "fetch the CA's current list")
        case Standing.UNVERIFIED:
            text = f"the revocation list in the name of {issuer} was not signed by its key"
            return caution(Ailment.LIST_UNVERIFIED, text, "fetch the list from the CA again")
        case Standing.UNKNOWN:
            text = f"no revocation list of {issuer} is given, so {label} was not looked up"
            return caution(Ailment.NO_LIST, text, f"give the list of {issuer} too")
        case _:
            return None


def _day(certificate: x509.Certificate) -> str:
    return f"{certificate.not_valid_after_utc:%Y-%m-%d}"


def _label(certificate: x509.Certificate) -> str:
    return dn_text(certificate.subject) or f"(no subject, serial {certificate.serial_number:x})"
