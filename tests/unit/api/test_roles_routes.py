"""Every route of the app, as it stands in its route table, against every kind of caller."""

from __future__ import annotations

from typing import Final

import pytest

from sealwire.access.roles import PUBLIC_ACTIONS, Action, Role, roles_for
from tests.unit.api.routes import Call, calls
from tests.unit.api.scene import OWNER, ApiScene, Caller, caller_of, certificate_of, person, problem

CA: Final = "/api/v1/ca"
APPLIANCE: Final = "/api/v1/appliance"
WITHOUT_GUARD: Final = {"GET /healthz", "GET /readyz", "GET /api/v1/openapi.json"}
"""What asks nobody who they are, and tells nothing about this node's state."""

ACTIONS: Final = {
    f"POST {CA}/init": Action.CONFIGURE_CA,
    f"POST {CA}/init/request": Action.CONFIGURE_CA,
    f"POST {CA}/init/certificate": Action.CONFIGURE_CA,
    f"GET {CA}/authority": Action.CONFIGURE_CA,
    f"POST {CA}/renewal": Action.CONFIGURE_CA,
    f"POST {CA}/renewal/request": Action.CONFIGURE_CA,
    f"POST {CA}/renewal/certificate": Action.CONFIGURE_CA,
    f"POST {CA}/requests": Action.SUBMIT_REQUEST,
    f"GET {CA}/requests": Action.LIST_REQUESTS,
    f"GET {CA}/requests/{{request_id}}": Action.READ_REQUEST,
    f"GET {CA}/requests/{{request_id}}/review": Action.DECIDE_REQUEST,
    f"POST {CA}/requests/approve": Action.DECIDE_REQUEST,
    f"POST {CA}/requests/{{request_id}}/{{action}}": Action.DECIDE_REQUEST,
    f"GET {CA}/certificates": Action.READ_CERTIFICATE,
    f"GET {CA}/certificates/{{serial}}": Action.READ_CERTIFICATE,
    f"GET {CA}/certificates/{{serial}}/pem": Action.READ_CERTIFICATE,
    f"POST {CA}/certificates/{{serial}}/revoke": Action.REVOKE_CERTIFICATE,
    f"POST {CA}/certificates/{{serial}}/hold": Action.REVOKE_CERTIFICATE,
    f"POST {CA}/certificates/{{serial}}/release": Action.REVOKE_CERTIFICATE,
    f"GET {CA}/crl": Action.READ_CERTIFICATE,
    f"POST {CA}/crl": Action.REVOKE_CERTIFICATE,
    f"GET {CA}/chain": Action.READ_CERTIFICATE,
    f"GET {CA}/requests/{{request_id}}/approvals": Action.LIST_REQUESTS,
    f"GET {CA}/profiles": Action.READ_PROFILE,
    f"POST {CA}/profiles": Action.CONFIGURE_CA,
    f"GET {CA}/profiles/{{profile_id}}": Action.READ_PROFILE,
    f"DELETE {CA}/profiles/{{profile_id}}": Action.CONFIGURE_CA,
    f"GET {CA}/profiles/{{profile_id}}/document": Action.READ_PROFILE,
    f"GET {CA}/profiles/{{profile_id}}/versions": Action.READ_PROFILE,
    f"POST {CA}/profiles/{{profile_id}}/enable": Action.APPROVE_PROFILE,
    f"POST {CA}/profiles/{{profile_id}}/disable": Action.APPROVE_PROFILE,
    f"GET {CA}/reconciliation": Action.READ_AUDIT,
    f"GET {APPLIANCE}/audit": Action.READ_AUDIT,
    "POST /api/v1/password": Action.CHANGE_OWN_PASSWORD,
    "PUT /api/v1/users/{name}/password": Action.SET_PASSWORD,
    "GET /api/v1/audit": Action.READ_AUDIT,
    "GET /api/v1/audit/{trail}": Action.READ_AUDIT,
    "GET /api/v1/audit/configuration": Action.READ_AUDIT_CONFIGURATION,
    "PATCH /api/v1/audit/configuration": Action.CONFIGURE_AUDIT,
    "GET /api/v1/audit/files": Action.READ_AUDIT,
    "GET /api/v1/audit/files/{name}": Action.READ_AUDIT,
}
READS_AND_CHANGES: Final = {
    APPLIANCE: (Action.READ_APPLIANCE, Action.CONFIGURE_APPLIANCE),
    "/api/v1/users": (Action.MANAGE_USERS, Action.MANAGE_USERS),
    "/api/v1/sensor/retention": (Action.READ_SENSOR, Action.CONFIGURE_RETENTION),
    "/api/v1/sensor/holds": (Action.READ_SENSOR, Action.HOLD_RECORDS),
    "/api/v1/sensor": (Action.READ_SENSOR, Action.CONFIGURE_SENSOR),
    "/api/v1/trust/crls/sensor": (Action.READ_SENSOR, Action.CONFIGURE_SENSOR),
    "/api/v1/trust/crls/appliance": (Action.READ_APPLIANCE, Action.CONFIGURE_APPLIANCE),
    "/api/v1/expiry": (Action.READ_SENSOR, Action.READ_SENSOR),
    "/metrics": (Action.READ_SENSOR, Action.READ_SENSOR),
    "/api/v1/doctor": (Action.CONFIGURE_APPLIANCE, Action.CONFIGURE_APPLIANCE),
}
"""Below these, GET reads and everything else changes, unless ACTIONS says otherwise."""

