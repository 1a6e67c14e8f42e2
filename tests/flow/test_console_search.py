"""Searching at the console of a live node, without JavaScript: narrow down, look, check."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.flow.authority import LOOPBACK
from tests.flow.browser import Person, chromium
from tests.flow.node import Node
from tests.flow.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LINES = [
    f"<{32 + number % 8}>1 2026-11-22T07:00:00Z web{number % 3} sshd {number} - - "
    f"login{number} of many".encode()
    for number in range(120)
]
HOSTILE = "<11>1 - \u202e<script>alert(1)</script> app - - - hostile <img src=x onerror=alert(1)>"
BINARY = b"<13>1 - web1 app - - - binary \x00\xff\x1b[2J " + b"W" * 8000


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("searched") / "home") as running:
        running.run("user", "role", "caadmin", "administrator", "agent")
        send(running, [*LINES, HOSTILE.encode(), BINARY])
        yield running


def send(node: Node, messages: Sequence[bytes]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection((LOOPBACK, node.target.port))) as connection:
        connection.sendall(b"".join(b"%d %b" % (len(one), one) for one in messages))
        connection.unwrap().close()


@pytest.fixture
def person(node: Node) -> Iterator[Person]:
    with chromium() as browser:
        somebody = Person(browser, node.console_url, scripts=False)
        somebody.log_in_first("caadmin", node.one_time_password)
        yield somebody
        assert somebody.complaints == []
        somebody.close()


def found(person: Person) -> int:
    """How many records the page says there are."""
    shown = re.search(r"([\d\u202f]+) records?", person.page.locator(".found").inner_text())
    assert shown
    return int(shown[1].replace("\u202f", ""))


def drawn(person: Person) -> list[int]:
    """Records of each bar."""
    titles = person.page.locator(".bars title").all_text_contents()
    return [int(re.findall(r": (\d+) \(", title)[0]) for title in titles]


def test_from_a_question_to_the_bytes(person: Person, node: Node) -> None:
    wait_until(lambda: everything(person) == len(LINES) + 2, "the records", 20.0)
    assert sum(drawn(person)) == len(LINES) + 2
    narrowed_down(person)
    checked(person, node)
    hostile(person)
    named(person)


def everything(person: Person) -> int:
    person.choose("Data Sources", "Search")
    return found(person)


def narrowed_down(person: Person) -> None:
    """By words, by time, by a click at a bar, by a value; a fault of the words is shown."""
    person.fill("Search for", "many AND (host=web1")
    person.press("Search")
    person.expect("this parenthesis is never closed.")
    assert person.page.locator("mark").inner_text() == "("
    person.fill("Search for", "many severity<=err")
    person.press("15 minutes")
    assert found(person) == 60
    first = drawn(person)[0]
    person.page.locator(".bars a").first.click(position={"x": 1, "y": 1}, force=True)
    person.page.locator("#f-since:not([value=''])").wait_for()
    assert found(person) == first
    person.press("All")
    person.page.locator("td a.value", has_text="web1").first.click()
    assert person.page.locator("#f-q").input_value() == 'many severity<=err host="web1"'
    assert found(person) == sum(1 for n in range(120) if n % 8 <= 3 and n % 3 == 1)


def checked(person: Person, node: Node) -> None:
    """One record in full; the commands that it names say the same."""
    person.fill("Search for", "login77")
    person.press("Search")
    assert found(person) == 1
    person.page.locator(".records td.when a").click()
    person.expect("login77 of many")
    shown = person.text()
    assert LINES[77].decode() in shown
    seq = person.page.url.rpartition("/")[2]
    evidence = node.json("sensor", "record", seq)["evidence"]
    for told in (
        evidence["segment"],
        evidence["sha256"],
        "exactly as the RFC says",
        "TLSv1.3",
        "web2",
    ):
        assert told in shown
    command = person.page.locator("#check").inner_text().splitlines()[1]
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=node.home, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.rpartition(": ")[2]) == (0, "OK\n")
    person.follow("Newer of this source")
    person.expect("login78 of many")
    person.follow("web0")
    assert found(person) == 40


def hostile(person: Person) -> None:
    """Markup and bytes of senders are text, and widen no page."""
    person.open("/sensors/search?q=hostile+OR+binary")
    assert found(person) == 2
    narrow(person)
    for position, told in ((1, "<img src=x onerror=alert(1)>"), (0, "1b 5b 32 4a")):
        person.open("/sensors/search?q=hostile+OR+binary")
        person.page.locator(".records td.when a").nth(position).click()
        person.page.get_by_role("heading", name="Evidence").wait_for()
        assert told in person.text()
        narrow(person)
    assert person.page.locator("main script, main img").count() == 0


def narrow(person: Person) -> None:
    """No page is wider than its window (without scripts nothing else can measure it)."""
    for width in (1280, 390):
        person.page.set_viewport_size({"width": width, "height": 900})
        widest = person.page.locator("main, header, footer").evaluate_all(
            "parts => Math.max(...parts.map(part => part.getBoundingClientRect().right))"
        )
        assert widest <= width, (person.page.url, width)


def named(person: Person) -> None:
    """A sender is named, and no longer."""
    person.page.set_viewport_size({"width": 1280, "height": 900})
    person.choose("Data Sources", "Admission")
    person.fill("Name", "web servers")
    person.press("Name it")
    person.expect("this names no sender")
    person.fill("Name", "webs")
    person.fill("Address or network", "192.0.2.0/24")
    person.press("Name it")
    person.expect("The sender is named.")
    person.press("Remove webs")
    person.expect("The sender is no longer named.")
