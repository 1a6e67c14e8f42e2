"""Certificates: found, looked at, revoked, held and released; the CRL's page."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

import pytest
from cryptography import x509

from sealwire.access.roles import Role
from tests.unit.ca.publishing import issued
from tests.unit.console.scene import Browser, ConsoleScene

PAGE = "/authority/certificates"
SURE = {"sure": "yes"}


@pytest.fixture(scope="module")
def shared() -> tuple[ConsoleScene, Browser, list[int]]:
    """Three certificates, to be looked at only."""
    scene = ConsoleScene()
    names = ("www.example.com", "mail.example.com", "old.example.org")
    serials = [issued(scene.node.base, name) for name in names]
    agent = scene.browser(Role.AGENT)
    agent.post(f"{PAGE}/{serials[2]}/revoke", {"reason": "4", **SURE})
    return scene, agent, serials


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


@pytest.fixture
def agent(scene: ConsoleScene) -> Browser:
    return scene.browser(Role.AGENT)


def found(page: str) -> set[int]:
    return {int(serial) for serial in re.findall(rf'class="code" href="{PAGE}/(\d+)"', page)}


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ({}, {0, 1, 2}),
        ({"cn": "example.com"}, {0, 1}),
        ({"cn": "WWW"}, {0}),
        ({"o": "Exam"}, {0, 1, 2}),
        ({"cn": "nothing"}, set()),
        ({"status": "REVOKED"}, {2}),
        ({"status": "VALID"}, {0, 1}),
        ({"issued_by": "caadmin"}, {0, 1, 2}),
        ({"issued_by": "somebody"}, set()),
        ({"issued_from": "2026-11-22", "issued_to": "2026-11-22"}, {0, 1, 2}),
        ({"issued_to": "2026-11-21"}, set()),
        ({"ends_from": "2100-01-01"}, set()),
    ],
    ids=str,
)
def test_search(
    shared: tuple[ConsoleScene, Browser, list[int]], query: dict[str, str], places: set[int]
) -> None:
    _, agent, serials = shared
    got = agent.get(f"{PAGE}?{urlencode(query)}")
    assert got.status_code == 200
    ours = found(got.text) & set(serials)
    assert ours == {serials[place] for place in places}


def test_search_by_serial_number(shared: tuple[ConsoleScene, Browser, list[int]]) -> None:
    _, agent, serials = shared
    colons = re.sub("(..)(?!$)", r"\1:", f"{serials[0]:040X}")
    for text in (f"{serials[0]:#x}", str(serials[0]), colons):
        assert found(agent.get(f"{PAGE}?{urlencode({'serial': text})}").text) == {serials[0]}


@pytest.mark.parametrize(
    "query",
    [
        {"serial": "0x"},
        {"serial": "<b>"},
        {"serial": "9" * 200},
        {"serial": "\u0661"},
        {"status": "GOOD"},
        {"issued_from": "yesterday"},
        {"ends_to": "9999-12-31"},
    ],
    ids=str,
)
def test_a_search_that_cannot_be_is_explained_on_its_page(
    shared: tuple[ConsoleScene, Browser, list[int]], query: dict[str, str]
) -> None:
    got = shared[1].get(f"{PAGE}?{urlencode(query)}")
    assert got.status_code == 400
    assert 'role="alert"' in got.text
    assert "<b>" not in got.text
    assert found(got.text) == set()


def test_status_in_the_list(shared: tuple[ConsoleScene, Browser, list[int]]) -> None:
    page = shared[1].get(PAGE).text
    assert '<span class="tag good">valid</span>' in page
    assert '<span class="tag bad">revoked</span>' in page


def test_downloads_alone_and_with_the_chain(
    shared: tuple[ConsoleScene, Browser, list[int]],
) -> None:
    _, agent, (serial, *_) = shared
    assert len(x509.load_pem_x509_certificates(agent.get(f"{PAGE}/{serial}/pem").content)) == 3
    (alone,) = x509.load_pem_x509_certificates(agent.get(f"{PAGE}/{serial}/alone/pem").content)
    der = agent.get(f"{PAGE}/{serial}/alone/der")
    assert der.headers["content-type"] == "application/pkix-cert"
    assert x509.load_der_x509_certificate(der.content) == alone
    assert alone.serial_number == serial


def test_revoked_with_reason_comments_and_invalidity(scene: ConsoleScene, agent: Browser) -> None:
    serial = issued(scene.node.base)
    page = f"{PAGE}/{serial}"
    form = {"reason": "1", "comments": "<b>lost</b>", "invalidity": "2026-11-20T08:30"}
    unsure = agent.post(f"{page}/revoke", form)
    assert unsure.status_code == 400
    assert "Nothing was changed." in unsure.text
    assert "&lt;b&gt;lost&lt;/b&gt;" in unsure.text
    assert '<option value="1" selected>Key Compromise</option>' in unsure.text
    assert agent.post(f"{page}/revoke", form | SURE).status_code == 303
    after = unescape(agent.get(page).text)
    assert '<span class="tag bad">revoked</span>' in after
    assert "Key Compromise" in after
    assert "2026-11-20 08:30:00 UTC" in after
    assert "I am sure" not in after
    request = agent.get("/authority/requests?status=complete").text
    assert "revocation" in request
    again = agent.post(f"{page}/revoke", form | SURE)
    assert again.status_code == 409
    assert "revoked already" in again.text


def test_held_and_released(scene: ConsoleScene, agent: Browser) -> None:
    page = f"{PAGE}/{issued(scene.node.base)}"
    assert agent.post(f"{page}/hold", SURE).status_code == 303
    held = agent.get(page).text
    assert '<span class="tag soon">on hold</span>' in held
    assert "Put on hold</button>" not in held
    assert agent.post(f"{page}/release", SURE).status_code == 303
    assert '<span class="tag good">valid</span>' in agent.get(page).text
    assert agent.post(f"{page}/release", SURE).status_code == 409


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"reason": "99"}, 422),
        ({"reason": ""}, 422),
        ({"reason": "1", "invalidity": "soon"}, 400),
        ({"reason": "1", "comments": "a\x00b"}, 422),
    ],
    ids=str,
)
def test_a_revocation_that_cannot_be(
    scene: ConsoleScene, agent: Browser, form: dict[str, str], code: int
) -> None:
    page = f"{PAGE}/{issued(scene.node.base)}"
    assert agent.post(f"{page}/revoke", form | SURE).status_code == code
    assert '<span class="tag good">valid</span>' in agent.get(page).text


def test_only_agents_are_shown_the_forms(
    shared: tuple[ConsoleScene, Browser, list[int]],
) -> None:
    scene, _, serials = shared
    for role in (Role.AUDITOR, Role.ADMINISTRATOR, Role.OPERATOR):
        page = scene.browser(role).get(f"{PAGE}/{serials[0]}").text
        assert "I am sure" not in page


def test_the_crl_is_published_and_downloaded(scene: ConsoleScene, agent: Browser) -> None:
    page = "/authority/crl"
    assert "None yet" in agent.get(page).text
    assert agent.get(f"{page}/ca/file").status_code == 404
    agent.post(f"{PAGE}/{issued(scene.node.base)}/revoke", {"reason": "0", **SURE})
    assert agent.post(f"{page}/ca/publish").status_code == 303
    shown = agent.get(page).text
    for text in (
        "<dt>Number</dt><dd>1</dd>",
        "<dt>Entries</dt><dd>1</dd>",
        "http://pki.example.com/crl/ca.crl",
        "http://pki.example.com/ocsp",
    ):
        assert text in shown
    got = agent.get(f"{page}/ca/file")
    assert got.headers["content-type"] == "application/pkix-crl"
    assert len(list(x509.load_der_x509_crl(got.content))) == 1
    assert agent.post(f"{page}/delta/publish").status_code == 404
    assert "Publish now" not in scene.browser(Role.AUDITOR).get(page).text
