"""Dogtag's own Python client (PyPI ``dogtag-pki``) against a running node."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pki
import pki.account
import pki.cert
import pki.client
import pki.info
import pki.profile
import pytest
import requests
from cryptography import x509

from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key, private_key_pem
from sealwire.x509.subject import parse_dn
from tests.flow.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealwire.x509.keys import PrivateKey

# The client makes its TLS context the old way.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning")

SERVER = "CN=www.example.com,O=Example"


@dataclass(frozen=True)
class Site:
    """A node, the key that every CSR is made with, and the agent's one-time password."""

    node: Node
    key: PrivateKey
    password: str

    @property
    def credentials(self) -> Path:
        return self.node.home / "credentials"

    def csr(self, subject: str) -> str:
        return build_csr(self.key, parse_dn(subject), ()).decode()

    def inputs(self, subject: str = SERVER) -> dict[str, str]:
        """What is filled in for caServerCert."""
        return {
            "cert_request_type": "pkcs10",
            "cert_request": self.csr(subject),
            "requestor_name": "Ada",
        }

    def events(self, name: str) -> list[str]:
        """The CA's audit events of one name."""
        records = map(json.loads, self.node.run("audit", "list", "--json").splitlines())
        return [each["message"] for each in records if each["event"] == name]


@dataclass(frozen=True)
class Dogtag:
    """The client's parts over one connection."""

    connection: pki.client.PKIConnection

    @property
    def certs(self) -> pki.cert.CertClient:
        return pki.cert.CertClient(self.connection)

    @property
    def profiles(self) -> pki.profile.ProfileClient:
        return pki.profile.ProfileClient(self.connection)

    @property
    def account(self) -> pki.account.AccountClient:
        return pki.account.AccountClient(self.connection, subsystem="ca")

    def submit(self, inputs: dict[str, str], profile: str = "caServerCert") -> str:
        """Hand in without approving; the request's id."""
        certs = self.certs
        form = certs.create_enrollment_request(profile, inputs)
        [info] = certs.submit_enrollment_request(form)
        assert info.request_status == "pending"
        return str(info.request_id)

    def issue(self, inputs: dict[str, str], profile: str = "caServerCert") -> pki.cert.CertData:
        """Enroll in one go; the certificate."""
        [result] = self.certs.enroll_cert(profile, inputs)
        assert result.request.request_status == "complete"
        return result.cert


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Node(tmp_path_factory.mktemp("dogtag") / "home") as node:
        told = re.search(r"one-time password (\S+)", node.said())
        assert told, node.said()
        yield Site(node, generate_key(KeyType.RSA2048), told[1])


Connect = "Callable[..., Dogtag]"


@pytest.fixture
def connect(site: Site) -> Iterator[Connect]:
    """New connections, by certificate (PEM file), by user and password, or as nobody."""
    opened: list[pki.client.PKIConnection] = []

    def connected(certificate: Path | None = None, login: tuple[str, str] | None = None) -> Dogtag:
        state = json.loads((site.node.home / "run" / "node.json").read_text())
        connection = pki.client.PKIConnection(
            "https",
            "localhost",
            str(state["console_port"]),
            cert_paths=str(site.credentials / "ca-roots.pem"),
        )
        opened.append(connection)
        if certificate is not None:
            connection.set_authentication_cert(str(certificate))
        if login is not None:
            connection.authenticate(*login)
        return Dogtag(connection)

    yield connected
    for connection in opened:
        connection.session.close()


@pytest.fixture
def agent(site: Site, connect: Connect) -> Dogtag:
    """The first agent, known by the certificate that the node left."""
    return connect(site.credentials / "caadmin.pem")


# --- who ------------------------------------------------------------------------------------------


def test_info_and_log_in(site: Site, connect: Connect) -> None:
    stranger = connect()
    assert str(pki.info.InfoClient(stranger.connection).get_version()) == "11.2.1"
    with pytest.raises(requests.HTTPError, match="401"):
        stranger.account.login()
    known = connect(login=("caadmin", site.password))
    known.account.login()
    assert "JSESSIONID" in known.connection.session.cookies
    known.account.logout()
    assert "JSESSIONID" not in known.connection.session.cookies
    wrong = connect(login=("caadmin", "wrong"))
    with pytest.raises(requests.HTTPError, match="401"):
        wrong.account.login()
    with pytest.raises(requests.HTTPError, match="401"):
        wrong.certs.review_request("1")
    by_certificate = connect(site.credentials / "caadmin.pem")
    by_certificate.account.login()
    account = by_certificate.connection.get("/ca/rest/account/login").json()
    assert account["Roles"] == ["Administrators", "Certificate Manager Agents"]
    failures = [text for text in site.events("AUTH") if "[Outcome=Failure]" in text]
    assert len(failures) == 2
    assert all("[AttemptedCred=caadmin]" in text for text in failures)


