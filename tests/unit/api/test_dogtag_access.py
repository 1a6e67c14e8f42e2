"""Every route of Dogtag's interface against every kind of caller, and against hostile bodies."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from sealwire.access.roles import PUBLIC_ACTIONS, Action, Role, roles_for
from sealwire.access.throttle import RULES, Counted
from sealwire.api.dogtag.access import ACCESS, Use
from sealwire.api.dogtag.bodies import LARGEST_BODY
from tests.unit.api.dogtag import REST, Client, refused
from tests.unit.api.scene import OWNER, ApiScene, Caller, ask, caller_of, certificate_of, person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx

PATHS: Final = {
    "request_id": "1",
    "serial": "1",
    "profile_id": "caServerCert",
    "action": "cancel",
    "name": "audit.log",
}

ACTIONS: Final = {
    "GET /account/login": Action.OPEN_SESSION,
    "GET /account/logout": Action.OPEN_SESSION,
    "GET /certrequests/profiles": Action.READ_PROFILE,
    "GET /certrequests/profiles/{profile_id}": Action.READ_PROFILE,
    "POST /certrequests": Action.SUBMIT_REQUEST,
    "GET /certrequests/{request_id}": Action.READ_REQUEST,
    "GET /agent/certrequests": Action.DECIDE_REQUEST,
    "GET /agent/certrequests/{request_id}": Action.DECIDE_REQUEST,
    "POST /agent/certrequests/{request_id}/{action}": Action.DECIDE_REQUEST,
    "GET /certs": Action.READ_CERTIFICATE,
    "GET /certs/{serial}": Action.READ_CERTIFICATE,
    "POST /certs/search": Action.READ_CERTIFICATE,
    "GET /agent/certs/{serial}": Action.REVOKE_CERTIFICATE,
    "POST /agent/certs/{serial}/revoke": Action.REVOKE_CERTIFICATE,
    "POST /agent/certs/{serial}/revoke-ca": Action.REVOKE_CERTIFICATE,
    "POST /agent/certs/{serial}/unrevoke": Action.REVOKE_CERTIFICATE,
    "GET /profiles": Action.READ_PROFILE,
    "GET /profiles/{profile_id}": Action.READ_PROFILE,
    "POST /profiles/{profile_id}": Action.APPROVE_PROFILE,
    "POST /profiles": Action.CONFIGURE_CA,
    "PUT /profiles/{profile_id}": Action.CONFIGURE_CA,
    "DELETE /profiles/{profile_id}": Action.CONFIGURE_CA,
    "GET /profiles/{profile_id}/raw": Action.READ_PROFILE,
    "POST /profiles/raw": Action.CONFIGURE_CA,
    "PUT /profiles/{profile_id}/raw": Action.CONFIGURE_CA,
    "GET /audit": Action.READ_AUDIT_CONFIGURATION,
    "PATCH /audit": Action.CONFIGURE_AUDIT,
    "POST /audit": Action.CONFIGURE_AUDIT,
    "GET /audit/files": Action.READ_AUDIT,
    "GET /audit/files/{name}": Action.READ_AUDIT,
}
"""What each route below /ca/rest takes; the other versions have the same."""

WITHOUT_GUARD: Final = {f"GET /pki/{version}/info" for version in ("rest", "v1", "v2")}


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of every route."""
    for context in iter_route_contexts(ApiScene().app.state.dogtag.routes):
        assert isinstance(context.original_route, APIRoute)
        for method in sorted(context.methods or ()):
            yield method, context.path or ""


ALL_ROUTES: Final = [each for each in routes() if " ".join(each) not in WITHOUT_GUARD]
ROUTES: Final = [(method, path) for method, path in ALL_ROUTES if path.startswith(REST)]
"""Those of one version: the others are the same routes once more."""

CALLERS: Final = ["anonymous", *Role, "owner"]


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: PATHS[match[1]], path)


@pytest.fixture(scope="module")
def scene() -> ApiScene:
    return ApiScene()


