"""Revocation lists of both sides, and the doctor, in the console."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealwire.access.roles import Role
from sealwire.identity.checkup import Ailment, CheckStep, Judgement, StepName, caution, fault, note
from sealwire.identity.examination import Question
from tests.unit.ca.scene import START
from tests.unit.console.scene import Browser, ConsoleScene

PAGE = "/system/revocation-lists"
URL = "http://crl.example.com/ca.crl"


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


@pytest.fixture
def operator(scene: ConsoleScene) -> Browser:
    return scene.browser(Role.OPERATOR)


def crl(days: int = 1) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "<b>CRL</b> CA")])
    builder = x509.CertificateRevocationListBuilder(name, START, START + timedelta(days=days))
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def test_a_list_by_address_is_loaded_refreshed_and_removed(
    scene: ConsoleScene, operator: Browser
) -> None:
    scene.web.pages[URL] = crl()
    assert operator.post(PAGE, {"name": "corporate", "location": URL}).status_code == 303
    page = operator.get(PAGE).text
    for text in ("corporate", URL, '<span class="tag good">good</span>', "b\\&gt;CRL"):
        assert text in page
    assert "<b>" not in page
    scene.web.pages.clear()
    for path in (f"{PAGE}/corporate/refresh", f"{PAGE}/refresh"):
        assert operator.post(path).headers["location"] == PAGE
    failed = operator.get(PAGE).text
    assert '<span class="tag bad">failed</span>' in failed
    assert "nobody &lt;b&gt;answers&lt;/b&gt;" in failed
    scene.web.pages[URL] = crl(days=2)
    assert operator.post(f"{PAGE}/refresh").headers["location"] == f"{PAGE}?done=loaded"
    assert operator.post(f"{PAGE}/corporate/remove").status_code == 400
    assert operator.post(f"{PAGE}/corporate/remove", {"sure": "yes"}).status_code == 303
    assert "There is no list." in operator.get(PAGE).text
    assert operator.post(f"{PAGE}/corporate/refresh").status_code == 404


def test_a_list_handed_in_grows_stale(scene: ConsoleScene, operator: Browser) -> None:
    form = {"name": "handed", "list": crl().decode(), "stale_policy": "hard"}
    assert operator.post(PAGE, form).status_code == 303
    assert "handed in" in operator.get(PAGE).text
    scene.node.base.clock.advance(timedelta(days=3))
    page = scene.browser(Role.AUDITOR).get(PAGE).text
    assert '<span class="tag bad">stale</span>' in page
    assert "Add a list" not in page


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"name": "one"},
        {"name": "one", "location": "ftp://example.com/<b>"},
        {"name": "<b>", "location": URL},
        {"name": "one", "location": URL, "refresh_seconds": "often"},
        {"name": "one", "location": URL, "refresh_seconds": "1"},
        {"name": "one", "location": URL, "stale_policy": "hard"},
        {"name": "one", "list": "no list"},
    ],
    ids=str,
)
def test_a_list_that_cannot_be_is_explained(operator: Browser, form: dict[str, str]) -> None:
    got = operator.post(PAGE, form)
    assert got.status_code == 422
    assert 'role="alert"' in got.text
    assert "<b>" not in got.text
    assert form.get("location", "") in unescape(got.text)
    assert "There is no list." in operator.get(PAGE).text


def test_a_node_without_a_sensor_has_no_lists_for_it(operator: Browser) -> None:
    assert operator.get("/sensors/revocation-lists").status_code == 404


STEPS = (
    CheckStep(StepName.DNS, Judgement("192.0.2.1"), 1.25),
    CheckStep(
        StepName.CHAIN,
        Judgement(
            "CN=<b>log</b>",
            (
                fault(Ailment.NO_INTERMEDIATE, "It sends <i>no</i> intermediate.", "Send it."),
                note(Ailment.ROOT_INCLUDED, "It sends the root."),
            ),
        ),
        20.0,
    ),
    CheckStep(
        StepName.VALIDITY, Judgement("", (caution(Ailment.EXPIRES_SOON, "Ends soon.", "Renew."),))
    ),
    CheckStep(StepName.MESSAGE, Judgement(skipped="no session")),
)


def test_the_doctor_is_asked_and_shows_every_step(scene: ConsoleScene, operator: Browser) -> None:
    scene.doctor.steps = STEPS
    form = {"host": "log.example.com", "port": "6514", "message": "yes", "trust": "PEM"}
    page = operator.post("/system/doctor", form).text
    for text in (
        'log.example.com, port 6514: <span class="tag bad">failed</span>',
        "host name",
        "1.2 ms",
        '<span class="tag bad">failed</span>',
        '<span class="tag soon">warning</span>',
        '<span class="tag ">skipped</span>',
        "<code>chain.no_intermediate</code> It sends &lt;i&gt;no&lt;/i&gt; intermediate.",
        "<strong>Send it.</strong>",
        "<code>chain.root_included</code>",
        "CN=&lt;b&gt;log&lt;/b&gt;",
        "no session",
    ):
        assert text in page
    assert scene.doctor.asked == [Question("log.example.com", 6514, trust_pem="PEM")]


@pytest.mark.parametrize(
    "form",
    [
        {"port": "6514"},
        {"host": "x" * 254, "port": "6514"},
        {"host": "log", "port": "0"},
        {"host": "log", "port": "65536"},
        {"host": "log", "port": "²"},
    ],
    ids=str,
)
def test_what_the_doctor_cannot_look_at(
    scene: ConsoleScene, operator: Browser, form: dict[str, str]
) -> None:
    assert operator.post("/system/doctor", form).status_code == 400
    assert scene.doctor.asked == []
