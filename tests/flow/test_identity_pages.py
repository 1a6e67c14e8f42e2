"""Import by dropping files, and the CSR wizard, in a browser with and without JavaScript."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest

from tests.flow.browser import PASSWORD, Person, chromium
from tests.flow.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

PAGE = "/sensors/syslog-server"
DROPPED = """([zone, files]) => {
  const carried = new DataTransfer();
  for (const [name, content] of files) {
    carried.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true }));
  }
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("pages") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def password(node: Node, browser: Browser) -> str:
    newcomer = Person(browser, node.console_url)
    newcomer.log_in_first("caadmin", node.one_time_password)
    newcomer.close()
    return PASSWORD


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_csr_is_checked_made_submitted_and_its_files_dropped(
    node: Node, browser: Browser, password: str, tmp_path: Path, *, scripts: bool
) -> None:
    person = Person(browser, node.console_url, scripts=scripts)
    person.log_in("caadmin", password)
    person.open(f"{PAGE}/csr")
    person.fill("Country Name (two-letter code)", "us")
    person.fill("State or Province", "Texas")
    person.fill("Common Name", "localhost")
    person.page.get_by_label("Kind of CA it is for").select_option("cisco")
    person.press("Check")
    person.expect("has the state abbreviated: TX.")
    person.expect("It is this machine's own name, localhost.")
    assert "openssl req -new" in person.page.locator("#openssl").inner_text()
    person.press("Generate")
    person.expect_heading("Certificate Signing Request")
    person.press("Submit request")
    person.expect("The request is in the queue.")
    person.press("Approve")
    person.expect("The request is approved and the certificate is issued.")
    person.page.locator("dd a.code").click()
    files = bag(person, node, tmp_path)
    person.open(PAGE)
    dropped(person, files, scripts=scripts)
    person.press("Check")
    person.expect("Nothing is installed yet")
    report = person.text()
    assert "root, not sent" in report
    assert "As needed, and as it will be sent" in report
    person.unfold("What became of each certificate")
    person.expect("not part of the chain")
    person.press("Save")
    person.expect("The certificate is installed.")
    name, issuing_first = person.download("Cisco order")
    assert name == "chain-cisco.pem"
    assert issuing_first.count("BEGIN CERTIFICATE") == 2
    assert person.complaints == []
    person.close()


def bag(person: Person, node: Node, folder: Path) -> list[Path]:
    """Leaf last, in one file, and a stranger in another."""
    text = person.download("Download with chain")[1]
    found = re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", text, re.DOTALL)
    (folder / "bag.pem").write_text("".join(reversed(found)))
    (folder / "stranger.pem").write_text(node.run("sensor", "identity", "chain"))
    return [folder / "bag.pem", folder / "stranger.pem"]


def dropped(person: Person, files: list[Path], *, scripts: bool) -> None:
    """With scripts one after the other onto the zone, without into the field that is there."""
    field = person.page.locator("#f-files")
    if not scripts:
        field.set_input_files([str(file) for file in files])
        return
    zone = person.page.locator("[data-drop]").element_handle()
    for file in files:
        content = base64.b64encode(file.read_bytes()).decode()
        person.page.evaluate(DROPPED, [zone, [[file.name, content]]])
    assert person.page.locator("[data-drop-list] li").count() == len(files)
