"""Certificates of CAs themselves, and the request of one whose issuer is somewhere else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealwire.ca.birth import BACKDATE
from sealwire.errors import ConflictError
from sealwire.x509.keys import signature_hash
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from sealwire.ca.signing import IssuerKey

    Serial = Callable[[], int]

ROOT_LIFE: Final = timedelta(days=7305)
ISSUING_LIFE: Final = timedelta(days=3652)

# No digitalSignature: a delegated signer answers for OCSP, and the CA's key signs nothing else.
_CA_KEY_USAGE: Final = x509.KeyUsage(
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
# One CA may stand below ours, and none below that one: caCACert says so too.
_ISSUING: Final = x509.BasicConstraints(ca=True, path_length=1)
_ROOT: Final = x509.BasicConstraints(ca=True, path_length=2)
# Of somebody else's CA no more is asked than is needed.
_ASKED_FOR: Final = x509.BasicConstraints(ca=True, path_length=0)


def root_certificate(
    name: x509.Name, key: IssuerKey, *, now: datetime, serial: Serial
) -> x509.Certificate:
    """A root, signed by itself (RFC 5280, 4.2.1.9)."""
    begin = (now - BACKDATE).replace(microsecond=0)
    builder = _builder(name, name, key.public_key(), serial(), _ROOT)
    builder = builder.not_valid_before(begin).not_valid_after(begin + ROOT_LIFE)
    return _signed(builder, _own_identifier(key.public_key()), key)


def issuing_certificate_by(
    root: x509.Certificate,
    root_key: IssuerKey,
    *,
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    now: datetime,
    serial: Serial,
) -> x509.Certificate:
    """An issuing CA's certificate, signed by the root, which it does not outlive.

    Raises ConflictError ``ca.root_expired`` when the root is not valid at ``now``.
    """
    if not root.not_valid_before_utc <= now < root.not_valid_after_utc:
        name = dn_text(root.subject)
        raise ConflictError("ca.root_expired", f"The root {name} is not valid at this time.")
    begin = max((now - BACKDATE).replace(microsecond=0), root.not_valid_before_utc)
    end = min(begin + ISSUING_LIFE, root.not_valid_after_utc)
    builder = _builder(subject, root.subject, public_key, serial(), _ISSUING)
    builder = builder.not_valid_before(begin).not_valid_after(end)
    return _signed(builder, subject_identifier(root), root_key)


def authority_csr(name: x509.Name, key: IssuerKey) -> str:
    """A request for an issuing CA's certificate, PEM: it asks for CA:TRUE and its key usage."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(_ASKED_FOR, critical=True)
        .add_extension(_CA_KEY_USAGE, critical=True)
        .sign(key, signature_hash(key))
        .public_bytes(Encoding.PEM)
        .decode("ascii")
    )


def subject_identifier(certificate: x509.Certificate) -> bytes:
    """The SubjectKeyIdentifier that it carries, else the one made of its key."""
    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        own = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return own.digest


def _own_identifier(public_key: CertificatePublicKeyTypes) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(public_key).digest


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: CertificatePublicKeyTypes,
    serial: int,
    constraints: x509.BasicConstraints,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .add_extension(constraints, critical=True)
        .add_extension(_CA_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder, issuer_identifier: bytes, key: IssuerKey
) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier(issuer_identifier, None, None)
    return builder.add_extension(identifier, critical=False).sign(key, signature_hash(key))