def test_the_table_names_every_route() -> None:
    for version in ("rest", "v1", "v2"):
        prefix = f"/ca/{version}"
        found = {f"{m} {p.removeprefix(prefix)}" for m, p in ALL_ROUTES if p.startswith(prefix)}
        assert found == set(ACTIONS)
    assert len(ALL_ROUTES) == 3 * len(ACTIONS)
    assert set(ACCESS) == set(Use)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_who_may(scene: ApiScene, method: str, path: str) -> None:
    action = ACTIONS[f"{method} /{path.split('/', 3)[3]}"]
    for name in CALLERS:
        caller = {"anonymous": Caller(), "owner": Caller(local_user=OWNER)}.get(name)
        caller = caller or caller_of(Role(name))
        got = scene.ask(method, filled(path), caller, content="{}")
        if name == "owner" or action in PUBLIC_ACTIONS:
            allowed = True
        elif name == "anonymous":
            logged_out(got)
            continue
        else:
            allowed = Role(name) in roles_for(action)
        if allowed:
            assert got.status_code not in {401, 403, 405}, (name, got.text)
            assert got.status_code < 500, (name, got.text)
        else:
            refused(got, 403, "ForbiddenException")


def logged_out(got: httpx.Response) -> None:
    """Dogtag's Python client raises HTTPError only for what is no JSON."""
    assert got.status_code == 401
    assert got.headers["content-type"].startswith("text/html")
    assert got.headers["www-authenticate"].startswith("Basic ")
    with pytest.raises(ValueError, match="Expecting value"):
        got.json()


def test_who_is_refused_is_recorded_in_dogtags_words() -> None:
    scene = ApiScene()
    Client(scene, caller_of(Role.AUDITOR)).ask("POST", f"{REST}/agent/certs/1/revoke", content="{}")
    assert scene.texts()[-1] == (
        "[AuditEvent=AUTHZ][SubjectID=auditor][Outcome=Failure][aclResource=certServer.ca.certs]"
        "[Op=execute][Info=AgentCertService.revokeCert] authorization failure"
    )


def test_a_log_in_is_recorded_in_dogtags_words() -> None:
    scene = ApiScene()
    agent = Client(scene)
    before = len(scene.texts())
    agent.get("/account/login")
    login, permission = scene.texts()[before:]
    assert login.startswith("[AuditEvent=AUTH][SubjectID=agent][Outcome=Success]")
    assert "[AuthMgr=certUserDBAuthMgr]" in login
    assert permission.startswith("[AuditEvent=AUTHZ][SubjectID=agent][Outcome=Success]")
    assert "[aclResource=certServer.ca.account][Op=login]" in permission


def test_a_decision_is_recorded_by_dogtags_name_for_it() -> None:
    agent = Client(ApiScene())
    agent.act(agent.submit()["requestID"], "reject")
    assert any("[Info=CertRequestService.rejectRequest]" in text for text in agent.scene.texts())
    agent.ask("POST", f"{REST}/agent/certrequests/1/%5Bx%5D", content="{}")
    assert not any("[x]" in text for text in agent.scene.texts())


def test_account() -> None:
    agent = Client(ApiScene())
    assert agent.get("/account/login") == {
        "id": "agent",
        "FullName": "agent",
        "Roles": ["Certificate Manager Agents"],
        "Attributes": {"Attribute": []},
    }
    first = agent.cookie
    assert re.fullmatch("[0-9a-f]{64}", first)
    got = agent.ask("GET", f"{REST}/account/login")
    for word in ("Secure", "HttpOnly", "Path=/ca", "SameSite=strict"):
        assert word in got.headers["set-cookie"]
    assert agent.cookie not in {"", first}
    got = agent.ask("GET", f"{REST}/account/logout")
    assert (got.status_code, got.content) == (204, b"")
    assert agent.cookie == ""


def test_a_cookie_is_no_credential() -> None:
    agent = Client(ApiScene())
    agent.get("/account/login")
    logged_out(Client(agent.scene, Caller(), agent.cookie).ask("GET", f"{REST}/account/login"))


