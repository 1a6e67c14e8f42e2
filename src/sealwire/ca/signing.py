"""Stand-ins for the CA's key, through which every certificate is built.

cryptography builds a certificate and signs it in one step, and takes any object that is a private
key by its class. A stand-in decides what its ``sign`` does with the bytes: the placeholder signs
nothing (so the to-be-signed bytes can be looked at before anybody approved them), the throwaway
signs with a key that nobody trusts (so that a whole certificate can be linted), and the guard lets
the real key sign the approved bytes and no others. A key that cannot leave its token stands behind
one as well.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sealwire.x509.keys import USUAL_EXPONENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    Sign = Callable[..., bytes]

IssuerKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
"""What a CA can sign with."""


def _not_this_key(*_arguments: Any, **_named: Any) -> NoReturn:  # noqa: ANN401 - fits every call
    message = "a stand-in for the CA's key can only be asked to sign"
    raise TypeError(message)


class _EcStandIn(ec.EllipticCurvePrivateKey):
    def __init__(self, public_key: ec.EllipticCurvePublicKey, sign: Sign) -> None:
        self._public_key = public_key
        self._sign = sign

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public_key

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:  # noqa: ANN401 - the base class says Buffer, which Python 3.11 cannot name
        return self._sign(bytes(data), signature_algorithm)

    exchange = _not_this_key
    private_numbers = _not_this_key
    private_bytes = _not_this_key
    __copy__ = _not_this_key
    __deepcopy__ = _not_this_key


class _RsaStandIn(rsa.RSAPrivateKey):
    def __init__(self, public_key: rsa.RSAPublicKey, sign: Sign) -> None:
        self._public_key = public_key
        self._sign = sign

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public_key

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:  # noqa: ANN401 - as above
        return self._sign(bytes(data), padding, algorithm)

    decrypt = _not_this_key
    private_numbers = _not_this_key
    private_bytes = _not_this_key
    __copy__ = _not_this_key
    __deepcopy__ = _not_this_key


def stand_in(public_key: PublicKeyTypes, sign: Sign) -> IssuerKey:
    """A private key by its class that can only sign, by ``sign(octets, *how)``.

    ``how`` is what the library asks for: the algorithm of ECDSA, or padding and hash of RSA.
    """
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return _EcStandIn(public_key, sign)
    if isinstance(public_key, rsa.RSAPublicKey):
        return _RsaStandIn(public_key, sign)
    message = f"a CA cannot sign with a {type(public_key).__name__}"
    raise TypeError(message)


def placeholder(public_key: PublicKeyTypes) -> IssuerKey:
    """A key of the same public half whose signatures are one octet of nothing."""
    return stand_in(public_key, lambda *_arguments: b"\0")


def throwaway(public_key: PublicKeyTypes) -> IssuerKey:
    """A key of the same public half that signs with another key, of the same kind and size."""
    other: IssuerKey
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        other = ec.generate_private_key(public_key.curve)
    elif isinstance(public_key, rsa.RSAPublicKey):
        other = _spare_rsa_key(public_key.key_size)
    else:
        return placeholder(public_key)
    return stand_in(public_key, other.sign)


@cache
def _spare_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    # Made once: it takes a tenth of a second, and its signatures are worth nothing.
    return rsa.generate_private_key(public_exponent=USUAL_EXPONENT, key_size=bits)


class NotApprovedError(ValueError):
    """Something else than the approved bytes was to be signed."""


def guarded(key: IssuerKey, approved: bytes) -> IssuerKey:
    """``key``, but it signs ``approved`` and nothing else (raises NotApprovedError)."""

    def sign(data: bytes, *how: Any) -> bytes:  # noqa: ANN401 - padding and hash, passed through
        if data != approved:
            message = "these are not the approved bytes"
            raise NotApprovedError(message)
        return key.sign(data, *how)

    return stand_in(key.public_key(), sign)
