"""Certificate revocation lists: read, verify against issuers, look up (RFC 5280 5, 6.3).

A list counts only for certificates whose issuer signed it itself: same name, same key. Indirect
and delta lists are refused as they are read, for half an answer is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from sealwire.errors import RefusedError
from sealwire.x509.certificate import extension_value, is_ca
from sealwire.x509.der import UNDECODABLE
from sealwire.x509.keys import public_key_der
from sealwire.x509.pem import pem_blocks
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_LABEL: Final = "X509 CRL"
_MOST_SIGNERS: Final = 1_000
_UNDERSTOOD: Final = frozenset(
    {
        x509.CRLNumber.oid,
        x509.AuthorityKeyIdentifier.oid,
        x509.IssuingDistributionPoint.oid,
        x509.FreshestCRL.oid,
        x509.IssuerAlternativeName.oid,
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """One list as it was read; nothing says yet that its issuer really signed it.

    ``for_leaves``/``for_authorities``: which certificates it covers. ``next_update`` is None when
    the list promises no successor, which RFC 5280 forbids and some CAs do.
    """

    crl: x509.CertificateRevocationList
    this_update: datetime
    next_update: datetime | None
    for_leaves: bool
    for_authorities: bool
    # Signatures and serials are looked at once: a handshake must not read megabytes again.
    _signers: dict[bytes, bool] = field(default_factory=dict, init=False, repr=False)
    _serials: set[int] = field(default_factory=set, init=False, repr=False)

    @property
    def issuer(self) -> str:
        """Who issued it, safe to print."""
        return dn_text(self.crl.issuer)

    @property
    def entries(self) -> int:
        """How many certificates it names."""
        return len(self.crl)

    @property
    def number(self) -> int | None:
        """Its CRL number, which only grows from list to list."""
        try:
            return self.crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except x509.ExtensionNotFound:
            return None

    def is_stale(self, at: datetime) -> bool:
        """Whether its successor is due. A list without a next update never is."""
        return self.next_update is not None and at > self.next_update

    def is_signed_by(self, issuer: x509.Certificate) -> bool:
        """Whether this CA certificate's name and key signed it (and may sign lists)."""
        digest = issuer.fingerprint(hashes.SHA256())
        if digest not in self._signers:
            if len(self._signers) >= _MOST_SIGNERS:
                self._signers.clear()
            self._signers[digest] = self._is_signed_by(issuer)
        return self._signers[digest]

    def entry(self, serial: int) -> x509.RevokedCertificate | None:
        """What it says of a serial number, if it names it."""
        if not self._serials and self.entries:
            self._serials.update(each.serial_number for each in self.crl)
        if serial not in self._serials:
            return None
        return self.crl.get_revoked_certificate_by_serial_number(serial)

    def _is_signed_by(self, issuer: x509.Certificate) -> bool:
        if issuer.subject != self.crl.issuer:
            return False
        usage = extension_value(issuer, x509.KeyUsage)
        if usage is not None and not usage.crl_sign:
            return False
        return self.has_signature_of(issuer.public_key())

    def has_signature_of(self, key: CertificatePublicKeyTypes) -> bool:
        """Whether this key made its signature."""
        try:
            return self.crl.is_signature_valid(key)  # type: ignore[arg-type]
        except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
            return False


def read_revocation_lists(data: bytes) -> list[RevocationList]:
    """Every list in ``data``: DER, or PEM with text around the blocks.

    Raises RefusedError ``crl.unreadable`` or ``crl.kind`` (a delta or an indirect list).
    """
    blocks = [block for block in pem_blocks(data) if block.label == _LABEL]
    ders = [block.der for block in blocks] if blocks else [data]
    return [_read(der) for der in ders]


def _read(der: bytes | None) -> RevocationList:
    try:
        if der is None:
            raise ValueError("the block is cut or is no base64")
        crl = x509.load_der_x509_crl(der)
        covers = _coverage(crl)
        # Issuer and entries are decoded once, so that no lookup meets a broken one.
        dn_text(crl.issuer)
        for _ in crl:
            pass
        return RevocationList(crl, crl.last_update_utc, crl.next_update_utc, *covers)
    except UNDECODABLE as fault:
        raise RefusedError(
            "crl.unreadable",
            "That is no certificate revocation list.",
            hint="DER and PEM are read; a web page or a certificate is often found instead",
        ) from fault


def _coverage(crl: x509.CertificateRevocationList) -> tuple[bool, bool]:
    """Leaves, authorities. Raises RefusedError ``crl.kind``."""
    for extension in crl.extensions:
        if extension.oid == x509.DeltaCRLIndicator.oid:
            raise _wrong_kind("It is a delta list, which says only what changed.")
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise _wrong_kind(
                f"It has a critical extension {extension.oid.dotted_string} that is not known here."
            )
        point = extension.value
        if isinstance(point, x509.IssuingDistributionPoint):
            if point.indirect_crl:
                raise _wrong_kind("It is an indirect list, which speaks for other CAs.")
            if point.only_contains_attribute_certs or point.only_some_reasons:
                raise _wrong_kind("It covers only some reasons, or attribute certificates.")
            return not point.only_contains_ca_certs, not point.only_contains_user_certs
    return True, True


