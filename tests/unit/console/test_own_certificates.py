"""The CA's own certificates in the console: shown, asked for outside, brought, renewed."""

from __future__ import annotations

import pytest

from sealwire.access.roles import Role
from tests.unit.console.scene import SAFE_CSR, Browser, ConsoleScene

PAGE = "/authority/own"
PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----"
PASTED = ("Client Certificate", PEM.encode())


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


@pytest.fixture
def administrator(scene: ConsoleScene) -> Browser:
    return scene.browser(Role.ADMINISTRATOR)


def test_certificates_and_where_their_keys_are(administrator: Browser) -> None:
    page = administrator.get(PAGE).text
    assert "<h2>Issuing CA</h2>" in page
    assert "<h2>Root</h2>" in page
    assert "token &lt;b&gt;slot&lt;/b&gt;" in page
    assert "kept by others" in page
    assert "Import a renewed certificate" in page
    assert "Have an outside CA sign this one" not in page


def test_renewed_here_only_when_sure(scene: ConsoleScene, administrator: Browser) -> None:
    assert administrator.post(f"{PAGE}/renewal").status_code == 400
    assert scene.setup.told == []
    done = administrator.post(f"{PAGE}/renewal", {"sure": "yes"})
    assert done.headers["location"] == f"{PAGE}?done=renewed"
    assert scene.setup.told == [("renew", "administrator.0")]


def test_renewed_outside(scene: ConsoleScene, administrator: Browser) -> None:
    asked = administrator.post(f"{PAGE}/renewal/request")
    assert SAFE_CSR.splitlines()[1] in asked.text
    nothing = administrator.post(f"{PAGE}/renewal/certificate")
    assert nothing.status_code == 400
    brought = administrator.post(f"{PAGE}/renewal/certificate", {"certificate": PEM})
    assert brought.headers["location"] == f"{PAGE}?done=renewed"
    assert scene.setup.told[-1] == ("accept_renewal", (PASTED,), (), "administrator.0")
    scene.setup.findings = [{"severity": "warning", "message": "ends <b>soon</b>"}]
    noticed = administrator.post(f"{PAGE}/renewal/certificate", {"certificate": PEM})
    assert "ends &lt;b&gt;soon&lt;/b&gt;" in noticed.text


def test_founded_by_an_outside_ca(scene: ConsoleScene, administrator: Browser) -> None:
    scene.setup.state = "new"
    page = administrator.get(PAGE).text
    assert "Have an outside CA sign this one" in page
    assert "Import the signed certificate" not in page
    form = {"key_type": "p384", "subject": "CN=Issuing <CA>"}
    assert administrator.post(f"{PAGE}/request", form).status_code == 303
    assert administrator.post(f"{PAGE}/request", {"key_type": "dsa"}).status_code == 400
    waiting = administrator.get(PAGE).text
    assert "Waits for its certificate: CN=Issuing &lt;CA&gt;" in waiting
    got = administrator.get(f"{PAGE}/request/key0")
    assert (got.text, got.headers["content-type"]) == (SAFE_CSR, "application/pkcs10")
    assert administrator.get(f"{PAGE}/request/key1").status_code == 404
    made = administrator.post(f"{PAGE}/certificate", {"certificate": PEM})
    assert "one-time-words" in made.text
    assert "O=&lt;b&gt;Example" in made.text
    assert "one-time-words" not in administrator.get(PAGE).text
