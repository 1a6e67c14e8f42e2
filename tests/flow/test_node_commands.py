"""Commands on a running node: Dogtag's words letter for letter, exit codes, JSON shapes."""

from __future__ import annotations

import json
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.flow.authority import LOOPBACK
from tests.flow.commands import good, pki_refused, process, refused, run, state
from tests.flow.node import Node
from tests.flow.peers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def password(node: Node) -> str:
    """The agent's one-time password, as ``up`` printed it."""
    said = re.search(r"one-time password (\S+)", node.log.read_text(encoding="utf-8"))
    assert said is not None
    return said[1]


# Dogtag's words

PENDING = """\
-----------------------------
Submitted certificate request
-----------------------------
  Request ID: {id}
  Type: enrollment
  Request Status: pending
  Operation Result: success
"""
REJECTED = """\
-----------------------------
Submitted certificate request
-----------------------------
  Request ID: {id}
  Type: enrollment
  Request Status: rejected
  Operation Result: success
  Reason: Subject Name Not Matched UID=testuser
"""
DECIDED = """\
{rule}
{done} certificate request {id}
{rule}
  Request ID: {id}
  Type: enrollment
  Request Status: {status}
  Operation Result: success
"""


def request_id(said: str) -> int:
    """The number that a command printed."""
    found = re.search(r"Request ID: (\d+)\n", said)
    assert found is not None, said
    return int(found[1])


def submitted(home: Path, subject: str = "CN=www.example.com,O=Example") -> int:
    """A new pending request's number, its output held to the letter."""
    said = good(run(home, "pki", "client-cert-request", subject, "--profile", "caServerCert"))
    number = request_id(said)
    assert said == PENDING.format(id=number)
    return number


def decided(done: str, number: int, status: str) -> str:
    """What review prints when it has decided."""
    rule = "-" * len(f"{done} certificate request {number}")
    return DECIDED.format(rule=rule, done=done, id=number, status=status)


def test_the_four_commands_of_the_page(node: Node) -> None:
    home = node.home
    rejected = good(
        run(home, "pki", "client-cert-request", "UID=testuser", "--profile", "caServerCert")
    )
    assert rejected == REJECTED.format(id=request_id(rejected))
    number = submitted(home)
    agent = ("pki", "-n", "caadmin")
    approved = good(run(home, *agent, "ca-cert-request-review", str(number), "--action", "approve"))
    serial = approved.rpartition("Certificate ID: ")[2].strip()
    expected = decided("Approved", number, "complete") + f"  Certificate ID: {serial}\n"
    assert approved == expected
    rule = "-" * len(f'Certificate request "{number}"')
    block = expected.split("\n", 3)[3]
    shown = good(run(home, "pki", "ca-cert-request-show", hex(number)))
    assert shown == f'{rule}\nCertificate request "{number}"\n{rule}\n{block}'
    found = good(
        run(home, *agent, "ca-cert-request-find", "--status", "complete", "--start", str(number))
    )
    matched = re.match(r"-+\n(\d+) entries matched\n-+\n", found)
    assert matched is not None
    tail = "-" * 28
    assert found[matched.end() :] == f"{block}{tail}\nNumber of entries returned 1\n{tail}\n"
    # The certificate is for the key that the command left beside the agent's.
    key = load_pem_private_key((home / "credentials" / f"request-{number}.key").read_bytes(), None)
    pem = good(run(home, "ca", "certificate", serial))
    leaf = x509.load_pem_x509_certificate(pem.encode())
    assert leaf.public_key() == key.public_key()
    assert str(leaf.serial_number) == serial


def test_reject_and_cancel_with_user_name_and_password(node: Node, password: str) -> None:
    agent = ("pki", "-u", "caadmin", "-w", password)
    for action, done, status in (
        ("reject", "Rejected", "rejected"),
        ("cancel", "Canceled", "canceled"),
    ):
        number = submitted(node.home)
        words = ("ca-cert-request-review", str(number), "--action", action)
        said = good(run(node.home, *agent, *words, "--reason", "not today"))
        assert said == decided(done, number, status)
        trail = good(run(node.home, "audit", "list", "--trail", "ca", "--json"))
        records = [json.loads(line) for line in trail.splitlines()]
        processed = [each for each in records if each["event"] == "CERT_REQUEST_PROCESSED"]
        assert processed[-1]["message"] == (
            f"[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure]"
            f"[ReqID={number}][InfoName={action}Reason][InfoValue=not today]"
            " certificate request processed"
        )


def test_a_review_that_asks(node: Node) -> None:
    number = submitted(node.home)
    words = ("pki", "-n", "caadmin", "ca-cert-request-review", str(number))
    said = good(run(node.home, *words, text="approve\n"))
    assert said.startswith("-" * len(f"Retrieved certificate request {number}") + "\n")
    assert f"Retrieved certificate request {number}\n" in said
    assert "-----BEGIN CERTIFICATE REQUEST-----" in said
    assert "Action (approve/reject/cancel/update/validate/assign/unassign): " in said
    assert f"Approved certificate request {number}\n" in said


