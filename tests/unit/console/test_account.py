"""Log in, log out, and what the browser keeps."""

from __future__ import annotations

import pytest

from sealwire.access.roles import Role
from sealwire.x509.certificate import certificate_der, certificate_pem, certificate_sha256
from tests.unit.access.scene import PASSWORD, somebody
from tests.unit.api.scene import certificate_of, person
from tests.unit.api.test_users import issued
from tests.unit.console.scene import (
    SESSION_COOKIE,
    STRANGER_COOKIE,
    Browser,
    ConsoleScene,
)


@pytest.fixture
def scene() -> ConsoleScene:
    made = ConsoleScene()
    made.node.put(somebody("alice", Role.ADMINISTRATOR))
    return made


def log_in(browser: Browser, password: str = PASSWORD, **fields: str) -> int:
    sent = {"user": "alice", "password": password, **fields}
    return browser.post("/login", sent).status_code


def test_cookies_are_for_this_host_over_tls_and_for_no_script(scene: ConsoleScene) -> None:
    browser = scene.stranger()
    first = browser.get("/login")
    entered = browser.post("/login", {"user": "alice", "password": PASSWORD})
    for response, name in ((first, STRANGER_COOKIE), (entered, SESSION_COOKIE)):
        [cookie] = [c for c in response.headers.get_list("set-cookie") if c.startswith(f"{name}=")]
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite=strict", "path=/"} <= flags
        assert not any(flag.startswith(("domain", "expires", "max-age")) for flag in flags)
        assert name.startswith("__Host-")


def test_who_logs_in_sees_home(scene: ConsoleScene) -> None:
    browser = scene.stranger()
    assert log_in(browser) == 303
    assert "alice" in browser.get("/").text
    assert browser.get("/login").headers["location"] == "/"


def test_a_token_brought_along_is_never_made_the_session(scene: ConsoleScene) -> None:
    for brought in ("f" * 64, "1", ""):
        browser = scene.stranger()
        browser.cookies[SESSION_COOKIE] = brought
        fields = {"user": "alice", "password": PASSWORD, "form_token": browser.token("/login")}
        assert browser.form("/login", fields).status_code == 303
        assert browser.cookies[SESSION_COOKIE] != brought
        fixed = Browser(scene.console, cookies={SESSION_COOKIE: brought})
        assert fixed.get("/").status_code == 303


def test_logging_in_again_ends_the_session_before(scene: ConsoleScene) -> None:
    browser = scene.stranger()
    log_in(browser)
    before = dict(browser.cookies)
    token = browser.token("/password")
    fields = {"user": "alice", "password": PASSWORD, "form_token": token}
    assert browser.form("/login", fields).status_code == 303
    assert browser.cookies[SESSION_COOKIE] != before[SESSION_COOKIE]
    assert Browser(scene.console, cookies=before).get("/").status_code == 303


def test_nobody_is_logged_in_by_somebody_elses_form(scene: ConsoleScene) -> None:
    attacker, victim = scene.stranger(), scene.stranger()
    token = attacker.token("/login")
    victim.get("/login")
    fields = {"user": "alice", "password": PASSWORD, "form_token": token}
    assert victim.form("/login", fields).status_code == 403
    bare = scene.stranger()
    assert bare.form("/login", fields).status_code == 403
    assert SESSION_COOKIE not in victim.cookies


@pytest.mark.parametrize("everywhere", [False, True])
def test_logging_out(scene: ConsoleScene, everywhere: bool) -> None:
    here, there = scene.stranger(), scene.stranger()
    log_in(here)
    log_in(there)
    kept = dict(here.cookies)
    out = here.post("/logout/everywhere" if everywhere else "/logout")
    assert out.headers["location"] == "/login"
    assert SESSION_COOKIE not in here.cookies
    assert Browser(scene.console, cookies=kept).get("/").status_code == 303
    assert there.get("/").status_code == (303 if everywhere else 200)


