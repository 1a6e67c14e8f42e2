"""``sealwire pki`` on a real node, in the scenarios that Dogtag's own tests have."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.flow.commands import good, pki_refused, run
from tests.flow.node import Node, run_alone, told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AGENT = ("pki", "-n", "caadmin")
AUDITOR = ("pki", "-u", "ann", "-W")
PASSWORD = "a password of my own"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def csr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("csr")
    run_alone("csr", "new", "--cn", "server.example.com", "--out-dir", str(folder))
    return folder / "server.example.com.csr"


def agent(node: Node, *words: str, text: str = "") -> str:
    return good(run(node.home, *AGENT, *words, text=text))


def submitted(node: Node, csr: Path, profile: str = "caServerCert") -> str:
    """A new pending request's number, its answer as Dogtag's tests look at it."""
    words = ("ca-cert-request-submit", "--profile", profile, "--csr-file", str(csr))
    said = good(run(node.home, "pki", *words))
    assert "Submitted certificate request" in said
    assert "Type: enrollment" in said
    assert "Request Status: pending" in said
    assert "Operation Result: success" in said
    return told(said, "Request ID")


def issued(node: Node, csr: Path) -> str:
    """A new certificate's serial number."""
    number = submitted(node, csr)
    return told(agent(node, "ca-cert-request-approve", number, "--force"), "Certificate ID")


def processed(node: Node, number: str) -> str:
    """The record of what became of a request."""
    [line] = [
        line for line in messages(node, "CERT_REQUEST_PROCESSED") if f"[ReqID={number}]" in line
    ]
    return line


def messages(node: Node, event: str) -> list[str]:
    trail = good(run(node.home, "audit", "list", "--trail", "ca", "--json")).splitlines()
    records = [json.loads(line) for line in trail]
    return [record["message"] for record in records if record["event"] == event]


# Requests and their outcomes (Dogtag's bug 1539198)


def test_approve(node: Node, csr: Path) -> None:
    number = submitted(node, csr)
    said = agent(node, "ca-cert-request-approve", number, "--force")
    assert f"Approved certificate request {number}\n" in said
    assert "Request Status: complete" in said
    serial = re.sub(r"(?s).*^ *Certificate ID: *(\d+)\n", r"\1", said, flags=re.MULTILINE)
    start = (
        f"[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success][ReqID={number}]"
    )
    assert processed(node, number).startswith(start)
    assert "  Status: VALID\n" in good(run(node.home, "pki", "ca-cert-show", serial))
    again = run(node.home, *AGENT, "ca-cert-request-approve", number, "--force")
    pki_refused(again, "BadRequestException: Bad request data: Request Not In Pending State\n")


@pytest.mark.parametrize(
    ("action", "done", "status"),
    [("reject", "Rejected", "rejected"), ("cancel", "Canceled", "canceled")],
)
@pytest.mark.parametrize("reason", [None, "the [wrong] department"])
def test_reject_and_cancel(
    node: Node, csr: Path, action: str, done: str, status: str, reason: str | None
) -> None:
    number = submitted(node, csr)
    given = () if reason is None else ("--reason", reason)
    said = agent(node, f"ca-cert-request-{action}", number, "--force", *given)
    assert f"{done} certificate request {number}\n" in said
    assert f"Request Status: {status}\n" in said
    noted = "<null>" if reason is None else "the %5Bwrong%5D department"
    assert processed(node, number) == (
        f"[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure][ReqID={number}]"
        f"[InfoName={action}Reason][InfoValue={noted}] certificate request processed"
    )


def test_a_request_is_looked_at_and_passed_on(node: Node, csr: Path, tmp_path: Path) -> None:
    number = submitted(node, csr)
    for action, done in (
        ("assign", "Assigned"),
        ("unassign", "Unassigned"),
        ("validate", "Validated"),
        ("update", "Updated"),
    ):
        said = agent(node, f"ca-cert-request-{action}", number, "--force")
        assert f"{done} certificate request {number}\n" in said
        assert "Request Status: pending" in said
    kept = tmp_path / "request.json"
    said = agent(node, "ca-cert-request-review", number, "--output-file", str(kept))
    assert f"  $ pki ... ca-cert-request-<action> {number} --input-file {kept}\n" in said
    said = agent(node, "ca-cert-request-approve", number, text="y\n")
    assert "-----BEGIN CERTIFICATE REQUEST-----" in said
    assert "\nAre you sure (y/N)? ---" in said
    late = run(node.home, *AGENT, "ca-cert-request-cancel", number, "--input-file", str(kept))
    pki_refused(late, "Request Not In Pending State")


