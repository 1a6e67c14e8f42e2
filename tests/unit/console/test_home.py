"""Home: when certificates end, and what is wrong now, for those who may see it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from sealwire.access.roles import Role
from sealwire.identity.expiry import Watched
from tests.unit.ca.publishing import issued
from tests.unit.console.scene import ConsoleScene
from tests.unit.console.test_peers import URL, crl


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


def home(scene: ConsoleScene, *roles: Role) -> str:
    return scene.browser(*(roles or Role)).get("/").text


def issuing_end(scene: ConsoleScene) -> timedelta:
    issuing = scene.in_use[0].chain[0]
    return issuing.not_valid_after_utc - scene.node.base.clock.now()


def test_the_calendar_holds_whole_chains_month_by_month(scene: ConsoleScene) -> None:
    page = home(scene)
    calendar = page.partition('id="calendar"')[2]
    issuing, root = scene.in_use[0].chain
    for certificate in (issuing, root):
        assert f"{certificate.not_valid_after_utc:%B %Y}" in calendar
        assert f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC" in calendar
    assert "intermediate" in calendar
    assert 'href="/authority/certificates">ca</a>' in calendar
    assert "ends in" not in page


def test_a_certificate_that_ends_soon_and_one_that_ended_are_alarms(scene: ConsoleScene) -> None:
    scene.node.base.clock.advance(issuing_end(scene) - timedelta(days=12, hours=1))
    page = home(scene)
    assert '<p class="note warn"><a href="/authority/certificates">A certificate of ca' in page
    assert "ends in 12 days" in page
    assert '<span class="tag soon">12 days</span>' in page
    scene.node.base.clock.advance(timedelta(days=14))
    page = home(scene)
    assert '<p class="note bad"><a href="/authority/certificates">A certificate of ca' in page
    assert "has ended" in page
    assert '<span class="tag expired">ended</span>' in page


def test_what_an_end_uses_is_for_those_who_may_see_it(scene: ConsoleScene) -> None:
    chain = scene.in_use[0].chain
    scene.in_use = [Watched("appliance:unit-1", chain), Watched("sensor:unit-1", chain)]
    assert "appliance:unit-1" in home(scene, Role.AUDITOR)
    assert "sensor:unit-1" in home(scene, Role.AUDITOR)
    seen = home(scene, Role.AGENT)
    assert "appliance:unit-1" not in seen
    assert "sensor:unit-1" not in seen


def test_an_intermediate_that_ends_before_its_leaf(scene: ConsoleScene) -> None:
    issuing, root = scene.in_use[0].chain
    assert isinstance(root, x509.Certificate)
    scene.in_use = [Watched("sensor:unit-1", (root, issuing))]
    shorter = issuing.not_valid_after_utc < root.not_valid_after_utc
    assert ("ends before its leaf" in home(scene)) == shorter


def test_an_audit_file_that_cannot_be_written(scene: ConsoleScene) -> None:
    administrator = scene.browser(Role.ADMINISTRATOR)
    numbers = {"buffer_size": "512", "flush_interval": "5", "max_size_kb": "0"}
    form = numbers | {"rollover": "0", "expiration": "0", "enabled": "yes"}
    administrator.post("/authority/audit-configuration/file", form)
    scene.node.gate.close("the <b>disk</b> is full")
    page = administrator.get("/").text
    assert "the CA does no work: the &lt;b&gt;disk&lt;/b&gt; is full" in page
    assert "the CA does no work" not in home(scene, Role.AGENT)


def test_an_overdue_crl(scene: ConsoleScene) -> None:
    agent = scene.browser(Role.AGENT)
    agent.post(
        f"/authority/certificates/{issued(scene.node.base)}/revoke", {"reason": "0", "sure": "yes"}
    )
    agent.post("/authority/crl/ca/publish")
    assert "overdue" not in home(scene)
    scene.node.base.clock.advance(timedelta(hours=25))
    assert "The CRL ca is overdue" in home(scene)
    assert (
        '<span class="tag bad">overdue</span>'
        in scene.browser(Role.AGENT).get("/authority/crl").text
    )


def test_peers_lists_that_failed_or_grew_stale(scene: ConsoleScene) -> None:
    operator = scene.browser(Role.OPERATOR)
    scene.web.pages[URL] = crl()
    operator.post("/system/revocation-lists", {"name": "corporate", "location": URL})
    assert "corporate" not in operator.get("/").text
    scene.web.pages.clear()
    operator.post("/system/revocation-lists/refresh")
    assert "corporate could not be loaded: nobody &lt;b&gt;answers" in operator.get("/").text
    scene.node.base.clock.advance(timedelta(days=2))
    assert "The revocation list corporate is stale." in home(scene)
    assert "corporate" not in home(scene, Role.AGENT)
