"""How commands reach a node's API.

A running node is asked over its unix socket; a home whose node is not running is opened in this
process, under the home's lock, so that a command does the same either way.
"""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from sealwire.bootstrap.home import Home
from sealwire.bootstrap.remote import TIMEOUT, unreachable
from sealwire.errors import (
    ConflictError,
    Finding,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    SealwireError,
    Severity,
    UnauthorizedError,
    UnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from pathlib import Path

_STREAMED = "sealwire.streamed"

_BY_STATUS: dict[int, type[SealwireError]] = {
    400: UsageError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: RefusedError,
    422: RefusedError,
}


class ApiClient:
    """Calls the API and turns problem documents back into errors of the tree."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def call(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Send one request and give back its JSON (None when there is none)."""
        response = self._send(method, path, **arguments)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise _unexpected(response) from None

    def text(self, method: str, path: str, **arguments: Any) -> str:  # noqa: ANN401 - passed on
        """Send one request and give back its text."""
        return self._send(method, path, **arguments).text

    def content(self, method: str, path: str, **arguments: Any) -> bytes:  # noqa: ANN401 - passed on
        """Send one request and give back its bytes."""
        return self._send(method, path, **arguments).content

    @contextmanager
    def lines(
        self,
        path: str,
        method: str = "GET",
        **arguments: Any,  # noqa: ANN401 - passed on
    ) -> Iterator[Iterator[str]]:
        """Stream an answer line by line, without a time limit.

        One that breaks off raises UnavailableError.
        """
        begun = False
        try:
            with self._client.stream(method, path, timeout=None, **arguments) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                begun = True
                yield response.iter_lines()
        except httpx.HTTPError as error:
            raise _broken_off() if begun else unreachable(self._client, error) from error

    @contextmanager
    def pieces(
        self,
        path: str,
        **arguments: Any,  # noqa: ANN401 - passed on
    ) -> Iterator[Iterator[bytes]]:
        """Stream an answer as it comes, without a time limit.

        One that breaks off raises UnavailableError.
        """
        wanted, begun = {_STREAMED: True}, False
        try:
            with self._client.stream(
                "GET", path, timeout=None, extensions=wanted, **arguments
            ) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                begun = True
                yield response.iter_bytes()
        except httpx.HTTPError as error:
            raise _broken_off() if begun else unreachable(self._client, error) from error

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - passed on
        try:
            response = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise unreachable(self._client, error) from error
        if not response.is_success:
            raise error_of(response)
        return response


def error_of(response: httpx.Response) -> SealwireError:
    """The error that a problem document describes."""
    kind = _BY_STATUS.get(response.status_code, UnavailableError)
    try:
        document = response.json()
        findings = [
            Finding(f["code"], Severity(f["severity"]), f["message"], f.get("subject"))
            for f in document.get("findings", ())
        ]
        return kind(document["code"], document["detail"], hint=document["hint"], findings=findings)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _unexpected(response)


def _broken_off() -> UnavailableError:
    return UnavailableError(
        "node.broken_off",
        "the node ended before its answer did",
        hint="ask again when it runs; its log says why it ended",
    )


def _unexpected(response: httpx.Response) -> UnavailableError:
    return UnavailableError(
        "http.unexpected",
        f"unexpected answer: {response.status_code} {response.reason_phrase}",
        hint="is this a Sealwire node?",
    )


@contextmanager
def home_client(home_path: Path) -> Iterator[ApiClient]:
    """The API as the home's owner. Raises UnavailableError when the home cannot be used."""
    home = Home(home_path)
    if _answers(home):
        with (
            _short_path(home) as path,
            httpx.Client(
                # No TLS is spoken here: a context that trusts nobody spares reading all the CAs.
                transport=httpx.HTTPTransport(
                    uds=path, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                ),
                base_url="http://sealwire",
                timeout=TIMEOUT,
            ) as client,
        ):
            yield ApiClient(client)
    else:
        with _in_process(home) as client:
            yield ApiClient(client)


def _answers(home: Home) -> bool:
    if not home.socket.exists():
        return False
    with _short_path(home) as path, socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


@contextmanager
def _short_path(home: Home) -> Iterator[str]:
    """A path below the 107 bytes that a unix socket's may have, however deep the home lies."""
    folder = os.open(home.run, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{home.socket.name}"
    finally:
        os.close(folder)


@contextmanager
def _in_process(home: Home) -> Iterator[httpx.Client]:
    from sealwire.bootstrap.offline import opened_offline  # noqa: PLC0415 - heavy, and rarely needed

    with (
        opened_offline(home) as app,
        httpx.Client(
            transport=_AppTransport(app), base_url="http://sealwire", timeout=TIMEOUT
        ) as client,
    ):
        yield client


class _AppTransport(httpx.BaseTransport):
    """Runs one request through the app in this process."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - any ASGI app
        from sealwire.net.http import EXTENSION, own_peer  # noqa: PLC0415 - heavy, as above

        self._app = app
        self._peer = {EXTENSION: own_peer()}

        async def as_owner(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
            await app({**scope, "extensions": dict(self._peer)}, receive, send)

        self._inner = httpx.ASGITransport(as_owner)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer ``request`` from the app.

        The whole body is there when this returns, unless it was asked for piece by piece.
        """
        import asyncio  # noqa: PLC0415 - only needed without a running node

        if request.extensions.get(_STREAMED):
            from sealwire.bootstrap.in_process import StreamedAnswer  # noqa: PLC0415 - as above

            answer = StreamedAnswer(self._app, request, self._peer)
            return httpx.Response(answer.status, headers=answer.headers, stream=answer)
        return asyncio.run(self._ask(request))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        """The home's lock is ours, so whoever asks is the home's owner."""
        body = request.read()
        answer = await self._inner.handle_async_request(
            httpx.Request(request.method, request.url, headers=request.headers, content=body)
        )
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=await answer.aread()
        )
