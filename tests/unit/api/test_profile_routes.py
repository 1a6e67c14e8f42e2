"""``/api/v1/ca/profiles``: an administrator writes, an agent enables, everybody reads."""

from __future__ import annotations

import pytest

from sealwire.access.roles import Role
from sealwire.ca.profiles import profile_document, shipped_profiles
from tests.unit.api.scene import ApiScene, caller_of
from tests.unit.api.test_ca_routes import problem

PROFILES = "/api/v1/ca/profiles"
DOCUMENT = profile_document(
    shipped_profiles().get("caServerCert").model_copy(update={"profile_id": "caOurs"})
)
ADMINISTRATOR, AGENT = caller_of(Role.ADMINISTRATOR), caller_of(Role.AGENT)


@pytest.fixture
def scene() -> ApiScene:
    return ApiScene()


def test_from_writing_to_removing(scene: ApiScene) -> None:
    put = scene.ask("POST", PROFILES, ADMINISTRATOR, json={"document": DOCUMENT})
    assert (put.status_code, put.json()["enabled"], put.json()["version"]) == (201, False, 1)
    on = scene.ask("POST", f"{PROFILES}/caOurs/enable", AGENT)
    assert (on.status_code, on.json()["enabled"], on.json()["changed_by"]) == (200, True, "agent")
    assert scene.ask("GET", f"{PROFILES}/caOurs/document").text == DOCUMENT
    again = scene.ask("POST", PROFILES, ADMINISTRATOR, json={"document": DOCUMENT})
    problem(again, 409, "profile.enabled")
    problem(scene.ask("DELETE", f"{PROFILES}/caOurs", ADMINISTRATOR), 409, "profile.enabled")
    assert scene.ask("POST", f"{PROFILES}/caOurs/disable", AGENT).json()["enabled"] is False
    next_one = scene.ask("POST", PROFILES, ADMINISTRATOR, json={"document": DOCUMENT})
    assert next_one.json()["version"] == 2
    versions = scene.ask("GET", f"{PROFILES}/caOurs/versions").json()["entries"]
    assert [(each["version"], each["created_by"]) for each in versions] == [
        (2, "administrator"),
        (1, "administrator"),
    ]
    assert scene.ask("DELETE", f"{PROFILES}/caOurs", ADMINISTRATOR).status_code == 204
    problem(scene.ask("GET", f"{PROFILES}/caOurs"), 404, "profile.unknown")


def test_who_writes_does_not_enable(scene: ApiScene) -> None:
    problem(scene.ask("POST", PROFILES, AGENT, json={"document": DOCUMENT}), 403, "access.denied")
    for switch in ("enable", "disable"):
        got = scene.ask("POST", f"{PROFILES}/caServerCert/{switch}", ADMINISTRATOR)
        problem(got, 403, "access.denied")


def test_every_fault_is_told(scene: ApiScene) -> None:
    bad = DOCUMENT.replace("visible = true", "visible = 1").replace("caOurs", "../x")
    got = scene.ask("POST", PROFILES, ADMINISTRATOR, json={"document": bad})
    problem(got, 422, "profile.invalid")
    assert len(got.json()["findings"]) == 2
