"""Private keys at rest: PKCS#8 encrypted under one secret that comes from outside the home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_LABEL: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
# The library stretches the secret by 2,048 rounds of PBKDF2 only: it has to be random by itself.
SHORTEST_SECRET: Final = 32
_LONGEST_SECRET: Final = 1023


class KeyEncryption:
    """Seals and opens keys as PKCS#8 with PBES2 (RFC 8018), which ``openssl pkey`` reads too.

    Raises RefusedError ``key_encryption.secret`` for a secret below 32 or above 1,023 octets.
    Nothing but the secret is kept: safe from any thread.
    """

    def __init__(self, secret: bytes) -> None:
        if not SHORTEST_SECRET <= len(secret) <= _LONGEST_SECRET:
            raise RefusedError(
                "key_encryption.secret",
                f"The key-encryption key has {len(secret)} characters; it needs"
                f" {SHORTEST_SECRET} to {_LONGEST_SECRET} of chance.",
                hint="Make one: openssl rand -hex 32",
            )
        self._secret = secret

    def seal(self, pkcs8_pem: bytes) -> bytes:
        """The same key, encrypted. Raises RefusedError ``key.unreadable`` for what is no key."""
        key = _parsed(pkcs8_pem, None, _not_a_key())
        return key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(self._secret),
        )

    def open(self, sealed_pem: bytes, key_id: str) -> bytes:
        """The key in clear, PKCS#8 PEM.

        Raises RefusedError ``key_encryption.wrong`` when the secret is another one.
        """
        wrong = RefusedError(
            "key_encryption.wrong",
            f"The key-encryption key does not open the private key {key_id}.",
            hint="Give the key-encryption key that the home's keys were encrypted with.",
        )
        return _parsed(sealed_pem, self._secret, wrong).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def is_sealed(pem: bytes) -> bool:
    """Whether a key file's content is encrypted."""
    return pem.lstrip().startswith(_LABEL)


def _parsed(pem: bytes, secret: bytes | None, refusal: RefusedError) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise refusal from fault


def _not_a_key() -> RefusedError:
    return RefusedError("key.unreadable", "This is no private key that could be encrypted.")
