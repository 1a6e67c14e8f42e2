"""Naming senders on the console, and who was refused."""

from __future__ import annotations

import pytest

from sealwire.access.roles import Role
from sealwire.console.pages.senders import FRAMINGS, reasons
from sealwire.sensor.statistics import TlsFailure
from sealwire.syslog.kinds import Framing
from tests.unit.console.sensor_scene import SensorConsole

PAGE = "/sensors/admission"
SENDER = {
    "name": "edge",
    "network": "192.0.2.0/24",
    "hosts": "fw1, fw2 *.example.com",
    "framing": "lines",
}


@pytest.fixture
def scene() -> SensorConsole:
    return SensorConsole()


def test_a_sender_is_named_shown_and_forgotten(scene: SensorConsole) -> None:
    scene.sensor.ensure_identity()
    browser = scene.browser(Role.ADMINISTRATOR)
    got = browser.post(PAGE, SENDER, page=PAGE)
    assert (got.status_code, got.headers["location"]) == (303, f"{PAGE}?done=admitted")
    (sender,) = scene.sensor.senders()
    assert (sender.name, str(sender.network)) == ("edge", "192.0.2.0/24")
    assert sender.hosts == ("fw1", "fw2", "*.example.com")
    assert sender.framing is Framing.LINES
    shown = browser.get(f"{PAGE}?done=admitted").text
    for text in ("edge", "192.0.2.0/24", "fw1, fw2, *.example.com", "lines (LF", "is named"):
        assert text in shown
    assert "every sender whose certificate holds" in shown
    got = browser.post(f"{PAGE}/remove", {"name": "edge"}, page=PAGE)
    assert got.headers["location"] == f"{PAGE}?done=dismissed"
    assert scene.sensor.senders() == []


def test_all_faults_are_told_and_what_was_typed_stays(scene: SensorConsole) -> None:
    browser = scene.browser(Role.ADMINISTRATOR)
    wrong = {"name": "<b>", "fingerprint": "12", "network": "192.0.2.7/24", "framing": "nul"}
    got = browser.post(PAGE, wrong, page=PAGE)
    assert got.status_code == 422
    for text in (
        "name: letters",
        "fingerprint: 64",
        "network: ",
        'value="&lt;b&gt;"',
        'value="12"',
    ):
        assert text in got.text
    assert '<option value="nul" selected>' in got.text
    assert scene.sensor.senders() == []


def test_an_auditor_looks_only(scene: SensorConsole) -> None:
    scene.browser(Role.ADMINISTRATOR).post(PAGE, SENDER, page=PAGE)
    got = scene.browser(Role.AUDITOR).get(PAGE).text
    assert "192.0.2.0/24" in got
    assert "Name it" not in got
    assert "Remove" not in got


def test_who_was_refused_is_summed_up_by_reason(scene: SensorConsole) -> None:
    scene.sensor.connections_refused(
        [
            TlsFailure("192.0.2.1", "not_admitted", "none of those <b>admitted</b>", 3, 1_000),
            TlsFailure("192.0.2.2", "not_admitted", "none of those <b>admitted</b>", 4, 2_000),
            TlsFailure("192.0.2.2", "expired", "its certificate has expired", 1, 3_000),
        ]
    )
    assert reasons(scene.sensor.stats()["tls_failures"]) == [
        ("none of those <b>admitted</b>", 7, 2),
        ("its certificate has expired", 1, 1),
    ]
    got = scene.browser(Role.AUDITOR).get(PAGE).text
    counts = '<td data-label="Times">7</td><td data-label="Addresses">2</td>'
    assert f"<td>none of those &lt;b&gt;admitted&lt;/b&gt;</td>{counts}" in got


def test_every_framing_has_its_words() -> None:
    assert set(FRAMINGS) == set(Framing)


def test_pages_say_how_far_the_archive_is_and_what_is_wrong(scene: SensorConsole) -> None:
    scene.receive([b"<13>1 - web1 app - - - one", b"<13>1 - web1 app - - - two"])
    scene.archive.waiting = 5
    scene.sensor.archive_alarm("store_restarted", "the store process ended <b>")
    browser = scene.browser(Role.ADMINISTRATOR)
    for path in ("/sensors/unit-1/syslog", "/sensors/syslog-server"):
        got = browser.get(path).text
        assert "<dt>Records stored</dt><dd>7</dd>" in got
        assert "<dt>Wait for the index</dt><dd>5</dd>" in got
        assert "1, 34 kB" in got
        assert "1.2 MB" in got
        assert "the store process ended &lt;b&gt;" in got


def test_hours_of_silence_are_chosen_for_all_or_for_one(scene: SensorConsole) -> None:
    browser = scene.browser(Role.ADMINISTRATOR)
    page = "/sensors/sources"
    assert "24 hours" in browser.get(page).text
    for fields in ({"hours": "0"}, {"hours": "1.5", "address": "192.0.2.1"}):
        got = browser.post(f"{page}/silence", fields, page=page)
        assert got.headers["location"] == f"{page}?done=changed"
    shown = browser.get(page).text
    assert "never an alarm</dd>" in shown
    assert "192.0.2.1: 1.5 hours" in shown
    assert browser.post(f"{page}/silence", {"hours": "soon"}, page=page).status_code == 400
    assert browser.post(f"{page}/silence", {"hours": "nan"}, page=page).status_code == 422
    browser.post(f"{page}/silence/remove", {"address": "192.0.2.1"}, page=page)
    assert scene.sensor.silence().sources == {}
    assert "Save" not in scene.browser(Role.AUDITOR).get(page).text


def test_a_source_leads_to_its_records(scene: SensorConsole) -> None:
    scene.journal.receive(b"<13>1 - h a - - - x")
    got = scene.browser(Role.AUDITOR).get("/sensors/sources").text
    assert 'href="/sensors/search?q=source%3D%22192.0.2.1%22&amp;range=all"' in got
    assert f"certificate%3D{'ab' * 32}&amp;range=all" in got
    assert "Port </span>6514</td>" in got
