"""Which events are recorded and how the signed file is kept, seen and changed in the console."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from sealwire.access.roles import Role
from tests.unit.console.scene import Browser, ConsoleScene

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = "/authority/audit-configuration"
NUMBERS = {
    "buffer_size": "512",
    "flush_interval": "5",
    "max_size_kb": "2000",
    "rollover": "2592000",
    "expiration": "0",
}


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


@pytest.fixture
def administrator(scene: ConsoleScene) -> Browser:
    return scene.browser(Role.ADMINISTRATOR)


def recorded(page: str) -> set[str]:
    return set(re.findall(r'name="event" value="(\w+)"[^>]* checked', page))


def filters(page: str) -> dict[str, str]:
    found = re.findall(r'name="filter\.(\w+)" value="([^"]+)"', page)
    return {name: unescape(text) for name, text in found}


def post_events(browser: Browser, events: set[str], texts: Mapping[str, str]) -> tuple[int, str]:
    """Send the form as a browser does: each ticked box a field of its own."""
    pairs = [("form_token", browser.token("/password")), ("form", "events")]
    pairs += [("event", name) for name in sorted(events)]
    pairs += [(f"filter.{name}", text) for name, text in texts.items()]
    got = browser.pairs(f"{PAGE}/events", pairs)
    return got.status_code, got.text


def test_what_holds_is_shown(administrator: Browser) -> None:
    page = administrator.get(PAGE).text
    assert "AUTH" in recorded(page)
    assert "FULL_CRL_PUBLISHING" not in recorded(page)
    assert filters(page)["OCSP_GENERATION"] == "(Outcome=Failure)"
    assert "CERT_REQUEST_PROCESSED" not in recorded(page)
    assert "CERT_REQUEST_PROCESSED" in page.partition("Mandatory events</summary>")[2]


def test_events_are_switched_and_filtered(scene: ConsoleScene, administrator: Browser) -> None:
    page = administrator.get(PAGE).text
    events = recorded(page) - {"AUTH"}
    texts = filters(page) | {"AUTHZ": "(!(Outcome=Success))"}
    assert post_events(administrator, events, texts)[0] == 303
    after = administrator.get(PAGE).text
    assert recorded(after) == events
    assert filters(after) == texts
    (record,) = [text for text in scene.node.texts() if "AuditEvent=CONFIG_SIGNED_AUDIT" in text]
    assert "events.AUTH;;disabled" in record
    assert "filters.AUTHZ;;" in record
    assert "OCSP_GENERATION" not in record


def test_what_did_not_change_is_not_recorded(scene: ConsoleScene, administrator: Browser) -> None:
    page = administrator.get(PAGE).text
    assert post_events(administrator, recorded(page), filters(page))[0] == 303
    assert administrator.post(f"{PAGE}/file", NUMBERS).status_code == 303
    assert not [text for text in scene.node.texts() if "CONFIG_SIGNED_AUDIT" in text]


def test_a_wrong_filter_is_said_and_the_form_comes_back(administrator: Browser) -> None:
    page = administrator.get(PAGE).text
    texts = filters(page) | {"AUTHZ": "<b>(Outcome"}
    status, answer = post_events(administrator, set(), texts)
    assert status == 422
    assert "AUTHZ: " in answer
    assert "<b>" not in answer
    assert filters(answer) == texts
    assert recorded(answer) == set()
    assert recorded(administrator.get(PAGE).text) == recorded(page)


def test_the_file_is_switched_on_with_its_numbers(administrator: Browser) -> None:
    form = NUMBERS | {"enabled": "yes", "flush_interval": "9"}
    assert administrator.post(f"{PAGE}/file", form).status_code == 303
    page = administrator.get(PAGE).text
    assert 'Signed file <span class="tag good">on</span>' in page
    assert 'value="9"' in page
    for wrong in ({"flush_interval": "0"}, {"buffer_size": "many"}, {"rollover": ""}):
        got = administrator.post(f"{PAGE}/file", NUMBERS | wrong)
        assert got.status_code == 422
        assert 'role="alert"' in got.text


def test_that_it_cannot_be_written_is_an_alarm(scene: ConsoleScene, administrator: Browser) -> None:
    administrator.post(f"{PAGE}/file", NUMBERS | {"enabled": "yes"})
    scene.node.gate.close("no space left on device")
    page = administrator.get(PAGE).text
    assert "The signed audit log cannot be written: no space left on device" in page


def test_auditors_read_the_files_and_change_nothing(scene: ConsoleScene) -> None:
    auditor = scene.browser(Role.AUDITOR)
    page = auditor.get(PAGE).text
    assert "ca_audit.20260301120000" in page
    assert "<button>Save" not in page
    got = auditor.get(f"{PAGE}/files/ca_audit")
    assert got.content == b"newer\n"
    assert got.headers["content-disposition"] == 'attachment; filename="ca_audit"'
    for name in ("nothing", "..%2fkeys", "%00"):
        assert auditor.get(f"{PAGE}/files/{name}").status_code == 404
    assert auditor.post(f"{PAGE}/file", NUMBERS).status_code == 403
    administrator = scene.browser(Role.ADMINISTRATOR)
    assert "ca_audit.2026" not in administrator.get(PAGE).text
    assert administrator.get(f"{PAGE}/files/ca_audit").status_code == 403


def test_a_form_that_did_not_come_whole_switches_nothing_off(
    scene: ConsoleScene, administrator: Browser
) -> None:
    before = recorded(administrator.get(PAGE).text)
    assert administrator.post(f"{PAGE}/events").status_code == 400
    assert administrator.post(f"{PAGE}/events", {"event": "AUTH"}).status_code == 400
    assert recorded(administrator.get(PAGE).text) == before
    assert not [text for text in scene.node.texts() if "CONFIG_SIGNED_AUDIT" in text]