ROUTES: Final = [call for call in calls() if call.name not in WITHOUT_GUARD]
CALLERS: Final = ["anonymous", *Role, "owner"]


def action_of(call: Call) -> Action:
    if call.name in ACTIONS:
        return ACTIONS[call.name]
    for prefix, (reads, changes) in READS_AND_CHANGES.items():
        if call.template.startswith(prefix):
            return reads if call.method == "GET" else changes
    pytest.fail(f"{call.name} is new: say in this table what it takes")


def expected(caller: str, action: Action) -> int | None:
    """The status that refuses, or None where the caller gets past the guard."""
    if caller == "owner" or action in PUBLIC_ACTIONS:
        return None
    if caller == "anonymous":
        return 401
    return None if Role(caller) in roles_for(action) else 403


@pytest.fixture(scope="module")
def scene() -> ApiScene:
    return ApiScene()


@pytest.mark.parametrize("call", ROUTES, ids=lambda call: call.name)
def test_who_may(scene: ApiScene, call: Call) -> None:
    action = action_of(call)
    for name in CALLERS:
        caller = {"anonymous": Caller(), "owner": Caller(local_user=OWNER)}.get(name)
        caller = caller or caller_of(Role(name))
        status = expected(name, action)
        got = scene.ask(call.method, call.path, caller, json=call.body)
        if status is None:
            assert got.status_code not in {401, 403, 405}, (name, got.text)
            assert got.status_code < 500, (name, got.text)
        else:
            code = "access.login_required" if status == 401 else "access.denied"
            document = problem(got, status, code)
            assert document["hint"], name
            assert ("www-authenticate" in got.headers) == (status == 401)


def test_the_tables_name_no_route_that_is_gone() -> None:
    names = {call.name for call in calls()}
    assert names >= ACTIONS.keys() | WITHOUT_GUARD


def test_a_route_is_refused_before_its_body_is_judged() -> None:
    refused = ApiScene().ask("POST", f"{CA}/init", json={"no such key": 1})
    problem(refused, 401, "access.login_required")


def test_what_needs_no_guard_says_nothing_of_the_state(scene: ApiScene) -> None:
    assert scene.ask("GET", "/healthz").json() == {"status": "ok"}
    assert scene.ask("GET", "/readyz").json() == {"status": "ready", "reasons": []}
    described = scene.ask("GET", "/api/v1/openapi.json").json()["paths"]
    assert {call.template for call in ROUTES} == set(described)


def test_a_disabled_person_gets_nowhere(scene: ApiScene) -> None:
    scene.put(person("gone", *Role, enabled=False))
    for call in ROUTES:
        got = scene.ask(call.method, call.path, Caller(certificate_of("gone")), json=call.body)
        problem(got, 401, "login.certificate")
