"""A CA's keys in a hardware security module, over PKCS#11 (Cryptoki 2.40).

A key is made on the token and never leaves it: sensitive, not extractable, good for signing only.
Its CKA_ID is the key id, 32 octets. What signs with it looks like any private key to the builders
of certificates, CRLs and OCSP answers, and sends what it is to sign to the token.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pkcs11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import Attribute, MechanismFlag, ObjectClass
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from sealwire.ca.signing import stand_in
from sealwire.errors import NotFoundError, RefusedError, UnavailableError
from sealwire.x509.keys import KeyType, key_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.ca.signing import IssuerKey
    from sealwire.x509.keys import PublicKey

    ResultT = TypeVar("ResultT")

_RSA_BITS: Final[Mapping[KeyType, int]] = {
    KeyType.RSA2048: 2048,
    KeyType.RSA3072: 3072,
    KeyType.RSA4096: 4096,
}
_CURVES: Final[Mapping[KeyType, ec.EllipticCurve]] = {
    KeyType.P256: ec.SECP256R1(),
    KeyType.P384: ec.SECP384R1(),
}
# Hashed on the token, in parts: a large CRL needs no large buffer there. With each mechanism the
# DigestInfo before a digest that was made here (RFC 8017, 9.2, note 1).
_RSA_MECHANISMS: Final[Mapping[str, tuple[pkcs11.Mechanism, bytes]]] = {
    "sha256": (
        pkcs11.Mechanism.SHA256_RSA_PKCS,
        bytes.fromhex("3031300d060960864801650304020105000420"),
    ),
    "sha384": (
        pkcs11.Mechanism.SHA384_RSA_PKCS,
        bytes.fromhex("3041300d060960864801650304020205000430"),
    ),
    "sha512": (
        pkcs11.Mechanism.SHA512_RSA_PKCS,
        bytes.fromhex("3051300d060960864801650304020305000440"),
    ),
}
_WHOLE: Final = (pkcs11.Mechanism.ECDSA, pkcs11.Mechanism.RSA_PKCS)
_PART: Final = 16_384
_KEY_ID: Final = re.compile(r"[0-9a-f]{64}\Z")

# Trying again with the same PIN would only bring the token nearer to locking itself.
_PIN_REFUSED: Final = (
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
    pkcs11.PinExpired,
)
_PRIVATE: Final[Mapping[Attribute, Any]] = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
}


class Pkcs11Keys:
    """Satisfies SigningKeys over one token.

    Nothing is opened before the first use. Safe from any thread: uses take turns, because the
    module is not told that threads share it. A session that was lost, for the token was reset or
    taken out for a while, is opened anew and the use tried once more.
    """

    def __init__(self, module: str, token: str, pin: Callable[[], str]) -> None:
        self._module = module
        self._token = token
        self._pin = pin
        self._turn = threading.Lock()
        self._session: pkcs11.Session | None = None
        # The library's stubs leave out what a private key object can do.
        self._known: dict[str, Any] = {}
        self._refused_pin: str | None = None

    def make_key(self, key_type: KeyType) -> PublicKey:
        """See SigningKeys. Raises UnavailableError ``key.store``."""

        def make(session: pkcs11.Session) -> PublicKey:
            public_half, private_half = _generate(session, key_type)
            public = _public_key(public_half)
            name = key_id(public)
            for half in (public_half, private_half):
                half[Attribute.LABEL] = f"sealwire {name[:16]}"
                half[Attribute.ID] = bytes.fromhex(name)
            return public

        return self._use(make)

    def signer(self, key_id: str) -> IssuerKey:
        """See SigningKeys. Raises NotFoundError ``key.unknown``, UnavailableError ``key.store``."""
        public = self._use(
            lambda session: _public_key(_find(session, key_id, ObjectClass.PUBLIC_KEY))
        )
        by = self._sign_rsa if isinstance(public, rsa.RSAPublicKey) else self._sign_ec
        return stand_in(public, partial(by, key_id))

    def holds(self, key_id: str) -> bool:
        """Whether the token has the private half. Raises UnavailableError ``key.store``."""
        try:
            self._use(lambda session: self._private(session, key_id))
        except NotFoundError:
            return False
        return True

    def sign(self, key_id: str, data: bytes, mechanism: pkcs11.Mechanism) -> bytes:
        """The token's own form of signature: for ECDSA both numbers side by side."""

        def use(session: pkcs11.Session) -> bytes:
            key = self._private(session, key_id)
            whole = data if mechanism in _WHOLE else _parts(data)
            return bytes(key.sign(whole, mechanism=mechanism))

        return self._use(use)

    def _sign_ec(
        self, key_id: str, data: bytes, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        """ECDSA: hashed here, for not every token has a mechanism that hashes; signed there."""
        algorithm = signature_algorithm.algorithm
        digest = data if isinstance(algorithm, Prehashed) else _digest(data, algorithm)
        both = self.sign(key_id, digest, pkcs11.Mechanism.ECDSA)
        middle = len(both) // 2
        return encode_dss_signature(
            int.from_bytes(both[:middle], "big"), int.from_bytes(both[middle:], "big")
        )

    def _sign_rsa(self, key_id: str, data: bytes, padding: Any, algorithm: Any) -> bytes:  # noqa: ANN401 - as the library passes them
        """RSASSA-PKCS1-v1_5; the token hashes, too, unless a digest is given."""
        digested = isinstance(algorithm, Prehashed)
        name = algorithm._algorithm.name if digested else algorithm.name  # noqa: SLF001 - no public way to ask
        mechanism, prefix = _RSA_MECHANISMS.get(name, (None, b""))
        if not isinstance(padding, PKCS1v15) or mechanism is None:
            message = "a key on a token signs by PKCS#1 v1.5 with SHA-256, SHA-384 or SHA-512"
            raise ValueError(message)
        if digested:
            return self.sign(key_id, prefix + data, pkcs11.Mechanism.RSA_PKCS)
        return self.sign(key_id, data, mechanism)

    def close(self) -> None:
        """Log out and close the session; the next use opens another."""
        with self._turn:
            self._forget()

    def _use(self, use: Callable[[pkcs11.Session], ResultT]) -> ResultT:
        with self._turn:
            try:
                try:
                    return use(self._opened())
                except _PIN_REFUSED:
                    raise
                except pkcs11.PKCS11Error:
                    self._forget()
                    return use(self._opened())
            except pkcs11.PKCS11Error as fault:
                self._forget()
                raise _unavailable(self._token, fault) from fault

    def _opened(self) -> pkcs11.Session:
        if self._session is None:
            pin = self._pin()
            if pin == self._refused_pin:
                raise _pin_refused(self._token)
            token = pkcs11.lib(self._module).get_token(token_label=self._token)
            try:
                self._session = _logged_in(token, pin)
            except _PIN_REFUSED as fault:
                self._refused_pin = pin
                raise _pin_refused(self._token) from fault
        return self._session

    def _private(self, session: pkcs11.Session, key_id: str) -> Any:  # noqa: ANN401 - as `_known`
        key = self._known.get(key_id)
        if key is None:
            key = self._known[key_id] = _find(session, key_id, ObjectClass.PRIVATE_KEY)
        return key

    def _forget(self) -> None:
        session, self._session = self._session, None
        self._known.clear()
        if session is not None:
            with suppress(pkcs11.PKCS11Error):  # it may be gone already
                session.close()


def _logged_in(token: pkcs11.Token, pin: str) -> pkcs11.Session:
    try:
        return token.open(rw=True, user_pin=pin)
    except pkcs11.UserAlreadyLoggedIn:
        # One log-in counts for all sessions of a process.
        return token.open(rw=True)


def _generate(session: pkcs11.Session, key_type: KeyType) -> tuple[Any, Any]:
    """Public and private half, both to stay."""
    asked: dict[str, Any] = {
        "store": True,
        "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
        "private_template": dict(_PRIVATE),
    }
    bits = _RSA_BITS.get(key_type)
    if bits is not None:
        return session.generate_keypair(pkcs11.KeyType.RSA, bits, **asked)
    parameters = session.create_domain_parameters(
        pkcs11.KeyType.EC,
        {Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVES[key_type].name)},
        local=True,
    )
    return parameters.generate_keypair(**asked)


