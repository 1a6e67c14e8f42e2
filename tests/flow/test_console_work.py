"""Work at the console of a live node, by clicking and typing only.

Searching and the CA's work without JavaScript; import by dropping files with and without it. They
share one node, in this order: the search comes first, when it holds nothing but what was sent.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.flow.authority import LOOPBACK
from tests.flow.browser import PASSWORD, Person, chromium
from tests.flow.node import Node
from tests.flow.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser

LINES = [
    f"<{32 + number % 8}>1 2026-11-22T07:00:00Z web{number % 3} sshd {number} - - "
    f"login{number} of many".encode()
    for number in range(120)
]
HOSTILE = "<11>1 - \u202e<script>alert(1)</script> app - - - hostile <img src=x onerror=alert(1)>"
BINARY = b"<13>1 - web1 app - - - binary \x00\xff\x1b[2J " + b"W" * 8000
PAGES = (
    "/",
    "/authority/requests/{request}",
    "/authority/certificates?status=REVOKED",
    "/authority/certificates/{serial}",
    "/authority/crl",
    "/authority/profiles/caServerCert",
    "/authority/new-profile?from=caServerCert",
    "/authority/own",
    "/authority/audit-configuration",
    "/system/revocation-lists",
    "/sensors/revocation-lists",
    "/system/doctor",
)
IDENTITY = "/sensors/syslog-server"
DROPPED = """([zone, files]) => {
  const carried = new DataTransfer();
  for (const [name, content] of files) {
    carried.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true }));
  }
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("console") / "home") as running:
        running.run("user", "role", "caadmin", "administrator", "agent", "auditor")
        send(running, [*LINES, HOSTILE.encode(), BINARY])
        yield running


@pytest.fixture(scope="module")
def plain(node: Node, browser: Browser) -> Iterator[Person]:
    """The agent without JavaScript, who comes first."""
    with browsing(browser, node.console_url, scripts=False) as somebody:
        somebody.log_in_first("caadmin", node.one_time_password)
        yield somebody


@pytest.fixture(scope="module")
def scripted(plain: Person, browser: Browser) -> Iterator[Person]:
    """The same agent with JavaScript, which can measure pages too."""
    with browsing(browser, plain.url, scripts=True) as somebody:
        somebody.log_in("caadmin", PASSWORD)
        somebody.expect_heading("Home")
        yield somebody


@contextmanager
def browsing(browser: Browser, url: str, *, scripts: bool) -> Iterator[Person]:
    somebody = Person(browser, url, scripts=scripts)
    yield somebody
    assert somebody.complaints == []
    somebody.close()


def send(node: Node, messages: Sequence[bytes]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection((LOOPBACK, node.target.port))) as connection:
        connection.sendall(b"".join(b"%d %b" % (len(one), one) for one in messages))
        connection.unwrap().close()


def found(person: Person) -> int:
    """How many records the page says there are."""
    shown = re.search(r"([\d\u202f]+) records?", person.page.locator(".found").inner_text())
    assert shown
    return int(shown[1].replace("\u202f", ""))


def drawn(person: Person) -> list[int]:
    """Records of each bar."""
    titles = person.page.locator(".bars title").all_text_contents()
    return [int(re.findall(r": (\d+) \(", title)[0]) for title in titles]


def test_from_a_question_to_the_bytes(plain: Person, scripted: Person, node: Node) -> None:
    person = plain
    wait_until(lambda: everything(person) == len(LINES) + 2, "the records", 20.0)
    assert sum(drawn(person)) == len(LINES) + 2
    narrowed_down(person)
    checked(person, node)
    hostile(person)
    unharmed(scripted)
    named(person)


def everything(person: Person) -> int:
    person.choose("Data Sources", "Search")
    return found(person)


def narrowed_down(person: Person) -> None:
    """By words, by time, by a click at a bar, by a value; a fault of the words is shown."""
    person.fill("Search for", "many AND (host=web1")
    person.press("Search")
    person.expect("this parenthesis is never closed.")
    assert person.page.locator("mark").inner_text() == "("
    person.fill("Search for", "many severity<=err")
    person.press("15 minutes")
    assert found(person) == 60
    first = drawn(person)[0]
    person.page.locator(".bars a").first.click(position={"x": 1, "y": 1}, force=True)
    person.page.locator("#f-since:not([value=''])").wait_for()
    assert found(person) == first
    person.press("All")
    person.page.locator("td a.value", has_text="web1").first.click()
    assert person.page.locator("#f-q").input_value() == 'many severity<=err host="web1"'
    assert found(person) == sum(1 for n in range(120) if n % 8 <= 3 and n % 3 == 1)


