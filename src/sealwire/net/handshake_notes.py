"""What a server said in its part of a handshake, noted while OpenSSL reads it.

The interpreter shows each handshake message to a callback of the context; where it does not, the
notes stay empty and ``asked`` stays None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.x509.distinguished import name_from_der
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    import ssl

_HANDSHAKE: Final = 22
_SERVER_HELLO: Final = 2
_CERTIFICATE: Final = 11
_CERTIFICATE_REQUEST: Final = 13
_AUTHORITIES: Final = 47  # the extension certificate_authorities, RFC 8446 section 4.2.4
_MOST_AUTHORITIES: Final = 500
_TLS_1_3: Final = 0x0304
_VERSIONS: Final = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    _TLS_1_3: "TLSv1.3",
}


class HandshakeNotes:
    """``version``: what the server agreed on, or empty. ``certificate``: it sent its own.

    ``asked``: whether it asked for a client certificate (None: not known). ``authorities``: the
    CAs it named then, as text.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.version = ""
        self.certificate = False
        self.asked: bool | None = None
        self.authorities: tuple[str, ...] = ()
        if hasattr(context, "_msg_callback"):
            self.asked = False
            context._msg_callback = self._note  # noqa: SLF001 - the only way to see them

    def _note(
        self,
        _connection: object,
        direction: str,
        version: int,
        kind: int,
        message: int,
        data: bytes,
    ) -> None:
        if direction != "read" or kind != _HANDSHAKE:
            return
        # Beside the messages the callback sees record headers, whose type is out of range.
        number = int(message)
        if number == _SERVER_HELLO:
            self.version = _VERSIONS.get(int(version), f"version {int(version):#06x}")
        elif number == _CERTIFICATE:
            self.certificate = True
        elif number == _CERTIFICATE_REQUEST:
            self.asked = True
            self.authorities = _named(data, modern=int(version) >= _TLS_1_3)


def _named(message: bytes, *, modern: bool) -> tuple[str, ...]:
    """The CAs that a CertificateRequest names; none when it cannot be read."""
    try:
        names = _from_extensions(message[4:]) if modern else _from_tail(message[4:])
        return tuple(dict.fromkeys(dn_text(name_from_der(der)) for der in names))
    except (ValueError, IndexError):
        return ()


def _from_extensions(body: bytes) -> list[bytes]:
    """RFC 8446 section 4.3.2: a context, then extensions."""
    at = 1 + body[0] + 2
    while at + 4 <= len(body):
        kind, length = _number(body, at), _number(body, at + 2)
        if kind == _AUTHORITIES:
            return _names(body[at + 4 : at + 4 + length])
        at += 4 + length
    return []


def _from_tail(body: bytes) -> list[bytes]:
    """RFC 5246 section 7.4.4: types, signature algorithms, then the names."""
    at = 1 + body[0]
    at += 2 + _number(body, at)
    return _names(body[at:])


def _names(block: bytes) -> list[bytes]:
    found: list[bytes] = []
    at, end = 2, 2 + _number(block, 0)
    while at + 2 <= end and len(found) < _MOST_AUTHORITIES:
        length = _number(block, at)
        found.append(block[at + 2 : at + 2 + length])
        at += 2 + length
    return found


def _number(data: bytes, at: int) -> int:
    if at + 2 > len(data):
        raise ValueError("the message is cut")
    return int.from_bytes(data[at : at + 2], "big")


def certificates_as_sent(tls: ssl.SSLObject) -> list[bytes]:
    """DER of every certificate in the peer's message, in its order, verified or not.

    Public from Python 3.13 on; before, the same call is one layer down.
    """
    return _chain(tls, "get_unverified_chain")


def verified_chain(tls: ssl.SSLObject) -> list[bytes]:
    """DER of the chain that OpenSSL built and verified, leaf first, trusted end last."""
    return _chain(tls, "get_verified_chain")


def _chain(tls: ssl.SSLObject, name: str) -> list[bytes]:
    public: Any = getattr(tls, name, None)
    call: Any = public or getattr(getattr(tls, "_sslobj"), name)  # noqa: B009 - not in the stubs
    return [one if isinstance(one, bytes) else one.public_bytes(_DER) for one in call() or ()]


_DER: Final = 2  # _ssl.ENCODING_DER
