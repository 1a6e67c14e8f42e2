"""Private and public keys: which kinds are made, which are accepted, how they are named."""

from __future__ import annotations

import hashlib
import warnings
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from sealwire.errors import RefusedError
from sealwire.x509.der import MAX_ITERATIONS, most_iterations
from sealwire.x509.findings import Code, error, warning
from sealwire.x509.pem import pem_blocks

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PrivateKeyTypes,
        PublicKeyTypes,
    )

    from sealwire.errors import Finding

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

MIN_RSA_BITS = 2048
# Longer ones cost a peer whole seconds for each handshake: a denial of service, not strength.
MAX_RSA_BITS = 16384
USUAL_EXPONENT = 65537
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


class KeyType(StrEnum):
    """Kinds of key that are made here."""

    RSA2048 = "rsa2048"
    RSA3072 = "rsa3072"
    RSA4096 = "rsa4096"
    P256 = "p256"
    P384 = "p384"


_RSA_BITS = {KeyType.RSA2048: 2048, KeyType.RSA3072: 3072, KeyType.RSA4096: 4096}


def generate_key(key_type: KeyType) -> PrivateKey:
    """Make a key of the kind asked for; the randomness is the cryptographic library's own."""
    bits = _RSA_BITS.get(key_type)
    if bits is not None:
        return rsa.generate_private_key(public_exponent=USUAL_EXPONENT, key_size=bits)
    curve: ec.EllipticCurve = ec.SECP256R1() if key_type is KeyType.P256 else ec.SECP384R1()
    return ec.generate_private_key(curve)