def test_submit_a_csr_from_a_file(node: Node, tmp_path: Path) -> None:
    good(run(node.home, "csr", "new", "--cn", "www.example.com", "--out-dir", str(tmp_path)))
    words = ("ca-cert-request-submit", "--profile", "caServerCert", "--csr-file")
    said = good(run(node.home, "pki", *words, str(tmp_path / "www.example.com.csr")))
    assert said == PENDING.format(id=request_id(said))
    pki_refused(run(node.home, "pki", *words, str(tmp_path / "nowhere.csr")), "nowhere.csr")
    pki_refused(run(node.home, "pki", *words, "/proc/self/status"), "no certificate request")


def test_anonymous_may_not_decide_nor_list(node: Node) -> None:
    number = submitted(node.home)
    for words in (
        ("ca-cert-request-review", str(number), "--action", "approve"),
        ("ca-cert-request-review", str(number)),
        ("ca-cert-request-find",),
    ):
        pki_refused(run(node.home, "pki", *words), "UnauthorizedException: ", "hint: log in")
    assert "pending" in good(run(node.home, "pki", "ca-cert-request-show", str(number)))


def test_wrong_credentials(node: Node, tmp_path: Path) -> None:
    find = "ca-cert-request-find"
    wrong = ("-u", "caadmin", "-w", "wrong")
    pki_refused(run(node.home, "pki", *wrong, find), "UnauthorizedException: Unauthorized")
    pki_refused(run(node.home, "pki", "-n", "nobody", find), "no certificate nobody in")
    record = json.loads(
        good(run(node.home, "audit", "list", "--trail", "ca", "--json")).splitlines()[-1]
    )
    assert (record["event"], record["outcome"]) == ("AUTH", "Failure")
    assert "[AttemptedCred=caadmin][Info=from 127.0.0.1: login.refused]" in record["message"]
    # Without the CA's roots the node's own certificate is nobody's.
    pki_refused(run(node.home, "pki", "-d", str(tmp_path), find), "is not trusted")
    (tmp_path / "ca-roots.pem").write_text("no certificate")
    pki_refused(run(node.home, "pki", "-d", str(tmp_path), find), "ca-roots.pem cannot be used")


def test_who_lost_a_role_has_lost_it_on_an_open_connection(node: Node) -> None:
    credentials = node.home / "credentials"
    context = ssl.create_default_context(cafile=str(credentials / "ca-roots.pem"))
    context.load_cert_chain(credentials / "caadmin.pem")
    connections = set()

    def note(response: httpx.Response) -> None:
        stream = response.extensions["network_stream"]
        connections.add(stream.get_extra_info("client_addr"))

    with httpx.Client(
        base_url=state(node.home)["console_url"],
        verify=context,
        trust_env=False,
        event_hooks={"response": [note]},
    ) as agent:
        listed = "/api/v1/ca/requests"
        assert agent.get(listed).status_code == 200
        good(run(node.home, "user", "role", "caadmin", "administrator"))
        try:
            assert agent.get(listed).status_code == 403
        finally:
            good(run(node.home, "user", "role", "caadmin", "administrator", "agent"))
        assert agent.get(listed).status_code == 200
    assert len(connections) == 1


def test_a_certificate_of_another_ca_does_not_get_in(node: Node, tmp_path: Path) -> None:
    with Node(tmp_path / "home") as other:
        stranger = (other.home / "credentials" / "caadmin.pem").read_bytes()
    (tmp_path / "caadmin.pem").write_bytes(stranger)
    roots = (node.home / "credentials" / "ca-roots.pem").read_bytes()
    (tmp_path / "ca-roots.pem").write_bytes(roots)
    done = run(node.home, "pki", "-d", str(tmp_path), "-n", "caadmin", "ca-cert-request-find")
    assert done.returncode == 255
    assert "was the client certificate issued by this node's CA" in done.stderr


def test_a_proxy_in_the_environment_is_not_asked(node: Node) -> None:
    proxy = f"http://{LOOPBACK}:{free_port()}"
    for words in (("pki", "ca-cert-request-show", "1"), ("audit", "list")):
        good(run(node.home, *words, HTTPS_PROXY=proxy, HTTP_PROXY=proxy, ALL_PROXY=proxy))


def test_no_key_is_lost_over_a_name_that_is_taken(node: Node) -> None:
    number = submitted(node.home) + 1
    taken = node.home / "credentials" / f"request-{number}.key"
    taken.write_text("another key")
    taken.chmod(0o600)
    done = run(node.home, "pki", "client-cert-request", "CN=www.example.com")
    pki_refused(done, f"request {number} was submitted", "the key of this request is ")
    kept = Path(done.stderr.rpartition("the key of this request is ")[2].strip())
    load_pem_private_key(kept.read_bytes(), None)
    assert taken.read_text() == "another key"


