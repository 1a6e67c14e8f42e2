"""One certificate: its facts, its fingerprints, whether it covers a name, and a self-signed one."""

from __future__ import annotations

import hashlib
import warnings
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from sealwire.x509.csr import san_entries
from sealwire.x509.hostnames import a_label, ip_address, pattern_matches, san_texts
from sealwire.x509.keys import signature_hash
from sealwire.x509.subject import common_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sealwire.x509.keys import PrivateKey

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)
WEAK_HASHES = frozenset({"sha1", "md5"})
_MAX_COMMON_NAME = 64


class Purpose(StrEnum):
    """Which end of a TLS connection a certificate is for."""

    SERVER = "server"
    CLIENT = "client"

    @property
    def usage(self) -> x509.ObjectIdentifier:
        """The extended key usage that goes with it."""
        if self is Purpose.SERVER:
            return ExtendedKeyUsageOID.SERVER_AUTH
        return ExtendedKeyUsageOID.CLIENT_AUTH


def certificate_der(certificate: x509.Certificate) -> bytes:
    """DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def certificate_sha256(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER, 64 lower-case hex digits."""
    return hashlib.sha256(certificate_der(certificate)).hexdigest()


def fingerprint_text(certificate: x509.Certificate, label: str = "sha-256") -> str:
    """``sha-256:AB:CD:...`` or, with label ``sha-1``, the form RFC 5425 4.2.2 asks for."""
    algorithms: dict[str, hashes.HashAlgorithm] = {
        "sha-256": hashes.SHA256(),
        "sha-1": hashes.SHA1(),  # noqa: S303 - RFC 5425 makes this label mandatory
    }
    digest = certificate.fingerprint(algorithms[label])
    return f"{label}:{digest.hex(':').upper()}"


def extension_value(certificate: x509.Certificate, kind: type[ExtensionT]) -> ExtensionT | None:
    """The extension's value, or None. The certificate's extensions must be readable."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def certificate_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """SAN texts in their order; the common name is not among them unless the SAN has it."""
    san = extension_value(certificate, x509.SubjectAlternativeName)
    return san_texts(san) if san is not None else ()


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether BasicConstraints says CA."""
    constraints = extension_value(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def serial_number(certificate: x509.Certificate) -> int:
    """The serial number as it stands, even zero or negative."""
    with warnings.catch_warnings():
        # The library warns of those; rules judge them here.
        warnings.simplefilter("ignore")
        return certificate.serial_number


def weak_hash(certificate: x509.Certificate) -> str:
    """The hash of its signature when nobody should rely on it any more, in capitals; else empty."""
    name = hash_name(certificate)
    return name if name.lower() in WEAK_HASHES else ""


def hash_name(certificate: x509.Certificate) -> str:
    """The hash of its signature in capitals; empty where there is none, or it is not known."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return ""
    return algorithm.name.upper() if algorithm else ""


def key_usages(certificate: x509.Certificate) -> tuple[x509.ObjectIdentifier, ...] | None:
    """The extended key usages, or None when the certificate does not restrict them."""
    usage = extension_value(certificate, x509.ExtendedKeyUsage)
    return tuple(usage) if usage is not None else None


def aia_issuer_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    """Where the certificate says its issuer's certificate can be had. Text only: never fetched."""
    access = extension_value(certificate, x509.AuthorityInformationAccess)
    if access is None:
        return ()
    return tuple(
        entry.access_location.value
        for entry in access
        if entry.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(entry.access_location, x509.UniformResourceIdentifier)
    )


def names_match(certificate: x509.Certificate, host: str, *, common_name: bool = False) -> bool:
    """Whether the certificate covers ``host`` (RFC 9525 6.3, 6.4).

    An IP address is compared octet for octet with iPAddress entries only. ``common_name`` is for
    old certificates: it counts when, and only when, the SAN holds no host name and no address.
    """
    return host_matcher(host, common_name=common_name)(certificate)


def host_matcher(host: str, *, common_name: bool = False) -> Callable[[x509.Certificate], bool]:
    """``names_match`` for one host and many certificates."""
    address = ip_address(host)
    try:
        name = a_label(host) if address is None else ""
    except ValueError:
        return lambda _: False

    def matches(certificate: x509.Certificate) -> bool:
        hosts, addresses = _host_names(certificate, common_name=common_name)
        if address is not None:
            return address in addresses
        return any(pattern_matches(pattern, name) for pattern in hosts)

    return matches


def _host_names(
    certificate: x509.Certificate, *, common_name: bool
) -> tuple[list[str], list[object]]:
    entries = list(extension_value(certificate, x509.SubjectAlternativeName) or ())
    hosts = [entry.value for entry in entries if isinstance(entry, x509.DNSName)]
    addresses: list[object] = [e.value for e in entries if isinstance(e, x509.IPAddress)]
    if common_name and not hosts and not addresses:
        hosts = list(common_names(certificate.subject))
        addresses = [address for text in hosts if (address := ip_address(text)) is not None]
    return hosts, addresses


def self_signed_certificate(
    key: PrivateKey,
    names: Sequence[str],
    *,
    not_before: datetime,
    not_after: datetime,
    serial: int,
) -> x509.Certificate:
    """A server certificate signed by its own key, for ``names`` (the first also common name).

    Raises RefusedError ``csr.names`` when a name is neither host name nor IP address.
    """
    entries = san_entries(x509.Name([]), names)
    first = str(entries[0].value)[:_MAX_COMMON_NAME] if entries else "localhost"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, first)])
    public_key = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_leaf_key_usage(rsa_key=isinstance(key, rsa.RSAPrivateKey)), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(entries), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .sign(key, signature_hash(key))
    )


def _leaf_key_usage(*, rsa_key: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        # Only RSA keys encipher keys (RFC 5480 section 3 forbids the bit for EC).
        key_encipherment=rsa_key,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