def checked(person: Person, node: Node) -> None:
    """One record in full; the commands that it names say the same."""
    person.fill("Search for", "login77")
    person.press("Search")
    assert found(person) == 1
    person.page.locator(".records td.when a").click()
    person.expect("login77 of many")
    shown = person.text()
    assert LINES[77].decode() in shown
    seq = person.page.url.rpartition("/")[2]
    evidence = node.json("sensor", "record", seq)["evidence"]
    for told in (
        evidence["segment"],
        evidence["sha256"],
        "exactly as the RFC says",
        "TLSv1.3",
        "web2",
    ):
        assert told in shown
    command = person.page.locator("#check").inner_text().splitlines()[1]
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=node.home, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.rpartition(": ")[2]) == (0, "OK\n")
    person.follow("Newer of this source")
    person.expect("login78 of many")
    person.follow("web0")
    assert found(person) == 40


def hostile(person: Person) -> None:
    """Markup and bytes of senders are text."""
    for position, told in ((1, "<img src=x onerror=alert(1)>"), (0, "1b 5b 32 4a")):
        person.open("/sensors/search?q=hostile+OR+binary")
        assert found(person) == 2
        person.page.locator(".records td.when a").nth(position).click()
        person.page.get_by_role("heading", name="Evidence").wait_for()
        assert told in person.text()
        assert person.page.locator("main script, main img").count() == 0


def unharmed(person: Person) -> None:
    """The same pages where scripts would run: none does, and no page is wider than its window."""
    listed = "/sensors/search?q=hostile+OR+binary"
    person.open(listed)
    records = person.page.locator(".records td.when a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    assert len(records) == 2
    for path in (listed, *records):
        person.open(path)
        assert person.page.locator("main script, main img").count() == 0
        for width in (1280, 390):
            assert person.overflow(width) <= 0, (path, width)
    assert person.complaints == []


def named(person: Person) -> None:
    """A sender is named, and no longer."""
    person.choose("Data Sources", "Admission")
    person.fill("Name", "web servers")
    person.press("Name it")
    person.expect("this names no sender")
    person.fill("Name", "webs")
    person.fill("Address or network", "192.0.2.0/24")
    person.press("Name it")
    person.expect("The sender is named.")
    person.press("Remove webs")
    person.expect("The sender is no longer named.")


def state(node: Node) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        (node.home / "run" / "node.json").read_text(encoding="utf-8")
    )
    return found


def test_a_walk_through_the_authority(plain: Person, scripted: Person, node: Node) -> None:
    person, measuring = plain, scripted
    request = approved(person, node)
    serial = revoked(person)
    switched(person)
    audited(person)
    person.choose("Certificate Authority", "Authority")
    person.expect("Renew the issuing CA's certificate")
    person.expect("Private key")
    listed(person, node)
    examined(person, node)
    person.open("/")
    person.expect("When certificates end")
    for path in PAGES:
        measuring.open(path.format(request=request, serial=serial))
        for width in (1280, 390):
            assert measuring.overflow(width) <= 0, (path, width)


def approved(person: Person, node: Node) -> str:
    """Submit, take it on, approve; the evidence stays. The request's number."""
    csr = node.run("appliance", "csr", "--cn", "www.example.com", "--key-type", "rsa2048")
    person.choose("Certificate Authority", "Requests")
    person.follow("New request")
    person.page.get_by_label("Certificate profile").select_option("caServerCert")
    person.fill("Certificate request", csr)
    person.press("Submit")
    person.expect("To be signed")
    assert "No objection." in person.text()
    person.press("Assign to me")
    person.expect("The request is assigned to you.")
    digest = person.page.locator("input[name=tbs_sha256]").input_value()
    person.press("Approve")
    person.expect("The request is approved and the certificate is issued.")
    shown = person.text()
    assert "1 of 1 approvals of exactly these bytes." in shown
    assert digest in shown
    return person.page.url.partition("?")[0].rpartition("/")[2]


def revoked(person: Person) -> str:
    """Find it, revoke it, publish that. Its serial number."""
    person.choose("Certificate Authority", "Certificates")
    person.fill("Common name", "www.example")
    person.press("Search")
    person.expect("1 found")
    person.page.locator("td a.code").click()
    person.expect("Status: valid")
    person.page.get_by_label("Reason").select_option("Key Compromise")
    person.press("Revoke")
    person.expect("Nothing was changed.")
    person.page.get_by_label("I am sure: this is final").check()
    person.press("Revoke")
    person.expect("Status: revoked")
    person.expect("Key Compromise")
    serial = person.page.url.partition("?")[0].rpartition("/")[2]
    person.choose("Certificate Authority", "CRL and OCSP")
    person.press("Publish now")
    person.expect("The CRL is published.")
    return serial


