"""The strict profile: what verifiers of the public web demand, beyond what private CAs keep.

Two judges. The library's own verifier under its own policy says first what it refuses. Then come
the rules of RFC 5280 and of the CA/Browser Forum that it leaves out, as data: `RULES`. Rules that
refuse chains which the public web uses every day are left out here, too: a common name that is no
copy of an alternative name, a missing extended key usage, name constraints that are not critical.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.x509.certificate import (
    Purpose,
    certificate_names,
    extension_value,
    key_usages,
    serial_number,
)
from sealwire.x509.hostnames import a_label, ip_address
from sealwire.x509.verification import PathRefusedError, reason
from sealwire.x509.verifier_words import plain_extension

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    Breaks = Callable[[x509.Certificate], bool]

_BYTE = 8
_WILDCARD_LABELS = 3


class Place(StrEnum):
    """Where in a path a certificate stands."""

    LEAF = "leaf"
    ISSUER = "issuer"
    ROOT = "root"  # the trusted end


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: for whom, from where, and in plain words what breaks it."""

    name: str
    places: frozenset[Place]
    source: str
    objection: str
    breaks: Breaks
    purposes: frozenset[Purpose] = frozenset(Purpose)


def _zero_serial(certificate: x509.Certificate) -> bool:
    return serial_number(certificate) == 0


