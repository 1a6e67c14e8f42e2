"""What can be said about an import or a request besides what the certificates say themselves.

Each remark has a code of its own, and every code of ``x509.findings`` that somebody importing can
meet has a way out in plain words (``fix_of``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sealwire.errors import Finding, Severity
from sealwire.x509.findings import Code
from sealwire.x509.keys import public_key_der
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.x509 import Certificate


class Remark(StrEnum):
    """Codes of this layer; ``docs/findings.md`` explains them."""

    OTHER_CA = "other_ca"  # both ends have certificates, of different CAs
    OWN_NAME = "own_name"  # the common name beside this machine's own name
    FORWARD_DNS = "forward_dns"  # what the common name resolves to
    REVERSE_DNS = "reverse_dns"  # which names its addresses have


_FIXES: Final[Mapping[str, str]] = {
    Code.COUNTRY: "Give the two letters of ISO 3166, such as US.",
    Code.COUNTRY_UNKNOWN: "Look the two letters up: the United Kingdom is GB.",
    Code.FIELD_TOO_LONG: "Shorten it.",
    Code.FIELD_CONTROL: "Type it anew: an invisible character came with it.",
    Code.FIELD_PLACEHOLDER: "Leave the field empty.",
    Code.NAME_MISSING: "Give the full name of the host.",
    Code.NAME_SYNTAX: "Give a host name such as host.example.com, or an IP address.",
    Code.NAME_NOT_FULL: "Give the full name, with its domain.",
    Code.STATE_FORM: "Write it as this kind of CA wants it.",
    Code.FIELD_UNUSED: "Leave it empty, or expect it to be gone from the certificate.",
    Code.FIELD_WANTED: "Fill it in.",
    Code.WEAK_KEY: "Make a new CSR with a P-256 key or RSA of 2048 bits, and have that signed.",
    Code.KEY_EXPONENT: "Make a new CSR, and have that signed.",
    Code.KEY_UNREADABLE: "Convert it with openssl pkey, or give the right pass phrase.",
    Code.PASSWORD_NEEDED: "Give its pass phrase.",
    Code.WEAK_SIGNATURE: "Ask the CA for a certificate signed with SHA-256.",
    Code.SAN_MISSING: "Ask the CA for a certificate with subject alternative names.",
    Code.UNREADABLE: "Look at the file named: it is damaged, or no certificate.",
    Code.LIMIT: "Unpack it, and give only what belongs together.",
    Code.LEAF_MISSING: "Add the certificate of this host: only CA certificates are here, or none.",
    Code.LEAF_AMBIGUOUS: "Give the private key as well, or only one host's certificate.",
    Code.KEY_MISMATCH: "Use the certificate for the CSR made here, or give the key it belongs to.",
    Code.ISSUER_MISSING: "Ask the CA for this certificate, often called intermediate or chain.",
    Code.ISSUER_OTHER_KEY: "Get the other generation of this CA certificate.",
    Code.ROOT_UNTRUSTED: "Add the CA's root to the files.",
    Code.EXPIRED: "Have it renewed.",
    Code.NOT_YET_VALID: "Check this machine's clock, or wait.",
    Code.NAME_MISMATCH: "Ask for a certificate with that name, or set the host name here.",
    Code.EKU_MISMATCH: "Ask the CA for a certificate for this use.",
    Code.NOT_A_CA: "Get the CA's certificate: this one may sign nothing.",
    Code.KEY_USAGE: "Get the CA certificate that may sign certificates.",
    Code.VERSION_1: "Ask the CA for a certificate of version 3.",
    Code.NAME_CONSTRAINTS: "Ask a CA that may certify this name.",
    Code.PATH_LENGTH: "Get the right intermediate certificate.",
    Code.CRITICAL_EXTENSION: "Ask the CA for a certificate without it.",
    Code.SEARCH_LIMIT: "Leave out what does not belong to this host.",
    Code.ANCHOR_FROM_BUNDLE: "Compare the root's fingerprint with the one its CA publishes.",
    Code.SELF_SIGNED: "Have the other side trust this certificate, or get one from a CA.",
    Code.OUTLIVES_ISSUER: "Renew the whole chain before that day.",
    Code.STRICT_PROFILE: "Nothing to do for a private CA.",
    Code.PUBLIC_VALIDITY: "Nothing to do for a private CA.",
    Code.PUBLIC_UNIT: "Nothing to do for a private CA.",
    Code.PUBLIC_CLIENT: "Plan for a private CA: public ones stop issuing these.",
    Remark.OTHER_CA: "Nothing, as long as each side trusts the CA of the other.",
}
_HARMLESS: Final = "Nothing to do."


def fix_of(code: str, severity: Severity = Severity.INFO) -> str:
    """What to do about a finding; empty when its own words say all there is."""
    if code in _FIXES:
        return _FIXES[code]
    return _HARMLESS if severity is Severity.INFO and code in {*Code} else ""


def other_ca(
    path: Sequence[Certificate], others: Mapping[str, Sequence[Certificate]]
) -> list[Finding]:
    """The rule of Cisco's guide: the CA of one end's certificate signed the other's as well.

    ``path``: the chain to the trusted end. ``others``: by the other end's name, who may have
    signed its certificate. Said with its reason, never demanded: each side has its own trust.
    """
    found = []
    issuers = {_key(certificate) for certificate in path[1:] or path}
    for name, trusted in others.items():
        if not trusted or issuers & {_key(certificate) for certificate in trusted}:
            continue
        theirs = " or ".join(dn_text(one.subject) for one in trusted[:3])
        text = (
            f"{name}: certificates there come from {theirs}, this one from"
            f" {dn_text(path[-1].subject)}. Cisco's guide wants one CA for both ends, because there"
            " one list of CAs serves for both; here each end has a list of its own."
        )
        found.append(Finding(Remark.OTHER_CA, Severity.INFO, text, name))
    return found


def _key(certificate: Certificate) -> tuple[bytes, bytes]:
    return certificate.subject.public_bytes(), public_key_der(certificate.public_key())
