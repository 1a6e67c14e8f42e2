"""Every route as it stands in the table: who may, which forms are refused, which headers come."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from sealwire.access.authorization import access_of
from sealwire.access.roles import PUBLIC_ACTIONS, ROLE_ACTIONS, Action, Role
from sealwire.console.headers import CONTENT_SECURITY_POLICY, HEADERS
from sealwire.console.live import LiveCounters
from sealwire.console.routing import ConsoleRoute, Gate
from sealwire.console.table import ROUTES
from tests.unit.console.scene import OURS, SESSION_COOKIE, TOKEN_FIELD, Browser, ConsoleScene

CHANGING = [route for route in ROUTES if route.changes]
GUARDED = [route for route in ROUTES if isinstance(route.gate, Action)]
VALUES = {"request_id": "1", "serial": "1", "decision": "cancel", "sensor": "unit-1"}


def name_of(route: ConsoleRoute) -> str:
    return f"{route.method} {route.path}"


def path_of(route: ConsoleRoute) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: VALUES.get(found[1], "one"), route.path)


def those_who_may(route: ConsoleRoute) -> set[Role]:
    assert isinstance(route.gate, Action)
    if route.gate in PUBLIC_ACTIONS:
        return set(Role)
    return {role for role in Role if route.gate in ROLE_ACTIONS[role]}


@pytest.fixture(scope="module")
def scene() -> ConsoleScene:
    return ConsoleScene()


@pytest.fixture(scope="module")
def browsers(scene: ConsoleScene) -> dict[Role, Browser]:
    return {role: scene.browser(role) for role in Role}


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
def test_every_route_and_every_role(
    scene: ConsoleScene, browsers: dict[Role, Browser], route: ConsoleRoute
) -> None:
    # Of one user's refusals in a minute only so many are recorded each by itself.
    scene.node.base.clock.advance(timedelta(minutes=1))
    for role, browser in browsers.items():
        got = (browser.post if route.changes else browser.get)(path_of(route))
        if role in those_who_may(route):
            assert got.status_code not in {401, 403}, (role, got.text)
            assert got.status_code < 500, (role, got.text)
        else:
            assert got.status_code == 403, (role, got.text)
            assert "may not do this" in got.text
            record = scene.node.texts()[-1]
            assert record.startswith(f"[AuditEvent=AUTHZ][SubjectID={role}.")
            assert isinstance(route.gate, Action)
            access = access_of(route.gate)
            assert record.endswith(
                f"[Outcome=Failure][aclResource={access.resource}][Op={access.operation}]"
                f"[Info={route.method} {route.path}] authorization failure"
            )


@pytest.mark.parametrize("route", [r for r in ROUTES if r.gate is not Gate.ANYBODY], ids=name_of)
def test_strangers_are_sent_to_the_log_in(scene: ConsoleScene, route: ConsoleRoute) -> None:
    browser = scene.stranger()
    before = scene.commits()
    if route.changes:
        assert browser.post(path_of(route)).status_code == 401
    else:
        got = browser.get(path_of(route))
        assert (got.status_code, got.headers["location"][:12]) == (303, "/login?next=")
    assert scene.commits() == before


def test_only_the_log_in_is_for_anybody() -> None:
    open_to_all = {name_of(route) for route in ROUTES if route.gate is Gate.ANYBODY}
    assert open_to_all == {"GET /login", "POST /login", "POST /login/certificate"}


def test_no_two_rows_are_alike() -> None:
    names = [name_of(route) for route in ROUTES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_a_one_time_password_opens_no_page(scene: ConsoleScene, route: ConsoleRoute) -> None:
    browser = newcomer(scene)
    if route.path in {"/password", "/logout", "/logout/everywhere"}:
        return
    got = browser.post(path_of(route)) if route.changes else browser.get(path_of(route))
    assert (got.status_code, got.headers.get("location")) == (303, "/password")


_newcomers: dict[int, Browser] = {}


def newcomer(scene: ConsoleScene) -> Browser:
    """One for all rows: a log-in with a password takes its time."""
    if id(scene) not in _newcomers:
        _newcomers[id(scene)] = scene.newcomer()
    return _newcomers[id(scene)]


def test_live_counters_ask_for_the_same_role_as_their_page(
    scene: ConsoleScene, browsers: dict[Role, Browser]
) -> None:
    for browser in [scene.stranger(), *browsers.values()]:
        assert browser.get(LiveCounters.path.format(sensor="unit-1")).status_code == 403


# --- forms ---------------------------------------------------------------------------------------


def every_role(scene: ConsoleScene) -> Browser:
    return scene.browser(*Role)


@pytest.mark.parametrize("route", CHANGING, ids=name_of)
def test_no_form_is_taken_without_its_token(scene: ConsoleScene, route: ConsoleRoute) -> None:
    browser, other = every_role(scene), every_role(scene)
    foreign = other.token("/password")
    own = browser.token("/password")
    assert own != foreign
    before = scene.commits()
    for fields in (
        {},
        {TOKEN_FIELD: ""},
        {TOKEN_FIELD: "0" * 64},
        {TOKEN_FIELD: foreign},
        {TOKEN_FIELD: own[:-1]},
        {TOKEN_FIELD: browser.cookies[SESSION_COOKIE]},
    ):
        got = browser.form(path_of(route), fields)
        assert got.status_code == 403, (fields, got.text)
        assert "not made for this session" in got.text
    assert scene.commits() == before
    assert browser.get("/password").status_code == 200


@pytest.mark.parametrize("route", CHANGING, ids=name_of)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://node.test"},
        {"Origin": "https://node.test:444"},
        {**OURS, "Origin": "https://evil.example"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_no_form_is_taken_from_elsewhere(
    scene: ConsoleScene, route: ConsoleRoute, headers: dict[str, str]
) -> None:
    browser = every_role(scene)
    token = browser.token("/password")
    before = scene.commits()
    got = browser.form(path_of(route), {TOKEN_FIELD: token}, headers)
    assert got.status_code == 403
    assert "from another site" in got.text
    assert scene.commits() == before


@pytest.mark.parametrize("route", CHANGING, ids=name_of)
def test_no_page_changes_anything(scene: ConsoleScene, route: ConsoleRoute) -> None:
    browser = every_role(scene)
    # That somebody looked is recorded once in a session.
    browser.get(path_of(route))
    before = scene.commits()
    browser.get(path_of(route))
    assert scene.commits() == before


# --- headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_every_answer_carries_the_headers(scene: ConsoleScene, route: ConsoleRoute) -> None:
    for browser in (scene.stranger(), every_role(scene)):
        got = browser.send(route.method, path_of(route))
        for name, value in HEADERS.items():
            assert got.headers[name] == value
        assert got.headers["cache-control"] == "no-store"


def test_the_policy_allows_nothing_inline() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert directive in CONTENT_SECURITY_POLICY


def test_what_is_not_there_is_said_so_with_the_headers(scene: ConsoleScene) -> None:
    for path in ("/static/nothing.css", "/sensors/a/b/c", "/login/x"):
        got = scene.stranger().get(path)
        assert got.status_code == 404
        assert got.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert scene.stranger().send("PUT", "/login").status_code == 405


def test_which_addresses_are_the_consoles(scene: ConsoleScene) -> None:
    owns = scene.console.owns
    assert all(owns(path) for path in ("/", "/login", "/static/console.css", "/system/x"))
    api = ("/api/v1/ca/requests", "/healthz", "/ca/rest/certs", "/pki/v2", "/metrics", "/ca.crt")
    assert not any(owns(path) for path in api)