def switched(person: Person) -> None:
    """Disable a profile and enable it again."""
    person.choose("Certificate Authority", "Profiles")
    person.follow("caUserCert")
    person.press("Disable")
    person.expect("The profile is disabled.")
    person.press("Enable")
    person.expect("The profile is enabled.")


def audited(person: Person) -> None:
    """Have the signed file written, and one event less recorded."""
    person.choose("Certificate Authority", "Audit Configuration")
    person.page.get_by_label("Write the signed file").check()
    person.press("Save")
    person.expect("Changed.")
    person.page.get_by_label("Record ROLE_ASSUME").uncheck()
    person.page.get_by_label("Filter of AUTHZ").fill("(Outcome=Failure)")
    person.press("Save events")
    person.expect("Changed.")
    assert not person.page.get_by_label("Record ROLE_ASSUME").is_checked()
    assert person.page.get_by_label("Filter of AUTHZ").input_value() == "(Outcome=Failure)"


def listed(person: Person, node: Node) -> None:
    """Judge servers by the list that this very CA publishes."""
    person.choose("System > Configuration", "Revocation Lists")
    person.fill("Name", "own")
    person.fill("URL", f"http://127.0.0.1:{state(node)['http_port']}/crl/ca.crl")
    person.press("Add")
    person.expect("Added.")
    row = person.page.locator("tbody tr").first.inner_text()
    assert "good" in row
    assert "Issuing CA" in row


def examined(person: Person, node: Node) -> None:
    """Look at the sensor, which shows a certificate that it signed itself."""
    person.choose("Appliance", "Doctor")
    person.fill("Host", "localhost")
    person.fill("Port", str(node.target.port))
    person.press("Look")
    person.expect(f"localhost, port {node.target.port}: failed")
    person.expect("chain.self_signed")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_csr_is_checked_made_submitted_and_its_files_dropped(
    node: Node, plain: Person, scripted: Person, tmp_path: Path, *, scripts: bool
) -> None:
    person = scripted if scripts else plain
    person.page.set_viewport_size({"width": 1280, "height": 900})
    person.open(f"{IDENTITY}/csr")
    person.fill("Country Name (two-letter code)", "us")
    person.fill("State or Province", "Texas")
    person.fill("Common Name", "localhost")
    person.page.get_by_label("Kind of CA it is for").select_option("cisco")
    person.press("Check")
    person.expect("has the state abbreviated: TX.")
    person.expect("It is this machine's own name, localhost.")
    assert "openssl req -new" in person.page.locator("#openssl").inner_text()
    person.press("Generate")
    person.expect_heading("Certificate Signing Request")
    person.press("Submit request")
    person.expect("The request is in the queue.")
    person.press("Approve")
    person.expect("The request is approved and the certificate is issued.")
    person.page.locator("dd a.code").click()
    files = bag(person, node, tmp_path)
    person.open(IDENTITY)
    dropped(person, files, scripts=scripts)
    person.press("Check")
    person.expect("Nothing is installed yet")
    report = person.text()
    assert "root, not sent" in report
    assert "As needed, and as it will be sent" in report
    person.unfold("What became of each certificate")
    person.expect("not part of the chain")
    person.press("Save")
    person.expect("The certificate is installed.")
    name, issuing_first = person.download("Cisco order")
    assert name == "chain-cisco.pem"
    assert issuing_first.count("BEGIN CERTIFICATE") == 2
    assert person.complaints == []


def bag(person: Person, node: Node, folder: Path) -> list[Path]:
    """Leaf last, in one file, and a stranger in another."""
    text = person.download("Download with chain")[1]
    found = re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", text, re.DOTALL)
    (folder / "bag.pem").write_text("".join(reversed(found)))
    (folder / "stranger.pem").write_text(node.run("sensor", "identity", "chain"))
    return [folder / "bag.pem", folder / "stranger.pem"]


def dropped(person: Person, files: list[Path], *, scripts: bool) -> None:
    """With scripts one after the other onto the zone, without into the field that is there."""
    field = person.page.locator("#f-files")
    if not scripts:
        field.set_input_files([str(file) for file in files])
        return
    zone = person.page.locator("[data-drop]").element_handle()
    for file in files:
        content = base64.b64encode(file.read_bytes()).decode()
        person.page.evaluate(DROPPED, [zone, [[file.name, content]]])
    assert person.page.locator("[data-drop-list] li").count() == len(files)