def public_key_der(public_key: PublicKeyTypes | CertificatePublicKeyTypes) -> bytes:
    """SubjectPublicKeyInfo, DER."""
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_id(public_key: PublicKeyTypes | CertificatePublicKeyTypes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo DER, 64 lower-case hex digits."""
    return hashlib.sha256(public_key_der(public_key)).hexdigest()


def private_key_pem(key: PrivateKey) -> bytes:
    """PKCS#8 PEM, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def signature_hash(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384:
    """SHA-256 for RSA and P-256, SHA-384 for the larger curves."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:  # noqa: PLR2004 - bits of P-256
        return hashes.SHA384()
    return hashes.SHA256()


def load_private_key(pem: bytes, password: bytes | None = None) -> PrivateKey:
    """Read PKCS#1, PKCS#8, EC or encrypted PEM, or the same in DER; never prompts.

    Raises RefusedError: ``key.password_needed``, ``key.unreadable``, ``key.weak``.
    """
    key = _parse_private_key(pem, password)
    faults = weak_key_findings(key.public_key())
    if any(fault.severity == "error" for fault in faults):
        raise RefusedError("key.weak", "The private key is not accepted.", findings=faults)
    return cast("PrivateKey", key)


def _parse_private_key(data: bytes, password: bytes | None) -> PrivateKeyTypes:
    if password is not None:
        _refuse_costly(data)
    try:
        key = _load(data, password)
        if isinstance(key, rsa.RSAPrivateKey):
            _check_rsa(key)
    except TypeError as fault:
        raise RefusedError(
            "key.password_needed",
            "The private key is encrypted and needs its password.",
            hint="Give the password, or decrypt it first: openssl pkey -in KEY -out PLAIN",
            findings=[error(Code.PASSWORD_NEEDED, "The private key is encrypted.")],
        ) from fault
    except (ValueError, OverflowError, UnsupportedAlgorithm) as fault:
        raise RefusedError(
            "key.unreadable",
            "The private key cannot be read: wrong password, damaged, or of an unknown kind.",
            findings=[error(Code.KEY_UNREADABLE, "The private key cannot be read.")],
        ) from fault
    return key


def _refuse_costly(data: bytes) -> None:
    """An encrypted key that asks for hours of hashing is not opened."""
    blocks = [block.der for block in pem_blocks(data) if block.der is not None]
    for der in blocks or [data]:
        if most_iterations(der) > MAX_ITERATIONS:
            raise RefusedError(
                "key.costly",
                "The encrypted key asks for too much work to be opened.",
                hint="Decrypt it first: openssl pkey -in KEY -out PLAIN",
                findings=[error(Code.LIMIT, "The encrypted key asks for too much work.")],
            )


def _check_rsa(key: rsa.RSAPrivateKey) -> None:
    """The numbers belong together. Raises ValueError.

    The library would also prove the factors prime, which takes seconds for long keys, and says
    nothing that a signature which verifies does not say.
    """
    numbers = key.private_numbers()
    p, q, e = numbers.p, numbers.q, numbers.public_numbers.e
    if (
        p * q != numbers.public_numbers.n
        or min(p, q) < 3  # noqa: PLR2004 - the least odd prime
        or numbers.d * e % (p - 1) != 1
        or numbers.d * e % (q - 1) != 1
        or numbers.dmp1 != numbers.d % (p - 1)
        or numbers.dmq1 != numbers.d % (q - 1)
        or numbers.iqmp * q % p != 1
    ):
        raise ValueError("the numbers of the RSA key do not belong together")


def _load(data: bytes, password: bytes | None) -> PrivateKeyTypes:
    load = partial(
        serialization.load_pem_private_key
        if b"-----BEGIN" in data
        else serialization.load_der_private_key,
        unsafe_skip_rsa_key_validation=True,
    )
    with warnings.catch_warnings():
        # Advice about old key formats is no business of whoever reads our log.
        warnings.simplefilter("ignore")
        try:
            return load(data, password)
        except TypeError:
            if password is None:
                raise
            # A password for a key that has none is harmless: bundles mix both kinds.
            return load(data, None)


def key_label(public_key: PublicKeyTypes | CertificatePublicKeyTypes) -> str:
    """The key's kind in people's words: ``RSA 2048``, ``EC P-256``, ``Ed25519``."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return f"RSA {public_key.key_size}"
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return f"EC {_CURVES.get(public_key.curve.name, public_key.curve.name)}"
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(public_key, ed448.Ed448PublicKey):
        return "Ed448"
    return type(public_key).__name__.removesuffix("PublicKey").lstrip("_")


def weak_key_findings(
    public_key: PublicKeyTypes | CertificatePublicKeyTypes, subject: str | None = None
) -> list[Finding]:
    """What speaks against a key: an error refuses it, a warning does not.

    RSA below 2048 bits or with an even exponent, other curves than P-256, P-384, P-521, and
    every other kind (DSA, Ed448, ...) are refused; Ed25519 passes with a warning, for few TLS
    appliances take it.
    """
    label = key_label(public_key)
    if isinstance(public_key, rsa.RSAPublicKey):
        return _rsa_findings(public_key, subject)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        if public_key.curve.name in _CURVES:
            return []
        text = f"The curve {public_key.curve.name} is not accepted; use P-256 or P-384."
        return [error(Code.WEAK_KEY, text, subject)]
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        text = "Ed25519 keys are refused by many TLS implementations."
        return [warning(Code.WEAK_KEY, text, subject)]
    return [error(Code.WEAK_KEY, f"Keys of kind {label} are not accepted.", subject)]


def _rsa_findings(public_key: rsa.RSAPublicKey, subject: str | None) -> list[Finding]:
    found = []
    bits, exponent = public_key.key_size, public_key.public_numbers().e
    if bits < MIN_RSA_BITS:
        text = f"The RSA key has {bits} bits; {MIN_RSA_BITS} is the least that is accepted."
        found.append(error(Code.WEAK_KEY, text, subject))
    if bits > MAX_RSA_BITS:
        text = f"The RSA key has {bits} bits; {MAX_RSA_BITS} is the most that is accepted."
        found.append(error(Code.WEAK_KEY, text, subject))
    if exponent % 2 == 0 or exponent < 3:  # noqa: PLR2004 - smallest exponent that RSA has
        text = f"The RSA exponent {exponent} is no exponent."
        found.append(error(Code.KEY_EXPONENT, text, subject))
    elif exponent < USUAL_EXPONENT:
        text = f"The RSA exponent {exponent} is unusually small; {USUAL_EXPONENT} is usual."
        found.append(warning(Code.KEY_EXPONENT, text, subject))
    return found
