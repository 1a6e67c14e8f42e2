"""Certificates for tests: every field can be chosen, wrong ones too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.x509.keys import PrivateKey

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
_serials = count(1000)


@cache
def key(name: str, kind: str = "p256") -> PrivateKey:
    """A key that stays the same for its name within a test session."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
    return ec.generate_private_key(ec.SECP256R1() if kind == "p256" else ec.SECP384R1())


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


@dataclass(frozen=True)
class Recipe:
    """What goes into a certificate."""

    name: str
    ca: bool | None = False
    usages: Sequence[x509.ObjectIdentifier] | None = None
    hosts: Sequence[str] = ()
    starts: timedelta = timedelta(days=-10)
    lasts: timedelta = timedelta(days=300)
    cert_sign: bool | None = None
    aia: str | None = None
    path_length: int | None = None
    identifiers: bool = True
    constraints: x509.NameConstraints | None = None


def issue(recipe: Recipe, signer: Issued | None = None, own: PrivateKey | None = None) -> Issued:
    """Sign ``recipe`` with ``signer``, or with its own key."""
    own = own or key(recipe.name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, recipe.name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(own.public_key())
        .serial_number(next(_serials))
        .not_valid_before(NOW + recipe.starts)
        .not_valid_after(NOW + recipe.starts + recipe.lasts)
    )
    for value, critical in _extensions(recipe, own, signer):
        builder = builder.add_extension(value, critical=critical)
    return Issued(builder.sign(signer.key if signer else own, hashes.SHA256()), own)


def _extensions(
    recipe: Recipe, own: PrivateKey, signer: Issued | None
) -> list[tuple[x509.ExtensionType, bool]]:
    wanted: list[tuple[x509.ExtensionType, bool]] = []
    if recipe.ca is not None:
        length = recipe.path_length if recipe.ca else None
        wanted.append((x509.BasicConstraints(ca=recipe.ca, path_length=length), True))
    if recipe.usages is not None:
        wanted.append((x509.ExtendedKeyUsage(recipe.usages), False))
    if recipe.hosts:
        names = [x509.DNSName(host) for host in recipe.hosts]
        wanted.append((x509.SubjectAlternativeName(names), False))
    if recipe.cert_sign is not None:
        wanted.append((_key_usage(cert_sign=recipe.cert_sign), True))
    if recipe.aia is not None:
        place = x509.UniformResourceIdentifier(recipe.aia)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        wanted.append((x509.AuthorityInformationAccess([access]), False))
    if recipe.constraints is not None:
        wanted.append((recipe.constraints, True))
    if recipe.identifiers:
        wanted.append((x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False))
        parent = (signer.key if signer else own).public_key()
        wanted.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(parent), False))
    return wanted


def _key_usage(*, cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


ROOT = Recipe("Test Root", ca=True, cert_sign=True, lasts=timedelta(days=4000))
MIDDLE = Recipe("Test Middle CA", ca=True, cert_sign=True, lasts=timedelta(days=2000))
ISSUING = Recipe("Test Issuing CA", ca=True, cert_sign=True, lasts=timedelta(days=1000))
LEAF = Recipe("gw.example.com", usages=(SERVER,), hosts=("gw.example.com",), cert_sign=False)


@dataclass(frozen=True)
class Family:
    """Root, two intermediates, leaf."""

    root: Issued
    middle: Issued
    issuing: Issued
    leaf: Issued

    @property
    def all(self) -> list[Issued]:
        return [self.leaf, self.issuing, self.middle, self.root]

    @property
    def certificates(self) -> list[x509.Certificate]:
        return [one.certificate for one in self.all]


def family(leaf: Recipe = LEAF, kind: str = "p256") -> Family:
    """A fresh ordinary hierarchy with keys of one kind."""
    root = issue(ROOT, None, key("root", kind))
    middle = issue(MIDDLE, root, key("middle", kind))
    issuing = issue(ISSUING, middle, key("issuing", kind))
    return Family(root, middle, issuing, issue(leaf, issuing, key("leaf", kind)))


def variant(recipe: Recipe, **changes: object) -> Recipe:
    """``recipe`` with some fields changed."""
    return replace(recipe, **changes)  # type: ignore[arg-type]