def test_a_whole_enrollment_by_password(site: Site, connect: Connect) -> None:
    cert = connect(login=("caadmin", site.password)).issue(
        site.inputs("CN=by-password.example.com")
    )
    assert cert.subject_dn == "CN=by-password.example.com"


def test_the_agent_may_lose_the_role_on_an_open_connection(
    site: Site, connect: Connect, agent: Dogtag, tmp_path: Path
) -> None:
    site.node.run("user", "add", "helper", "agent")
    inputs = {"cert_request_type": "pkcs10", "cert_request": site.csr("CN=whatever")}
    cert = agent.issue({**inputs, "sn_uid": "helper"}, "caUserCert")
    pem = tmp_path / "helper.pem"
    pem.write_text(cert.encoded.replace("\r\n", "\n"))
    site.node.run("user", "certificate", "helper", str(pem))
    chain = site.node.run("ca", "chain")
    pem.write_text(pem.read_text() + chain + private_key_pem(site.key).decode())
    helper = connect(pem)
    number = helper.submit(site.inputs())
    seen = helper.certs.review_request(number)
    site.node.run("user", "role", "helper", "auditor")
    with pytest.raises(pki.ForbiddenException):
        helper.certs.approve_request(number, seen)
    site.node.run("user", "remove", "helper")
    with pytest.raises(requests.HTTPError, match="401"):
        helper.certs.approve_request(number, seen)
    assert agent.certs.get_request(number).request_status == "pending"


# --- requests -------------------------------------------------------------------------------------


def test_enroll(site: Site, agent: Dogtag) -> None:
    [result] = agent.certs.enroll_cert("caServerCert", site.inputs())
    assert result.request.request_status == "complete"
    assert result.request.operation_result == "success"
    assert result.request.cert_id == result.cert.serial_number
    leaf = x509.load_pem_x509_certificate(result.cert.encoded.encode())
    assert hex(leaf.serial_number) == result.cert.serial_number
    assert result.cert.status == "VALID"
    [rejected] = agent.certs.enroll_cert("caServerCert", site.inputs("UID=testuser"))
    assert rejected.cert is None
    assert rejected.request.request_status == "rejected"
    assert rejected.request.error_message == "Subject Name Not Matched UID=testuser"
    number = rejected.request.request_id
    assert any(
        f"[ReqID={number}][InfoName=rejectReason][InfoValue=Request {number} Rejected - "
        "Subject Name Not Matched UID=testuser]" in text
        for text in site.events("CERT_REQUEST_PROCESSED")
    )


def test_decide_with_reasons(site: Site, agent: Dogtag) -> None:
    numbers = [agent.submit(site.inputs()) for _ in range(4)]
    certs = agent.certs
    seen = certs.review_request(numbers[0])
    seen.request_notes = "not ours"
    certs.reject_request(numbers[0], seen)
    certs.reject_request(numbers[1])
    seen = certs.review_request(numbers[2])
    seen.request_notes = "typed twice"
    certs.cancel_request(numbers[2], seen)
    certs.approve_request(numbers[3])
    states = [certs.get_request(number).request_status for number in numbers]
    assert states == ["rejected", "rejected", "canceled", "complete"]
    serial = certs.get_request(numbers[3]).cert_id
    told = "".join(site.events("CERT_REQUEST_PROCESSED"))
    start = "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin]"
    for number, rest in zip(
        numbers,
        (
            "[Outcome=Failure][ReqID={}][InfoName=rejectReason][InfoValue=not ours]",
            "[Outcome=Failure][ReqID={}][InfoName=rejectReason][InfoValue=<null>]",
            "[Outcome=Failure][ReqID={}][InfoName=cancelReason][InfoValue=typed twice]",
            f"[Outcome=Success][ReqID={{}}][CertSerialNum={int(serial, 16)}]",
        ),
        strict=True,
    ):
        assert start + rest.format(number) in told


def test_review_assign_validate_update(site: Site, agent: Dogtag) -> None:
    number, certs = agent.submit(site.inputs()), agent.certs
    certs.assign_request(number, None)
    seen = certs.review_request(number)
    assert (seen.request_owner, seen.request_status) == ("caadmin", "pending")
    assert seen.profile_set_id == "serverCertSet"
    policies = {each.policy_id: each for each in seen.policy_sets[0].policies}
    pattern = policies["1"].policy_constraint.get_constraint_value("pattern")
    assert pattern.value == ".*CN=.*"
    assert policies["1"].policy_default.attributes[0]["Value"] == SERVER
    certs.validate_request(number, None)
    certs.update_request(number, None)
    certs.unassign_request(number, None)
    assert certs.review_request(number).request_owner == ""
    seen = certs.review_request(number)
    seen.policy_sets[0].policies[0].policy_default.attributes[0]["Value"] = "CN=other"
    with pytest.raises(pki.BadRequestException, match="cannot be changed"):
        certs.approve_request(number, seen)


