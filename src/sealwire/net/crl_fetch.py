"""Loads configured revocation lists: no redirects, no proxies, bounded in size and time.

Only what an administrator wrote down is ever asked for. Link-local addresses are refused, for a
cloud's credentials live there, and no CA does.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from sealwire.errors import RefusedError, SealwireError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.clock import Clock

_STEP_S: Final = 5.0
_AT_A_TIME: Final = 8
_OK: Final = 200
# Compressed, a small answer could become a large one.
_AS_IT_IS: Final = {"Accept-Encoding": "identity"}


class CrlFetch:
    """Fills ``identity.revocation.Fetch``. ``most`` bytes, ``seconds`` in all."""

    def __init__(self, clock: Clock, most: int, seconds: float = 30.0) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds

    def __call__(self, locations: Sequence[str]) -> Sequence[bytes | SealwireError]:
        """See Fetch."""
        with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="crl") as pool:
            return list(pool.map(self._answer, locations))

    def _answer(self, location: str) -> bytes | SealwireError:
        try:
            return self.content(location)
        except SealwireError as error:
            return error

    def content(self, location: str) -> bytes:
        """Of the URL or absolute path. Raises UnavailableError, RefusedError, see Fetch."""
        return self._file(Path(location)) if location.startswith("/") else self._url(location)

    def _file(self, path: Path) -> bytes:
        try:
            # A pipe without a writer would block for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise UnavailableError("crl.unreachable", f"{path} is no file")
                content = file.read(self._most + 1)
        except OSError as error:
            text = f"{path} cannot be read: {error.strerror or error}"
            raise UnavailableError("crl.unreachable", text) from error
        return self._bounded(content)

    def _url(self, url: str) -> bytes:
        _refuse_link_local(url)
        until = self._clock.monotonic() + self._seconds
        step = min(_STEP_S, self._seconds)
        content = bytearray()
        try:
            with (
                httpx.Client(trust_env=False, follow_redirects=False, timeout=step) as client,
                client.stream("GET", url, headers=_AS_IT_IS) as response,
            ):
                if response.status_code != _OK:
                    text = f"the server answers {response.status_code} instead of the list"
                    raise UnavailableError("crl.unreachable", text)
                for chunk in response.iter_raw():
                    content += chunk
                    self._bounded(content)
                    if self._clock.monotonic() > until:
                        text = f"the list did not come within {self._seconds:g} s"
                        raise UnavailableError("crl.unreachable", text)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            text = f"the list cannot be fetched: {str(error) or type(error).__name__}"
            raise UnavailableError("crl.unreachable", text) from error
        return bytes(content)

    def _bounded(self, content: bytes | bytearray) -> bytes:
        if len(content) > self._most:
            raise RefusedError("crl.size", f"the list is larger than {self._most} bytes")
        return bytes(content)


def _refuse_link_local(url: str) -> None:
    try:
        host = urlsplit(url).hostname or ""
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise UnavailableError(
            "crl.unreachable", f"the host name cannot be resolved: {error}"
        ) from error
    for *_, address in found:
        one = ipaddress.ip_address(str(address[0]).partition("%")[0])
        if one.is_link_local or one.is_multicast or one.is_unspecified:
            raise RefusedError("crl.address", f"lists are not fetched from {one}")