@pytest.mark.parametrize(
    ("wanted", "to"),
    [
        ("/system/audit-log", "/system/audit-log"),
        ("/authority/requests?status=all", "/authority/requests?status=all"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_after_the_log_in_nobody_is_led_away(scene: ConsoleScene, wanted: str, to: str) -> None:
    browser = scene.stranger()
    fields = {"user": "alice", "password": PASSWORD, "next": wanted}
    assert browser.post("/login", fields).headers["location"] == to


def test_a_refusal_says_not_which_was_wrong_and_shows_no_password(scene: ConsoleScene) -> None:
    for user in ("alice", "nobody"):
        got = scene.stranger().post("/login", {"user": user, "password": "wrong password"})
        assert got.status_code == 401
        assert "User name or password is wrong." in got.text
        assert "wrong password" not in got.text.replace("password is wrong", "")


def test_after_too_many_failures_one_waits(scene: ConsoleScene) -> None:
    browser = scene.stranger()
    statuses = [log_in(browser, "wrong") for _ in range(5)]
    assert statuses == [401, 401, 401, 401, 429]


def test_agents_log_in_with_their_certificate(scene: ConsoleScene) -> None:
    scene.node.put(person("bob", Role.AGENT))
    browser = Browser(scene.console, certificate=certificate_of("bob"))
    assert "Log in with the certificate" in browser.get("/login").text
    assert browser.post("/login/certificate").status_code == 303
    assert "bob" in browser.get("/").text
    stolen = Browser(scene.console, cookies=dict(browser.cookies))
    assert stolen.get("/").status_code == 303


def test_without_a_certificate_there_is_no_such_log_in(scene: ConsoleScene) -> None:
    browser = scene.stranger()
    assert "certificate" not in browser.get("/login").text
    assert browser.post("/login/certificate").status_code == 401
    forged = Browser(scene.console, certificate=b"forged")
    assert forged.post("/login/certificate").status_code == 401


def test_changing_the_password_changes_the_session(scene: ConsoleScene) -> None:
    browser, other = scene.stranger(), scene.stranger()
    log_in(browser)
    log_in(other)
    before = browser.cookies[SESSION_COOKIE]
    new = "a password of my own"
    mistyped = {"old": PASSWORD, "new": new, "again": new + "x"}
    assert browser.post("/password", mistyped).status_code == 422
    fields = {"old": PASSWORD, "new": new, "again": new}
    assert browser.post("/password", fields).headers["location"] == "/?done=password"
    assert browser.cookies[SESSION_COOKIE] != before
    assert browser.get("/").status_code == 200
    assert other.get("/").status_code == 303


def test_a_newcomer_chooses_a_password_and_goes_on(scene: ConsoleScene) -> None:
    browser = scene.newcomer()
    assert "one-time password" in browser.get("/password").text
    new = "a password of my own"
    browser.post("/password", {"old": PASSWORD, "new": new, "again": new})
    assert browser.get("/").status_code == 200


def test_log_in_certificates_on_the_users_page(scene: ConsoleScene) -> None:
    browser = scene.browser(Role.ADMINISTRATOR)
    certificate = issued(scene.node, "caAuditClientCert")
    sha256 = certificate_sha256(certificate)
    path = "/system/users/alice/certificates"
    assert browser.post(path, {"certificate": "nothing"}).status_code == 422
    fields = {"certificate": certificate_pem(certificate).decode()}
    assert browser.post(path, fields).headers["location"] == "/system/users?done=added"
    assert sha256 in browser.get("/system/users").text
    alice = Browser(scene.console, certificate=certificate_der(certificate))
    assert alice.post("/login/certificate").status_code == 303
    assert alice.get("/").status_code == 200
    assert browser.post(f"{path}/remove", {"sha256": sha256}).status_code == 303
    assert sha256 not in browser.get("/system/users").text
    assert alice.get("/").status_code == 303
