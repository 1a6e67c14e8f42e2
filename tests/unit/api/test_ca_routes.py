"""Requests and decisions over the API, with the records they leave."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from sealwire.access.roles import Role
from sealwire.x509.keys import KeyType
from tests.unit.api.scene import ADDRESS, OWNER, ApiScene, Caller, caller_of, problem
from tests.unit.ca.scene import csr_for, founded

SERVER = "CN=www.example.com,O=Example"
CA = "/api/v1/ca"
REQUEST_KEYS = {
    "id",
    "type",
    "status",
    "profile",
    "subject",
    "serial",
    "error_message",
    "reason",
    "requestor_name",
    "requestor_email",
    "requestor_phone",
    "submitted_by",
    "decided_by",
    "created",
    "modified",
    "csr_sha256",
    "profile_version",
    "owner",
    "audit_format",
}


@pytest.fixture
def scene() -> ApiScene:
    return ApiScene()


@pytest.fixture
def agent() -> Caller:
    return caller_of(Role.AGENT)


def submit(scene: ApiScene, caller: Caller | None = None, **changes: str) -> dict[str, Any]:
    body = {"profile": "caServerCert", "csr": csr_for(SERVER).decode(), **changes}
    got = scene.ask("POST", f"{CA}/requests", caller, json=body)
    assert got.status_code == 201, got.text
    made: dict[str, Any] = got.json()
    assert set(made) == REQUEST_KEYS
    return made


def decide(
    scene: ApiScene, caller: Caller, number: int, action: str, **body: str | None
) -> dict[str, Any]:
    got = scene.ask("POST", f"{CA}/requests/{number}/{action}", caller, json=body)
    assert got.status_code == 200, got.text
    decided: dict[str, Any] = got.json()
    assert set(decided) == REQUEST_KEYS
    return decided


def test_anybody_submits_and_sees_the_request(scene: ApiScene) -> None:
    made = submit(scene, requestor_name="Ada", requestor_email="ada@example.com")
    assert (made["status"], made["serial"], made["decided_by"]) == ("pending", None, None)
    assert (made["subject"], made["profile"]) == (SERVER, "caServerCert")
    assert (made["submitted_by"], made["requestor_name"]) == ("$NonRoleUser$", "Ada")
    assert made["created"] == "2026-11-22T10:00:00.000000Z"
    assert scene.ask("GET", f"{CA}/requests/{made['id']}").json() == made
    assert scene.texts()[-1] == (
        f"[AuditEvent=PROFILE_CERT_REQUEST][SubjectID=$NonRoleUser$][Outcome=Success]"
        f"[ReqID={made['id']}][ProfileID=caServerCert][CertSubject={SERVER}]"
        " certificate request made with certificate profiles"
    )
    stored = scene.base.ca.request(made["id"])
    assert stored.remote_address == ADDRESS


def test_a_profile_rejects_and_says_why(scene: ApiScene) -> None:
    made = submit(scene, csr=csr_for("UID=testuser").decode())
    reason = "Subject Name Not Matched UID=testuser"
    assert (made["status"], made["error_message"], made["serial"]) == ("rejected", reason, None)
    assert scene.texts()[-1] == (
        "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=$NonRoleUser$][Outcome=Failure]"
        f"[ReqID={made['id']}][InfoName=rejectReason]"
        f"[InfoValue=Request {made['id']} Rejected - {reason}] certificate request processed"
    )


def test_approve(scene: ApiScene, agent: Caller) -> None:
    made = submit(scene)
    done = decide(scene, agent, made["id"], "approve")
    assert (done["status"], done["decided_by"]) == ("complete", "agent")
    assert scene.texts()[-1] == (
        f"[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=agent][Outcome=Success]"
        f"[ReqID={made['id']}][CertSerialNum={done['serial']}] certificate request succeeded"
    )
    shown = scene.ask("GET", f"{CA}/certificates/{done['serial']}").json()
    leaf = x509.load_pem_x509_certificate(shown["pem"].encode())
    assert str(leaf.serial_number) == done["serial"]
    assert (shown["request_id"], shown["issued_by"]) == (made["id"], "agent")
    file = scene.ask("GET", f"{CA}/certificates/{done['serial']}/pem")
    assert (file.text, file.headers["content-type"]) == (
        shown["pem"],
        "text/plain; charset=utf-8",
    )
    assert scene.ask("GET", f"{CA}/chain").text == shown["chain_pem"]
    listed = scene.ask("GET", f"{CA}/certificates").json()["entries"]
    assert [entry["serial"] for entry in listed][-1] == done["serial"]
    assert listed[-1] == {key: shown[key] for key in listed[-1]}


@pytest.mark.parametrize(
    ("action", "status", "name"),
    [("reject", "rejected", "rejectReason"), ("cancel", "canceled", "cancelReason")],
)
@pytest.mark.parametrize(("reason", "recorded"), [("not ours", "not ours"), (None, "<null>")])
def test_reject_and_cancel(
    scene: ApiScene, agent: Caller, action: str, status: str, name: str, reason: str, recorded: str
) -> None:
    made = submit(scene)
    decided = decide(scene, agent, made["id"], action, reason=reason)
    assert (decided["status"], decided["reason"], decided["serial"]) == (status, reason, None)
    assert scene.texts()[-1] == (
        f"[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=agent][Outcome=Failure][ReqID={made['id']}]"
        f"[InfoName={name}][InfoValue={recorded}] certificate request processed"
    )


def test_a_decision_is_made_once(scene: ApiScene, agent: Caller) -> None:
    made = submit(scene)
    decide(scene, agent, made["id"], "reject")
    before = [text for text in scene.texts() if "AuditEvent=AUTHZ" not in text]
    for action in ("approve", "reject", "cancel"):
        got = scene.ask("POST", f"{CA}/requests/{made['id']}/{action}", agent, json={})
        problem(got, 409, "request.not_pending")
    assert [text for text in scene.texts() if "AuditEvent=AUTHZ" not in text] == before


def test_the_four_actions_that_decide_nothing(scene: ApiScene, agent: Caller) -> None:
    number = submit(scene)["id"]
    seen = scene.ask("GET", f"{CA}/requests/{number}/review", agent).json()["tbs_sha256"]
    assert decide(scene, agent, number, "assign")["owner"] == "agent"
    assert decide(scene, agent, number, "unassign")["owner"] is None
    assert decide(scene, agent, number, "validate")["status"] == "pending"
    assert decide(scene, agent, number, "update")["status"] == "pending"
    now = scene.ask("GET", f"{CA}/requests/{number}/review", agent).json()["tbs_sha256"]
    assert seen != now


@pytest.mark.parametrize("action", ["edit", "Assign", "Approve", "approve "])
def test_other_actions_are_refused(scene: ApiScene, agent: Caller, action: str) -> None:
    number = submit(scene)["id"]
    got = scene.ask("POST", f"{CA}/requests/{number}/{action}", agent, json={})
    problem(got, 400, "request.action")
    assert scene.base.ca.request(number).status == "pending"


def test_approval_holds_for_what_was_looked_at(scene: ApiScene, agent: Caller) -> None:
    made = submit(scene)
    seen = scene.ask("GET", f"{CA}/requests/{made['id']}/review", agent).json()
    assert set(seen) > REQUEST_KEYS
    assert "Subject: CN=www.example.com" in seen["certificate_text"]
    assert seen["inputs"][0]["name"] == "Certificate Request Input"
    path = f"{CA}/requests/{made['id']}/approve"
    problem(scene.ask("POST", path, agent, json={"tbs_sha256": "0" * 64}), 409, "request.stale")
    done = decide(scene, agent, made["id"], "approve", tbs_sha256=seen["tbs_sha256"])
    assert done["status"] == "complete"


def test_old_bytes_need_a_new_look(scene: ApiScene, agent: Caller) -> None:
    made = submit(scene)
    scene.base.clock.advance(timedelta(hours=25))
    path = f"{CA}/requests/{made['id']}/approve"
    problem(scene.ask("POST", path, agent, json={}), 409, "request.stale")
    assert decide(scene, agent, made["id"], "approve")["status"] == "complete"


def test_find(scene: ApiScene, agent: Caller) -> None:
    numbers = [submit(scene)["id"] for _ in range(3)]
    decide(scene, agent, numbers[0], "cancel")

    def found(**query: str | int) -> tuple[int, list[int]]:
        page = scene.ask("GET", f"{CA}/requests", agent, params=query).json()
        assert page["audit_format"] == "10.4.5"
        return page["total"], [entry["id"] for entry in page["entries"]]

    assert found(status="pending") == (2, numbers[1:])
    assert found(status="canceled") == (1, numbers[:1])
    assert found(start=numbers[1], size=1) == (4, numbers[1:2])
    got = scene.ask("GET", f"{CA}/requests", agent, params={"status": "cancelled"})
    assert "canceled" in problem(got, 400, "request.status")["hint"]
    problem(scene.ask("GET", f"{CA}/requests", agent, params={"size": 1001}), 422, "input.invalid")


def test_a_csr_with_faults_is_refused_with_all_of_them(scene: ApiScene) -> None:
    before = scene.texts()
    body = {"profile": "caServerCert", "csr": "no CSR at all"}
    document = problem(scene.ask("POST", f"{CA}/requests", json=body), 422, "csr.invalid")
    assert document["findings"]
    body = {"profile": "nosuch", "csr": csr_for(SERVER).decode()}
    problem(scene.ask("POST", f"{CA}/requests", json=body), 404, "profile.unknown")
    sound = {"profile": "caServerCert", "csr": csr_for(SERVER).decode()}
    body = {**sound, "requestor_name": "a\nb", "requestor_email": "\x1b"}
    document = problem(scene.ask("POST", f"{CA}/requests", json=body), 422, "requestor.invalid")
    assert len(document["findings"]) == 2
    recorded = scene.texts()[len(before) :]
    assert len(recorded) == 3
    assert all("=PROFILE_CERT_REQUEST][" in text for text in recorded)
    assert all("[Outcome=Failure][ReqID=<null>]" in text for text in recorded)


def test_the_agent_is_named_by_who_asks(scene: ApiScene) -> None:
    made = submit(scene, caller_of(Role.OPERATOR))
    assert made["submitted_by"] == "operator"
    owner = Caller(local_user=OWNER)
    assert decide(scene, owner, made["id"], "reject")["decided_by"] == OWNER


def test_profiles(scene: ApiScene) -> None:
    entries = scene.ask("GET", f"{CA}/profiles").json()["entries"]
    assert {"caAuditClientCert", "caAuditServerCert", "caCACert", "caServerCert", "caUserCert"} <= {
        entry["id"] for entry in entries
    }
    one = scene.ask("GET", f"{CA}/profiles/caServerCert").json()
    (listed,) = (entry for entry in entries if entry["id"] == "caServerCert")
    assert {key: one[key] for key in listed} == listed
    assert (one["version"], one["enabled"], one["changed_by"]) == (1, True, "$System$")
    assert one["constraints"]["subject"]["pattern"] == ".*CN=.*"
    assert one["constraints"]["key"]["rsa"] == [2048, 3072, 4096]
    assert one["defaults"]["validity"]["days"] == 720
    problem(scene.ask("GET", f"{CA}/profiles/nosuch"), 404, "profile.unknown")


def test_init(scene: ApiScene) -> None:
    administrator = caller_of(Role.ADMINISTRATOR)
    body = {"key_type": "p384", "organization": "Example"}
    got = scene.ask("POST", f"{CA}/init", administrator, json=body)
    assert (got.status_code, got.json()) == (201, {**body, "actor": "administrator"})
    got = scene.ask("POST", f"{CA}/init", administrator, json={"key_type": "rsa1024"})
    assert "rsa2048" in problem(got, 400, "key.type")["hint"]


def test_a_certificate_from_outside(scene: ApiScene) -> None:
    body = {"key_type": "p384", "organization": "Example", "subject": "CN=CA"}
    got = scene.owner("POST", f"{CA}/init/request", json=body)
    assert (got.status_code, got.json()) == (201, {**body, "actor": "somebody"})
    upload = {"name": "ca.pem", "content": base64.b64encode(b"any").decode()}
    for path in ("init/certificate", "renewal/certificate"):
        got = scene.owner("POST", f"{CA}/{path}", json={"files": [upload], "roots": [upload]})
        assert (got.status_code, got.json()["files"], got.json()["roots"]) == (201, ["ca.pem"], 1)
        problem(scene.owner("POST", f"{CA}/{path}", json={"files": []}), 422, "input.invalid")
        bad = {"files": [{"name": "x", "content": "*"}]}
        problem(scene.owner("POST", f"{CA}/{path}", json=bad), 400, "input.base64")
    for path in ("renewal", "renewal/request"):
        assert scene.owner("POST", f"{CA}/{path}").json() == {"actor": "somebody"}
    assert scene.owner("GET", f"{CA}/authority").json() == {"state": "ready"}


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_store_that_fails_is_said_to_be_unavailable(fault: str) -> None:
    base = founded()
    scene = ApiScene(base)
    agent = caller_of(Role.AGENT)
    made = submit(scene)
    scene.ask("GET", f"{CA}/requests", agent)
    # The first commit is that of the authorization's record.
    {"before": base.store.fail_before_commit, "after": base.store.fail_after_commit}[fault](2)
    got = scene.ask("POST", f"{CA}/requests/{made['id']}/approve", agent, json={})
    problem(got, 503, "store.unavailable")
    kept = scene.ask("GET", f"{CA}/requests/{made['id']}").json()["status"]
    assert kept == {"before": "pending", "after": "complete"}[fault]


def test_a_role_that_does_not_run_here() -> None:
    scene = ApiScene(with_roles=False)
    for path in (f"{CA}/requests", f"{CA}/chain", "/api/v1/appliance", "/api/v1/sensor/stats"):
        problem(scene.owner("GET", path), 404, "role.absent")
    problem(scene.owner("POST", f"{CA}/init", json={}), 404, "role.absent")


def test_many_are_approved_each_as_if_alone(scene: ApiScene, agent: Caller) -> None:
    server = csr_for(SERVER, key_type=KeyType.P256).decode()
    numbers = [submit(scene, profile="caAuditServerCert", csr=server)["id"] for _ in range(5)]
    first, other, twice, rejected, seen = numbers
    decide(scene, agent, rejected, "reject")
    digest = scene.ask("GET", f"{CA}/requests/{seen}/review", agent).json()["tbs_sha256"]
    wanted: list[dict[str, Any]] = [{"id": each} for each in (first, twice, twice, rejected, 999)]
    wanted += [{"id": other, "tbs_sha256": "0" * 64}, {"id": seen, "tbs_sha256": digest}]
    before = len(scene.texts())
    got = scene.ask("POST", f"{CA}/requests/approve", agent, json={"requests": wanted})
    assert got.status_code == 200, got.text
    entries = got.json()["entries"]
    assert [entry["id"] for entry in entries] == [each["id"] for each in wanted]
    told = [entry.get("problem", {}).get("code", "done") for entry in entries]
    slip, stale = "request.not_pending", "request.stale"
    assert told == ["done", "done", slip, slip, "request.unknown", stale, "done"]
    for number in (first, twice, seen):
        [entry] = [
            each["request"] for each in entries if each["id"] == number and "request" in each
        ]
        assert entry == scene.ask("GET", f"{CA}/requests/{number}", agent).json()
        assert (entry["status"], entry["decided_by"]) == ("complete", "agent")
        [approval] = scene.base.ca.approvals(number)
        assert approval.approver == "agent"
        assert approval.credential.startswith("certificate ")
    texts = scene.texts()[before:]
    processed = [text for text in texts if "=CERT_REQUEST_PROCESSED]" in text]
    assert len(processed) == 3
    assert sum(stale in text for text in texts) == 1
    assert scene.base.ca.reconcile().holds
    assert scene.ask("GET", f"{CA}/requests/{other}", agent).json()["status"] == "pending"


def test_many_approvals_are_an_agents_and_not_endless(scene: ApiScene, agent: Caller) -> None:
    one = {"requests": [{"id": 1}]}
    path = f"{CA}/requests/approve"
    assert scene.ask("POST", path, json=one).status_code == 401
    assert scene.ask("POST", path, caller_of(Role.AUDITOR), json=one).status_code == 403
    for body in ({"requests": []}, {"requests": [{"id": 1}] * 1001}, {"ids": [1]}):
        assert scene.ask("POST", path, agent, json=body).status_code == 422
