"""A standby unit's pages: present, explained, and nothing to change there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.access.roles import Role
from sealwire.appliance.lease import hand_over
from sealwire.appliance.ports import UnitRow
from sealwire.console.table import ROUTES
from tests.unit.console.scene import ConsoleScene

if TYPE_CHECKING:
    from sealwire.appliance.ports import UnitTx

ACTIVE = "https://two.example.com:8443"
CERTIFICATE = "/system/audit-log-certificate"
LOG = "/system/audit-log"
HA = "/appliance/high-availability"
CHANGING = [
    route.path.replace("{name}", "one")
    for route in ROUTES
    if route.changes and route.path.startswith((CERTIFICATE, f"{LOG}/destinations"))
]


def standby_scene(holder: str = "unit-2", url: str = ACTIVE) -> ConsoleScene:
    scene = ConsoleScene()

    def give_away(tx: UnitTx) -> None:
        tx.put_unit(UnitRow("unit-1", "one.example.com", "https://one.example.com:8443", 0))
        tx.put_unit(UnitRow("unit-2", "two.example.com", url, 0))
        hand_over(tx, holder)

    scene.node.base.store.run(give_away)
    return scene


@pytest.fixture
def scene() -> ConsoleScene:
    return standby_scene()


def test_the_certificate_page_explains_and_leads_to_the_active_unit(scene: ConsoleScene) -> None:
    page = scene.browser(*Role).get(CERTIFICATE)
    assert page.status_code == 200
    assert "unit-1 is a standby unit" in page.text
    assert f'<a href="{ACTIVE}{CERTIFICATE}">unit-2</a>' in page.text
    assert "Generate New CSR" not in page.text
    assert "<form" not in page.text.partition("<main")[2]


def test_the_audit_log_can_be_looked_at_only(scene: ConsoleScene) -> None:
    browser = scene.browser(*Role)
    page = browser.get(LOG)
    assert f'<a href="{ACTIVE}{LOG}">unit-2</a>' in page.text
    assert "Add a destination" not in page.text
    assert "<form" not in page.text.partition("<main")[2]


@pytest.mark.parametrize("path", CHANGING)
def test_every_change_is_refused_and_says_where(scene: ConsoleScene, path: str) -> None:
    browser = scene.browser(*Role)
    fields = {"name": "one", "host": "h.example.com", "port": "1", "sure": "yes"}
    fields |= {"common_name": "one.example.com", "key_type": "p256", "certificate": "x"}
    got = browser.post(path, fields)
    if path.endswith("/test"):  # Changes nothing; there is no such destination.
        assert got.status_code == 404
        return
    assert got.status_code == 409
    assert f"the active unit is unit-2 at {ACTIVE}" in got.text


@pytest.mark.parametrize("path", [f"{CERTIFICATE}/csr", f"{CERTIFICATE}/import"])
def test_forms_of_the_certificate_are_not_offered(scene: ConsoleScene, path: str) -> None:
    got = scene.browser(*Role).get(path)
    assert got.status_code == 409
    assert "unit-1 is a standby unit" in got.text


def test_home_opens_on_a_standby_unit(scene: ConsoleScene) -> None:
    assert scene.browser(*Role).get("/").status_code == 200


def test_an_address_from_the_database_is_a_link_only_when_it_is_one() -> None:
    scene = standby_scene(url="javascript:alert(1)")
    for path in (CERTIFICATE, LOG, HA):
        page = scene.browser(*Role).get(path).text
        assert "unit-2" in page
        assert 'href="javascript' not in page


def test_when_no_unit_is_active_the_page_says_so() -> None:
    page = standby_scene(holder="").browser(*Role).get(CERTIFICATE).text
    assert "No unit is active." in page
    assert f'href="{HA}"' in page


def test_promote_and_demote(scene: ConsoleScene) -> None:
    browser = scene.browser(Role.OPERATOR)
    page = browser.get(HA).text
    assert f'<a href="{ACTIVE}/">unit-2</a>' in page
    assert "Promote" in page
    assert "Demote" not in page
    assert browser.post(f"{HA}/promote").headers["location"] == f"{HA}?done=promoted"
    assert "Generate New CSR" in browser.get(CERTIFICATE).text
    refused = browser.post(f"{HA}/demote")
    assert refused.status_code == 400
    assert "Nothing was changed." in refused.text
    assert "Generate New CSR" in browser.get(CERTIFICATE).text
    assert browser.post(f"{HA}/demote", {"sure": "yes"}).status_code == 303
    assert "No unit is active." in browser.get(CERTIFICATE).text
    operations = [text for text in scene.node.texts("appliance") if "UNIT" in text]
    assert len(operations) == 2


def test_who_only_reads_is_offered_no_change(scene: ConsoleScene) -> None:
    page = scene.browser(Role.AUDITOR).get(HA).text
    assert "<form" not in page.partition("<main")[2]
