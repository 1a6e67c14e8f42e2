"""The appliance over the API: certificate, destinations, inputs, with the records they leave."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Unpack

import pytest
from cryptography.hazmat.primitives import serialization

from sealwire.access.roles import Role
from sealwire.x509.keys import KeyType, generate_key
from tests.unit.api.scene import HOST, ApiScene, caller_of, problem
from tests.unit.ca.scene import ANYBODY, csr_for, subscriber_key

if TYPE_CHECKING:
    from tests.unit.api.scene import Arguments

BASE = "/api/v1/appliance"
SECRET = "a password"


@pytest.fixture
def scene() -> ApiScene:
    return ApiScene()


def ask(scene: ApiScene, method: str, path: str = "", **arguments: Unpack[Arguments]) -> Any:  # noqa: ANN401 - JSON
    """As an operator; the answer's JSON."""
    got = scene.ask(method, BASE + path, caller_of(Role.OPERATOR), **arguments)
    assert got.is_success, got.text
    return got.json() if got.content else None


def refused(
    scene: ApiScene, status: int, code: str, method: str, path: str, **arguments: Unpack[Arguments]
) -> dict[str, Any]:
    caller = caller_of(Role.OPERATOR)
    return problem(scene.ask(method, BASE + path, caller, **arguments), status, code)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signed(scene: ApiScene, csr: bytes) -> bytes:
    """The certificate for a CSR, PEM, with the CA's chain before it: the wrong order."""
    made = scene.base.ca.submit("caAuditClientCert", csr, actor=ANYBODY, remote_address="192.0.2.1")
    done = scene.base.ca.approve(made.request_id, actor="caadmin")
    serial = done.serial
    chain = scene.ask("GET", "/api/v1/ca/chain").content
    return chain + scene.ask("GET", f"/api/v1/ca/certificates/{serial}/pem").content


def with_key(scene: ApiScene, password: str) -> dict[str, Any]:
    """An import that brings its own key, encrypted."""
    subject = f"C=US,O=Example,CN={HOST}"
    pem = subscriber_key(KeyType.RSA2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(SECRET.encode()),
    )
    certificate = signed(scene, csr_for(subject))
    return {
        "files": [{"name": "bag.pem", "content": encoded(certificate)}],
        "key": encoded(pem),
        "password": password,
    }


def installed(scene: ApiScene) -> dict[str, Any]:
    """Generate, sign, import."""
    csr = ask(scene, "POST", "/csr", json={"common_name": HOST})
    files = [{"name": "bag.pem", "content": encoded(signed(scene, csr["csr"].encode()))}]
    answer: dict[str, Any] = ask(scene, "POST", "/certificate", json={"files": files})
    return answer


def test_csr_and_import(scene: ApiScene) -> None:
    body = {
        "country": "US",
        "state": "Texas",
        "locality": "Austin",
        "organization": "Example",
        "unit": "Audit",
        "common_name": HOST,
        "names": ["192.0.2.7"],
        "key_type": "p384",
    }
    csr = ask(scene, "POST", "/csr", json=body)
    assert set(csr) == {"key_id", "subject", "csr", "created"}
    assert ask(scene, "GET")["pending"] == [csr]
    files = [{"name": "bag", "content": encoded(signed(scene, csr["csr"].encode()))}]
    answer = ask(scene, "POST", "/certificate", json={"files": files})
    leaf, issuing = answer["identity"]["chain"]
    assert leaf["names"] == [HOST, "192.0.2.7"]
    assert leaf["issuer"] == issuing["subject"]
    assert answer["identity"]["key_id"] == csr["key_id"]
    status = ask(scene, "GET")
    assert (status["pending"], status["identity"]) == ([], answer["identity"])
    records = scene.trail("appliance")
    assert [record.subject_id for record in records] == ["operator", "operator"]
    assert scene.forwarder.pokes == 1


def test_a_check_reports_and_changes_nothing(scene: ApiScene) -> None:
    csr = ask(scene, "POST", "/csr", json={"common_name": "other.example.com"})
    bag = encoded(signed(scene, csr["csr"].encode()))
    body = {"files": [{"name": "bag", "content": bag}]}
    before = scene.trail("appliance")
    report = ask(scene, "POST", "/certificate/check", json=body)
    leaf, *issuers = report["path"]
    assert report["key_id"] == csr["key_id"]
    assert leaf["names"] == ["other.example.com"]
    assert [leaf["issuer"], *(each["issuer"] for each in issuers[:-1])] == [
        each["subject"] for each in issuers
    ]
    severities = [finding["severity"] for finding in report["findings"]]
    assert "warning" in severities  # It is for another name than this machine's.
    assert "info" in severities  # It was put in order.
    assert "error" not in severities
    assert scene.trail("appliance") == before
    assert ask(scene, "GET")["identity"] is None
    answer = ask(scene, "POST", "/certificate", json=body)
    assert answer["findings"] == report["findings"]
    assert answer["identity"]["chain_pem"] == report["chain_pem"]


