"""Users over the API."""

from __future__ import annotations

from cryptography import x509

from sealwire.access.roles import Role
from sealwire.x509.certificate import certificate_der, certificate_pem, certificate_sha256
from tests.unit.api.scene import ApiScene, Caller, caller_of, problem
from tests.unit.ca.scene import ANYBODY, csr_for


def test_a_user_comes_changes_and_goes() -> None:
    scene = ApiScene()
    made = scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    assert made.status_code == 201
    assert made.json()["name"] == "carol"
    known = scene.ask("GET", "/api/v1/ca/requests", auth=("carol", made.json()["password"]))
    assert known.status_code == 200
    changed = scene.owner("PUT", "/api/v1/users/carol/roles", json={"roles": ["operator"]})
    assert changed.json()["roles"] == ["operator"]
    again = scene.owner("POST", "/api/v1/users/carol/reset-password").json()["password"]
    assert again != made.json()["password"]
    assert scene.owner("POST", "/api/v1/users/carol/unlock").status_code == 204
    listed = scene.owner("GET", "/api/v1/users").json()
    carol = next(user for user in listed if user["name"] == "carol")
    assert carol == {
        "name": "carol",
        "full_name": "",
        "roles": ["operator"],
        "must_change_password": True,
        "certificates": [],
        "enabled": True,
    }
    assert scene.owner("DELETE", "/api/v1/users/carol").status_code == 204
    problem(scene.owner("DELETE", "/api/v1/users/carol"), 404, "user.unknown")


NEW = "a password of my own"


def test_somebody_changes_their_own_password() -> None:
    scene = ApiScene()
    made = scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    auth = ("carol", made.json()["password"])
    short = scene.ask("POST", "/api/v1/password", json={"old": auth[1], "new": "x"}, auth=auth)
    problem(short, 422, "password.invalid")
    wrong = scene.ask("POST", "/api/v1/password", json={"old": "wrong", "new": NEW}, auth=auth)
    problem(wrong, 422, "password.old")
    body = {"old": auth[1], "new": NEW}
    assert scene.ask("POST", "/api/v1/password", json=body, auth=auth).status_code == 204
    assert scene.ask("GET", "/api/v1/ca/requests", auth=("carol", NEW)).status_code == 200
    problem(scene.ask("GET", "/api/v1/ca/requests", auth=auth), 401, "login.refused")
    carol = next(user for user in scene.services.people.users() if user.name == "carol")
    assert not carol.must_change_password
    assert [text for text in scene.texts() if "change;;own password" in text]
    assert NEW not in " ".join(scene.texts())
    problem(scene.owner("POST", "/api/v1/password", json=body), 409, "password.none")


def test_only_the_homes_owner_sets_a_password() -> None:
    scene = ApiScene()
    scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    path, body = "/api/v1/users/carol/password", {"new": NEW}
    refused = scene.ask("PUT", path, caller_of(Role.ADMINISTRATOR), json=body)
    assert "owner of the home" in problem(refused, 403, "access.denied")["hint"]
    problem(scene.owner("PUT", path, json={"new": "carol"}), 422, "password.invalid")
    assert scene.owner("PUT", path, json=body).status_code == 204
    assert scene.ask("GET", "/api/v1/ca/requests", auth=("carol", NEW)).status_code == 200
    gone = scene.owner("PUT", "/api/v1/users/nobody/password", json=body)
    problem(gone, 404, "user.unknown")


def issued(scene: ApiScene, profile: str) -> x509.Certificate:
    csr = csr_for("C=US,O=Example,CN=host.example.com")
    ca = scene.base.ca
    made = ca.submit(profile, csr, actor=ANYBODY, remote_address="192.0.2.1")
    serial = ca.approve(made.request_id, actor="caadmin").serial
    pem = scene.owner("GET", f"/api/v1/ca/certificates/{serial}/pem").content
    return x509.load_pem_x509_certificate(pem)


def test_a_log_in_certificate_comes_and_goes() -> None:
    scene = ApiScene()
    scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    path = "/api/v1/users/carol/certificates"
    certificate = issued(scene, "caAuditClientCert")
    pem = certificate_pem(certificate).decode() + scene.owner("GET", "/api/v1/ca/chain").text
    sha256 = certificate_sha256(certificate)
    caller = Caller(certificate=certificate_der(certificate))
    problem(scene.ask("GET", "/api/v1/ca/requests", caller), 401, "login.certificate")
    added = scene.owner("POST", path, json={"pem": pem})
    assert (added.status_code, added.json()) == (201, {"name": "carol", "sha256": sha256})
    assert scene.owner("POST", path, json={"pem": pem}).status_code == 201
    assert scene.ask("GET", "/api/v1/ca/requests", caller).status_code == 200
    other = "/api/v1/users/agent/certificates"
    assert scene.owner("POST", other, json={"pem": pem}).status_code == 409
    assert scene.owner("DELETE", f"{path}/{sha256}").status_code == 204
    problem(scene.ask("GET", "/api/v1/ca/requests", caller), 401, "login.certificate")
    problem(scene.owner("DELETE", f"{path}/{sha256}"), 404, "user.certificate_unknown")
    changes = [text for text in scene.texts() if "CONFIG_ROLE" in text and sha256 in text]
    assert len(changes) == 3


def test_what_is_no_log_in_certificate() -> None:
    scene = ApiScene()
    path = "/api/v1/users/agent/certificates"
    chain = scene.owner("GET", "/api/v1/ca/chain").text
    server = certificate_pem(issued(scene, "caAuditServerCert")).decode()
    clients = [certificate_pem(issued(scene, "caAuditClientCert")).decode() for _ in range(2)]
    for pem in ("nothing", chain, server, "".join(clients)):
        problem(scene.owner("POST", path, json={"pem": pem}), 422, "user.certificate")


def test_no_answer_shows_a_password_hash() -> None:
    scene = ApiScene()
    scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    assert "argon2" not in scene.owner("GET", "/api/v1/users").text


def test_too_many_wrong_passwords_are_put_off() -> None:
    scene = ApiScene()
    scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    for _ in range(4):
        got = scene.ask("GET", "/api/v1/ca/requests", auth=("carol", "wrong"))
        problem(got, 401, "login.refused")
    put_off = scene.ask("GET", "/api/v1/ca/requests", auth=("carol", "wrong"))
    problem(put_off, 429, "login.throttled")