def _odd_rsa_length(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    return isinstance(key, rsa.RSAPublicKey) and key.key_size % _BYTE != 0


def _not_critical(kind: type[x509.ExtensionType]) -> Breaks:
    def breaks(certificate: x509.Certificate) -> bool:
        return any(
            isinstance(extension.value, kind) and not extension.critical
            for extension in certificate.extensions
        )

    return breaks


def _lacks(kind: type[x509.ExtensionType]) -> Breaks:
    return lambda certificate: extension_value(certificate, kind) is None


def _unlinked(certificate: x509.Certificate) -> bool:
    own_issuer = certificate.subject == certificate.issuer
    return not own_issuer and extension_value(certificate, x509.AuthorityKeyIdentifier) is None


def _root_names_its_issuer(certificate: x509.Certificate) -> bool:
    identifier = extension_value(certificate, x509.AuthorityKeyIdentifier)
    return identifier is not None and (
        identifier.authority_cert_issuer is not None
        or identifier.authority_cert_serial_number is not None
    )


def _root_has_another_issuer_key(certificate: x509.Certificate) -> bool:
    if certificate.subject != certificate.issuer:
        return False
    theirs = extension_value(certificate, x509.AuthorityKeyIdentifier)
    own = extension_value(certificate, x509.SubjectKeyIdentifier)
    return theirs is not None and own is not None and theirs.key_identifier != own.digest


def _root_for_a_purpose(certificate: x509.Certificate) -> bool:
    # A trusted end that somebody else signed is an intermediate, which has purposes.
    return certificate.subject == certificate.issuer and key_usages(certificate) is not None


def _any_usage(certificate: x509.Certificate) -> bool:
    return ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in (key_usages(certificate) or ())


def _broad_wildcard(certificate: x509.Certificate) -> bool:
    return any(
        name.startswith("*.") and name.count(".") + 1 < _WILDCARD_LABELS
        for name in certificate_names(certificate)
    )


_WHO: Final = {
    Place.LEAF: "the certificate",
    Place.ISSUER: "an intermediate",
    Place.ROOT: "the root",
}
_LEAF: Final = frozenset({Place.LEAF})
_ROOT: Final = frozenset({Place.ROOT})
_ISSUERS: Final = frozenset({Place.ISSUER, Place.ROOT})
_INTERMEDIATES: Final = frozenset({Place.ISSUER})
_ISSUED: Final = frozenset({Place.LEAF, Place.ISSUER})
_ALL: Final = frozenset(Place)
# Where our own rules speak as advice: about an old root's form nobody can or need do anything.
ADVISED: Final = _ISSUED
_SERVER: Final = frozenset({Purpose.SERVER})

RULES: Final = (
    Rule("serial-positive", _ISSUED, "RFC 5280 4.1.2.2", "its serial number is zero", _zero_serial),
    Rule(
        "rsa-octets",
        _ALL,
        "CA/B BR 6.1.5",
        "the length of its RSA key is not divisible by eight",
        _odd_rsa_length,
    ),
    Rule(
        "issuer-has-key-identifier",
        _ISSUERS,
        "RFC 5280 4.2.1.2",
        "it is a CA without subject key identifier",
        _lacks(x509.SubjectKeyIdentifier),
    ),
    Rule(
        "issuer-names-its-key",
        _INTERMEDIATES,
        "RFC 5280 4.2.1.1",
        "it has no authority key identifier",
        _unlinked,
    ),
    Rule(
        "root-key-identifier-only",
        _ROOT,
        "CA/B BR 7.1.2.1.3",
        "its authority key identifier names issuer or serial number",
        _root_names_its_issuer,
    ),
    Rule(
        "root-key-identifier-own",
        _ROOT,
        "CA/B BR 7.1.2.1.3",
        "its authority key identifier is not its own key's",
        _root_has_another_issuer_key,
    ),
    Rule(
        "root-any-purpose",
        _ROOT,
        "CA/B BR 7.1.2.1.2",
        "it is a root with an extended key usage",
        _root_for_a_purpose,
    ),
    Rule(
        "policy-constraints-critical",
        _ISSUERS,
        "RFC 5280 4.2.1.11",
        "its policy constraints are not critical",
        _not_critical(x509.PolicyConstraints),
    ),
    Rule("usage-narrow", _LEAF, "CA/B BR 7.1.2.7.10", "it is for any purpose", _any_usage),
    Rule(
        "wildcard-below-domain",
        _LEAF,
        "CA/B BR 3.2.2.6",
        "its wildcard covers a whole top-level domain",
        _broad_wildcard,
        _SERVER,
    ),
)


def web_objections(
    path: Sequence[x509.Certificate],
    purpose: Purpose,
    at: datetime,
    max_depth: int,
    host: str | None = None,
    *,
    places: frozenset[Place] = frozenset(Place),
) -> list[str]:
    """What the strict profile has against a path, leaf first, trusted end last; empty when nothing.

    ``host`` is the name that a server must answer for; without it one of its own is taken. Our
    own rules are kept to certificates at ``places``.
    """
    found = _verifier_objection(path, purpose, at, max_depth, host)
    return [*found, *_rule_objections(path, purpose, places)]


def _verifier_objection(
    path: Sequence[x509.Certificate],
    purpose: Purpose,
    at: datetime,
    max_depth: int,
    host: str | None,
) -> list[str]:
    builder = verification.PolicyBuilder().time(at).max_chain_depth(max_depth)
    builder = builder.store(verification.Store([path[-1]]))
    try:
        if purpose is Purpose.CLIENT:
            builder.build_client_verifier().verify(path[0], list(path[1:-1]))
            return []
        subject = _wanted(host) if host is not None else _first_name(path[0])
        if subject is None:
            return ["the certificate has no subject alternative name"]
        builder.build_server_verifier(subject).verify(path[0], list(path[1:-1]))
    except (PathRefusedError, ValueError) as fault:
        return [plain_extension(reason(fault).removesuffix("."))]
    return []


def _wanted(host: str) -> verification.Subject:
    address = ip_address(host)
    return x509.IPAddress(address) if address is not None else x509.DNSName(a_label(host))


def _first_name(leaf: x509.Certificate) -> verification.Subject | None:
    san = extension_value(leaf, x509.SubjectAlternativeName)
    for entry in san or ():
        if isinstance(entry, x509.DNSName):
            # The verifier wants a name, not a pattern.
            return x509.DNSName(entry.value.replace("*", "any", 1))
        if isinstance(entry, x509.IPAddress):
            return entry
    return None


def _rule_objections(
    path: Sequence[x509.Certificate], purpose: Purpose, places: frozenset[Place]
) -> Iterator[str]:
    for number, certificate in enumerate(path):
        place = _place(number, len(path))
        if place not in places:
            continue
        for rule in RULES:
            if place in rule.places and purpose in rule.purposes and rule.breaks(certificate):
                yield f"{_WHO[place]}: {rule.objection} ({rule.source})"


def _place(number: int, length: int) -> Place:
    if number == 0:
        return Place.LEAF
    return Place.ROOT if number == length - 1 else Place.ISSUER
