"""A certificate shop outside of Sealwire that can be told to get things wrong, as of now."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealwire.clock import SystemClock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


@dataclass
class Shop:
    """A root and an issuing CA below it."""

    name: str
    _root_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    _issuing_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    @property
    def root(self) -> str:
        """The root, PEM."""
        return self._ca(f"{self.name} Root", self._root_key, f"{self.name} Root")

    @property
    def issuing(self) -> str:
        """The issuing CA, PEM."""
        return self._ca(f"{self.name} Issuing CA", self._issuing_key, f"{self.name} Root")

    def leaf(
        self,
        key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        host: str,
        purpose: x509.ObjectIdentifier,
        *,
        days: tuple[int, int] = (-1, 300),
    ) -> str:
        """A certificate for ``host``, valid from and until ``days`` from now, PEM."""
        builder = _builder(host, f"{self.name} Issuing CA", key, days)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        san = x509.SubjectAlternativeName([x509.DNSName(host)])
        builder = builder.add_extension(san, critical=False)
        return pem(builder.sign(self._issuing_key, hashes.SHA256()))

    def _ca(self, subject: str, key: ec.EllipticCurvePrivateKey, issuer: str) -> str:
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = _builder(subject, issuer, key.public_key(), (-1, 3000))
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        builder = builder.add_extension(usage, critical=True)
        return pem(builder.sign(self._root_key, hashes.SHA256()))


def _builder(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    days: tuple[int, int],
) -> x509.CertificateBuilder:
    now = SystemClock().now()
    builder = x509.CertificateBuilder(_name(issuer), _name(subject), key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now + timedelta(days=days[0]))
    return builder.not_valid_after(now + timedelta(days=days[1]))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, host: str, country: str = "US"
) -> bytes:
    """A CSR, DER; ``country`` may be anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, country, _validate=False),
                x509.NameAttribute(NameOID.COMMON_NAME, host),
            ]
        )
    san = x509.SubjectAlternativeName([x509.DNSName(host)])
    builder = x509.CertificateSigningRequestBuilder(name).add_extension(san, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