def test_listings_agree_between_versions(node: Node, csr: Path) -> None:
    number = submitted(node, csr)
    find = ("ca-cert-request-find", "--status", "pending", "--type", "enrollment")
    old = agent(node, "--api", "v1", *find, "--start", number)
    new = good(run(node.home, *AGENT, "--api", "v2", *find, "--size", "1000"))
    block = f"  Request ID: {number}\n  Type: enrollment\n  Request Status: pending\n"
    assert block in old
    assert block in new
    assert "Creation Time" not in old
    assert "Creation Time" in new
    listed = json.loads(agent(node, *find, "--start", number, "--json"))
    assert [entry["requestId"] for entry in listed["entries"]] == [hex(int(number))]
    agent(node, "ca-cert-request-cancel", number, "--force")


def test_the_session_begins_and_ends_with_log_in_and_log_out(node: Node, csr: Path) -> None:
    for version, path in (("v1", "rest"), ("v2", "v2")):
        number = submitted(node, csr)
        words = ("--api", version, "-v", "ca-cert-request-approve", number, "--force")
        done = run(node.home, *AGENT, *words)
        assert done.returncode == 0
        asked = re.findall(r"INFO: (\w+) https://[^/]+(\S+) (\d+)\n", done.stderr)
        request = f"/ca/{path}/agent/certrequests/{hex(int(number))}"
        assert asked == [
            ("GET", f"/pki/{path}/info", "200"),
            ("GET", f"/ca/{path}/account/login", "200"),
            ("GET", request, "200"),
            ("POST", f"{request}/approve", "204"),
            ("GET", f"/ca/{path}/certrequests/{hex(int(number))}", "200"),
            ("GET", f"/ca/{path}/account/logout", "204"),
        ]


# Certificates


def test_issue_and_fetch(node: Node, csr: Path, tmp_path: Path) -> None:
    words = ("ca-cert-issue", "--profile", "caServerCert", "--csr-file", str(csr))
    leaf = x509.load_pem_x509_certificate(agent(node, *words).encode())
    key = load_pem_private_key(csr.with_suffix(".key").read_bytes(), None)
    assert leaf.public_key() == key.public_key()
    file = tmp_path / "leaf.der"
    serial = str(leaf.serial_number)
    words = ("ca-cert-export", serial, "--output-format", "DER", "--output-file", str(file))
    assert good(run(node.home, "pki", *words)) == ""
    assert file.read_bytes() == leaf.public_bytes(Encoding.DER)
    said = good(run(node.home, "pki", "ca-cert-show", hex(leaf.serial_number), "--pretty"))
    assert said.startswith(f"  Serial Number: {serial}\n  Subject DN: CN=server.example.com\n")
    found = good(
        run(
            node.home,
            "pki",
            "ca-cert-find",
            "--minSerialNumber",
            serial,
            "--maxSerialNumber",
            serial,
        )
    )
    assert found.startswith("---------------\n1 entries found\n---------------\n  Serial Number: ")
    assert f"  Serial Number: {serial}\n" in found
    assert "  Type: X.509 version 3\n  Key Algorithm: PKCS #1 RSA with 2048-bit key\n" in found
    assert "  Issued By: caadmin\n" in found


