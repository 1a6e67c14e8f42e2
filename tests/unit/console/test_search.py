"""The search page and a record's page, from a sensor that holds a few records."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from sealwire.access.roles import Role
from sealwire.console.pages.search import EXAMPLES
from sealwire.errors import RefusedError, UnavailableError
from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.query_words import condition_of
from tests.unit.console.sensor_scene import SEGMENT, SensorConsole, stored

if TYPE_CHECKING:
    import httpx

    from tests.unit.console.scene import Browser

LINE = "<{pri}>1 2026-11-22T07:00:00Z web{host} sshd 411 LOGIN - number{n} of many"
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e<img src=x onerror=alert(1)>"


@pytest.fixture
def scene() -> SensorConsole:
    """Nothing was received yet."""
    return SensorConsole()


@pytest.fixture
def visitor(scene: SensorConsole) -> Browser:
    return scene.browser(Role.AUDITOR)


@pytest.fixture(scope="module")
def filled() -> SensorConsole:
    """130 records, one a second, for who only looks."""
    scene = SensorConsole()
    lines = [LINE.format(pri=32 + n % 8, host=n % 3, n=n).encode() for n in range(130)]
    scene.receive(lines)
    return scene


@pytest.fixture(scope="module")
def reader(filled: SensorConsole) -> Browser:
    return filled.browser(Role.AUDITOR)


def numbers(got: httpx.Response) -> list[int]:
    return [int(number) for number in re.findall(r'class="line">number(\d+) ', got.text)]


def link(got: httpx.Response, label: str) -> str:
    found = re.search(rf'href="([^"]*)"[^>]*>{re.escape(label)}<', got.text)
    assert found, label
    return unescape(found[1])


def test_the_newest_come_first_and_pages_lead_there_and_back(
    filled: SensorConsole, reader: Browser
) -> None:
    first = reader.get("/sensors/search")
    assert numbers(first) == list(range(129, 79, -1))
    assert "<strong>130 records</strong>" in first.text
    assert ">Newer<" not in first.text
    second = reader.get(link(first, "Older"))
    third = reader.get(link(second, "Older"))
    assert numbers(second) == list(range(79, 29, -1))
    assert numbers(third) == list(range(29, -1, -1))
    assert ">Older<" not in third.text
    back = reader.get(link(third, "Newer"))
    assert numbers(back) == numbers(second)
    assert numbers(reader.get(link(back, "Newer"))) == numbers(first)
    assert numbers(reader.get(link(back, "Older"))) == numbers(third)
    assert ">Newer<" not in reader.get(link(back, "Newer")).text


def test_the_oldest_may_come_first(filled: SensorConsole, reader: Browser) -> None:
    first = reader.get("/sensors/search?order=oldest")
    assert numbers(first) == list(range(50))
    assert ">Older<" not in first.text
    second = reader.get(link(first, "Newer"))
    assert numbers(second) == list(range(50, 100))
    assert numbers(reader.get(link(second, "Older"))) == numbers(first)


def test_words_and_time_narrow_it_down(filled: SensorConsole, reader: Browser) -> None:
    assert numbers(reader.get("/sensors/search?q=host%3Dweb1+severity%3C%3Derr")) == [
        n for n in range(129, -1, -1) if n % 3 == 1 and n % 8 <= 3
    ]
    until = filled.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
    span = f"since=2020-01-01T00:00&until={until}"
    assert "<strong>130 records</strong>" in reader.get(f"/sensors/search?{span}").text
    assert "<strong>0 records</strong>" in reader.get("/sensors/search?until=1h").text


def test_a_bar_and_a_value_are_links_to_less(filled: SensorConsole, reader: Browser) -> None:
    got = reader.get("/sensors/search?q=many+OR+few&range=15m")
    bars = re.findall(r'<a href="([^"]+)" tabindex="-1"><title>([^<]+)', got.text)
    assert sum(int(re.findall(r": (\d+) \(", words)[0]) for _, words in bars) == 130
    for address, words in bars[:3]:
        narrowed = reader.get(unescape(address))
        count = re.findall(r": (\d+) \(", words)[0]
        assert f"<strong>{count} record" in narrowed.text
    host = reader.get(link(got, "web2"))
    assert 'value="(many OR few) host=&#34;web2&#34;"' in host.text
    assert numbers(host) == [n for n in range(129, -1, -1) if n % 3 == 2][:50]


def test_an_address_is_a_saved_search(filled: SensorConsole, reader: Browser) -> None:
    got = reader.get("/sensors/search?q=number7&range=7d&order=oldest&redelivered=yes")
    for held in (
        'name="q" type="search" value="number7"',
        'value="7d" aria-current="true"',
        '<option value="oldest" selected>',
        'name="redelivered" value="yes" checked',
        'name="last" value="7d"',
    ):
        assert held in got.text
    custom = reader.get("/sensors/search?since=2026-01-01T00:00&until=2026-01-02T00:00:30")
    assert 'name="since" type="datetime-local" step="1" value="2026-01-01T00:00:00"' in custom.text
    assert 'value="2026-01-02T00:00:30"' in custom.text
    assert 'aria-current="true">All' not in custom.text
    assert 'name="last"' not in custom.text


@pytest.mark.parametrize(
    ("words", "marked", "said"),
    [
        ("host=web1 severity&lt;=foo", None, "foo"),
        ("host=web1 (login", "(", "never closed"),
        ("login AND", " ", "missing"),
        ("nofield=x", "n", "there is no field nofield"),
    ],
)
def test_a_fault_is_shown_at_its_place(
    filled: SensorConsole, reader: Browser, words: str, marked: str | None, said: str
) -> None:
    asked = unescape(words).replace("<", "%3C").replace(" ", "+")
    got = reader.get(f"/sensors/search?q={asked}")
    assert got.status_code == 400
    shown = re.search(
        r'<p class="fault[^>]*><code>(.*?)<mark[^>]*>(.*?)</mark>(.*?)</code>', got.text
    )
    assert shown
    assert (shown[1] + shown[2] + shown[3]).strip() == words
    assert marked is None or shown[2] == marked
    assert said in got.text
    assert f'value="{words}"' in got.text


@pytest.mark.parametrize(
    "query", ["since=yesterday", "range=5y", "cursor=x", "since=2026-01-02&until=2026-01-01"]
)
def test_what_is_no_question_keeps_what_was_typed(
    filled: SensorConsole, reader: Browser, query: str
) -> None:
    got = reader.get(f"/sensors/search?q=many&{query}")
    assert got.status_code == 400
    assert 'role="alert"' in got.text
    assert 'value="many"' in got.text


def test_nothing_found_says_what_may_be_why(scene: SensorConsole, visitor: Browser) -> None:
    assert "Nothing is stored and indexed yet." in visitor.get("/sensors/search").text
    scene.receive([b"<13>1 - web1 app - - - Something"])
    scene.archive.waiting = 12
    other = visitor.get("/sensors/search?q=omething")
    assert "message:part finds a part" in other.text
    assert "12 records and 0 bytes of the journal are not indexed yet" in other.text
    assert numbers(other) == []
    before = visitor.get("/sensors/search?since=2020-01-01&until=2020-01-02")
    assert "What is stored was received from" in before.text
    assert "Something" in visitor.get(link(before, "Search all of it")).text


def test_a_store_process_that_is_away_is_said_so(scene: SensorConsole, visitor: Browser) -> None:
    scene.archive.failing = UnavailableError("archive.unavailable", "the store process is away")
    got = visitor.get("/sensors/search?q=word")
    assert got.status_code == 503
    assert "the store process is away" in got.text
    assert 'value="word"' in got.text


def test_a_search_that_takes_too_long(scene: SensorConsole, visitor: Browser) -> None:
    scene.receive([LINE.format(pri=34, host=1, n=n).encode() for n in range(3)])
    costly = RefusedError("search.too_expensive", "This takes too long.", hint="Ask for less.")
    scene.archive.unable = costly
    got = visitor.get("/sensors/search")
    assert got.status_code == 200
    assert numbers(got)
    assert "too long to count" in got.text
    assert "Take a shorter time" in got.text
    scene.archive.failing = costly
    got = visitor.get("/sensors/search")
    assert got.status_code == 422
    assert "Ask for less." in got.text


def test_all_that_is_found_can_be_taken_away(filled: SensorConsole, reader: Browser) -> None:
    page = reader.get("/sensors/search?q=host%3Dweb1&order=oldest")
    got = reader.get(link(page, "Download all as JSON lines"))
    assert got.headers["content-disposition"] == 'attachment; filename="records.jsonl"'
    lines = [json.loads(line) for line in got.text.splitlines()]
    assert [line["seq"] - 1 for line in lines] == [n for n in range(130) if n % 3 == 1]
    assert lines[0]["host"] == "web1"


def test_every_example_is_a_question() -> None:
    for words, _ in EXAMPLES:
        assert condition_of(words) is not None


# --- one record ----------------------------------------------------------------------------------


def test_a_record_tells_all_and_names_its_evidence(filled: SensorConsole, reader: Browser) -> None:
    got = reader.get("/sensors/records/8")
    for told in (
        "number7 of many",
        "web1",
        "CN=web1,O=Example",
        "ab" * 32,
        "exactly as the RFC says",
        f"{filled.archive.kept[7].received_ns} ns",
        SEGMENT,
        "cd" * 32,
        "sealwire sensor record 8",
        f"{'cd' * 32}  segments/{SEGMENT}",
    ):
        assert told in got.text
    assert "In hexadecimal" not in got.text


@pytest.mark.parametrize("value", ["web1", "sshd", "411", "LOGIN", "192.0.2.7", "debug", "tls"])
def test_a_value_leads_to_a_search_that_finds_the_record(
    filled: SensorConsole, reader: Browser, value: str
) -> None:
    got = reader.get("/sensors/records/8")
    found = reader.get(link(got, {"tls": "TLS"}.get(value, value)))
    assert found.status_code == 200
    assert '/sensors/records/8"' in reader.get(f"{found.url}&order=oldest").text


def test_neighbours_are_of_the_same_source(scene: SensorConsole, visitor: Browser) -> None:
    made = scene.receive([b"<13>1 - h a - - - x%d" % n for n in range(4)])
    scene.archive.keep(
        stored(5, b"other", scene.ago_ns(seconds=2.5), peer_address="2001:db8::1"),
    )
    second = visitor.get(f"/sensors/records/{made[1].seq}")
    assert link(second, "Older of this source") == "/sensors/records/1"
    assert link(second, "Newer of this source") == "/sensors/records/3"
    assert "of this source" not in visitor.get("/sensors/records/5").text


def test_tls_is_told_where_it_is_known(scene: SensorConsole, visitor: Browser) -> None:
    tls = {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"}
    scene.archive.keep(stored(1, b"x", scene.ago_ns(days=2), **tls), stored(2, b"y", 1))
    assert "TLSv1.3 TLS_AES_256_GCM_SHA384" in visitor.get("/sensors/records/1").text
    assert "<dt>TLS</dt>" not in visitor.get("/sensors/records/2").text


def test_what_is_special_is_said(scene: SensorConsole, visitor: Browser) -> None:
    flags = RecordFlag.TRUNCATED | RecordFlag.HOST_NOT_ALLOWED
    scene.archive.keep(
        stored(1, b"<13>words", scene.ago_ns(seconds=1), flags=flags, certificate_sha256=None)
    )
    got = visitor.get("/sensors/records/1").text
    assert "Too long: its end was cut off." in got
    assert "This source may not claim this HOSTNAME." in got
    assert "none shown" in got
    assert "host not allowed" in visitor.get("/sensors/search").text


def test_hostile_and_binary_records_are_text(scene: SensorConsole, visitor: Browser) -> None:
    host = f"<13>1 - {HOSTILE.replace(' ', '')} app - - - {HOSTILE}".encode()
    scene.receive([host, b"<13>1 - h a - - - \x00\x01\xff\xfe", b'<13>1 - h" q\\ - - - "x" \\'])
    pages = [visitor.get(f"/sensors/records/{seq}") for seq in (1, 2, 3)]
    pages.append(visitor.get("/sensors/search"))
    for got in pages:
        assert got.status_code == 200
        assert not re.search(r"<script>alert|<img src=x", got.text)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", got.text)
    assert "00 01 ff fe" in pages[1].text
    assert visitor.get("/sensors/records/2/raw").content.endswith(b"\x00\x01\xff\xfe")
    quoted = visitor.get(link(pages[2], "h&#34;"))
    assert quoted.status_code == 200
    assert "/sensors/records/3" in quoted.text


@pytest.mark.parametrize("seq", ["0", "7", "99999999999999999999999", "one", "-1"])
def test_a_record_that_is_not_there(scene: SensorConsole, visitor: Browser, seq: str) -> None:
    assert visitor.get(f"/sensors/records/{seq}").status_code == 404


def test_an_agent_may_not_read_records(filled: SensorConsole) -> None:
    browser = filled.browser(Role.AGENT)
    for path in ("/sensors/search", "/sensors/records/1", "/sensors/records/1/raw"):
        assert browser.get(path).status_code == 403
