"""An outside CA: root, policy CA below it, and whatever certificate it gives our request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.x509.certificate import certificate_pem
from sealwire.x509.keys import KeyType, generate_key, signature_hash
from sealwire.x509.subject import parse_dn
from tests.unit.ca.scene import START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from sealwire.x509.keys import PrivateKey

YEAR = timedelta(days=365)
ISSUES = {"key_cert_sign": True, "crl_sign": True}
KEYS = {name: generate_key(KeyType.P256) for name in ("root", "policy", "stranger")}


def key_usage(**bits: bool) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names.split()})


@dataclass
class Wishes:
    """How a certificate is to come out."""

    subject: str
    begin: datetime = START - YEAR
    end: datetime = START + 9 * YEAR
    constraints: x509.BasicConstraints | None = field(
        default_factory=lambda: x509.BasicConstraints(ca=True, path_length=None)
    )
    usage: dict[str, bool] | None = field(default_factory=lambda: dict(ISSUES))
    identifier: bool = True
    more: Sequence[tuple[x509.ExtensionType, bool]] = ()


def certificate(
    wishes: Wishes,
    public_key: CertificatePublicKeyTypes,
    issuer: x509.Name | str,
    issuer_key: PrivateKey,
) -> x509.Certificate:
    """Signed as wished for."""
    name = parse_dn(issuer) if isinstance(issuer, str) else issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(parse_dn(wishes.subject))
        .issuer_name(name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(wishes.begin)
        .not_valid_after(wishes.end)
    )
    if wishes.constraints is not None:
        builder = builder.add_extension(wishes.constraints, critical=True)
    if wishes.usage is not None:
        builder = builder.add_extension(key_usage(**wishes.usage), critical=True)
    if wishes.identifier:
        own = x509.SubjectKeyIdentifier.from_public_key(public_key)
        builder = builder.add_extension(own, critical=False)
    for extension, critical in wishes.more:
        builder = builder.add_extension(extension, critical=critical)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = builder.add_extension(above, critical=False)
    return builder.sign(issuer_key, signature_hash(issuer_key))


ROOT = "CN=Outside Root,O=Outside"
POLICY = "CN=Outside Policy CA,O=Outside"


@dataclass
class OutsideShop:
    """Root and policy CA; ``root_wishes`` and ``policy_wishes`` spoil them."""

    root_wishes: Wishes = field(default_factory=lambda: Wishes(ROOT))
    policy_wishes: Wishes = field(default_factory=lambda: Wishes(POLICY))

    @property
    def root(self) -> x509.Certificate:
        """Signed by itself."""
        key = KEYS["root"]
        return certificate(self.root_wishes, key.public_key(), self.root_wishes.subject, key)

    @property
    def policy(self) -> x509.Certificate:
        """Below the root."""
        key = KEYS["policy"]
        return certificate(self.policy_wishes, key.public_key(), ROOT, KEYS["root"])

    def sign(self, csr_pem: str, wishes: Wishes | None = None) -> x509.Certificate:
        """What comes back for a request: by the policy CA."""
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        wishes = wishes or Wishes(csr.subject.rfc4514_string())
        return certificate(wishes, csr.public_key(), POLICY, KEYS["policy"])


def files(*certificates: x509.Certificate) -> list[tuple[str, bytes]]:
    """Each in a file of its own."""
    return [(f"{n}.pem", certificate_pem(c)) for n, c in enumerate(certificates)]
