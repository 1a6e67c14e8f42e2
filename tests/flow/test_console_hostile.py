"""Hostile text on every page of a live node: nothing runs, nothing breaks, nothing is hidden."""

from __future__ import annotations

import re
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sealwire.bootstrap.home import Home
from tests.flow.browser import Person, chromium
from tests.flow.node import Node
from tests.flow.peers import octet_counted, openssl_send, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAGS = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "<svg/onload=document.title='owned'>",
    "</textarea><script>document.title='owned'</script>",
    "</p></li><iframe src=javascript:document.title='owned'>",
    "'\"><body onload=document.title='owned'>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<form action=//evil.example><button>Log in</button></form>",
    "{{ 7*7 }}",
    "{% include 'login.html' %}",
    "${7*7}",
    "<!--",
    "]]>",
    "&lt;script&gt;",
    "javascript:document.title='owned'",
]
FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1"]
TERMINAL = [
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x1b[31m",
    "\x9b31m",
    "\x07",
    "\x08\x08",
    "\x7f",
    "\x00",
]
UNSEEN = [
    "a\u202eb",
    "\u2066a\u2069",
    "\u200b",
    "\ufeff",
    "\u2028a\u2029",
    "\u061c",
    "\U000e0041",
    "a\u0301" * 200,
]
ODD = ["%00", "../../../etc/passwd", "\\", "%n%s%x", "' OR 1=1 --", "\r\n\r\n[AuditEvent=FORGED]"]
LONG = ["x" * 60_000, "<b>" * 20_000, "\u202e" * 20_000, "W" * 65_000, "é" * 30_000]
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
HOSTILE = [*TAGS, *FORMULAS, *TERMINAL, *UNSEEN, *ODD, *LONG]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("hostile")
    with Node(folder / "home") as running:
        running.certify_sensor(folder)
        running.run("user", "role", "caadmin", "administrator", "agent", "auditor")
        yield running


@pytest.fixture(scope="module")
def person(node: Node) -> Iterator[Person]:
    with chromium() as browser:
        somebody = Person(browser, node.console_url)
        somebody.log_in_first("caadmin", node.one_time_password)
        stranger = Person(browser, somebody.url)
        stranger.open("/login")
        # The page shows it in an attribute: one of them ends attributes.
        for text in [*HOSTILE[::4], "'\"><body onload=document.title='owned'>"]:
            stranger.log_in_in_vain(text[:200])
            assert stranger.page.title() == "Log in - Sealwire"
        assert stranger.complaints == []
        # The log-in page has shown that it is sound; the audit log gets the others too.
        assert set(wrong_passwords(node.console_url)) <= REFUSED
        stranger.close()
        yield somebody
        somebody.close()


def wrong_passwords(url: str) -> Iterator[int]:
    """What the API answers users who try to come in with a wrong password."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with httpx.Client(base_url=url, verify=context) as client:
        for text in HOSTILE:
            answer = client.get("/api/v1/audit", auth=(text[:200].encode(), b"wrong"))
            yield answer.status_code


LOOKED_AT = """() => ({
    title: document.title,
    home: [...document.querySelectorAll("header a, nav a")].filter(
        one => one.innerText.trim() === "Home" && one.checkVisibility()
            && one.getBoundingClientRect().width > 0).length,
    scripts: document.scripts.length,
    foreign: document.querySelectorAll(
        "main iframe, main script, main style, main base, main img").length,
    text: document.body.innerText,
})"""


def looks_right(person: Person, *widths: int) -> None:
    """Our title, our menu, no script but ours, nothing unseen, no wider than the window."""
    # One question to the browser, which is asked for every text there is.
    seen = person.page.evaluate(LOOKED_AT)
    assert seen["title"].endswith(" - Sealwire")
    assert (seen["home"], seen["scripts"], seen["foreign"]) == (1, 1, 0)
    hidden = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202e\u2066\u2028]"
    assert not re.search(hidden, seen["text"])
    for width in widths or (1280,):
        assert person.overflow(width) <= 0, (person.page.url, width)
    assert person.complaints == []


def test_there_are_enough() -> None:
    assert len(set(HOSTILE)) >= 50


def test_as_messages_and_host_names(person: Person, node: Node, tmp_path: Path) -> None:
    client = node.client_files("sender.example.test", tmp_path)
    before = node.packets_received()
    lines = [
        line
        for text in HOSTILE
        for line in (
            b"<134>1 2026-01-02T03:04:05Z host app - - - " + text.encode(),
            b"<134>Jan  2 03:04:05 " + text[:200].encode() + b" app: said",
        )
    ]
    assert openssl_send(node.target, client, octet_counted(lines)).returncode == 0
    wait_until(lambda: node.packets_received() >= before + len(lines), "all of them")
    person.open("/sensors")
    person.page.locator("td a").first.click()
    person.expect_heading("Syslog Configuration")
    for _ in range(len(lines) // 20 + 1):
        person.page.reload()
        looks_right(person)
        # The page shows the newest twenty: the older ones come to the top again.
        lines = [*lines[-20:], *lines[:-20]]
        assert openssl_send(node.target, client, octet_counted(lines[-20:])).returncode == 0
    for path in ("/sensors/sources", "/sensors/syslog-server", "/"):
        person.open(path)
        looks_right(person, 390, 1280)


def submit(api: httpx.Client, pem: str) -> str | None:
    """Submit through the API; where its page is, none when nothing was queued."""
    made = api.post("/api/v1/ca/requests", json={"profile": "caServerCert", "csr": pem}, timeout=30)
    assert made.status_code in {HTTPStatus.CREATED, HTTPStatus.UNPROCESSABLE_ENTITY}, made.text
    return f"/authority/requests/{made.json()['id']}" if made.is_success else None


def fill_in(person: Person, pem: str) -> None:
    """Submit through the console."""
    person.open("/authority/requests/new")
    person.page.get_by_label("Certificate profile").select_option("caServerCert")
    # As pasted: the browser takes ten seconds to type the lines of the longest.
    field = person.page.get_by_label("Certificate request", exact=True).first
    field.evaluate("(field, pem) => { field.value = pem; }", pem)
    person.press_and_go("Submit")


def test_as_subjects_of_requests(person: Person, node: Node) -> None:
    key = rsa.generate_private_key(65537, 2048)
    transport = httpx.HTTPTransport(uds=str(Home(node.home).socket))
    with httpx.Client(transport=transport, base_url="http://sealwire") as api:
        for number, text in enumerate(HOSTILE):
            # X.509 allows a common name 64 characters, a street more than anybody lives in.
            pem = request_for(
                key,
                {
                    x509.NameOID.STREET_ADDRESS: text,
                    x509.NameOID.COMMON_NAME: cut(text, 64),
                },
            )
            if number % 4 == 0:
                fill_in(person, pem)
                looks_right(person)
            elif path := submit(api, pem):
                person.open(path)
                looks_right(person)
    for path in (
        "/authority/requests?status=all",
        "/authority/requests?status=pending",
        "/authority/certificates",
        "/authority/audit-log",
        "/",
    ):
        person.open(path)
        looks_right(person, 390, 1280)


def request_for(key: rsa.RSAPrivateKey, subject: dict[x509.ObjectIdentifier, str]) -> str:
    """A CSR in PEM."""
    name = x509.Name([x509.NameAttribute(oid, text) for oid, text in subject.items()])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def test_as_a_subject_that_is_reviewed_and_comments_of_its_revocation(person: Person) -> None:
    tag, quotes = "<img src=x onerror=document.title='owned'>", "'\"><svg/onload=alert(1)>{{ 7*7 }}"
    subject = {
        x509.NameOID.COMMON_NAME: "www.example.com",
        x509.NameOID.ORGANIZATION_NAME: tag,
        x509.NameOID.ORGANIZATIONAL_UNIT_NAME: quotes,
    }
    fill_in(person, request_for(rsa.generate_private_key(65537, 2048), subject))
    person.expect("To be signed")
    looks_right(person, 390, 1280)
    person.press("Approve")
    person.expect("The request is approved")
    looks_right(person, 390, 1280)
    person.page.locator("dd a.code").click()
    person.expect("Status: valid")
    person.page.locator("#f-comments").fill(tag + quotes)
    person.page.get_by_label("I am sure: this is final").check()
    person.press("Revoke")
    person.expect("Status: revoked")
    looks_right(person, 390, 1280)
    person.open("/authority/requests?status=complete")
    person.page.locator("tbody tr").last.get_by_role("link").click()
    person.expect_heading(person.page.locator("h1").inner_text())
    assert tag in person.text()
    assert quotes in person.text()
    looks_right(person, 390, 1280)
    person.open("/authority/certificates?status=REVOKED&o=%3Cimg&issued_by=")
    looks_right(person, 390, 1280)


def cut(text: str, octets: int) -> str:
    return text.encode()[:octets].decode("utf-8", "ignore")


def test_as_user_names(person: Person) -> None:
    """They were typed into the log-in before: the trail tells them."""
    person.open("/authority/audit-log?before=80")
    looks_right(person)
    assert "AttemptedCred=" in person.text()
    assert "[AuditEvent=FORGED]" not in person.text()
