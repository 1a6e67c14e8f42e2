"""Certificates found, revoked, held and released over the API; CRLs told of and published."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sealwire.access.roles import Role
from sealwire.ca.ports import RevocationReason
from sealwire.ca.revocation import REASON_WORDS
from tests.unit.api.scene import ApiScene, caller_of, problem
from tests.unit.ca.publishing import issued
from tests.unit.ca.scene import START

BASE = "/api/v1/ca/certificates"


@pytest.fixture
def scene() -> ApiScene:
    return ApiScene()


def change(scene: ApiScene, serial: int, what: str, role: Role = Role.AGENT, **body: object) -> Any:  # noqa: ANN401 - an answer
    return scene.ask("POST", f"{BASE}/{serial}/{what}", caller_of(role), json=body)


def found(scene: ApiScene, **parameters: str | int) -> list[str]:
    answer = scene.ask("GET", BASE, params=parameters)
    assert answer.status_code == 200, answer.text
    entries = answer.json()["entries"]
    assert answer.json()["total"] >= len(entries)
    return [entry["serial"] for entry in entries]


def test_a_certificates_way_on_hold_off_hold_and_out(scene: ApiScene) -> None:
    serial = issued(scene.base)
    assert scene.ask("GET", f"{BASE}/{serial}").json()["status"] == "VALID"
    held = change(scene, serial, "hold", comments="lost?").json()
    assert (held["status"], held["on_hold"]) == ("REVOKED", True)
    assert (held["revocation_reason"], held["revoked_by"]) == ("Certificate_Hold", "agent")
    released = change(scene, serial, "release").json()
    assert (released["status"], released["on_hold"], released["revoked"]) == ("VALID", False, None)
    assert released["change_request_id"] == held["change_request_id"] + 1
    gone = change(
        scene,
        serial,
        "revoke",
        reason="key_compromise",
        comments="stolen",
        invalidity="2026-11-20T10:00:00Z",
    ).json()
    assert (gone["revocation_reason"], gone["on_hold"]) == ("Key_Compromise", False)
    assert gone["invalidity"] == "2026-11-20T10:00:00.000000Z"
    shown = scene.ask("GET", f"{BASE}/{serial}").json()
    assert {name: shown[name] for name in gone if name != "change_request_id"} == {
        name: value for name, value in gone.items() if name != "change_request_id"
    }
    request = scene.owner("GET", f"/api/v1/ca/requests/{gone['change_request_id']}").json()
    assert (request["type"], request["status"], request["reason"]) == (
        "revocation",
        "complete",
        "stolen",
    )
    problem(change(scene, serial, "release"), 409, "certificate.revoked")


def test_what_is_refused(scene: ApiScene) -> None:
    serial = issued(scene.base)
    problem(change(scene, serial, "release"), 409, "certificate.not_on_hold")
    problem(change(scene, 5, "hold"), 404, "certificate.unknown")
    problem(change(scene, 2**159, "hold"), 404, "certificate.unknown")
    problem(change(scene, serial, "revoke", reason="boredom"), 422, "revocation.reason")
    problem(change(scene, serial, "revoke", reason="7"), 422, "revocation.reason")
    problem(change(scene, serial, "revoke", comments="a\nb"), 422, "reason.invalid")
    problem(change(scene, serial, "revoke", invalidity="yesterday"), 422, "input.invalid")
    problem(change(scene, serial, "destroy"), 404, "http.not_found")
    assert scene.ask("GET", f"{BASE}/{serial}").json()["status"] == "VALID"


@pytest.mark.parametrize("what", ["revoke", "hold", "release"])
def test_only_agents_may(scene: ApiScene, what: str) -> None:
    serial = issued(scene.base)
    for role in Role:
        if role is not Role.AGENT:
            problem(change(scene, serial, what, role), 403, "access.denied")
    problem(scene.ask("POST", f"{BASE}/{serial}/{what}", json={}), 401, "access.login_required")


def test_search(scene: ApiScene) -> None:
    first, second = (str(issued(scene.base, f"www{n}.example.com")) for n in (1, 2))
    agents = str(scene.base.ca.certificates()[0].serial)
    assert found(scene) == [agents, first, second]
    assert found(scene, cn="WWW1") == [first]
    assert found(scene, cn="www1", exact="true") == []
    assert found(scene, o="example", size=1) == [first]
    assert found(scene, o="example", size=1, start=1) == [second]
    assert found(scene, serial_from=first, serial_to=first) == [first]
    assert found(scene, uid="caadmin") == [agents]
    change(scene, int(second), "revoke", reason="Superseded")
    assert found(scene, status="REVOKED") == [second]
    assert found(scene, reason="superseded") == [second]
    assert found(scene, reason="Key_Compromise") == []
    assert found(scene, revoked_by="agent") == [second]
    assert found(scene, status="VALID") == [agents, first]
    later = (START + timedelta(days=365)).isoformat()
    assert found(scene, not_after_from=later) == [first, second]
    assert found(scene, issued_to="2020-01-01T00:00:00Z") == []
    assert found(scene, issued_by="nobody") == []


@pytest.mark.parametrize(
    "query",
    [
        {"status": "valid"},
        {"size": 0},
        {"start": -1},
        {"sort": "cn"},
        {"issued_from": "2026-11-20"},
        {"cn": "x" * 257},
    ],
)
def test_searches_that_are_none(scene: ApiScene, query: dict[str, str | int]) -> None:
    problem(scene.ask("GET", BASE, params=query), 422, "input.invalid")
    problem(scene.ask("GET", BASE, params={"reason": "x"}), 422, "revocation.reason")
    problem(scene.ask("GET", BASE, params={"cn": "a\0b"}), 422, "store.text")


@pytest.mark.parametrize(
    "reason", [each for each in RevocationReason if each is not RevocationReason.REMOVE_FROM_CRL]
)
def test_every_reason_by_number(scene: ApiScene, reason: RevocationReason) -> None:
    serial = issued(scene.base)
    answer = change(scene, serial, "revoke", reason=str(int(reason)))
    assert answer.json()["revocation_reason"] == REASON_WORDS[reason]


def test_crls(scene: ApiScene) -> None:
    before = scene.ask("GET", "/api/v1/ca/crl").json()["entries"]
    assert [(each["name"], each["number"], each["this_update"]) for each in before] == [
        ("ca", 0, None),
        ("root", 0, None),
    ]
    assert before[0]["url"] == "http://pki.example.com/crl/ca.crl"
    change(scene, issued(scene.base), "revoke")
    agent = caller_of(Role.AGENT)
    made = scene.ask("POST", "/api/v1/ca/crl", agent, json={}).json()
    assert (made["name"], made["number"], made["entries"]) == ("ca", 1, 1)
    root = scene.ask("POST", "/api/v1/ca/crl", agent, json={"name": "root"}).json()
    assert (root["name"], root["number"], root["entries"]) == ("root", 1, 0)
    assert scene.ask("GET", "/api/v1/ca/crl").json()["entries"] == [made, root]
    auditor = caller_of(Role.AUDITOR)
    problem(scene.ask("POST", "/api/v1/ca/crl", auditor, json={}), 403, "access.denied")
    problem(scene.ask("POST", "/api/v1/ca/crl", agent, json={"name": "x"}), 422, "input.invalid")
