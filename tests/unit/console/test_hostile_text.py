"""What comes from outside is text: never markup, never a script, never unseen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sealwire.console
from sealwire.access.roles import Role
from sealwire.console.rendering import environment, visible
from tests.unit.console.scene import ConsoleScene

TEMPLATES = sorted((Path(sealwire.console.__file__).parent / "templates").rglob("*.html"))
HOSTILE = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "</textarea><script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07",
    "user\u202egnp.exe",
    "\u2066isolated\u2069",
    "zero\u200bwidth\ufeff",
    "a\x00b\x7f\x85",
    "\u2028line\u2029paragraph",
    "=cmd|' /C calc'!A0",
    "\ud800 half",
    "x" * 65536,
]


@pytest.fixture(scope="module")
def scene() -> ConsoleScene:
    return ConsoleScene()


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_every_expression_is_escaped_and_made_visible(text: str) -> None:
    template = environment().from_string('<p title="{{ text }}">{{ text }}</p>')
    page = template.render(text=text)
    page.encode("utf-8")
    inside = page.removeprefix('<p title="').removesuffix("</p>")
    assert not re.search(r"[<>]", inside.replace('">', "", 1))
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", page
    )


def test_plain_text_stays_as_it_is() -> None:
    for text in ("CN=www.example.com", "Ağa Çelik", "日本語", "line\nline\ttab", "emoji 🙂"):
        assert visible(text) == text


@pytest.mark.parametrize("text", HOSTILE[:-2], ids=lambda text: ascii(text)[:30])
def test_a_user_name_typed_into_the_log_in(scene: ConsoleScene, text: str) -> None:
    got = scene.stranger().post("/login", {"user": text, "password": "x"})
    assert got.status_code in {401, 422, 429}
    assert text[:20] not in got.text or not re.search(r"[<>\x00-\x1f\u200b-\u2069]", text)


@pytest.mark.parametrize("text", HOSTILE[:-2], ids=lambda text: ascii(text)[:30])
def test_a_refused_form_comes_back_with_what_was_typed(scene: ConsoleScene, text: str) -> None:
    browser = scene.browser(*Role)
    for path, field in (
        ("/authority/requests/new", "csr"),
        ("/system/audit-log/destinations", "host"),
        ("/system/audit-log-certificate/csr", "common_name"),
        ("/system/audit-log-certificate/import", "certificate"),
        ("/system/users", "full_name"),
    ):
        got = browser.post(path, {field: text, "name": "one", "port": "1", "key_type": "p256"})
        assert got.status_code < 500, (path, got.status_code)
        assert "<script>alert" not in got.text
        assert "<img src=x" not in got.text
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202e\u2066]", got.text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_nothing_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", text)
    text = re.sub(r"\{[{%].*?[%}]\}", "", text)
    assert not re.search(r"\bstyle\s*=", text)
    assert not re.search(r"\bon[a-z]+\s*=", text)
    assert not re.search(r"javascript:", text, re.IGNORECASE)
    assert not re.search(r"<style\b|<script\b(?![^>]*\bsrc=)", text)
    assert not re.search(r"(?:href|src|action)=\"(?:https?:)?//", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_changes_something_carries_its_token(path: Path) -> None:
    for form in re.findall(r"<form\b.*?</form>", path.read_text(encoding="utf-8"), re.DOTALL):
        assert ("m.token(form_token)" in form) == ('method="post"' in form), form


@pytest.mark.parametrize("code", ["<b>", "nothing", "approved"])
def test_an_address_cannot_put_words_on_a_page(scene: ConsoleScene, code: str) -> None:
    page = scene.browser(*Role).get(f"/?done={code}").text
    assert "<b>" not in page
    assert ("The request is approved" in page) == (code == "approved")


@pytest.mark.parametrize(
    "path",
    [
        "/authority/requests/" + "9" * 70,
        "/authority/requests/0x7",
        "/authority/requests/%F0%9F%99%82",
        "/authority/requests/²",
        "/authority/requests?start=99999999999999999999&status=<b>",
        "/authority/certificates/1?start=-1",
        "/authority/certificates?start=²",
        "/authority/audit-log?before=99999999999999999999",
        "/authority/profiles/%2e%2e%2f%2e%2e%2fetc",
        "/static/..%2f..%2fapp.py",
        "/static/../templates/base.html",
        "/system/audit-log-certificate/csr/..%2f..",
    ],
)
def test_odd_addresses_break_nothing(scene: ConsoleScene, path: str) -> None:
    got = scene.browser(*Role).get(path)
    assert got.status_code in {200, 404}
    assert "import annotations" not in got.text
    assert "{% block" not in got.text


def test_a_form_too_large_is_not_read(scene: ConsoleScene) -> None:
    browser = scene.browser(*Role)
    token = browser.token("/password")
    got = browser.form(
        "/authority/requests/new", {"form_token": token, "csr": "x" * (9 * 1024 * 1024)}
    )
    assert got.status_code in {413, 422}