def test_lists_of_requests(site: Site, agent: Dogtag) -> None:
    numbers = [agent.submit(site.inputs()) for _ in range(2)]
    certs = agent.certs
    certs.cancel_request(numbers[1])
    pending = [each.request_id for each in certs.list_requests("pending", size=1000)]
    assert numbers[0] in pending
    assert numbers[1] not in pending
    found = list(certs.list_requests(from_request_id=numbers[0], size=1))
    assert [each.request_id for each in found] == numbers[:1]
    assert list(certs.list_requests(request_type="renewal")) == []
    assert all(
        each.request_status == "canceled" for each in certs.list_requests(request_status="canceled")
    )


def test_a_nonce_is_good_for_one_decision(site: Site, agent: Dogtag, connect: Connect) -> None:
    number, certs = agent.submit(site.inputs()), agent.certs
    seen = certs.review_request(number)
    elsewhere = connect(site.credentials / "caadmin.pem")
    with pytest.raises(pki.BadRequestException, match="does not exist"):
        elsewhere.certs.approve_request(number, seen)
    seen.nonce, nonce = str(int(seen.nonce) ^ 1), seen.nonce
    with pytest.raises(pki.ForbiddenException, match="Invalid nonce"):
        certs.approve_request(number, seen)
    seen.nonce = nonce
    certs.approve_request(number, seen)
    for _ in range(20):
        with pytest.raises(pki.BadRequestException, match="does not exist"):
            certs.approve_request(number, seen)
    with pytest.raises(pki.BadRequestException, match="Request Not In Pending State"):
        certs.approve_request(number)
    approved = f"[Outcome=Success][ReqID={number}]"
    assert sum(approved in each for each in site.events("CERT_REQUEST_PROCESSED")) == 1


# --- certificates ---------------------------------------------------------------------------------


def test_search(site: Site, agent: Dogtag, connect: Connect) -> None:
    serial = agent.issue(site.inputs("CN=searched.example.com,OU=Search,O=Example")).serial_number
    certs = connect().certs

    def found(**conditions: str | bool) -> list[str]:
        return [each.serial_number for each in certs.list_certs(size=1000, **conditions)]

    assert serial in found()
    assert found(common_name="searched.example.com", match_exactly=True) == [serial]
    assert found(common_name="SEARCHED", org="Example") == [serial]
    assert found(org_unit="Search", status="VALID") == [serial]
    assert found(org_unit="Search", status="REVOKED") == []
    assert found(serial_from=serial, serial_to=serial) == [serial]
    assert found(org_unit="Search", issued_by="caadmin", issued_on_from="0") == [serial]
    assert found(org_unit="Search", issued_by="somebody") == []
    assert found(org_unit="Search", valid_not_after_to="1") == []
    assert found(org_unit="Search", cert_type_ssl_server="on") == [serial]
    with pytest.raises(pki.BadRequestException):
        found(issued_on_from="yesterday")
    [line] = certs.list_certs(org_unit="Search")
    assert (line.key_length, line.type, line.version) == (2048, "X.509", 2)


def test_revoke_hold_and_release(site: Site, agent: Dogtag) -> None:
    certs = agent.certs
    serial = agent.issue(site.inputs("CN=revoked.example.com")).serial_number
    held = certs.hold_cert(serial, comments="to be looked into")
    assert (held.request_type, held.request_status) == ("revocation", "complete")
    assert held.cert_id == serial
    assert certs.get_cert(serial).status == "REVOKED"
    released = certs.unrevoke_cert(serial)
    assert (released.request_type, released.operation_result) == ("unrevocation", "success")
    assert certs.get_cert(serial).status == "VALID"
    nonce = certs.review_cert(serial).nonce
    revoked = certs.revoke_cert(serial, "Key_Compromise", comments="lost", nonce=nonce)
    assert revoked.request_status == "complete"
    assert [each.serial_number for each in certs.list_certs(status="REVOKED", size=1000)] == [
        serial
    ]
    assert [each.serial_number for each in certs.list_certs(revocation_reason="1")] == [serial]
    with pytest.raises(pki.BadRequestException, match="does not exist"):
        certs.revoke_cert(serial, nonce=nonce)
    with pytest.raises(pki.ConflictingOperationException):
        certs.revoke_cert(serial)
    with pytest.raises(pki.ConflictingOperationException):
        certs.unrevoke_cert(serial)
    other = agent.issue(site.inputs("CN=other.example.com")).serial_number
    assert certs.revoke_ca_cert(other, "Superseded").request_status == "complete"
    changes = site.events("CERT_STATUS_CHANGE_REQUEST_PROCESSED")
    assert [re.search(r"RequestType=([a-z-]+)", each)[1] for each in changes[:3]] == [
        "on-hold",
        "off-hold",
        "revoke",
    ]