def test_hold_release_and_revoke(node: Node, csr: Path) -> None:
    serial = issued(node, csr)
    said = agent(node, "ca-cert-hold", serial, "--comments", "lost?", text="y\n")
    assert said.startswith(f"Placing certificate on-hold:\n  Serial Number: {serial}\n")
    assert f"Are you sure (Y/N)? {'-' * (len(serial) + 29)}\n" in said
    assert f'Placed certificate "{serial}" on-hold\n' in said
    assert said.endswith("  Revoked By: caadmin\n")
    said = agent(node, "ca-cert-release-hold", serial, "--force")
    assert f'Placed certificate "{serial}" off-hold\n' in said
    assert "  Status: VALID\n" in said
    said = agent(node, "ca-cert-revoke", serial, "--reason", "Key_Compromise", "--force")
    assert f'Revoked certificate "{serial}"\n' in said
    assert "  Status: REVOKED\n" in said
    search = ("ca-cert-find", "--status", "REVOKED", "--revocationReason", "Key_Compromise")
    assert f"  Serial Number: {serial}\n" in good(run(node.home, "pki", *search))
    asked = [m for m in messages(node, "CERT_STATUS_CHANGE_REQUEST") if hex(int(serial)) in m]
    assert [re.findall(r"\[RequestType=([^]]+)\]", message) for message in asked] == [
        ["on-hold"],
        ["off-hold"],
        ["revoke"],
    ]
    done = messages(node, "CERT_STATUS_CHANGE_REQUEST_PROCESSED")
    assert sum(hex(int(serial)) in message for message in done) == 3
    again = run(node.home, *AGENT, "ca-cert-revoke", serial, "--force")
    pki_refused(again, f"ERROR: Unable to revoke certificate {serial}: ")


def test_nothing_happens_unless_somebody_says_so(node: Node, csr: Path) -> None:
    serial = issued(node, csr)
    asked = run(node.home, *AGENT, "ca-cert-revoke", serial, text="n\n")
    assert (asked.returncode, asked.stderr) == (0, "")
    anonymous = run(node.home, "pki", "ca-cert-revoke", serial, "--force")
    pki_refused(anonymous, f"ERROR: Unable to revoke certificate {serial}: Unauthorized", "hint: ")
    assert "  Status: VALID\n" in good(run(node.home, "pki", "ca-cert-show", serial))


# Profiles


def test_a_profile_that_is_switched_off(node: Node, csr: Path) -> None:
    box = '-------------------------------\nDisabled profile "caServerCert"\n'
    assert agent(node, "ca-profile-disable", "caServerCert").startswith(box)
    words = ("ca-cert-request-submit", "--profile", "caServerCert", "--csr-file", str(csr))
    try:
        refused = run(node.home, "pki", *words)
        pki_refused(
            refused, "BadRequestException: Bad request data: Profile caServerCert not enabled"
        )
    finally:
        box = '------------------------------\nEnabled profile "caServerCert"\n'
        assert agent(node, "ca-profile-enable", "caServerCert").startswith(box)
    submitted(node, csr)
    assert [re.search(r"\[Op=(\w+)\]", m)[1] for m in messages(node, "CERT_PROFILE_APPROVAL")] == [  # type: ignore[index]
        "disapprove",
        "approve",
    ]


def test_a_profile_in_dogtags_own_format(node: Node, tmp_path: Path) -> None:
    file = tmp_path / "profile.cfg"
    agent(node, "ca-profile-show", "caServerCert", "--raw", "--output", str(file))
    lines = [line for line in file.read_text().splitlines() if not line.startswith("profileId")]
    file.write_text("\n".join(["profileId=rawServer", *lines, ""]))
    said = agent(node, "ca-profile-add", "--raw", str(file))
    assert "\nAdded profile rawServer\n" in said
    said = agent(node, "ca-profile-show", "rawServer")
    assert said.startswith('-------------------\nProfile "rawServer"\n')
    file.write_text(file.read_text().replace("server certificates", "other servers"))
    assert "\nModified profile rawServer\n" in agent(node, "ca-profile-mod", "--raw", str(file))
    agent(node, "ca-profile-del", "rawServer")
    gone = run(node.home, *AGENT, "ca-profile-show", "rawServer")
    pki_refused(gone, "ProfileNotFoundException: ")