def test_a_csr_is_looked_at_made_and_given_up(scene: ApiScene) -> None:
    body = {"common_name": HOST, "country": "US", "state": "Texas"}
    before = scene.trail("appliance")
    report = ask(scene, "POST", "/csr/check", json={**body, "ca": "cisco"})
    assert report["names"] == [HOST]
    assert "openssl req" in report["openssl"]
    assert {"own_name", "forward_dns", "state_form"} <= {f["code"] for f in report["findings"]}
    assert all(
        {"code", "severity", "message", "subject", "fix"} == set(f) for f in report["findings"]
    )
    refused(scene, 400, "csr.ca", "POST", "/csr/check", json={**body, "ca": "any"})
    refused(scene, 422, "subject.invalid", "POST", "/csr/check", json={"common_name": "a b"})
    assert scene.trail("appliance") == before
    csr = ask(scene, "POST", "/csr", json=body)
    ask(scene, "DELETE", f"/csr/{csr['key_id']}")
    assert ask(scene, "GET")["pending"] == []
    refused(scene, 404, "csr.unknown", "DELETE", f"/csr/{csr['key_id']}")
    assert [record.event for record in scene.trail("appliance")][-2:] == [
        "CSR_GENERATED",
        "CSR_DISCARDED",
    ]


def test_the_report_and_the_chain_in_an_order(scene: ApiScene) -> None:
    refused(scene, 404, "identity.absent", "GET", "/certificate/chain")
    csr = ask(scene, "POST", "/csr", json={"common_name": HOST})
    files = [{"name": "bag", "content": encoded(signed(scene, csr["csr"].encode()))}]
    report = ask(scene, "POST", "/certificate/check", json={"files": files})
    assert report["sent"] == len(report["order"]["needed"])
    assert {piece["use"] for piece in report["certificates"]} <= {"used", "root_left_out"}
    assert report["order"]["reordered"] is True
    ask(scene, "POST", "/certificate", json={"files": files})
    refused(scene, 400, "chain.order", "GET", "/certificate/chain", params={"order": "any"})
    tls, cisco, usm = (
        scene.owner("GET", f"/api/v1/appliance/certificate/chain?order={order}").text
        for order in ("tls", "cisco", "usm")
    )
    end = "-----END CERTIFICATE-----\n"
    assert cisco.split(end)[0] == tls.split(end)[1]
    assert usm.split(end)[:-1] == cisco.split(end)[:-1][::-1]


def test_a_refused_check_says_all_and_records_nothing(scene: ApiScene) -> None:
    body = {"files": [{"content": encoded(b"nothing")}]}
    refused(scene, 422, "chain.invalid", "POST", "/certificate/check", json=body)
    assert scene.trail("appliance") == []


def test_import_with_an_encrypted_key(scene: ApiScene) -> None:
    answer = ask(scene, "POST", "/certificate", json=with_key(scene, SECRET))
    assert answer["identity"]["generation"] == 1


def test_import_with_a_wrong_password(scene: ApiScene) -> None:
    document = refused(
        scene, 422, "key.unreadable", "POST", "/certificate", json=with_key(scene, "wrong")
    )
    assert document["findings"]
    assert ask(scene, "GET")["identity"] is None


def test_a_refused_import_says_all_and_is_recorded(scene: ApiScene) -> None:
    key = generate_key(KeyType.P256)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificate = signed(scene, csr_for("C=US,O=Example,CN=other.example.com"))
    body = {"files": [{"content": encoded(certificate)}], "key": encoded(pem)}
    document = refused(scene, 422, "chain.invalid", "POST", "/certificate", json=body)
    assert {finding["severity"] for finding in document["findings"]} >= {"error"}
    assert scene.trail("appliance")[-1].outcome == "Failure"


def test_a_file_that_is_no_base64(scene: ApiScene) -> None:
    for body in (
        {"files": [{"content": "!!"}]},
        {"files": [{"content": "AAAA"}], "key": "\u00e4"},
    ):
        refused(scene, 400, "input.base64", "POST", "/certificate", json=body)
    refused(scene, 422, "input.invalid", "POST", "/certificate", json={"files": []})