def test_what_is_not_there(agent: Dogtag) -> None:
    certs = agent.certs
    missing = {
        pki.RequestNotFoundException: [
            lambda: certs.get_request("99999"),
            lambda: certs.review_request("0x1869f"),
            lambda: certs.approve_request("99999"),
        ],
        pki.CertNotFoundException: [
            lambda: certs.get_cert("99999"),
            lambda: certs.review_cert(99999),
            lambda: certs.revoke_cert("0x1869f"),
            lambda: certs.unrevoke_cert("99999"),
        ],
        pki.ProfileNotFoundException: [
            lambda: agent.profiles.get_profile("nosuch"),
            lambda: agent.profiles.enable_profile("nosuch"),
            lambda: agent.profiles.delete_profile("nosuch"),
        ],
        pki.BadRequestException: [
            lambda: certs.get_request("one"),
            lambda: certs.get_cert("0xyz"),
            lambda: certs.get_enrollment_template("nosuch"),
        ],
    }
    for kind, calls in missing.items():
        for call in calls:
            with pytest.raises(kind) as raised:
                call()
            assert raised.value.code in {400, 404}
    with pytest.raises(pki.RequestNotFoundException) as unknown:
        certs.get_request("99999")
    assert unknown.value.get_attribute_value("requestId") == "99999"
    assert unknown.value.message == "Request ID 0x1869f not found"


# --- profiles -------------------------------------------------------------------------------------


def test_profiles(site: Site, agent: Dogtag) -> None:
    profiles = agent.profiles
    listed = {each.profile_id for each in profiles.list_profiles()}
    assert {"caServerCert", "caUserCert", "caCACert"} <= listed
    templates = {each.profile_id for each in agent.certs.list_enrollment_templates()}
    assert "caServerCert" in templates
    assert "caUserCert" not in templates
    shown = profiles.get_profile("caUserCert")
    assert (shown.enabled, shown.visible) == (True, False)
    assert [each.class_id for each in shown.inputs] == [
        "keyGenInputImpl",
        "subjectNameInputImpl",
        "submitterInfoInputImpl",
    ]
    assert shown.get_input("i2").get_attribute("sn_uid").descriptor.syntax == "string"
    policy = shown.get_policy_set("userCertSet").get_policy("1")
    assert policy.policy_constraint.get_constraint_value("pattern").value == "UID=.*"
    profiles.disable_profile("caUserCert")
    assert profiles.get_profile("caUserCert").enabled is False
    with pytest.raises(pki.ConflictingOperationException):
        profiles.disable_profile("caUserCert")
    inputs = {"cert_request_type": "pkcs10", "cert_request": site.csr("UID=x"), "sn_uid": "x"}
    with pytest.raises(pki.BadRequestException, match="Profile caUserCert not enabled"):
        agent.submit(inputs, "caUserCert")
    profiles.enable_profile("caUserCert")
    assert profiles.get_profile("caUserCert").enabled is True
    assert len(site.events("CERT_PROFILE_APPROVAL")) == 2


def test_a_profile_of_ones_own(site: Site, agent: Dogtag) -> None:
    profiles = agent.profiles
    made = profiles.get_profile("caServerCert")
    made.profile_id, made.name, made.enabled = "ourServerCert", "Our Servers", False
    pattern = made.get_policy_set("serverCertSet").get_policy("1").policy_constraint
    pattern.get_constraint_value("pattern").value = "CN=.*,O=Example"
    assert profiles.create_profile(made).name == "Our Servers"
    with pytest.raises(pki.ConflictingOperationException):
        profiles.create_profile(made)
    profiles.enable_profile("ourServerCert")
    assert agent.issue(site.inputs(), "ourServerCert").status == "VALID"
    [refused] = agent.certs.enroll_cert("ourServerCert", site.inputs("CN=www.example.com"))
    assert refused.request.error_message == "Subject Name Not Matched CN=www.example.com"
    changed = profiles.get_profile("ourServerCert")
    changed.name += " (Modified)"
    with pytest.raises(pki.ConflictingOperationException):
        profiles.modify_profile(changed)
    profiles.disable_profile("ourServerCert")
    assert profiles.modify_profile(changed).name == "Our Servers (Modified)"
    assert len(profiles.get_profile("ourServerCert").inputs) == 2
    profiles.delete_profile("ourServerCert")
    with pytest.raises(pki.ProfileNotFoundException):
        profiles.get_profile("ourServerCert")


def test_the_trail_still_proves_every_certificate(site: Site) -> None:
    assert site.node.json("ca", "reconcile")["ok"] is True