def test_a_subject_that_is_taken(node: Node, csr: Path, tmp_path: Path) -> None:
    issued(node, csr)
    file = tmp_path / "profile.json"
    agent(node, "ca-profile-show", "caServerCert", "--output", str(file))
    profile: dict[str, Any] = json.loads(file.read_text())
    profile["id"] = "uniqueServer"
    del profile["PolicySets"]
    [policies] = profile["policySets"].values()
    policies.append(
        {
            "id": "11",
            "def": {"classId": "noDefaultImpl", "attributes": [], "params": []},
            "constraint": {"classId": "uniqueSubjectNameConstraintImpl", "constraints": []},
        }
    )
    file.write_text(json.dumps(profile))
    assert "Added profile uniqueServer\n" in agent(node, "ca-profile-add", str(file))
    agent(node, "ca-profile-enable", "uniqueServer")
    assert "  Profile ID: uniqueServer\n" in agent(node, "ca-profile-find")
    words = ("ca-cert-issue", "--profile", "uniqueServer", "--csr-file", str(csr))
    done = run(node.home, *AGENT, *words)
    assert (done.returncode, done.stdout) == (255, "")
    text = "ERROR: Request rejected: Subject Name Not Unique CN=server.example.com\n"
    assert done.stderr == text
    agent(node, "ca-profile-disable", "uniqueServer")
    box = '------------------------------\nDeleted profile "uniqueServer"\n'
    assert agent(node, "ca-profile-del", "uniqueServer").startswith(box)


# The audit log (Dogtag's test-ca-auditor-logs)


def test_the_audit_logs_configuration_and_files(node: Node, tmp_path: Path) -> None:
    good(run(node.home, "user", "add", "ann", "auditor"))
    good(run(node.home, "user", "password", "ann", "--stdin", text=f"{PASSWORD}\n"))
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    auditor = (*AUDITOR, str(password))
    said = agent(node, "ca-audit-mod", "--action", "enable")
    assert said.startswith("----------------------------\nModified audit configuration\n")
    assert "  Status: Enabled\n" in said
    said = agent(node, "ca-audit-show")
    assert "    CERT_REQUEST_PROCESSED: mandatory\n" in said
    changed = tmp_path / "audit.json"
    agent(node, "ca-audit-show", "--output", str(changed))
    configuration = json.loads(changed.read_text())
    configuration["Events"]["ROLE_ASSUME"] = "disabled"
    changed.write_text(json.dumps(configuration))
    said = agent(node, "ca-audit-mod", "--input", str(changed))
    assert "    ROLE_ASSUME: disabled\n" in said
    pki_refused(run(node.home, *AGENT, "ca-audit-file-find"), "ForbiddenException: ")
    listed = good(run(node.home, *auditor, "ca-audit-file-find"))
    [name] = re.findall(r"(?m)^\s*File name: \s*(\S*)$", listed)
    fetched = tmp_path / "fetched"
    words = ("ca-audit-file-retrieve", name, "--output", str(fetched))
    assert good(run(node.home, *auditor, *words)) == ""
    assert "[AuditEvent=AUDIT_LOG_SIGNING]" in fetched.read_text()
    pki_refused(run(node.home, *auditor, "ca-audit-file-retrieve", "../ca"), "not a file's name")


# Keys, names and files


def test_a_key_file_with_a_password(node: Node, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        BestAvailableEncryption,
        PrivateFormat,
    )

    plain = (node.home / "credentials" / "caadmin.pem").read_bytes()
    key = load_pem_private_key(plain, None)
    sealed = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"Secret")
    )
    start = plain.index(b"-----BEGIN CERTIFICATE")
    end = plain.rindex(b"-----END CERTIFICATE-----\n") + len(b"-----END CERTIFICATE-----\n")
    (tmp_path / "ann.pem").write_bytes(sealed + plain[start:end])
    (tmp_path / "password").write_text("Secret\n")
    roots = ("--ca-cert", str(node.home / "credentials" / "ca-roots.pem"))
    find = ("ca-cert-request-find", "--size", "1")
    where = ("pki", "-d", str(tmp_path), *roots, "-n", "ann")
    good(run(node.home, *where, "-c", "Secret", *find))
    good(run(node.home, *where, "-C", str(tmp_path / "password"), *find))
    pki_refused(run(node.home, *where, *find), "ann.pem cannot be used")


def test_a_server_that_is_trusted_blindly(node: Node, tmp_path: Path) -> None:
    where = ("pki", "-d", str(tmp_path), "--ignore-cert-status", "UNTRUSTED_ISSUER")
    done = run(node.home, *where, "ca-cert-find", "--size", "1")
    assert done.returncode == 0
    assert done.stderr == "WARNING: UNTRUSTED_ISSUER of the server's certificate is ignored\n"
