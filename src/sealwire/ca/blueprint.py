"""How a certificate is put together from what was granted, its profile and its issuer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.ca.birth import BACKDATE
from sealwire.ca.profile_words import KeyUsageBit, Purpose, SigningAlgorithm
from sealwire.errors import ConflictError
from sealwire.x509.certificate import certificate_der
from sealwire.x509.keys import key_id
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from sealwire.ca.addresses import Addresses
    from sealwire.ca.constraints import Grant
    from sealwire.ca.profiles import Profile

SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

_HASHES: Final[Mapping[SigningAlgorithm, type[SignatureHash]]] = {
    SigningAlgorithm.SHA256_RSA: hashes.SHA256,
    SigningAlgorithm.SHA384_RSA: hashes.SHA384,
    SigningAlgorithm.SHA512_RSA: hashes.SHA512,
    SigningAlgorithm.SHA256_EC: hashes.SHA256,
    SigningAlgorithm.SHA384_EC: hashes.SHA384,
    SigningAlgorithm.SHA512_EC: hashes.SHA512,
}

_PURPOSES: Final[Mapping[Purpose, x509.ObjectIdentifier]] = {
    Purpose.SERVER_AUTH: ExtendedKeyUsageOID.SERVER_AUTH,
    Purpose.CLIENT_AUTH: ExtendedKeyUsageOID.CLIENT_AUTH,
    Purpose.EMAIL_PROTECTION: ExtendedKeyUsageOID.EMAIL_PROTECTION,
    Purpose.OCSP_SIGNING: ExtendedKeyUsageOID.OCSP_SIGNING,
}


@dataclass(frozen=True, slots=True)
class Issuer:
    """What the CA itself puts into a certificate.

    ``name`` is its subject as text, ``key_id`` names its key. ``digest`` is SHA-256 hex over all
    of it: bytes fixed under another digest need a new look. ``depth`` is how many CAs may stand
    below it, None for any number.
    """

    certificate: x509.Certificate
    name: str
    key_id: str
    addresses: Addresses
    digest: str
    depth: int | None


@lru_cache(maxsize=8)
def issuer_of(issuing_pem: str, addresses: Addresses) -> Issuer:
    """The owner of that certificate (PEM), as issuer."""
    certificate = x509.load_pem_x509_certificate(issuing_pem.encode())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    said = certificate_der(certificate) + addresses.public_url.encode()
    return Issuer(
        certificate=certificate,
        name=dn_text(certificate.subject),
        key_id=key_id(certificate.public_key()),
        addresses=addresses,
        digest=hashlib.sha256(said).hexdigest(),
        depth=constraints.path_length,
    )


def signing_algorithm(issuer: Issuer, profile: Profile) -> SigningAlgorithm:
    """How the issuer signs under ``profile``: as its key asks for, else as the profile allows.

    Raises ConflictError ``ca.key`` for a key it cannot sign with.
    """
    usual = _usual_algorithm(issuer.certificate.public_key())
    allowed = profile.constraints.signing.algorithms
    if usual in allowed:
        return usual
    kind = usual.rpartition("with")[2]
    # With nothing that fits, the usual one: the constraint then says so.
    return next((each for each in allowed if each.endswith(f"with{kind}")), usual)


def _usual_algorithm(public_key: CertificatePublicKeyTypes) -> SigningAlgorithm:
    if isinstance(public_key, rsa.RSAPublicKey):
        return SigningAlgorithm.SHA256_RSA
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        wide = public_key.curve.key_size > ec.SECP256R1.key_size
        return SigningAlgorithm.SHA384_EC if wide else SigningAlgorithm.SHA256_EC
    raise ConflictError("ca.key", "The issuing CA's key is of a type that cannot be used.")


def signature_hash(issuer: Issuer, profile: Profile) -> SignatureHash:
    """The hash that belongs to ``signing_algorithm``."""
    return _HASHES[signing_algorithm(issuer, profile)]()


def certificate_builder(
    profile: Profile, grant: Grant, issuer: Issuer, serial: int, now: datetime
) -> x509.CertificateBuilder:
    """Everything but the signature; the same arguments always give the same bytes.

    Raises ConflictError ``ca.expired`` when the issuing certificate is not valid at ``now``.
    """
    not_before, not_after = _validity(profile, issuer.certificate, now)
    # The constructor takes a list, while add_extension copies the whole builder each time.
    return x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject,
        subject_name=grant.subject,
        public_key=grant.public_key,
        serial_number=serial,
        not_valid_before=not_before.replace(tzinfo=None),
        not_valid_after=not_after.replace(tzinfo=None),
        extensions=[
            x509.Extension(value.oid, critical, value)
            for value, critical in _extensions(profile, grant, issuer)
        ],
    )


def _validity(
    profile: Profile, issuer: x509.Certificate, now: datetime
) -> tuple[datetime, datetime]:
    if not issuer.not_valid_before_utc <= now < issuer.not_valid_after_utc:
        raise ConflictError("ca.expired", "The issuing CA's certificate is not valid at this time.")
    begin = max((now - BACKDATE).replace(microsecond=0), issuer.not_valid_before_utc)
    end = begin + timedelta(days=profile.defaults.validity.days)
    return begin, min(end, issuer.not_valid_after_utc)


def _extensions(
    profile: Profile, grant: Grant, issuer: Issuer
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    defaults = profile.defaults
    is_rsa = isinstance(grant.public_key, rsa.RSAPublicKey)
    yield _authority_key_identifier(issuer.certificate), False
    yield x509.SubjectKeyIdentifier.from_public_key(grant.public_key), False
    if defaults.basic_constraints is not None:
        length = _path_length(defaults.basic_constraints.path_length, issuer.depth)
        yield x509.BasicConstraints(ca=True, path_length=length), True
    bits = defaults.key_usage.rsa if is_rsa else defaults.key_usage.ec
    yield _key_usage(bits), defaults.key_usage.critical
    if defaults.extended_key_usage is not None:
        purposes = [_PURPOSES[purpose] for purpose in defaults.extended_key_usage.purposes]
        yield x509.ExtendedKeyUsage(purposes), defaults.extended_key_usage.critical
    if defaults.ocsp_no_check:
        yield x509.OCSPNoCheck(), False
    if grant.names:
        yield x509.SubjectAlternativeName(grant.names), False
    for extension in issuer.addresses.extensions():
        yield extension, False


def _path_length(wanted: int | None, depth: int | None) -> int | None:
    if depth is None:
        return wanted
    return depth - 1 if wanted is None else min(wanted, depth - 1)


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _key_usage(bits: tuple[KeyUsageBit, ...]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=KeyUsageBit.DIGITAL_SIGNATURE in bits,
        content_commitment=KeyUsageBit.NON_REPUDIATION in bits,
        key_encipherment=KeyUsageBit.KEY_ENCIPHERMENT in bits,
        data_encipherment=KeyUsageBit.DATA_ENCIPHERMENT in bits,
        key_agreement=KeyUsageBit.KEY_AGREEMENT in bits,
        key_cert_sign=KeyUsageBit.KEY_CERT_SIGN in bits,
        crl_sign=KeyUsageBit.CRL_SIGN in bits,
        encipher_only=False,
        decipher_only=False,
    )
