"""The guides, followed by clicking and typing only, with and without JavaScript."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.flow.browser import PASSWORD, Person, chromium
from tests.flow.node import Node
from tests.flow.peers import RsyslogSender, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.flow.authority import TlsFiles
    from tests.flow.conftest import Start

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)
WITH_AND_WITHOUT = pytest.mark.parametrize(
    "scripts", [True, False], ids=["scripts", "no-scripts"], scope="module"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One for all guides, in the order in which they stand here."""
    with Node(tmp_path_factory.mktemp("guides") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def rounds() -> list[bool]:
    """Those that have begun, each with scripts or without."""
    return []


@pytest.fixture(scope="module")
def person(node: Node, browser: Browser, rounds: list[bool], scripts: bool) -> Iterator[Person]:
    """The agent: with a password of their own, and the auditor's role as well."""
    somebody = Person(browser, node.console_url, scripts=scripts)
    rounds.append(scripts)
    if len(rounds) == 1:
        somebody.log_in_first("caadmin", node.one_time_password)
    else:
        # As it was before the first one came.
        node.run("user", "role", "caadmin", "administrator", "agent")
        somebody.log_in("caadmin", PASSWORD)
        somebody.expect_heading("Home")
    somebody.choose("System > Configuration", "Users")
    somebody.page.get_by_label("auditor").first.check()
    somebody.press("Save roles")
    somebody.expect("Changed.")
    yield somebody
    assert somebody.complaints == []
    somebody.close()


@pytest.fixture
def begun_anew(node: Node) -> Iterator[None]:
    """For guides that begin with a self-signed sensor and no destination: so they leave it."""
    yield
    for one in node.json("appliance", "destination", "list"):
        node.run("appliance", "destination", "remove", one["name"])
    if not node.json("sensor", "identity", "show")["identity"]["self_signed"]:
        node.run("sensor", "identity", "rollback")


@pytest.fixture(scope="module")
def subject(scripts: bool) -> dict[str, str]:
    """What the certificates are made out to, by the labels of its fields; no two rounds alike."""
    unit = "Audit" if scripts else "Plain Audit"
    return {
        "Country Name (two-letter code)": "US",
        "State or Province": "TX",
        "Locality or City": "Austin",
        "Organization": "Example",
        "Organizational Unit (Department) Name": unit,
        "Common Name": "localhost",
    }


def asked_for(person: Person, subject: dict[str, str]) -> None:
    """The fields of *Generate New CSR*, in the guide's order."""
    labels = person.page.locator("form.panel > .field > label").all_inner_texts()
    assert labels == list(subject)
    for label, value in subject.items():
        person.fill(label, value)
    person.press("Generate")
    person.expect_heading("Certificate Signing Request")


def short(subject: dict[str, str]) -> str:
    """The subject as pages show it, from its end to the organization."""
    unit = subject["Organizational Unit (Department) Name"]
    return f"CN=localhost,OU={unit},O=Example"


def sent_to_the_ca(person: Person, subject: dict[str, str]) -> str:
    """Submit the CSR on the page, approve it, and download what the CA hands out."""
    person.press("Submit request")
    person.expect("The request is in the queue.")
    assert f"Subject: {short(subject)}" in person.text()
    person.press("Approve")
    person.expect("The request is approved and the certificate is issued.")
    person.page.locator("dd a.code").click()
    return person.download("Download with chain")[1]


def pasted(person: Person, leaf_label: str, bag: str) -> None:
    """Paste leaf and chain, the chain the wrong way round."""
    leaf, *chain = CERTIFICATE.findall(bag)
    person.fill(leaf_label, leaf)
    person.fill("Certificate Chain", "".join(reversed(chain)))
    person.press("Check")
    person.expect("Nothing is installed yet")
    person.press("Save")
    person.expect("The certificate is installed.")


@WITH_AND_WITHOUT
@pytest.mark.usefixtures("begun_anew")
def test_obtain_a_signed_audit_log_client_certificate(
    person: Person, node: Node, subject: dict[str, str]
) -> None:
    person.choose("System > Configuration", "Audit Log Certificate")
    assert "must come from a CA that the audit log server trusts" in person.text()
    person.follow("Generate New CSR")
    asked_for(person, subject)
    shown = person.page.locator("#csr-pem").input_value()
    assert shown.startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
    assert shown.rstrip().endswith("-----END CERTIFICATE REQUEST-----")
    assert person.download("Download localhost.csr") == ("localhost.csr", shown)
    bag = sent_to_the_ca(person, subject)
    person.choose("System > Configuration", "Audit Log Certificate")
    person.follow("Import Audit Client Certificate")
    person.press("Save")
    person.expect("No certificate was given.")
    pasted(person, "Client Certificate", bag)
    assert "sha-256:" in person.text()

    person.choose("System > Configuration", "Audit Log")
    person.fill("Name", "sensor")
    person.fill("Host", "localhost")
    person.fill("Port", str(node.target.port))
    person.press("Save")
    person.expect("Added.")
    person.press("Test Syslog Server")
    # The sensor still shows its self-signed certificate: the test says so, not "reachable".
    person.expect("Test of sensor: failed")
    secured(person, subject)
    person.choose("System > Configuration", "Audit Log")
    person.press("Test Syslog Server")
    person.expect("every step held")
    before = node.packets_counted()
    person.press("Turn streaming on")
    person.expect("Streaming is on.")
    wait_until(lambda: node.packets_counted() > before + 1, "packets from the appliance")
    person.choose("Data Sources", "Sources")
    person.expect(short(subject))
    person.choose("System > Configuration", "Audit Log")
    person.press("Turn streaming off")
    person.expect("Streaming is off.")


def secured(person: Person, subject: dict[str, str]) -> None:
    """Give the sensor a certificate of the CA, the better way: its key is made there."""
    person.choose("Data Sources > Integrations > Sensor Apps", "Syslog Server")
    person.follow("Make a CSR")
    asked_for(person, subject)
    bag = sent_to_the_ca(person, subject)
    person.choose("Data Sources > Integrations > Sensor Apps", "Syslog Server")
    assert person.page.get_by_label("Sensor", exact=True).is_visible()
    pasted(person, "Certificate", bag)


@WITH_AND_WITHOUT
def test_requests_and_their_audit_events(person: Person, node: Node) -> None:
    refused = node.run("appliance", "csr", "--cn", "host.example.com", "--key-type", "p256")
    submit(person, refused)
    person.expect("Key Type RSA Not Matched")
    first = int(person.page.url.rpartition("/")[2])
    decisions = {
        "Reject": ("not ours", "The request is rejected."),
        "Cancel request": ("asked by mistake", "The request is canceled."),
        "Approve": ("", "The request is approved and the certificate is issued."),
    }
    for button, (reason, answer) in decisions.items():
        name = f"{button[:3].lower()}.example.com"
        submit(person, node.run("appliance", "csr", "--cn", name, "--key-type", "rsa2048"))
        person.expect("To be signed")
        if reason:
            person.fill("Reason", reason)
        person.press(button)
        person.expect(answer)
    person.choose("Certificate Authority", "Audit Log")
    lines = person.page.locator(".trail .line").all_inner_texts()
    decided = [line for line in lines if "CERT_REQUEST_PROCESSED" in line][:4]
    assert re.fullmatch(
        r"\[AuditEvent=CERT_REQUEST_PROCESSED\]\[SubjectID=caadmin\]\[Outcome=Success\]"
        rf"\[ReqID={first + 3}\]\[CertSerialNum=\d+\] certificate request succeeded",
        decided[0],
    )
    assert decided[3] == (
        "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure]"
        f"[ReqID={first}][InfoName=rejectReason]"
        f"[InfoValue=Request {first} Rejected - Key Type RSA Not Matched]"
        " certificate request processed"
    )
    for line, number, name, reason in (
        (decided[1], first + 2, "cancelReason", "asked by mistake"),
        (decided[2], first + 1, "rejectReason", "not ours"),
    ):
        assert line == (
            "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure]"
            f"[ReqID={number}][InfoName={name}][InfoValue={reason}] certificate request processed"
        )


def submit(person: Person, csr: str) -> None:
    """Certificate Authority > Requests > New request."""
    person.choose("Certificate Authority", "Requests")
    person.follow("New request")
    person.page.get_by_label("Certificate profile").select_option("caServerCert")
    person.fill("Certificate request", csr)
    person.press("Submit")


@WITH_AND_WITHOUT
@pytest.mark.usefixtures("begun_anew")
def test_how_to_secure_syslog(
    person: Person,
    node: Node,
    subject: dict[str, str],
    tmp_path: Path,
    start_peer: Start,
    scripts: bool,
) -> None:
    host = f"firewall{scripts:d}.example.test"
    client = node.client_files(host, tmp_path)
    person.choose("Data Sources > Integrations > Sensor Apps", "Syslog Server")
    person.expect("It is self-signed.")
    assert host not in person.text()
    # A sender that checks the name is refused at first, and that is seen with its reason.
    known = tls_failures(node)
    sender = start_peer(sender_to(node, client, tmp_path / "early"))
    wait_until(lambda: tls_failures(node) > known, "a TLS failure")
    sender.stop()
    person.choose("Data Sources > Integrations > Sensor Apps", "Syslog Server")
    person.expect("Failed at TLS")
    shown = person.page.locator("#trouble td[data-label=Times]").all_inner_texts()
    assert sum(map(int, shown)) > known
    secured(person, subject)

    person.choose("Data Sources", "Sensors")
    person.page.locator("td a").first.click()
    person.expect_heading("Syslog Configuration")
    before = person.packets_received()
    start_peer(sender_to(node, client, tmp_path / "good"))
    wait_until(lambda: node.packets_counted() >= before + 100, "100 packets")
    if scripts:
        wait_until(lambda: person.packets_received() == before + 100, "the counter on the page", 5)
    else:
        assert person.packets_received() == before
        person.follow("Read again")
        assert person.packets_received() == before + 100
    person.choose("Data Sources > Integrations > Sensor Apps", "Syslog Server")
    person.expect("The last packet came from 127.0.0.1")
    person.expect(f"CN={host}")


def tls_failures(node: Node) -> int:
    """How many handshakes have failed."""
    return sum(one["count"] for one in node.json("sensor", "stats")["tls_failures"])


def sender_to(node: Node, client: TlsFiles, folder: Path) -> RsyslogSender:
    lines = [b"<134>1 2026-01-02T03:04:05Z firewall app - - - line %d" % n for n in range(100)]
    return RsyslogSender(folder, node.target, client, lines, server_name="localhost")


@pytest.mark.parametrize("scripts", [True], ids=["scripts"], scope="module")
def test_no_page_is_wider_than_its_window(person: Person, scripts: bool) -> None:
    paths = sorted({link for link in links(person) if link.startswith("/")})
    assert len(paths) >= 12
    for path in paths:
        person.open(path)
        for width in (1280, 390):
            assert person.overflow(width) <= 0, (path, width)


def links(person: Person) -> list[str]:
    person.open("/")
    found = person.page.locator("nav a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    return [str(link) for link in found]
