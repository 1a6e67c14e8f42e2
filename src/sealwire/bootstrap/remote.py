"""HTTP over TLS to a server elsewhere, and what its refusals mean."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx

from sealwire.errors import RefusedError, SealwireError, UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_RUNNING: Final = "is the node running? start it with `sealwire up`"
# A server that refuses a client certificate in TLS 1.3 may close before its alert gets through.
_CLOSED: Final = "was the client certificate issued by this node's CA, and is it still valid?"
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class TlsEnd:
    """How the server is judged, and what is shown to it.

    ``roots`` alone are trusted; without them the system's are. ``certificate`` is one PEM file with
    key and chain, ``key_password`` opens the key. ``any_issuer`` and ``any_name`` leave one check
    out each.
    """

    roots: Path | None = None
    certificate: Path | None = None
    key_password: str | None = None
    any_issuer: bool = False
    any_name: bool = False


@contextmanager
def remote_http(
    url: str, tls: TlsEnd, user: tuple[str, str] | None = None
) -> Iterator[httpx.Client]:
    """A client for the server at ``url`` that keeps its cookies; Basic log-in with ``user``.

    Raises UsageError for a URL without TLS, and for files that hold no certificate. Proxies that
    the environment names are not used: they could not pass the client certificate on.
    """
    with httpx.Client(
        base_url=_checked_url(url),
        verify=_context(tls),
        auth=user,
        timeout=TIMEOUT,
        trust_env=False,
    ) as client:
        yield client


def unreachable(client: httpx.Client, error: httpx.HTTPError) -> SealwireError:
    """Nobody there, or somebody whom TLS does not let us talk to: only the first may pass."""
    fault = _tls_fault(error)
    if isinstance(fault, ssl.SSLCertVerificationError):
        return RefusedError(
            "tls.untrusted",
            f"the certificate of {client.base_url} is not trusted: {fault.verify_message}",
            hint="the folder that -d names must hold the CA's roots in ca-roots.pem",
        )
    if fault is not None:
        return RefusedError(
            "tls.refused",
            f"{client.base_url} refused the connection: {fault.reason or fault}",
            hint=_CLOSED,
        )
    return UnavailableError(
        "node.unreachable",
        f"no answer from {client.base_url}: {error}",
        hint=_CLOSED if isinstance(error, httpx.RemoteProtocolError) else NOT_RUNNING,
    )


def _context(tls: TlsEnd) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = not (tls.any_name or tls.any_issuer)
    if tls.any_issuer:
        context.verify_mode = ssl.CERT_NONE
    elif tls.roots is None:
        context.load_default_certs()
    else:
        with _loading(tls.roots):
            context.load_verify_locations(tls.roots)
    if tls.certificate is not None:
        with _loading(tls.certificate):
            # Without a password OpenSSL would ask the terminal for one.
            context.load_cert_chain(tls.certificate, password=tls.key_password or "")
    return context


@contextmanager
def _loading(path: Path) -> Iterator[None]:
    try:
        yield
    except (ssl.SSLError, OSError) as error:
        raise UsageError("tls.file", f"{path} cannot be used: {error}") from error


def _checked_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise UsageError("usage.url", f"not a URL: {text} ({error})") from error
    if url.scheme != "https" or not url.host:
        raise UsageError(
            "usage.url",
            f"not the URL of a node: {text}",
            hint="for example https://ca.example.com:8443",
        )
    return url


def _tls_fault(error: BaseException) -> ssl.SSLError | None:
    """The TLS alert or check behind ``error``, if that is what it was."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