def test_passwords(scene: ApiScene) -> None:
    password = scene.services.people.add("owner", "ada", ["agent"])
    stranger = Client(scene, Caller())
    got = stranger.ask("GET", f"{REST}/account/login", auth=("ada", password))
    assert got.json()["id"] == "ada"
    logged_out(stranger.ask("GET", f"{REST}/account/login", auth=("ada", "wrong")))
    logged_out(stranger.ask("GET", f"{REST}/certs/1", auth=("ada", "wrong")))
    logged_out(stranger.ask("GET", f"{REST}/certs/1", headers={"Authorization": "Bearer x"}))
    for _ in range(RULES[Counted.USER_AT_ADDRESS].free + 1):
        got = stranger.ask("GET", f"{REST}/account/login", auth=("eve", "wrong"))
    assert got.status_code == 429
    assert got.headers["content-type"].startswith("text/html")
    assert int(got.headers["retry-after"]) > 0


def test_a_disabled_person_gets_nowhere() -> None:
    scene = ApiScene()
    scene.put(person("gone", *Role, enabled=False))
    for method, path in ROUTES:
        logged_out(scene.ask(method, filled(path), Caller(certificate_of("gone")), content="{}"))


def test_pages_of_other_sites_change_nothing(scene: ApiScene) -> None:
    agent = Client(scene)
    path = f"{REST}/agent/certrequests/1/approve"
    headers = {"Origin": "https://elsewhere.test"}
    got = agent.ask("POST", path, content="{}", headers=headers)
    refused(got, 403, "ForbiddenException")


def test_info(scene: ApiScene) -> None:
    for version, number in (("rest", "11.2.1"), ("v1", "11.2.1"), ("v2", "11.6.0")):
        shown = scene.ask("GET", f"/pki/{version}/info").json()
        assert (shown["Version"], shown["Name"]) == (number, "Sealwire 0.1.0")
        assert isinstance(shown["Attributes"]["Attribute"], list)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ca/rest/nosuch", 404),
        ("GET", "/ca/v3/certs", 404),
        ("GET", "/ca/", 404),
        ("GET", "/pki/rest", 404),
        ("GET", "/ca/rest/certs/1/2", 404),
        ("DELETE", "/ca/rest/certs/1", 405),
        ("POST", "/pki/rest/info", 405),
    ],
)
def test_addresses_that_are_none(scene: ApiScene, method: str, path: str, status: int) -> None:
    kind = "ResourceNotFoundException" if status == 404 else "PKIException"
    refused(scene.ask(method, path), status, kind)


def test_our_api_keeps_its_own_errors(scene: ApiScene) -> None:
    got = scene.ask("GET", "/api/v1/ca/requests/99")
    assert got.headers["content-type"] == "application/problem+json"
    assert scene.ask("GET", "/cat").headers["content-type"] == "application/problem+json"


# --- bodies ---------------------------------------------------------------------------------------

TAKES_A_BODY: Final = [
    ("POST", "/ca/rest/certrequests"),
    ("POST", "/ca/rest/certs/search"),
    ("POST", "/ca/rest/agent/certrequests/{number}/approve"),
    ("POST", "/ca/rest/agent/certs/{serial}/revoke"),
    ("POST", "/ca/rest/profiles"),
    ("PUT", "/ca/rest/profiles/caServerCert"),
]
NO_JSON: Final = [
    b"",
    b" ",
    b"{",
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"a": 1' + b"1" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"a":' * 60 + b"1" + b"}" * 60,
    b"<xml/>",
]


@pytest.fixture(scope="module")
def issued() -> tuple[Client, dict[str, str]]:
    owner = Client(ApiScene(), Caller(local_user=OWNER))
    serial = owner.issue()
    return owner, {"number": owner.submit()["requestID"], "serial": serial}


