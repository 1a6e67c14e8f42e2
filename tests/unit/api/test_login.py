"""Who somebody is: asked at every request, recorded where it matters."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2.profiles import CHEAPEST

from sealwire.access.roles import Role
from sealwire.access.users import hash_password
from tests.unit.api.scene import (
    ADDRESS,
    OWNER,
    ApiScene,
    Caller,
    caller_of,
    certificate_of,
    person,
    problem,
)
from tests.unit.ca.scene import CountedBytes, csr_for, initialised

REQUESTS = "/api/v1/ca/requests"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def hashed() -> str:
    return hash_password(PASSWORD, CountedBytes(), CHEAPEST)


@pytest.fixture
def scene() -> ApiScene:
    return ApiScene()


def authentications(scene: ApiScene) -> list[str]:
    return [record.text for record in scene.trail() if record.event == "AUTH"]


def failure(manager: str, attempted: str, code: str) -> str:
    return (
        f"[AuditEvent=AUTH][SubjectID=$Unidentified$][Outcome=Failure][AuthMgr={manager}]"
        f"[AttemptedCred={attempted}][Info=from {ADDRESS}: {code}] authentication failure"
    )


def test_a_certificate_log_in_is_recorded_once_for_each_connection(scene: ApiScene) -> None:
    first, second = caller_of(Role.AGENT), caller_of(Role.AGENT)
    for caller in (first, first, second, first):
        assert scene.ask("GET", REQUESTS, caller).status_code == 200
    success = (
        "[AuditEvent=AUTH][SubjectID=agent][Outcome=Success][AuthMgr=certUserDBAuthMgr]"
        " authentication success"
    )
    assert authentications(scene) == [success, success]


def test_a_certificate_that_is_nobodys(scene: ApiScene) -> None:
    stranger = Caller(certificate_of("a stranger"))
    problem(scene.ask("GET", REQUESTS, stranger), 401, "login.certificate")
    [text] = authentications(scene)
    assert re.fullmatch(
        re.escape(failure("certUserDBAuthMgr", "SHA", "login.certificate")).replace(
            "SHA", "certificate [0-9a-f]{64}"
        ),
        text,
    )


def test_it_is_refused_even_where_nobody_need_log_in(scene: ApiScene) -> None:
    stranger = Caller(certificate_of("a stranger"))
    problem(scene.ask("GET", "/api/v1/ca/profiles", stranger), 401, "login.certificate")


@pytest.mark.parametrize("change", ["disabled", "another certificate", "no role"])
def test_who_lost_it_has_lost_it_on_an_open_connection(scene: ApiScene, change: str) -> None:
    agent = caller_of(Role.AGENT)
    assert scene.ask("GET", REQUESTS, agent).status_code == 200
    known = person("agent", Role.AGENT)
    scene.put(
        {
            "disabled": replace(known, enabled=False),
            "another certificate": replace(known, certificate_sha256=frozenset({"0" * 64})),
            "no role": replace(known, roles=frozenset()),
        }[change]
    )
    got = scene.ask("GET", REQUESTS, agent)
    if change == "no role":
        problem(got, 403, "access.denied")
    else:
        problem(got, 401, "login.certificate")
        assert "[Outcome=Failure]" in authentications(scene)[-1]
    body = {"reason": "still there?"}
    refused = scene.ask("POST", f"{REQUESTS}/1/reject", agent, json=body)
    assert refused.status_code in {401, 403}


def test_a_password(scene: ApiScene, hashed: str) -> None:
    scene.put(replace(person("ada", Role.AUDITOR), password_hash=hashed))
    connection = Caller()
    for _ in range(2):
        got = scene.ask("GET", "/api/v1/audit", connection, auth=("ada", PASSWORD))
        assert got.status_code == 200
    success = (
        "[AuditEvent=AUTH][SubjectID=ada][Outcome=Success][AuthMgr=passwdUserDBAuthMgr]"
        " authentication success"
    )
    assert authentications(scene) == [success]
    # A log-in that was recorded excuses no wrong password on the same connection.
    got = scene.ask("GET", "/api/v1/audit", connection, auth=("ada", "wrong"))
    problem(got, 401, "login.refused")


def test_the_one_time_password_of_the_first_agent(scene: ApiScene) -> None:
    password = initialised().one_time_password
    assert scene.ask("GET", REQUESTS, auth=("caadmin", password)).status_code == 200


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        ("ada", "ada"),
        ("nobody", "nobody"),
        ("", ""),
        ("Ada Lovelace", "Ada Lovelace"),
        ("ada][Outcome=Success", None),
        ("älter", "älter"),
        ("n" * 300, "n" * 256),
    ],
)
def test_refused_names_are_recorded_as_typed(
    scene: ApiScene, hashed: str, typed: str, recorded: str | None
) -> None:
    scene.put(replace(person("ada", Role.AUDITOR), password_hash=hashed))
    document = problem(
        scene.ask("GET", "/api/v1/audit", auth=(typed, "wrong")), 401, "login.refused"
    )
    assert document["detail"] == "User name or password is wrong."
    [text] = authentications(scene)
    if recorded is None:
        assert text.count("[Outcome=") == 1
    else:
        assert text == failure("passwdUserDBAuthMgr", recorded, "login.refused")
    assert "wrong" not in text


def test_every_refusal_is_recorded_even_on_one_connection(scene: ApiScene) -> None:
    connection = Caller()
    for _ in range(3):
        scene.ask("GET", "/api/v1/audit", connection, auth=("nobody", "x"))
    assert len(authentications(scene)) == 3


def test_too_many_attempts_have_to_wait(scene: ApiScene) -> None:
    answers = [scene.ask("GET", "/api/v1/audit", auth=("nobody", "x")) for _ in range(6)]
    last = answers[-1]
    assert answers[0].status_code == 401
    problem(last, 429, "login.throttled")
    assert int(last.headers["Retry-After"]) >= 1
    assert "login.throttled" in authentications(scene)[-1]
    # The right certificate is no attempt at a password.
    assert scene.ask("GET", REQUESTS, caller_of(Role.AGENT)).status_code == 200
    scene.base.clock.advance(timedelta(minutes=15))
    problem(scene.ask("GET", "/api/v1/audit", auth=("nobody", "x")), 401, "login.refused")


def test_what_somebody_known_is_denied_is_recorded(scene: ApiScene) -> None:
    problem(
        scene.ask("POST", f"{REQUESTS}/7/reject", caller_of(Role.OPERATOR), json={}),
        403,
        "access.denied",
    )
    assert scene.texts()[-1] == (
        "[AuditEvent=AUTHZ][SubjectID=operator][Outcome=Failure]"
        "[aclResource=certServer.ca.certrequests][Op=execute]"
        "[Info=POST /api/v1/ca/requests/{request_id}/{action}] authorization failure"
    )
    before = scene.texts()
    problem(scene.ask("POST", f"{REQUESTS}/7/reject", json={}), 401, "access.login_required")
    assert scene.texts() == before


@pytest.mark.parametrize(
    "header",
    [
        "Bearer abc",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"ada\0:x").decode(),
        "Basic " + base64.b64encode(b"ada:x\r\n").decode(),
        "Basic " + "A" * 100_001,
        "",
    ],
)
def test_a_malformed_header(scene: ApiScene, header: str) -> None:
    got = scene.ask("GET", "/api/v1/audit", headers={"Authorization": header})
    problem(got, 401, "login.malformed")
    assert authentications(scene) == []


def test_bytes_that_no_header_should_have(scene: ApiScene) -> None:
    got = scene.ask("GET", "/api/v1/audit", headers=[(b"Authorization", b"Basic \xe4\xff")])
    problem(got, 401, "login.malformed")


def test_the_homes_owner_logs_in_by_being_there(scene: ApiScene) -> None:
    owner = Caller(local_user=OWNER)
    # Nothing that is sent along makes the owner somebody else.
    got = scene.ask("GET", REQUESTS, owner, auth=("nobody", "wrong"))
    assert got.status_code == 200
    assert authentications(scene) == []


def test_no_header_makes_a_peer(scene: ApiScene) -> None:
    forged = {"sealwire.peer": "somebody", "X-Client-Cert": "x", "X-Forwarded-User": OWNER}
    problem(scene.ask("GET", REQUESTS, headers=forged), 401, "access.login_required")


def test_a_refusal_that_cannot_be_recorded_is_no_log_in(scene: ApiScene) -> None:
    scene.base.store.fail_before_commit()
    problem(scene.ask("GET", REQUESTS, auth=("nobody", "x")), 503, "store.unavailable")
    scene.base.store.fail_before_commit()
    problem(scene.ask("GET", REQUESTS, caller_of(Role.AGENT)), 503, "store.unavailable")


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        ("https://node.test", True),
        ("https://evil.example", False),
        ("https://node.test:8443", False),
        ("null", False),
        ("https://[", False),
    ],
)
def test_pages_of_other_sites_change_nothing(scene: ApiScene, origin: str, passes: bool) -> None:
    headers = {"Origin": origin}
    body = {"profile": "caServerCert", "csr": csr_for("CN=www.example.com").decode()}
    got = scene.ask("POST", REQUESTS, caller_of(Role.AGENT), json=body, headers=headers)
    if passes:
        assert got.status_code == 201
    else:
        problem(got, 403, "access.cross_origin")
    assert scene.ask("GET", REQUESTS, caller_of(Role.AGENT), headers=headers).status_code == 200
