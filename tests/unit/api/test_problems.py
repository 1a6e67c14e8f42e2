"""Whatever is wrong with a request, the answer is a problem document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from sealwire.api import problems
from sealwire.api.shapes import LARGEST_BODY, LARGEST_NUMBER
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
from tests.unit.api.routes import Call, calls
from tests.unit.api.scene import ApiScene, Arguments, ask, problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

JSON = {"Content-Type": "application/json"}
REQUESTS = "/api/v1/ca/requests"
CALLS = calls()
WITH_BODY = [call for call in CALLS if call.body is not None]

HOSTILE = {
    "nothing": "",
    "NUL": "a\0b",
    "half a character": "\ud800",
    "terminal escape": "\x1b[2J\x1b]0;owned\x07",
    "line ends": "a\r\nb\n",
    "forged record": "x][Outcome=Success][ReqID=1] certificate request processed",
    "long": "a" * 70_000,
    "long and wide": "\U0001d54f" * 20_000,
    "turned around": "\u202egpj.exe",
    "path": "../../../../etc/passwd",
    "markup": "<script>alert(1)</script>",
    "format": "%s%n{0}{self}${jndi:ldap://x}",
    "statement": "'; DROP TABLE users; --",
    "pem": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    "dots": "a..b",
    "colons": "::1%eth0",
}


@pytest.fixture(scope="module")
def scene() -> ApiScene:
    return ApiScene()


def is_answered(status: int, text: str, content_type: str) -> None:
    assert status < 500, text
    if status >= 400:
        assert content_type == "application/problem+json"
        json.loads(text)


@pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: call.name)
def test_hostile_text_in_every_field(scene: ApiScene, call: Call) -> None:
    # json.dumps writes half a character as an escape, which is how it gets in.
    bodies = [
        json.dumps({**(call.body or {}), field: text})
        for field in call.body or {}
        for text in HOSTILE.values()
    ]
    asked = [(call.method, call.path, Arguments(content=body, headers=JSON)) for body in bodies]
    for got in scene.owner_asks(asked):
        is_answered(got.status_code, got.text, got.headers["content-type"])


@pytest.mark.parametrize(
    "call", [c for c in CALLS if "{" in c.template or c.query], ids=lambda call: call.name
)
def test_hostile_text_in_paths_and_queries(scene: ApiScene, call: Call) -> None:
    numbers = ["-1", "0", str(LARGEST_NUMBER + 1), "9" * 5000, "1e9", "0x10", " 1"]
    texts = [_quoted(text[:300]) for text in [*numbers, *HOSTILE.values()]]
    paths = [path for quoted in texts for path in _paths(call, quoted)]
    for got in scene.owner_asks((call.method, path, Arguments(json=call.body)) for path in paths):
        is_answered(got.status_code, got.text, got.headers.get("content-type", ""))


def _paths(call: Call, quoted: str) -> Iterator[str]:
    parts = call.path.split("/")
    for index, part in enumerate(call.template.split("/")):
        if part.startswith("{"):
            yield "/".join([*parts[:index], quoted, *parts[index + 1 :]])
    for name in call.query:
        yield f"{call.path}?{name}={quoted}"


def _quoted(text: str) -> str:
    """Every byte percent-encoded, those of half a character too."""
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: call.name)
def test_unknown_keys_are_refused_by_every_body(scene: ApiScene, call: Call) -> None:
    document = problem(
        scene.owner(call.method, call.path, json={**(call.body or {}), "surprise": 1}),
        422,
        "input.invalid",
    )
    assert [f["message"] for f in document["findings"]] == [
        "body.surprise: Extra inputs are not permitted"
    ]


@pytest.mark.parametrize(
    "call",
    [c for c in CALLS if c.query or c.path.startswith("/api/v1/sensor/")],
    ids=lambda call: call.name,
)
def test_unknown_parameters_are_refused_by_every_query(scene: ApiScene, call: Call) -> None:
    path = f"{call.path}?surprise=1&ansewr=2"
    document = problem(scene.owner(call.method, path, json=call.body), 422, "input.invalid")
    assert [f["message"] for f in document["findings"]] == [
        "query.ansewr: there is no such parameter",
        "query.surprise: there is no such parameter",
    ]


def test_a_stranger_is_asked_to_log_in_whatever_the_query(scene: ApiScene) -> None:
    problem(scene.ask("GET", f"{REQUESTS}?surprise=1"), 401, "access.login_required")


def test_all_faults_are_found_at_once(scene: ApiScene) -> None:
    body = {"name": "", "host": 7, "port": 70_000, "mutual": "perhaps", "surprise": None}
    document = problem(
        scene.owner("POST", "/api/v1/appliance/destinations", json=body), 422, "input.invalid"
    )
    places = [finding["message"].partition(":")[0] for finding in document["findings"]]
    assert sorted(places) == [
        "body.host",
        "body.mutual",
        "body.name",
        "body.port",
        "body.surprise",
    ]
    assert {finding["severity"] for finding in document["findings"]} == {"error"}
    assert all(finding["message"] in document["detail"] for finding in document["findings"])


def test_a_key_that_is_half_a_character(scene: ApiScene) -> None:
    got = scene.owner("POST", "/api/v1/ca/init", content=rb'{"\ud800": 1}', headers=JSON)
    problem(got, 422, "input.invalid")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "input.invalid"),
        (b"[", 422, "input.invalid"),
        (b"[]", 422, "input.invalid"),
        (b"null", 422, "input.invalid"),
        (b'"\xff"', 400, "http.400"),
        (b"[" * 200_000, 400, "http.400"),
        (b'{"profile": ' + b"9" * 5000 + b"}", 400, "http.400"),
        (b'{"profile": NaN, "csr": Infinity}', 422, "input.invalid"),
    ],
    ids=["empty", "broken", "list", "null", "no UTF-8", "deep", "huge number", "no numbers"],
)
def test_bodies_that_are_no_json_object(
    scene: ApiScene, content: bytes, status: int, code: str
) -> None:
    problem(scene.owner("POST", REQUESTS, content=content, headers=JSON), status, code)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_cannot_stand_for_json(scene: ApiScene, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    got = scene.owner("POST", "/api/v1/ca/init", content=b"{}", headers=headers)
    problem(got, 422, "input.invalid")


def test_a_body_announced_as_too_large(scene: ApiScene) -> None:
    got = scene.ask("POST", REQUESTS, content=b" " * (LARGEST_BODY + 1), headers=JSON)
    problem(got, 413, "input.too_large")
    assert got.headers["connection"] == "close"


def test_a_body_that_turns_out_too_large(scene: ApiScene) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent <= 4 * LARGEST_BODY:
            sent += 1 << 20
            yield bytes(1 << 20)

    problem(
        scene.ask("POST", REQUESTS, content=endless(), headers=JSON),
        413,
        "input.too_large",
    )


def test_unknown_places_and_methods(scene: ApiScene) -> None:
    problem(scene.owner("GET", "/api/v1/nothing"), 404, "http.not_found")
    problem(scene.owner("DELETE", REQUESTS), 405, "http.method_not_allowed")
    # No redirects: a DELETE that was redirected would look done.
    problem(scene.owner("GET", f"{REQUESTS}/"), 404, "http.not_found")
    problem(scene.owner("DELETE", "/api/v1/appliance/destinations/"), 404, "http.not_found")


ERRORS: list[tuple[type[SealwireError], int]] = [
    (UsageError, 400),
    (UnauthorizedError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (RefusedError, 422),
    (UnavailableError, 503),
]


@pytest.mark.parametrize(("kind", "status"), ERRORS, ids=[kind.__name__ for kind, _ in ERRORS])
def test_each_error_of_the_tree(kind: type[SealwireError], status: int) -> None:
    finding = Finding("a.b", Severity.WARNING, "half \ud800", "\x1b")
    got = ask(_raising(kind("some.code", "what \udfff", hint="do", findings=[finding])), "GET", "/")
    assert problem(got, status, "some.code") == {
        "type": "about:blank",
        "title": got.reason_phrase,
        "status": status,
        "code": "some.code",
        "detail": "what \udfff",
        "hint": "do",
        "findings": [
            {"code": "a.b", "severity": "warning", "message": "half \ud800", "subject": "\x1b"}
        ],
    }
    assert ("www-authenticate" in got.headers) == (kind is UnauthorizedError)


def test_an_unforeseen_fault_tells_no_secret() -> None:
    got = ask(_raising(LookupError("the password is opensesame")), "GET", "/")
    problem(got, 500, "http.500")
    assert "opensesame" not in got.text


def test_numbers_have_bounds(scene: ApiScene) -> None:
    path = f"{REQUESTS}/{LARGEST_NUMBER + 1}"
    problem(scene.owner("GET", path), 422, "input.invalid")
    problem(scene.owner("GET", f"{REQUESTS}/{LARGEST_NUMBER}"), 404, "request.unknown")
    problem(scene.owner("GET", f"/api/v1/ca/certificates/{2**160}"), 422, "input.invalid")
    problem(scene.owner("GET", f"/api/v1/ca/certificates/{2**160 - 1}"), 404, "certificate.unknown")
    problem(
        scene.owner("GET", f"/api/v1/audit/ca?start={LARGEST_NUMBER + 1}"), 422, "input.invalid"
    )


def _raising(error: Exception) -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def _route() -> None:
        raise error

    return app
