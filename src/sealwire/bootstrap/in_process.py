"""One request through an app in this process, its answer taken piece by piece.

``httpx.ASGITransport`` holds an answer whole; one that may be larger than memory goes this way.
"""

from __future__ import annotations

import asyncio
import threading
from queue import Full, Queue
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_WAITING: Final = 4
_LOOK_EVERY: Final = 0.2


class StreamedAnswer(httpx.SyncByteStream):
    """The app's answer; ``status`` and ``headers`` are there at once, the body as it is made.

    Raises what the app raises, where that happens. ``close`` lets an app that still makes more
    end.

    Args:
        app: any ASGI app.
        request: what it is asked.
        extensions: what it is to know of the connection.
    """

    def __init__(
        self,
        app: Any,  # noqa: ANN401 - any ASGI app
        request: httpx.Request,
        extensions: Mapping[str, object],
    ) -> None:
        self._messages: Queue[Any] = Queue(_MOST_WAITING)
        self._gone = threading.Event()
        self._body: bytes | None = request.read()
        scope = _scope(request, extensions)
        self._thread = threading.Thread(target=self._run, args=(app, scope), name="answer")
        self._thread.start()
        try:
            head = self._next()
        except BaseException:
            self.close()
            raise
        self.status: int = head["status"]
        self.headers: list[tuple[bytes, bytes]] = list(head["headers"])

    def __iter__(self) -> Iterator[bytes]:
        """The body."""
        more = True
        while more:
            message = self._next()
            yield message.get("body", b"")
            more = message.get("more_body", False)

    def close(self) -> None:
        """Take no more."""
        self._gone.set()
        self._thread.join()

    def _next(self) -> Any:  # noqa: ANN401 - an ASGI message
        message = self._messages.get()
        if isinstance(message, BaseException):
            raise message
        return message

    # The answering thread.

    def _run(self, app: Any, scope: dict[str, Any]) -> None:  # noqa: ANN401 - as above
        try:
            asyncio.run(app(scope, self._receive, self._send))
        except BaseException as error:  # noqa: BLE001 - raised where the answer is taken
            self._put(error)

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.to_thread(self._gone.wait)
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await asyncio.to_thread(self._put, message)
        if self._gone.is_set():
            raise ConnectionResetError("the answer is not wanted any more")

    def _put(self, message: object) -> None:
        while not self._gone.is_set():
            try:
                self._messages.put(message, timeout=_LOOK_EVERY)
            except Full:
                continue
            return


def _scope(request: httpx.Request, extensions: Mapping[str, object]) -> dict[str, Any]:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (url.host, url.port),
        "client": None,
        "extensions": dict(extensions),
    }