# Exit codes


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ca", "nonsense"), 1),
        (("ca", "certificate", "0x" + "f" * 40), 2),
        (("ca", "profile", "show", "../requests"), 2),
        (("ca", "profile", "show", "a b?c#d%"), 2),
        (("audit", "list", "--trail", "../ca"), 2),
        (("audit", "list", "--start", str(2**63)), 2),
        (("appliance", "destination", "remove", ""), 2),
        (("appliance", "destination", "remove", "../inputs/x"), 2),
        (("appliance", "destination", "add", "nowhere"), 1),
        (("appliance", "destination", "add", "no where:6514"), 2),
        (("appliance", "stream", "start"), 2),
        (("appliance", "rollback"), 2),
        (("appliance", "host-name", "a_b"), 2),
        (("appliance", "input", "remove", "nosuch"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_exit_codes(node: Node, words: tuple[str, ...], code: int) -> None:
    refused(run(node.home, *words), code)


@pytest.mark.parametrize("number", ["seven", str(2**63 - 1), "9" * 40, "0"])
def test_every_error_of_dogtags_words_has_dogtags_code(node: Node, number: str) -> None:
    pki_refused(run(node.home, "pki", "ca-cert-request-show", number))


def test_dogtags_code_of_a_process(node: Node) -> None:
    pki_refused(process(node.home, "pki", "-U", "https://localhost:1", "ca-cert-request-show", "1"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("audit", "list"), 0),
        (("ca", "nonsense"), 1),
        (("ca", "profile", "show", "nosuch"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_exit_codes_of_a_process(node: Node, words: tuple[str, ...], code: int) -> None:
    done = process(node.home, *words)
    if code:
        refused(done, code)
    else:
        good(done)


def test_a_home_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for words in (("audit", "list"), ("ca", "init"), ("appliance", "show")):
        refused(run(file / "home", *words), 3, "Not a directory")


# Shapes that scripts rely on


def test_audit_list(node: Node) -> None:
    lines = good(run(node.home, "audit", "list", "--json")).splitlines()
    records = [json.loads(line) for line in lines]
    for record in records:
        keys = ["trail", "idx", "time", "event", "subject_id", "outcome", "message"]
        assert list(record) == keys
        assert record["message"].startswith(f"[AuditEvent={record['event']}]")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["time"])
    own = [record["idx"] for record in records if record["trail"] == "ca"]
    assert own == list(range(len(own)))
    some = ("audit", "list", "--trail", "ca", "--start", "2", "--limit", "3", "--json")
    page = [json.loads(line) for line in good(run(node.home, *some)).splitlines()]
    assert [record["idx"] for record in page] == [2, 3, 4]
    plain = good(run(node.home, "audit", "list", "--trail", "ca", "--limit", "1"))
    [first] = [record for record in records if record["trail"] == "ca" and record["idx"] == 0]
    assert plain == f"ca 0 {first['time']} {first['message']}\n"


def test_ca_certificates(node: Node) -> None:
    listed = node.json("ca", "certificates")["entries"]
    assert {"caUserCert", "caAuditServerCert"} <= {entry["profile"] for entry in listed}
    for entry in listed:
        assert set(entry) >= {
            "serial",
            "serial_hex",
            "request_id",
            "profile",
            "subject",
            "issuer",
            "not_before",
            "not_after",
            "issued",
            "issued_by",
            "sha256",
        }
        assert int(entry["serial"]) == int(entry["serial_hex"], 16)
    table = good(run(node.home, "ca", "certificates")).splitlines()
    assert table[0].split() == ["SERIAL", "STATUS", "SUBJECT", "PROFILE", "NOT", "AFTER", "REQUEST"]
    assert len(table) == len(listed) + 1


def test_appliance_show_and_destination_list(node: Node) -> None:
    words = ("appliance", "destination")
    added = json.loads(good(run(node.home, *words, "add", "sensor.example.com:6514", "--json")))
    assert added == {"name": "sensor.example.com"}
    [listed] = node.json(*words, "list")
    assert (listed["host"], listed["port"], listed["enabled"]) == (
        "sensor.example.com",
        6514,
        False,
    )
    shown = node.json("appliance", "show")
    assert set(shown) >= {
        "unit",
        "host_name",
        "identity",
        "pending",
        "destinations",
        "inputs",
    }
    assert shown["destinations"] == [listed]
    refused(run(node.home, "appliance", "stream", "start"), 2, "no audit log client certificate")
    good(run(node.home, *words, "remove", "sensor.example.com"))
    assert node.json(*words, "list") == []


def test_the_csr_is_shown_and_written(node: Node, tmp_path: Path) -> None:
    out = tmp_path / "unit.csr"
    words = ("appliance", "csr", "--cn", "localhost", "-o", str(out))
    answer = json.loads(good(run(node.home, *words, "--json")))
    assert out.read_text() == answer["csr"]
    refused(run(node.home, *words), 2, "exists already")
    assert len(node.json("appliance", "show")["pending"]) == 1
