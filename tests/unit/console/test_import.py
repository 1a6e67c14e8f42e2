"""Import: *Check* says what *Save* would do, and only *Save* does it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.access.roles import Role
from sealwire.console.app import Console
from sealwire.x509.keys import KeyType
from tests.unit.ca.scene import ANYBODY, csr_for, subscriber_key
from tests.unit.console.scene import Browser, ConsoleScene
from tests.unit.sensor.scene import SensorScene
from tests.unit.sensor.test_service import Issuer, csr

PAGE = "/system/audit-log-certificate"
NOT_YET = "Nothing is installed yet"


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


def box(page: str, name: str) -> str:
    found = re.search(rf'<textarea[^>]* name="{name}"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found
    return unescape(found[1])


def signed(scene: ConsoleScene, request: bytes) -> tuple[str, str]:
    """Certificate and chain, PEM; the chain from the wrong end."""
    ca = scene.node.base.ca
    made = ca.submit("caAuditClientCert", request, actor=ANYBODY, remote_address="192.0.2.1")
    serial = ca.approve(made.request_id, actor="caadmin").serial
    leaf = scene.node.owner("GET", f"/api/v1/ca/certificates/{serial}/pem").text
    chain = re.findall(
        r"-----BEGIN.*?END CERTIFICATE-----\n",
        scene.node.owner("GET", "/api/v1/ca/chain").text,
        re.DOTALL,
    )
    own = leaf.partition("-----END CERTIFICATE-----\n")
    return own[0] + own[1], "".join(reversed(chain))


def requested(browser: Browser, scene: ConsoleScene, name: str) -> bytes:
    browser.post(f"{PAGE}/csr", {"common_name": name, "key_type": "p256"})
    [pending] = scene.node.appliance.certificate.show().pending
    return pending.csr_pem.encode()


def test_check_shows_tree_order_and_warnings_and_installs_nothing(scene: ConsoleScene) -> None:
    browser = scene.browser(*Role)
    leaf, chain = signed(scene, requested(browser, scene, "other.example.com"))
    before = scene.commits()
    got = browser.post(f"{PAGE}/check", {"certificate": leaf, "chain": chain})
    assert got.status_code == 200
    assert NOT_YET in got.text
    assert 'class="tag warning"' in got.text
    tree = got.text.partition('<ul class="tree">')[2]
    assert tree.index("Root") < tree.index("CN=other.example.com")
    assert scene.commits() == before + 1, "nothing but the record that they were allowed to"
    assert "No audit client certificate is installed." in browser.get(PAGE).text
    filled = {name: box(got.text, name) for name in ("certificate", "chain")}
    saved = browser.post(f"{PAGE}/import", filled)
    assert "The certificate is installed." in saved.text
    assert 'class="tag warning"' in saved.text
    assert "other.example.com" in saved.text


def test_an_import_without_a_remark_leads_to_the_page(scene: ConsoleScene) -> None:
    browser = scene.browser(*Role)
    leaf, chain = signed(scene, requested(browser, scene, "unit.example.com"))
    got = browser.post(f"{PAGE}/check", {"certificate": leaf, "chain": chain})
    filled = {name: box(got.text, name) for name in ("certificate", "chain")}
    saved = browser.post(f"{PAGE}/import", filled)
    assert saved.status_code in {200, 303}
    assert "CN=unit.example.com" in browser.get(PAGE).text


def test_a_refused_check_shows_every_finding_and_what_was_typed(scene: ConsoleScene) -> None:
    browser = scene.browser(*Role)
    got = browser.post(f"{PAGE}/check", {"certificate": "no certificate"})
    assert got.status_code == 422
    assert NOT_YET not in got.text
    assert box(got.text, "certificate").strip() == "no certificate"
    assert browser.post(f"{PAGE}/check").status_code == 400


def test_a_key_is_never_shown_again(scene: ConsoleScene) -> None:
    browser = scene.browser(*Role)
    leaf, chain = signed(scene, csr_for("C=US,O=Example,CN=unit.example.com"))
    key = subscriber_key(KeyType.RSA2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    fields = {"certificate": leaf, "chain": chain, "key": key.decode()}
    got = browser.post(f"{PAGE}/check", fields)
    assert NOT_YET in got.text
    assert "Give the private key once more" in got.text
    assert "PRIVATE KEY" not in got.text
    assert box(got.text, "key") == ""


def test_the_sensor_checks_before_it_saves(scene: ConsoleScene) -> None:
    base = SensorScene()
    base.sensor.ensure_identity()
    console = Console(replace(scene.services, sensor=base.sensor, clock=base.clock))
    known = scene.browser(*Role)
    browser = Browser(console, known.certificate, known.cookies)
    issuer = Issuer()
    leaf = issuer.issue(csr(base), ExtendedKeyUsageOID.SERVER_AUTH).decode()
    fields = {"certificate": leaf, "chain": issuer.pem.decode(), "sensor": "unit-1"}
    got = browser.post("/sensors/syslog-server/check", fields)
    assert NOT_YET in got.text, got.text
    assert "Trust rests on a root that came with the files" in got.text
    installed = base.sensor.certificate.show().installed
    assert installed is not None
    assert installed.self_signed
    filled = {name: box(got.text, name) for name in ("certificate", "chain")}
    saved = browser.post("/sensors/syslog-server/import", filled)
    assert "The certificate is installed." in saved.text
    assert "Trust rests on a root that came with the files" in saved.text
    assert NOT_YET not in saved.text
