"""*Appliance > Inputs*."""

from __future__ import annotations

import pytest

from sealwire.access.roles import Role
from tests.unit.console.scene import ConsoleScene
from tests.unit.console.test_standby import ACTIVE, standby_scene

PAGE = "/appliance/inputs"
LOG = "/var/log/some app.log"


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


def test_a_file_is_followed_and_no_longer(scene: ConsoleScene) -> None:
    browser = scene.browser(Role.OPERATOR)
    added = browser.post(PAGE, {"name": "app", "path": LOG})
    assert added.headers["location"] == f"{PAGE}?done=added"
    assert LOG in browser.get(PAGE).text
    again = browser.post(PAGE, {"name": "app", "path": LOG})
    assert again.status_code == 409
    assert browser.post(f"{PAGE}/app/remove").status_code == 400
    assert LOG in browser.get(PAGE).text
    assert browser.post(f"{PAGE}/app/remove", {"sure": "yes"}).status_code == 303
    assert LOG not in browser.get(PAGE).text
    assert len([text for text in scene.node.texts("appliance") if ";;app" in text]) == 2


def test_a_wrong_path_comes_back_with_what_was_typed(scene: ConsoleScene) -> None:
    got = scene.browser(Role.OPERATOR).post(PAGE, {"name": "app", "path": "relative.log"})
    assert got.status_code == 422
    assert 'value="relative.log"' in got.text


def test_the_host_name_is_the_units(scene: ConsoleScene) -> None:
    browser = scene.browser(Role.OPERATOR)
    fields = {"host_name": "other.example.com"}
    assert browser.post("/appliance/host-name", fields).status_code == 303
    assert scene.node.appliance.host_name == "other.example.com"
    assert "other.example.com" in browser.get("/system/audit-log").text
    wrong = browser.post("/appliance/host-name", {"host_name": "not a name"})
    assert wrong.status_code == 422
    assert 'value="not a name"' in wrong.text
    assert scene.node.appliance.host_name == "other.example.com"


def test_who_only_reads_sees_but_is_offered_nothing(scene: ConsoleScene) -> None:
    scene.node.appliance.add_input("admin", "app", LOG)
    page = scene.browser(Role.AUDITOR).get(PAGE).text
    assert LOG in page
    assert "<button" not in page.partition("<main")[2]


def test_on_a_standby_unit_files_are_to_be_looked_at() -> None:
    scene = standby_scene()
    browser = scene.browser(Role.OPERATOR)
    page = browser.get(PAGE).text
    assert f'<a href="{ACTIVE}{PAGE}">unit-2</a>' in page
    assert "Add an input" not in page
    assert browser.post(PAGE, {"name": "app", "path": LOG}).status_code == 409
