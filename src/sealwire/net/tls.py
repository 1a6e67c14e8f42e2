"""TLS for listeners: server contexts, what a peer showed, and why a handshake failed.

RFC 5425 with the ciphers of RFC 9662: TLS 1.3 preferred, TLS 1.2 with ECDHE and AEAD only, among
them the mandatory TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256. TLS_RSA_WITH_AES_128_CBC_SHA, which RFC
9662 lets a server offer to old senders, only when it was switched on, and last. No renegotiation,
no compression, no session tickets and so no early data.
"""

from __future__ import annotations

import os
import ssl
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealwire.errors import RefusedError
from sealwire.sensor.receiving import ClientCertificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sealwire.sensor.receiving import TlsMaterial

TLS_1_2_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
# TLS_RSA_WITH_AES_128_CBC_SHA: no forward secrecy, and CBC; only where somebody asked for it.
LEGACY_CIPHER: Final = "AES128-SHA"
_HANDSHAKE_RECORD: Final = 0x16
_ALERT_RECORD: Final = 0x15

_VERIFY_MODES: Final[Mapping[ClientCertificate, ssl.VerifyMode]] = {
    ClientCertificate.OFF: ssl.CERT_NONE,
    ClientCertificate.WANTED: ssl.CERT_OPTIONAL,
    ClientCertificate.REQUIRED: ssl.CERT_REQUIRED,
}

# OpenSSL's reason -> our stable word and plain words.
_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": (
        "no_client_certificate",
        "the sender showed no certificate, and one is required",
    ),
    "UNSUPPORTED_PROTOCOL": ("old_tls_version", "the sender offers no TLS 1.2 or 1.3"),
    "NO_SHARED_CIPHER": ("no_shared_cipher", "the sender offers no cipher suite that is allowed"),
    "NO_SUITABLE_SIGNATURE_ALGORITHM": (
        "no_shared_cipher",
        "the sender offers no signature algorithm that fits the sensor's key",
    ),
    "TLSV1_ALERT_UNKNOWN_CA": (
        "sender_distrusts_us",
        "the sender does not trust the CA of the sensor's certificate",
    ),
    "SSLV3_ALERT_BAD_CERTIFICATE": (
        "sender_distrusts_us",
        "the sender refused the sensor's certificate",
    ),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": (
        "sender_distrusts_us",
        "the sender refused the sensor's certificate",
    ),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": (
        "sender_distrusts_us",
        "the sender finds the sensor's certificate expired",
    ),
    "TOO_MANY_KEY_UPDATES": (
        "too_many_key_updates",
        "the sender changed its keys again and again without sending anything",
    ),
    "HTTP_REQUEST": ("plain_text", "the client spoke HTTP without TLS"),
}

_UNKNOWN_CA: Final = "client_certificate_unknown_ca"
# X509_V_ERR_* numbers (openssl verify(1)) -> our stable word and plain words.
_VERIFY: Final[Mapping[int, tuple[str, str]]] = {
    9: ("client_certificate_not_yet_valid", "it is not valid yet (or a clock is wrong)"),
    10: ("client_certificate_expired", "it, or a CA above it, has expired (or a clock is wrong)"),
    18: (_UNKNOWN_CA, "it is self-signed and not itself trusted here"),
    19: (_UNKNOWN_CA, "the root of its chain is not trusted here"),
    20: (_UNKNOWN_CA, "no CA trusted here signed it, or the sender leaves out its intermediates"),
    21: (_UNKNOWN_CA, "no CA trusted here signed it, or the sender leaves out its intermediates"),
    26: ("client_certificate_purpose", "its extended key usage is not for a client"),
    66: ("client_certificate_weak", "its key is too weak"),
    67: ("client_certificate_weak", "the key of a CA above it is too weak"),
    68: ("client_certificate_weak", "a signature in its chain uses too weak a digest"),
}

_ATTRIBUTE_TYPES: Final[Mapping[str, str]] = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
    "domainComponent": "DC",
    "userId": "UID",
    "streetAddress": "STREET",
    "emailAddress": "E",
}


class RecordObject(ssl.SSLObject):
    """An ``SSLObject`` whose reading can be called without the wrapper's detour."""

    @property
    def read_record(self) -> Callable[[int, memoryview], int]:
        """``read(length, buffer)`` of the object beneath: at most one TLS record each."""
        beneath: Any = getattr(self, "_sslobj", self)
        reader: Callable[[int, memoryview], int] = beneath.read
        return reader


