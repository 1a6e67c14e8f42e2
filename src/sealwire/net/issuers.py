"""Issuers' certificates over HTTP: one address, no redirects, no proxy, little and soon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from sealwire.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from sealwire.clock import Clock

MAX_BYTES: Final = 1024 * 1024
SECONDS: Final = 10.0
_OK: Final = 200


class HttpIssuers:
    """Fills `sealwire.x509.fetching.IssuerSource`.

    Asks exactly the address that it is given, which may well be a private one: whoever says to
    fetch has read the certificate. Redirects are not followed, proxies of the environment not
    used, and nothing is sent but the request itself.
    """

    def __init__(
        self, clock: Clock, *, seconds: float = SECONDS, max_bytes: int = MAX_BYTES
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._max_bytes = max_bytes

    def fetch(self, url: str) -> bytes:
        """The body. Raises RefusedError ``issuer.*`` or UnavailableError ``issuer.unreachable``."""
        if not url.lower().startswith(("http://", "https://")):
            raise RefusedError("issuer.scheme", "Only http and https addresses are asked.")
        try:
            return self._get(url)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as fault:
            text = f"No answer that can be used ({type(fault).__name__})."
            raise UnavailableError("issuer.unreachable", text) from fault

    def _get(self, url: str) -> bytes:
        deadline = self._clock.monotonic() + self._seconds
        with (
            httpx.Client(follow_redirects=False, trust_env=False, timeout=self._seconds) as client,
            client.stream("GET", url, headers={"accept-encoding": "identity"}) as answer,
        ):
            if answer.status_code != _OK:
                text = f"The answer is {answer.status_code}, not {_OK}; redirects are not followed."
                raise RefusedError("issuer.status", text)
            return self._body(answer, deadline)

    def _body(self, answer: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        # As it comes: a chunk size would wait for that much before anything is looked at.
        for part in answer.iter_raw():
            body += part
            if len(body) > self._max_bytes:
                text = f"The answer is longer than {self._max_bytes} bytes."
                raise RefusedError("issuer.size", text)
            if self._clock.monotonic() > deadline:
                text = f"The answer was not there after {self._seconds:g} seconds."
                raise UnavailableError("issuer.slow", text)
        return bytes(body)
