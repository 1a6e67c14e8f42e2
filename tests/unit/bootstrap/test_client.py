"""What commands make of a node's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from sealwire.bootstrap.client import ApiClient
from sealwire.bootstrap.network_names import local_host, own_names, url_host
from sealwire.bootstrap.remote import TlsEnd, remote_http
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
    from collections.abc import Callable, Iterator

DOCUMENT = {
    "code": "some.code",
    "detail": "what happened",
    "hint": "what to do",
    "findings": [{"code": "a.b", "severity": "error", "message": "m", "subject": None}],
}


def client(answer: Callable[[httpx.Request], httpx.Response] | httpx.Response) -> ApiClient:
    handler = answer if callable(answer) else lambda _request: answer
    transport = httpx.MockTransport(handler)
    return ApiClient(httpx.Client(transport=transport, base_url="https://node.test"))


def error(answer: Callable[[httpx.Request], httpx.Response] | httpx.Response) -> SealwireError:
    with pytest.raises(SealwireError) as caught:
        client(answer).call("GET", "/")
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "exit_code"),
    [
        (400, UsageError, 1),
        (401, UnauthorizedError, 2),
        (403, ForbiddenError, 2),
        (404, NotFoundError, 2),
        (409, ConflictError, 2),
        (413, RefusedError, 2),
        (422, RefusedError, 2),
        (500, UnavailableError, 3),
        (503, UnavailableError, 3),
    ],
)
def test_a_problem_document_is_the_error_again(
    status: int, kind: type[SealwireError], exit_code: int
) -> None:
    found = error(httpx.Response(status, json=DOCUMENT))
    assert type(found) is kind
    assert (found.code, found.message, found.hint) == ("some.code", "what happened", "what to do")
    assert found.findings == (Finding("a.b", Severity.ERROR, "m"),)
    assert found.exit_code == exit_code


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(422, json=[]),
        httpx.Response(422, json={"code": "x"}),
        httpx.Response(422, json={**DOCUMENT, "findings": [{"severity": "dire"}]}),
        httpx.Response(307, headers={"Location": "/elsewhere"}),
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(404, content=b"\xff"),
    ],
    ids=["text", "list", "incomplete", "severity", "redirect", "no JSON", "no text"],
)
def test_what_no_node_answers(answer: httpx.Response) -> None:
    found = error(answer)
    assert (type(found), found.code) == (UnavailableError, "http.unexpected")


def test_a_node_that_does_not_answer() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer in time", request=request)

    found = error(silent)
    assert (found.exit_code, found.code) == (3, "node.unreachable")
    with pytest.raises(UnavailableError), client(silent).lines("/"):
        pass


def test_answers() -> None:
    assert client(httpx.Response(204)).call("DELETE", "/") is None
    assert client(httpx.Response(200, json=[1])).call("GET", "/") == [1]
    assert client(httpx.Response(200, text="PEM")).text("GET", "/") == "PEM"
    with client(httpx.Response(200, text="a\nb\n")).lines("/") as lines:
        assert list(lines) == ["a", "b"]
    with pytest.raises(RefusedError), client(httpx.Response(422, json=DOCUMENT)).lines("/"):
        pass


@pytest.mark.parametrize(
    "url", ["http://node.test", "node.test:8443", "", "https://", "ftp://x", "https://a b\0"]
)
def test_what_is_no_nodes_url(url: str) -> None:
    with pytest.raises(UsageError) as caught, remote_http(url, TlsEnd()):
        pass
    assert caught.value.code == "usage.url"


def test_own_names() -> None:
    names = own_names("node.invalid")
    assert names[0] == "node.invalid"
    assert {"localhost", "127.0.0.1", "::1"} <= set(names)
    assert len(names) == len(set(names))
    assert "a_b" not in own_names("a_b")
    assert "192.0.2.7" in own_names("localhost", "192.0.2.7")


def test_how_a_node_is_called_from_its_own_machine() -> None:
    assert [local_host(listen) for listen in ("", "0.0.0.0", "::")] == ["localhost"] * 3  # noqa: S104 - compared with
    assert local_host("192.0.2.7") == "192.0.2.7"
    assert (url_host("node.test"), url_host("::1")) == ("node.test", "[::1]")


def test_a_node_that_ends_in_the_middle_of_an_answer() -> None:
    class Torn(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"one\n"
            raise httpx.RemoteProtocolError("peer closed connection")

    answering = client(lambda _request: httpx.Response(200, stream=Torn()))
    with pytest.raises(UnavailableError) as caught, answering.lines("/") as lines:
        assert list(lines) == ["one"]
    assert (caught.value.exit_code, caught.value.code) == (3, "node.broken_off")
    with pytest.raises(UnavailableError) as caught, answering.pieces("/") as pieces:
        assert list(pieces) == [b"one\n"]
    assert caught.value.code == "node.broken_off"
