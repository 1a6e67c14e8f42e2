"""What arrives, as the pages about the sensor show it: protocols, formats, rates, gaps, silence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sealwire.access.roles import Role
from sealwire.sensor.observations import Numbered, Observations, Seen, SeenBatch
from tests.unit.console.sensor_scene import SensorConsole
from tests.unit.sensor.scene import SENDER

SOURCE = (SENDER.address, SENDER.certificate_sha256)
PAGES = ("/sensors/unit-1/syslog", "/sensors/syslog-server", "/sensors/sources")


@pytest.fixture
def scene() -> SensorConsole:
    made = SensorConsole()
    made.journal.receive(*[b"message"] * 1234)
    seen = Observations()
    counted = [
        Seen(SOURCE, "grades", "strict", 1200),
        Seen(SOURCE, "grades", "raw", 34),
        Seen(SOURCE, "formats", "rfc5424", 1234),
        Seen(SOURCE, "framing", "octets", 1234),
    ]
    seen.feed(SeenBatch(counted, [Numbered(SOURCE, "web", [1, 9])]))
    made.archive.seen = seen.documents()
    return made


def test_what_senders_speak_is_shown_with_its_number(scene: SensorConsole) -> None:
    page = scene.browser(Role.AUDITOR).get(PAGES[0]).text
    many = "1\N{NARROW NO-BREAK SPACE}234"
    for term, text in {
        "Protocols": f"tls ({many})",
        "TLS agreed on": f"TLSv1.3 x ({many})",
        "Framing": f"octets ({many})",
        "Formats": f"rfc5424 ({many})",
        "Read": "strict (1\N{NARROW NO-BREAK SPACE}200), raw (34)",
    }.items():
        assert f"<dt>{term}</dt><dd>{text}</dd>" in page
    assert '<dd data-live="sequence_missing">7</dd>' in page
    assert '<dd data-live="messages_per_second">0.0</dd>' in page


def test_nothing_is_said_of_what_there_is_nothing_of() -> None:
    page = SensorConsole().browser(Role.AUDITOR).get(PAGES[0]).text
    assert "TLS agreed on" not in page
    assert "Nobody has sent anything yet." in page


def test_each_source_says_what_it_speaks(scene: SensorConsole) -> None:
    browser = scene.browser(Role.AUDITOR)
    for path in PAGES:
        assert ">TLSv1.3, octets, rfc5424</td>" in browser.get(path).text


def test_a_hostile_rule_is_only_text(scene: SensorConsole) -> None:
    scene.archive.seen[0]["formats"] = {"<script>": 1}
    page = scene.browser(Role.AUDITOR).get(PAGES[0]).text
    assert "<script>" not in page.replace('<script src="', "")
    assert "&lt;script&gt;" in page


def test_a_silent_source_is_an_alarm_on_the_home_page(scene: SensorConsole) -> None:
    scene.sensor.stats()
    (source,) = scene.sensor._restored().sources.values()
    source.first_ns, source.last_ns = scene.ago_ns(hours=99), scene.ago_ns(hours=30)
    scene.sensor.moment_passed()
    assert "has sent nothing" not in scene.browser(Role.AUDITOR).get("/").text
    scene.clock.advance(timedelta(hours=1))
    scene.sensor.moment_passed()
    assert "(CN=a) has sent nothing for 31 hours" in scene.browser(Role.AUDITOR).get("/").text


def test_an_alarm_that_is_over_is_shown_as_such(scene: SensorConsole) -> None:
    browser = scene.browser(Role.AUDITOR)
    scene.sensor.receiver_alarm(0, "accepting_paused", "all connections are taken")
    assert "Sensor: receiver 0: all connections are taken" in browser.get("/").text
    assert "Over: " not in browser.get(PAGES[0]).text
    scene.clock.advance(timedelta(seconds=11))
    assert "all connections are taken" not in browser.get("/").text
    assert "Over: receiver 0: all connections are taken" in browser.get(PAGES[0]).text
