"""*Sensors > Retention*: what is shown, who may change it, and what comes back when refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sealwire.access.roles import Role
from sealwire.console.app import Console
from sealwire.sensor.shelf import ShelvedDay
from tests.unit.console.scene import ConsoleScene
from tests.unit.sensor.scene import START, SensorScene

PAGE = "/sensors/retention"
TODAY = START.date()


class RetentionScene(ConsoleScene):
    """A console whose node has a sensor with some days stored."""

    def __init__(self) -> None:
        super().__init__()
        self.sensor = SensorScene()
        self.services = replace(self.services, sensor=self.sensor.sensor)
        self.console = Console(self.services)
        self.sensor.shelf.stored = [
            ShelvedDay(TODAY - timedelta(days=age), "default", 3, 1234, 5_000_000) for age in (9, 1)
        ]


@pytest.fixture
def scene() -> RetentionScene:
    return RetentionScene()


def test_classes_rules_and_budget_are_changed(scene: RetentionScene) -> None:
    browser = scene.browser(Role.ADMINISTRATOR)
    fields = {"name": "firewall", "days": "30"}
    made = browser.post(f"{PAGE}/classes", fields)
    assert (made.status_code, made.headers["location"]) == (303, f"{PAGE}?done=changed")
    browser.post(f"{PAGE}/rules", {"retention": "firewall", "network": "192.0.2.0/24"})
    browser.post(f"{PAGE}/budget", {"budget": "50GiB"})
    page = browser.get(PAGE).text
    assert "192.0.2.0/24" in page
    assert "30 days" in page
    assert "53\N{NARROW NO-BREAK SPACE}687\N{NARROW NO-BREAK SPACE}091" in page
    assert browser.post(f"{PAGE}/classes/firewall/remove").status_code == 422
    assert browser.post(f"{PAGE}/rules/1/remove").status_code == 303
    assert browser.post(f"{PAGE}/classes/firewall/remove").status_code == 303
    assert [event for event, _ in scene.sensor.audited()] == ["RETENTION_CHANGE"] * 5


def test_what_deletes_at_once_is_said_twice(scene: RetentionScene) -> None:
    browser = scene.browser(Role.ADMINISTRATOR)
    fields = {"name": "default", "days": "3"}
    refused = browser.post(f"{PAGE}/classes", fields)
    assert refused.status_code == 409
    assert "1234 stored records" in refused.text
    assert browser.post(f"{PAGE}/classes", {**fields, "sure": "yes"}).status_code == 303
    page = browser.get(PAGE).text
    assert '<span class="tag bad">now</span> expired' in page
    assert str(TODAY + timedelta(days=3)) in page


@pytest.mark.parametrize("days", ["", "0", "-1", "1.5", "x"])
def test_nothing_is_for_ever_by_accident(scene: RetentionScene, days: str) -> None:
    browser = scene.browser(Role.ADMINISTRATOR)
    assert browser.post(f"{PAGE}/classes", {"name": "a", "days": days}).status_code in {400, 422}
    assert browser.post(f"{PAGE}/classes", {"name": "a", "days": "for ever"}).status_code == 303


def test_an_auditor_holds_and_releases_and_changes_nothing_else(scene: RetentionScene) -> None:
    browser = scene.browser(Role.AUDITOR)
    hold = {"hold_name": "case-7", "first": str(TODAY - timedelta(days=9)), "last": str(TODAY)}
    missing = browser.post(f"{PAGE}/holds", hold)
    assert missing.status_code == 422
    assert 'value="case-7"' in missing.text
    assert browser.post(f"{PAGE}/holds", {**hold, "reason": "a <b>case</b>"}).status_code == 303
    page = browser.get(PAGE).text
    assert "a &lt;b&gt;case&lt;/b&gt;" in page
    assert "not in the chain yet" in page
    assert "Save class" not in page
    assert browser.post(f"{PAGE}/budget", {"budget": "none"}).status_code == 403
    released = browser.post(f"{PAGE}/holds/case-7/release", {"release_reason": "settled"})
    assert released.status_code == 303
    events = [event for event, _ in scene.sensor.audited()]
    assert events == ["LEGAL_HOLD_CHANGE"] * 2


def test_an_operator_looks_and_takes_evidence_out(scene: RetentionScene) -> None:
    browser = scene.browser(Role.OPERATOR)
    page = browser.get(PAGE).text
    assert "5\N{NARROW NO-BREAK SPACE}000\N{NARROW NO-BREAK SPACE}000" in page
    assert "Save" not in page.partition("<main")[2]
    got = browser.get(f"{PAGE}/export?since=2026-11-20&until=")
    assert (got.content, got.headers["content-type"]) == (b"tar", "application/x-tar")
    assert [event for event, _ in scene.sensor.audited()] == ["RECORDS_EXPORTED"]