def _wrong_kind(why: str) -> RefusedError:
    return RefusedError("crl.kind", why, hint="configure the CA's complete list")


class Standing(StrEnum):
    """What the lists say about one certificate."""

    GOOD = "good"  # a fresh list of its issuer does not name it
    REVOKED = "revoked"
    STALE = "stale"  # not named, but the list is past its next update
    UNVERIFIED = "unverified"  # there is a list of its issuer's name that its key did not sign
    UNKNOWN = "unknown"  # no list of its issuer


class StalePolicy(StrEnum):
    """What a list past its next update (or never loaded) means for who shows a certificate."""

    SOFT = "soft"  # what is not named passes, with an alarm
    HARD = "hard"  # nobody of that issuer passes until the list is fresh again


@dataclass(frozen=True, slots=True)
class Verdict:
    """``since`` and ``reason`` for REVOKED; ``issuer`` whose list it was."""

    standing: Standing
    certificate: x509.Certificate
    since: datetime | None = None
    reason: str = ""
    next_update: datetime | None = None


def look_up(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    lists: Iterable[RevocationList],
    at: datetime,
) -> Verdict:
    """What the lists say. One that names the certificate decides, fresh or stale."""
    authority = is_ca(certificate)
    named = [
        each
        for each in lists
        if each.crl.issuer == certificate.issuer
        and (each.for_authorities if authority else each.for_leaves)
    ]
    signed = [each for each in named if each.is_signed_by(issuer)]
    for each in signed:
        entry = each.entry(certificate.serial_number)
        if entry is not None:
            return Verdict(Standing.REVOKED, certificate, entry.revocation_date_utc, _reason(entry))
    if not signed:
        return Verdict(Standing.UNVERIFIED if named else Standing.UNKNOWN, certificate)
    fresh = [each for each in signed if not each.is_stale(at)]
    newest = max(fresh or signed, key=lambda each: each.this_update)
    standing = Standing.GOOD if fresh else Standing.STALE
    return Verdict(standing, certificate, next_update=newest.next_update)


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        value = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except (x509.ExtensionNotFound, *UNDECODABLE):
        return ""
    return "" if value is x509.ReasonFlags.unspecified else value.value


def look_up_path(
    path: Sequence[x509.Certificate], lists: Sequence[RevocationList], at: datetime
) -> list[Verdict]:
    """One verdict for each certificate of ``path`` (leaf first) but its trusted end."""
    return [look_up(certificate, issuer, lists, at) for certificate, issuer in pairwise(path)]


def issuer_among(
    one: RevocationList, certificates: Iterable[x509.Certificate]
) -> x509.Certificate | None:
    """The CA certificate that signed the list, if it is among these."""
    spki: set[bytes] = set()
    for certificate in certificates:
        key = certificate.public_key()
        der = public_key_der(key)
        if certificate.subject == one.crl.issuer and der not in spki:
            spki.add(der)
            if one.is_signed_by(certificate):
                return certificate
    return None


class RevocationGuard:
    """Objects to peers by lists, each with its policy; without lists it objects to nobody."""

    def __init__(self, lists: Iterable[tuple[RevocationList, StalePolicy]] = ()) -> None:
        kept = tuple(lists)
        self._lists = tuple(each for each, _ in kept)
        self._hard = {
            each.crl.issuer.public_bytes() for each, policy in kept if policy is StalePolicy.HARD
        }

    def __bool__(self) -> bool:
        return bool(self._lists)

    def objection(self, path: Sequence[x509.Certificate], at: datetime) -> str | None:
        """Why this verified path (leaf first, trusted end last) may not pass, in plain words."""
        for verdict in look_up_path(path, self._lists, at):
            label = dn_text(verdict.certificate.subject)
            issuer = verdict.certificate.issuer
            if verdict.standing is Standing.REVOKED:
                since = f" since {verdict.since:%Y-%m-%d}" if verdict.since else ""
                why = f" ({verdict.reason})" if verdict.reason else ""
                return f"{label} is revoked{since}{why}"
            if issuer.public_bytes() not in self._hard:
                continue
            if verdict.standing is Standing.STALE:
                return f"the revocation list of {dn_text(issuer)} is stale, and must not be"
            if verdict.standing is Standing.UNVERIFIED:
                return f"the revocation list of {dn_text(issuer)} was not signed by its key"
        return None

    def objection_to(self, ders: Sequence[bytes], at: datetime) -> str | None:
        """The same for a path in DER, as a TLS library hands it out."""
        if not self._lists:
            return None
        return self.objection([x509.load_der_x509_certificate(der) for der in ders], at)


def guard_of(contents: Iterable[tuple[bytes, str]]) -> RevocationGuard:
    """From contents (see ``read_revocation_lists``), each with the value of a StalePolicy."""
    return RevocationGuard(
        (one, StalePolicy(policy))
        for content, policy in contents
        for one in read_revocation_lists(content)
    )