def server_context(material: TlsMaterial) -> ssl.SSLContext:
    """A context for accepting. Raises RefusedError ``tls.material`` when it cannot be made."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    legacy = f":{LEGACY_CIPHER}" if material.legacy_cbc else ""
    context.set_ciphers(TLS_1_2_CIPHERS + legacy)
    context.options |= (
        ssl.OP_NO_RENEGOTIATION
        | ssl.OP_NO_COMPRESSION
        | ssl.OP_NO_TICKET
        | ssl.OP_CIPHER_SERVER_PREFERENCE
        | ssl.OP_SINGLE_ECDH_USE
    )
    context.num_tickets = 0
    context.sslobject_class = RecordObject
    try:
        for chain_pem, key_pem in material.identities:
            _load_identity(context, chain_pem, key_pem)
        if material.trust_anchors:
            context.load_verify_locations(cadata=material.trust_anchors)
    except (ssl.SSLError, ValueError) as error:
        raise RefusedError(
            "tls.material", f"TLS cannot be set up with this certificate and key: {error}"
        ) from error
    # Who was named as anchor is one, also an issuing CA whose root is not at hand.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_mode = _VERIFY_MODES[material.client_certificate]
    return context


def _load_identity(context: ssl.SSLContext, chain_pem: str, key_pem: str) -> None:
    """Load chain and key through memory: OpenSSL wants a file, the key shall not be in one."""
    fd = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(f"{key_pem}\n{chain_pem}".encode())
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


class ShownCertificate(NamedTuple):
    """The verified certificate of a peer. ``names``: DNS names and addresses of its SAN."""

    der: bytes
    sha256: str
    subject: str
    names: tuple[str, ...]


def peer_certificate(tls: ssl.SSLObject) -> ShownCertificate | None:
    """What the peer showed, if anything."""
    der = tls.getpeercert(binary_form=True)
    if der is None:
        return None
    shown: Any = tls.getpeercert() or {}
    names = tuple(
        name for kind, name in shown.get("subjectAltName", ()) if kind in {"DNS", "IP Address"}
    )
    return ShownCertificate(
        der, sha256(der).hexdigest(), subject_text(shown.get("subject", ())), names
    )


def subject_text(names: Iterable[Iterable[tuple[str, str]]]) -> str:
    """A subject from ``getpeercert``, most specific first: ``CN=www.example.com,O=Example``.

    RFC 4514 section 2, with more than one attribute of an RDN joined by ``+``.
    """
    parts = [
        "+".join(f"{_ATTRIBUTE_TYPES.get(key, key)}={_escaped(value)}" for key, value in name)
        for name in names
    ]
    return ",".join(reversed(parts))


def _escaped(value: str) -> str:
    """RFC 4514 section 2.4, and control characters as hex pairs, so that a line stays a line."""
    text = "".join(
        f"\\{character}"
        if character in '\\,+"<>;'
        else f"\\{ord(character):02x}"
        if ord(character) < ord(" ")
        else character
        for character in value
    )
    if text[:1] in {" ", "#"}:
        text = "\\" + text
    return text[:-1] + "\\ " if text.endswith(" ") and len(text) > 1 else text


def first_byte_fault(data: bytes) -> tuple[str, str] | None:
    """Why a connection cannot be TLS, judged by its first byte: reason and plain words."""
    first = data[0]
    if first in {_HANDSHAKE_RECORD, _ALERT_RECORD}:
        return None
    if first == ord("<") or chr(first).isdigit():
        return "plain_text", "client sent syslog without TLS"
    if chr(first).isascii() and chr(first).isprintable():
        return "plain_text", "client sent text without TLS"
    return "not_tls", "client sent bytes that are no TLS"


def failure_reason(error: ssl.SSLError) -> tuple[str, str]:
    """A stable word and plain words for what OpenSSL reports."""
    if isinstance(error, ssl.SSLCertVerificationError):
        other = ("client_certificate_refused", error.verify_message)
        word, text = _VERIFY.get(error.verify_code, other)
        return word, f"the sender's certificate: {text}"
    reason = error.reason or "unknown"
    known = _REASONS.get(reason)
    if known is not None:
        return known
    words = reason.lower().replace("_", " ")
    if "alert" in words:
        return "sender_alert", f"the sender ended the handshake: {words}"
    return "tls_error", words
