"""What OpenSSL says, in plain words: which end refused what, and what to do about it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from sealwire.appliance.delivery import Fault
from sealwire.appliance.forwarder import PEER_CLOSED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME_MISMATCH: Final = "tls.name"

_OURS: Final = "import another certificate, or have the server trust the CA that signed ours"
_THEIRS: Final = "correct the server's certificate, or the certificates trusted for it here"

# X509_V_ERR_* numbers (openssl verify(1)).
_VERIFY: Final[Mapping[int, tuple[str, str, str]]] = {
    2: ("tls.unknown_ca", "certificate signed by an unknown CA", _THEIRS),
    9: ("tls.not_yet_valid", "the server's certificate is not valid yet", "check both clocks"),
    10: ("tls.expired", "the server's certificate has expired", "renew the server's certificate"),
    18: (
        "tls.self_signed",
        "the server's certificate is self-signed and not among the trusted ones",
        _THEIRS,
    ),
    19: (
        "tls.unknown_ca",
        "certificate signed by an unknown CA (its root is not trusted)",
        _THEIRS,
    ),
    20: (
        "tls.unknown_ca",
        "certificate signed by an unknown CA",
        "trust its CA here; the server may also fail to send its intermediate certificates",
    ),
    21: (
        "tls.unknown_ca",
        "certificate signed by an unknown CA",
        "trust its CA here; the server may also fail to send its intermediate certificates",
    ),
    23: ("tls.revoked", "the server's certificate is revoked", "renew the server's certificate"),
    26: (
        "tls.purpose",
        "the server's certificate is not meant for a server",
        "it needs the extended key usage serverAuth",
    ),
    66: ("tls.weak_key", "the server's key is too weak", "renew it with a stronger key"),
}
_NAME_CODES: Final = frozenset({62, 64})

_REFUSED_OURS: Final = "server refused our client certificate"
# Alerts (RFC 8446 section 6) as OpenSSL's reasons name them.
_ALERTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (
        "tls.client_certificate_required",
        "server demands a client certificate",
        "turn mutual authentication on",
    ),
    "TLSV1_ALERT_UNKNOWN_CA": (
        "tls.client_refused",
        f"{_REFUSED_OURS}: it does not know the CA that signed it",
        "have the server trust the CA that signed our certificate; show its intermediates too",
    ),
    "SSLV3_ALERT_BAD_CERTIFICATE": ("tls.client_refused", f"{_REFUSED_OURS} as bad", _OURS),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": (
        "tls.client_refused",
        f"{_REFUSED_OURS}: it is not meant for a client, or of a kind the server does not take",
        "it needs the extended key usage clientAuth",
    ),
    "SSLV3_ALERT_CERTIFICATE_REVOKED": (
        "tls.client_refused",
        f"{_REFUSED_OURS}: it is revoked",
        "import a new certificate",
    ),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": (
        "tls.client_refused",
        f"{_REFUSED_OURS}: it has expired (or a clock is wrong)",
        "import a new certificate",
    ),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": ("tls.client_refused", _REFUSED_OURS, _OURS),
    "TLSV1_ALERT_ACCESS_DENIED": (
        "tls.client_refused",
        f"{_REFUSED_OURS}: it is valid but not admitted",
        "have the server admit it",
    ),
    "TLSV1_ALERT_DECRYPT_ERROR": ("tls.client_refused", f"{_REFUSED_OURS}: bad signature", _OURS),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": (
        "tls.handshake_refused",
        "server refused the handshake: no common cipher, or it wants a client certificate",
        "check the server's TLS settings and mutual authentication",
    ),
    "TLSV1_ALERT_PROTOCOL_VERSION": (
        "tls.version",
        "server offers no TLS version that is allowed here (1.2 or newer)",
        "turn TLS 1.2 or 1.3 on at the server",
    ),
    "TLSV1_UNRECOGNIZED_NAME": (
        "tls.unrecognized_name",
        "server does not know the name we asked it for",
        "correct the server name of this destination",
    ),
}
_NO_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
)
_OLD_TLS: Final = frozenset({"UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE"})


class RevokedServerError(ssl.SSLError):
    """The server's verified chain holds a certificate that a revocation list names."""


def tls_fault(error: ssl.SSLError, server_name: str, names: Sequence[str] | None = None) -> Fault:
    """``error`` in plain words; ``names`` are those that the server's certificate carries."""
    if isinstance(error, ssl.SSLCertVerificationError | RevokedServerError):
        return _verify_fault(error, server_name, names)
    if isinstance(error, ssl.SSLEOFError) or error.reason == "UNEXPECTED_EOF_WHILE_READING":
        return Fault(PEER_CLOSED, "the server closed the connection", "look into the server's log")
    reason = error.reason or ""
    if reason in _ALERTS:
        code, message, hint = _ALERTS[reason]
        return Fault(code, message, hint, refused=True)
    if reason in _NO_TLS:
        return Fault(
            "tls.plain_text",
            "server speaks plain text",
            "use the server's TLS port, or turn TLS on there",
            refused=True,
        )
    if reason in _OLD_TLS:
        code, message, hint = _ALERTS["TLSV1_ALERT_PROTOCOL_VERSION"]
        return Fault(code, message, hint, refused=True)
    words = reason.lower().replace("_", " ") or "the connection broke"
    return Fault("tls.failed", f"TLS failed: {words}", "look into the server's log")


def _verify_fault(
    error: ssl.SSLCertVerificationError | RevokedServerError,
    server_name: str,
    names: Sequence[str] | None,
) -> Fault:
    if isinstance(error, RevokedServerError):
        text = f"the server's certificate: {error.args[-1]}"
        return Fault("tls.revoked", text, "renew the server's certificate", refused=True)
    if error.verify_code in _NAME_CODES:
        has = f" (has: {', '.join(names) or 'no name'})" if names is not None else ""
        return Fault(
            NAME_MISMATCH,
            f"name {server_name} not in certificate{has}",
            "correct the host or server name of this destination, or the server's certificate",
            refused=True,
        )
    known = _VERIFY.get(error.verify_code)
    if known is None:
        message = f"the server's certificate is refused: {error.verify_message}"
        return Fault("tls.certificate", message, _THEIRS, refused=True)
    return Fault(*known, refused=True)
