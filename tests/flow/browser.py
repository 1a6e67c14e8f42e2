"""Debian's Chromium, driven like a person drives it: by what is written on labels and buttons."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as BrowserTimeoutError

from tests.flow.peers import PeerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PASSWORD = "a password of my own"
CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A window that is not yet as wide as it was told to be shows nothing: it counts as too narrow.
OVERFLOW = """width => innerWidth === width
    ? document.documentElement.scrollWidth - document.documentElement.clientWidth
    : width"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser. `PeerError` when it is not installed."""
    if not CHROMIUM.exists():
        raise PeerError(f"{CHROMIUM} is not installed: run 'make debian'")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


class Person:
    """Somebody at a browser of their own. ``complaints`` is what the browser objected to."""

    def __init__(self, browser: Browser, url: str, *, scripts: bool = True) -> None:
        self.url = url
        self._context = browser.new_context(
            ignore_https_errors=True, java_script_enabled=scripts, accept_downloads=True
        )
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._heard(message.text))

    def _heard(self, text: str) -> None:
        # A refused form answers 4xx, which Chromium's console says by itself.
        if not text.startswith(("Failed to load resource", "[DOM]")):
            self.complaints.append(text)

    def close(self) -> None:
        """Go away."""
        self._context.close()

    def open(self, path: str = "/") -> None:
        """Type an address."""
        self.page.goto(self.url + path)

    def choose(self, *names: str) -> None:
        """Click through the menu, e.g. ``System > Configuration`` then ``Audit Log``."""
        group, entry = names
        heading = self.page.get_by_role("heading", name=group, exact=True)
        listed = heading.locator("xpath=following-sibling::ul[1]")
        listed.get_by_role("link", name=entry, exact=True).click()
        self.expect_heading(entry)

    def fill(self, label: str, text: str) -> None:
        """Type into the field of that label."""
        self.page.get_by_label(label, exact=True).first.fill(text)

    def press(self, name: str) -> None:
        """Click the button of that name."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def press_and_go(self, name: str) -> None:
        """The same, and wait for the page that answers, which may have the same address."""
        with self.page.expect_navigation():
            self.press(name)

    def follow(self, name: str) -> None:
        """Click the link of that name."""
        self.page.get_by_role("link", name=name).first.click()

    def unfold(self, name: str) -> None:
        """Open what is folded under ``name``."""
        self.page.locator("summary", has_text=name).first.click()

    def text(self) -> str:
        """All that can be read on the page."""
        return self.page.locator("body").inner_text()

    def expect(self, text: str) -> None:
        """Wait until it can be read on the page."""
        try:
            self.page.get_by_text(text).first.wait_for()
        except BrowserTimeoutError:
            raise PeerError(f"{text!r} is not on {self.page.url}:\n{self.text()}") from None

    def expect_heading(self, text: str) -> None:
        """Wait until this is the page's title."""
        self.page.get_by_role("heading", level=1, name=text, exact=True).wait_for()

    def download(self, name: str) -> tuple[str, str]:
        """Click a link that downloads; the file's name and text."""
        with self.page.expect_download() as waiting:
            self.follow(name)
        return waiting.value.suggested_filename, waiting.value.path().read_text()

    def log_in(self, user: str, password: str) -> None:
        """Open the console and log in."""
        self.open("/login")
        self.fill("User name", user)
        self.fill("Password", password)
        self.press("Log in")

    def log_in_first(self, user: str, one_time: str, password: str = PASSWORD) -> None:
        """Log in with a one-time password and choose one."""
        self.log_in(user, one_time)
        self.expect_heading("Change password")
        self.fill("Present password", one_time)
        self.fill("New password", password)
        self.fill("New password again", password)
        self.press("Change password")
        self.expect_heading("Home")

    def log_in_in_vain(self, user: str) -> None:
        """On the log-in page, which comes again: try a wrong password."""
        self.fill("User name", user)
        self.fill("Password", "wrong")
        self.press_and_go("Log in")
        self.page.get_by_role("alert").wait_for()

    def packets_received(self) -> int:
        """What stands under *Packets Received* now."""
        shown = self.page.locator("dd[data-live=packets_received]").first.inner_text()
        return int(re.sub(r"\D", "", shown))

    def overflow(self, width: int) -> int:
        """By how many pixels the page is wider than a window of that width, once laid out."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.wait_for_load_state()
        # Most pages fit, and are asked once: this is asked for hundreds of them.
        over = self.page.evaluate(OVERFLOW, width)
        if over > 0:
            with suppress(BrowserTimeoutError):
                self.page.wait_for_function(
                    f"width => ({OVERFLOW})(width) <= 0", arg=width, timeout=2000
                )
            over = self.page.evaluate(OVERFLOW, width)
        return int(over)