@pytest.mark.parametrize(("method", "path"), TAKES_A_BODY)
@pytest.mark.parametrize("body", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_no_json(
    issued: tuple[Client, dict[str, str]], method: str, path: str, body: bytes
) -> None:
    owner, names = issued
    got = owner.ask(method, path.format(**names), content=body)
    refused(got, 400, "BadRequestException")


ODD: Final = [
    None,
    True,
    7,
    -1.5,
    10**400,
    "",
    "x",
    "\ud800",
    "\x00\n",
    [],
    [1],
    [[]],
    {},
    {"a": []},
]
KEYS: Final = {
    "/ca/rest/certrequests": ["ProfileID", "Renewal", "Input", "SerialNumber", "Output"],
    "/ca/rest/certs/search": [
        *("serialFrom", "serialTo", "status", "commonName", "matchExactly", "subjectInUse"),
        *("issuedOnInUse", "issuedOnFrom", "revocationReason", "validityCount"),
    ],
    "/ca/rest/agent/certrequests/{number}/approve": [
        *("nonce", "requestId", "requestNotes", "ProfilePolicySet"),
    ],
    "/ca/rest/agent/certs/{serial}/revoke": ["Nonce", "Reason", "Comments", "InvalidityDate"],
    "/ca/rest/profiles": ["id", "name", "visible", "Input", "inputs", "PolicySets", "policySets"],
    "/ca/rest/profiles/caServerCert": ["id", "description", "Input", "PolicySets"],
}


@pytest.mark.parametrize(("method", "path"), TAKES_A_BODY)
def test_values_of_the_wrong_kind(
    issued: tuple[Client, dict[str, str]], method: str, path: str
) -> None:
    owner, names = issued
    for key in KEYS[path]:
        for value in ODD:
            content = json.dumps({**IN_USE, key: value}).encode()
            got = owner.ask(method, path.format(**names), content=content)
            assert got.status_code in {200, 400, 403, 409}, (key, value, got.text)
            if got.status_code != 200:
                assert got.json()["Code"] == got.status_code
            else:
                assert path.endswith("search"), (key, value)


IN_USE: Final = {"issuedOnInUse": True, "subjectInUse": True, "revocationReasonInUse": True}


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_things_deep_inside(issued: tuple[Client, dict[str, str]], value: object) -> None:
    owner, names = issued
    inner = [
        {"Input": [{"Attribute": value}]},
        {"Input": [{"Attribute": [{"name": value, "Value": "x"}]}]},
        {"Input": [{"Attribute": [{"name": "cert_request", "Value": value}]}]},
    ]
    for body in inner:
        got = owner.post("/certrequests", {"ProfileID": "caServerCert", **body})
        refused(got, 400, "BadRequestException")
    seen = owner.review(names["number"])
    for policies in (value, [value], [{"policies": value}], [{"policies": [{"def": value}]}]):
        body = {**seen, "ProfilePolicySet": policies}
        got = owner.post(f"/agent/certrequests/{names['number']}/validate", body)
        assert got.status_code in {204, 400, 403}, got.text
        seen = owner.review(names["number"])
    plugin = {"classId": "validityDefaultImpl", "params": [{"name": "range", "value": value}]}
    for policy in (value, {"def": value}, {"def": plugin}, {"def": {**plugin, "params": value}}):
        body = {"id": "odd", "PolicySets": {"PolicySet": [{"id": "s", "value": [policy]}]}}
        refused(owner.post("/profiles", body), 400, "BadRequestException")


def test_bodies_that_are_too_large(scene: ApiScene) -> None:
    agent = Client(scene)
    large = b" " * (LARGEST_BODY + 1)
    refused(agent.ask("POST", f"{REST}/certs/search", content=large), 413, "PKIException")

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * (LARGEST_BODY // 2)

    got = ask(
        scene.app, "POST", f"{REST}/certs/search", caller_of(Role.AGENT), content=unannounced()
    )
    refused(got, 413, "PKIException")
    # Much more than our own API would take: still in Dogtag's words.
    headers = {"Content-Length": str(10**12)}
    got = agent.ask("POST", f"{REST}/certs/search", content=b"", headers=headers)
    refused(got, 413, "PKIException")
