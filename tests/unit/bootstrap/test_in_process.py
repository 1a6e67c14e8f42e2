"""An app's answer in this process, piece by piece, and what becomes of one that is not wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sealwire.bootstrap.in_process import StreamedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECES = 50


class Teller:
    """Says what it is asked, then pieces; counts them, and may fail on the way."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.made = 0
        self.fails_at = fails_at
        self.ended = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        try:
            asked = await receive()
            told = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} "
            if self.fails_at == -1:
                raise LookupError("at once")
            await send({"type": "http.response.start", "status": 201, "headers": [(b"a", b"b")]})
            body = told.encode() + asked["body"] + str(scope["extensions"]).encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
            for number in range(PIECES):
                if number == self.fails_at:
                    raise LookupError("on the way")
                self.made += 1
                piece = {"type": "http.response.body", "body": b"%d," % number, "more_body": True}
                await send(piece)
            await send({"type": "http.response.body"})
        finally:
            self.ended = True


def asked(teller: Teller) -> StreamedAnswer:
    request = httpx.Request("POST", "http://node/a%20b?c=d", content=b"body ")
    return StreamedAnswer(teller, request, {"x": 1})


def taken(answer: StreamedAnswer) -> Iterator[bytes]:
    try:
        yield from answer
    finally:
        answer.close()


def test_an_answer_is_whole() -> None:
    answer = asked(Teller())
    assert (answer.status, answer.headers) == (201, [(b"a", b"b")])
    first, *rest = taken(answer)
    assert first == b"POST /a b c=d body {'x': 1}"
    assert b"".join(rest) == b"".join(b"%d," % number for number in range(PIECES))


def test_no_more_is_made_than_was_taken_and_a_little() -> None:
    teller = Teller()
    pieces = taken(asked(teller))
    for _ in range(10):
        next(pieces)
    assert teller.made < 20
    pieces.close()  # type: ignore[attr-defined]
    assert teller.ended
    assert teller.made < 20


@pytest.mark.parametrize("at", [-1, 0, 7])
def test_what_the_app_raises_is_raised_here(at: int) -> None:
    teller = Teller(at)
    with pytest.raises(LookupError):
        list(taken(asked(teller)))
    assert teller.ended