def _find(session: pkcs11.Session, key_id: str, kind: ObjectClass) -> Any:  # noqa: ANN401 - a key object of either kind
    if not _KEY_ID.match(key_id):
        raise RefusedError("key.id", "A key id is 64 lower-case hexadecimal digits.")
    wanted = {Attribute.CLASS: kind, Attribute.ID: bytes.fromhex(key_id)}
    found = list(session.get_objects(wanted))
    if not found:
        raise NotFoundError("key.unknown", f"There is no private key {key_id} on the token.")
    return found[0]


def _public_key(half: Any) -> PublicKey:  # noqa: ANN401 - a public key object of either kind
    """What the token says of a key's public half, as the library knows it."""
    if half.key_type is pkcs11.KeyType.RSA:
        exponent = int.from_bytes(half[Attribute.PUBLIC_EXPONENT], "big")
        modulus = int.from_bytes(half[Attribute.MODULUS], "big")
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    public = load_der_public_key(encode_ec_public_key(half))
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise UnavailableError("key.store", "The token's key is of a kind that cannot be used.")
    return public


def _parts(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _PART] for start in range(0, len(data), _PART))


def _unavailable(token: str, fault: pkcs11.PKCS11Error) -> UnavailableError:
    what = str(fault) or type(fault).__name__
    return UnavailableError(
        "key.store",
        f"The PKCS#11 token {token} cannot be used: {what}.",
        hint="Check module, token label and PIN, and that the token is there.",
    )


def _pin_refused(token: str) -> UnavailableError:
    return UnavailableError(
        "key.pin",
        f"The PKCS#11 token {token} refuses the PIN.",
        hint="It is not tried again, for that would lock the token: correct it, then try.",
    )


def _digest(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()
