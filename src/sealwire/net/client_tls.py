"""TLS as a client that trusts exactly what an administrator named, and proves who it is."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

# RFC 9662 section 3: ECDHE first. TLS 1.3 has its own list, where everything is ephemeral.
_TLS12_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!eNULL"


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What we show: ``chain_pem`` leaf first, ``key_pem`` PKCS#8 without a password."""

    chain_pem: str
    key_pem: bytes


def client_context(trust_pem: str, identity: ClientIdentity | None = None) -> ssl.SSLContext:
    """A context that verifies servers against ``trust_pem`` only, names against SAN only.

    Every certificate in ``trust_pem`` is an anchor, also one that is no root. TLS 1.2 or newer,
    no compression, no renegotiation, no session tickets, hence no early data (RFC 9662 section 6).
    Raises RefusedError ``trust.unreadable`` or ``identity.unreadable``.
    """
    context = _bare_context()
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_TRUSTED_FIRST
    try:
        context.load_verify_locations(cadata=trust_pem)
    except (ssl.SSLError, ValueError) as error:
        raise RefusedError(
            "trust.unreadable",
            "the certificates that may sign the server's cannot be read",
            hint="give one or more certificates in PEM form",
        ) from error
    if identity is not None:
        _show(context, identity)
    return context


def unverified_context(identity: ClientIdentity | None = None) -> ssl.SSLContext:
    """Only to look at a server's certificate and say what is wrong: no record goes over it."""
    context = _bare_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if identity is not None:
        _show(context, identity)
    return context


def permissive_context() -> ssl.SSLContext:
    """Offers whatever OpenSSL still can, to learn what a server that refused us would take."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return context


def _bare_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(_TLS12_CIPHERS)
    return context


def _show(context: ssl.SSLContext, identity: ClientIdentity) -> None:
    content = identity.key_pem.rstrip() + b"\n" + identity.chain_pem.encode("ascii")
    try:
        for path in _as_private_file(content):
            # The empty password keeps OpenSSL from asking on a terminal.
            context.load_cert_chain(path, password=b"")
    except (ssl.SSLError, OSError) as error:
        raise RefusedError(
            "identity.unreadable",
            "the installed certificate and its private key cannot be used",
            hint="import the certificate again",
        ) from error


def _as_private_file(content: bytes) -> Iterator[str]:
    """A path that only this process can open, for as long as the loop body runs.

    The ssl module takes keys from files only; an anonymous memory file never reaches a disk.
    """
    descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