def test_rollback(scene: ApiScene) -> None:
    refused(scene, 409, "identity.no_previous", "POST", "/certificate/rollback")
    first, second = installed(scene), installed(scene)
    assert second["identity"]["generation"] == 2
    back = ask(scene, "POST", "/certificate/rollback")
    assert back["findings"] == []
    assert back["identity"]["generation"] == 3
    assert back["identity"]["chain"] == first["identity"]["chain"]
    page = ask(scene, "GET", "/certificate")
    assert [each["generation"] for each in page["history"]] == [3, 2, 1]


def test_a_destinations_life(scene: ApiScene) -> None:
    added = ask(scene, "POST", "/destinations", json={"name": "one", "host": "sensor.example.com"})
    assert added == {"name": "one"}
    [listed] = ask(scene, "GET", "/destinations")
    assert set(listed) == {
        "name",
        "host",
        "port",
        "transport",
        "server_name",
        "mutual",
        "enabled",
        "state",
        "last_error",
        "last_error_code",
        "hint",
        "records_sent",
        "backlog_by_trail",
        "backlog",
        "next_retry_seconds",
        "connected_to",
        "tls",
    }
    assert (listed["port"], listed["mutual"], listed["enabled"]) == (6514, True, False)
    again = {"name": "one", "host": "sensor.example.com"}
    refused(scene, 409, "destination.exists", "POST", "/destinations", json=again)
    refused(scene, 409, "stream.no_certificate", "POST", "/destinations/one/start", json={})
    installed(scene)
    started = ask(scene, "POST", "/destinations/one/start", json={})
    assert started == {"name": "one", "enabled": True}
    report = ask(scene, "POST", "/destinations/one/test")
    assert (report["destination"], report["ok"]) == ("one", True)
    assert set(report["steps"][0]) == {"name", "ok", "milliseconds", "detail", "fix"}
    stopped = ask(scene, "POST", "/destinations/one/stop")
    assert stopped == {"name": "one", "enabled": False}
    assert ask(scene, "DELETE", "/destinations/one") is None
    assert ask(scene, "GET", "/destinations") == []
    for method, path, body in (
        ("DELETE", "/destinations/one", None),
        ("POST", "/destinations/one/start", {}),
        ("POST", "/destinations/one/stop", None),
        ("POST", "/destinations/one/test", None),
    ):
        refused(scene, 404, "destination.unknown", method, path, json=body)
    assert scene.forwarder.pokes >= 4


def test_a_certificate_for_another_name_is_no_ground_to_stream(scene: ApiScene) -> None:
    ask(scene, "POST", "/destinations", json={"name": "one", "host": "sensor.example.com"})
    installed(scene)
    ask(scene, "PUT", "/host-name", json={"host_name": "renamed.example.com"})
    path = "/destinations/one/start"
    document = refused(scene, 422, "stream.name_mismatch", "POST", path, json={})
    assert HOST in document["detail"]
    assert "renamed.example.com" in document["detail"]
    ask(scene, "POST", path, json={"allow_name_mismatch": True})


def test_inputs(scene: ApiScene) -> None:
    body = {"name": "messages", "path": "/var/log/messages"}
    listed = {**body, "offset": 0}
    assert ask(scene, "POST", "/inputs", json=body) == listed
    assert ask(scene, "GET", "/inputs") == [listed]
    refused(scene, 409, "input.exists", "POST", "/inputs", json=body)
    relative = {"name": "other", "path": "var/log"}
    refused(scene, 422, "input.invalid", "POST", "/inputs", json=relative)
    assert ask(scene, "DELETE", "/inputs/messages") is None
    refused(scene, 404, "input.unknown", "DELETE", "/inputs/messages")


def test_the_audit_tail_is_the_auditors(scene: ApiScene) -> None:
    for name in ("a", "b", "c"):
        ask(scene, "POST", "/inputs", json={"name": name, "path": f"/var/log/{name}"})
    auditor = caller_of(Role.AUDITOR)
    tail = scene.ask("GET", f"{BASE}/audit", auditor, params={"count": 2}).json()
    assert [record["idx"] for record in tail] == [1, 2]
    trails = scene.ask("GET", "/api/v1/audit", auditor).json()
    assert {"trail": "appliance", "size": 3} in trails
    page = scene.ask("GET", "/api/v1/audit/appliance?start=1&limit=1", auditor).json()
    assert page == tail[:1]
    assert set(page[0]) == {"trail", "idx", "time", "event", "subject_id", "outcome", "message"}
    assert page[0]["message"] == scene.trail("appliance")[1].text
    assert scene.ask("GET", "/api/v1/audit/sensor", auditor).json() == []
    problem(scene.ask("GET", "/api/v1/audit/nosuch", auditor), 404, "trail.unknown")
