"""The CA's work at the console of a live node, by clicking and typing only, without JavaScript."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.flow.browser import PASSWORD, Person, chromium
from tests.flow.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("authority") / "home") as running:
        running.run("user", "role", "caadmin", "administrator", "agent", "auditor")
        yield running


def state(node: Node) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        (node.home / "run" / "node.json").read_text(encoding="utf-8")
    )
    return found


@pytest.fixture
def people(node: Node) -> Iterator[tuple[Person, Person]]:
    """The agent twice: without JavaScript, and with it to measure pages."""
    with chromium() as browser:
        plain, measuring = (
            Person(browser, node.console_url, scripts=scripts) for scripts in (False, True)
        )
        plain.log_in_first("caadmin", node.one_time_password)
        measuring.log_in("caadmin", PASSWORD)
        measuring.expect_heading("Home")
        yield plain, measuring
        assert plain.complaints == measuring.complaints == []
        measuring.close()
        plain.close()


def test_a_walk_through_the_authority(people: tuple[Person, Person], node: Node) -> None:
    person, measuring = people
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
