"""The audit configuration and the signed files, over our interface and over Dogtag's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import pytest

from sealwire.access.roles import Role
from sealwire.api.dogtag.app import create_dogtag_app
from tests.unit.api.scene import ApiScene, Arguments, ask, caller_of, problem

if TYPE_CHECKING:
    import httpx

OURS = "/api/v1/audit"
DOGTAGS = "/ca/rest/audit"


@pytest.fixture(scope="module")
def scene() -> ApiScene:
    return ApiScene()


@pytest.fixture
def fresh() -> ApiScene:
    return ApiScene()


def dogtag(
    scene: ApiScene, method: str, path: str, role: Role | None, **arguments: Unpack[Arguments]
) -> httpx.Response:
    app = create_dogtag_app(scene.services, version="0.1.0")
    caller = None if role is None else caller_of(role)
    return ask(app, method, path, caller, **arguments)


def last_change(scene: ApiScene) -> str:
    return [text for text in scene.texts() if "CONFIG_SIGNED_AUDIT" in text][-1]


def test_our_configuration_is_shown_and_changed(fresh: ApiScene) -> None:
    administrator = caller_of(Role.ADMINISTRATOR)
    shown = fresh.ask("GET", f"{OURS}/configuration", administrator).json()
    assert shown["enabled"] is False
    assert (shown["buffer_size"], shown["flush_interval"], shown["max_size_kb"]) == (512, 5, 2000)
    assert (shown["rollover"], shown["expiration"]) == (2_592_000, 0)
    assert shown["events"]["AUTH"] == "enabled"
    changed = fresh.ask(
        "PATCH",
        f"{OURS}/configuration",
        administrator,
        json={
            "enabled": True,
            "buffer_size": 1024,
            "events": {"AUTH": "disabled"},
            "filters": {"AUTHZ": "(Outcome=Failure)"},
        },
    ).json()
    assert (changed["enabled"], changed["buffer_size"]) == (True, 1024)
    assert changed["events"]["AUTH"] == "disabled"
    assert changed["filters"]["AUTHZ"] == "(Outcome=Failure)"
    assert "[SubjectID=administrator][Outcome=Success]" in last_change(fresh)


def test_what_cannot_be_is_refused_and_recorded(fresh: ApiScene) -> None:
    got = fresh.ask(
        "PATCH",
        f"{OURS}/configuration",
        caller_of(Role.ADMINISTRATOR),
        json={"events": {"CERT_REQUEST_PROCESSED": "disabled"}, "filters": {"AUTH": "(("}},
    )
    assert len(problem(got, 422, "audit.settings")["findings"]) == 2
    assert "[SubjectID=administrator][Outcome=Failure]" in last_change(fresh)


@pytest.mark.parametrize("body", [{"no_such": 1}, {"buffer_size": -1}, {"enabled": "perhaps"}])
def test_shapes_are_checked(scene: ApiScene, body: dict[str, Any]) -> None:
    got = scene.ask("PATCH", f"{OURS}/configuration", caller_of(Role.ADMINISTRATOR), json=body)
    problem(got, 422, "input.invalid")


def test_our_files(scene: ApiScene) -> None:
    auditor = caller_of(Role.AUDITOR)
    assert scene.ask("GET", f"{OURS}/files", auditor).json() == [
        {"name": "ca_audit.20260301120000", "size": 6},
        {"name": "ca_audit", "size": 6},
    ]
    got = scene.ask("GET", f"{OURS}/files/ca_audit", auditor)
    assert (got.content, got.headers["content-type"]) == (b"newer\n", "application/octet-stream")
    problem(scene.ask("GET", f"{OURS}/files/other", auditor), 404, "audit.file_unknown")


def test_dogtags_configuration(fresh: ApiScene) -> None:
    shown = dogtag(fresh, "GET", DOGTAGS, Role.AUDITOR).json()
    events = shown.pop("Events")
    assert shown == {"status": "Disabled", "signed": True, "interval": 5, "bufferSize": 512}
    assert events["AUTH"] == "enabled"
    assert events["FULL_CRL_PUBLISHING"] == "disabled"
    assert events["CONFIG_ACL"] == "mandatory"
    # What a client sends back is what it got, with its changes.
    changed = dogtag(
        fresh,
        "PATCH",
        DOGTAGS,
        Role.ADMINISTRATOR,
        json={**shown, "interval": 7, "Events": {**events, "AUTH": "disabled"}},
    ).json()
    assert changed["interval"] == 7
    assert changed["Events"]["AUTH"] == "disabled"
    listed = {"Events": {"Event": [{"name": "AUTH", "value": "enabled"}]}, "BufferSize": "600"}
    again = dogtag(fresh, "PATCH", DOGTAGS, Role.ADMINISTRATOR, json=listed).json()
    assert (again["Events"]["AUTH"], again["bufferSize"], again["interval"]) == ("enabled", 600, 7)


@pytest.mark.parametrize("action", ["enable", "disable"])
def test_dogtags_switch(fresh: ApiScene, action: str) -> None:
    got = dogtag(fresh, "POST", f"{DOGTAGS}?action={action}", Role.ADMINISTRATOR)
    assert got.json()["status"] == action.capitalize() + "d"
    assert f"+enable;;{str(action == 'enable').lower()}]" in last_change(fresh)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{DOGTAGS}?action=", None),
        ("POST", f"{DOGTAGS}?action=stop", None),
        ("PATCH", DOGTAGS, {"signed": False}),
        ("PATCH", DOGTAGS, {"interval": "often"}),
        ("PATCH", DOGTAGS, {"interval": 0}),
        ("PATCH", DOGTAGS, {"Events": {"CONFIG_ACL": "disabled"}}),
        ("PATCH", DOGTAGS, {"Events": {"NO_SUCH": "enabled"}}),
        ("PATCH", DOGTAGS, {"Events": []}),
    ],
)
def test_dogtag_refuses_with_a_class_that_clients_know(
    scene: ApiScene, method: str, path: str, body: object
) -> None:
    got = dogtag(scene, method, path, Role.ADMINISTRATOR, json=body)
    assert got.status_code == 400
    assert got.json()["ClassName"] == "com.netscape.certsrv.base.BadRequestException"


def test_dogtags_files(scene: ApiScene) -> None:
    assert dogtag(scene, "GET", f"{DOGTAGS}/files", Role.AUDITOR).json() == {
        "total": 2,
        "entries": [
            {"name": "ca_audit.20260301120000", "size": 6},
            {"name": "ca_audit", "size": 6},
        ],
    }
    got = dogtag(scene, "GET", f"{DOGTAGS}/files/ca_audit.20260301120000", Role.AUDITOR)
    assert (got.content, got.headers["content-type"]) == (b"older\n", "application/octet-stream")
    missing = dogtag(scene, "GET", f"{DOGTAGS}/files/..%2fkeys", Role.AUDITOR)
    assert missing.status_code == 404
    assert missing.json()["ClassName"].endswith("ResourceNotFoundException")


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        ("GET", DOGTAGS, {Role.ADMINISTRATOR, Role.AUDITOR}),
        ("PATCH", DOGTAGS, {Role.ADMINISTRATOR}),
        ("POST", f"{DOGTAGS}?action=disable", {Role.ADMINISTRATOR}),
        ("GET", f"{DOGTAGS}/files", {Role.AUDITOR}),
        ("GET", f"{DOGTAGS}/files/ca_audit", {Role.AUDITOR}),
    ],
)
def test_only_auditors_read_files_and_administrators_change(
    scene: ApiScene, method: str, path: str, who: set[Role], role: Role | None
) -> None:
    got = dogtag(scene, method, path, role, json={} if method == "PATCH" else None)
    if role is None:
        assert got.status_code == 401
    else:
        assert got.status_code == (200 if role in who else 403)
