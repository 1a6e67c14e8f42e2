"""Profiles: what is shown of them, who switches them, and how a new version comes."""

from __future__ import annotations

import pytest

from sealwire.access.roles import Role
from sealwire.ca.profiles import ApprovalRules, LintRules, profile_document, shipped_profiles
from tests.unit.console.scene import Browser, ConsoleScene

PAGE = "/authority/profiles"
ONE = f"{PAGE}/caServerCert"
NEW = "/authority/new-profile"


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


@pytest.fixture
def agent(scene: ConsoleScene) -> Browser:
    return scene.browser(Role.AGENT)


@pytest.fixture
def administrator(scene: ConsoleScene) -> Browser:
    return scene.browser(Role.ADMINISTRATOR)


def changed() -> str:
    rules = {"approval": ApprovalRules(approvers=3), "lint": LintRules(waivers=("pkix.basic",))}
    return profile_document(shipped_profiles().get("caServerCert").model_copy(update=rules))


def sound() -> str:
    return changed().replace('waivers = ["pkix.basic"]', "waivers = []")


def test_all_of_a_profile_is_shown(agent: Browser) -> None:
    page = agent.get(ONE).text
    for heading in ("Inputs", "Constraints", "Defaults", "Approval", "Lint", "Versions"):
        assert f"<h2>{heading}</h2>" in page
    for text in ("certReqInputImpl", "2048, 3072, 4096", "serverAuth", "SHA256withRSA"):
        assert text in page
    assert 'profile_id = "caServerCert"' in agent.get(f"{ONE}/versions/1").text
    assert agent.get(f"{ONE}/versions/2").status_code == 404


def test_agents_switch_and_administrators_do_not(
    scene: ConsoleScene, agent: Browser, administrator: Browser
) -> None:
    assert agent.post(f"{ONE}/disable").headers["location"] == f"{ONE}?done=disabled"
    page = agent.get(ONE).text
    assert "disabled by agent.0" in page
    assert ">Enable</button>" in page
    assert '<span class="tag">disabled</span>' in agent.get(PAGE).text
    assert ">Enable</button>" not in administrator.get(ONE).text
    assert administrator.post(f"{ONE}/enable").status_code == 403
    assert agent.post(f"{ONE}/enable").status_code == 303
    assert agent.post(f"{ONE}/delete").status_code == 404
    assert "CERT_PROFILE_APPROVAL" in "".join(scene.node.texts())


def test_a_new_version_is_checked_then_stored(agent: Browser, administrator: Browser) -> None:
    assert "profile_id = " in administrator.get(f"{NEW}?from=caServerCert").text
    checked = administrator.post(NEW, {"document": sound(), "do": "check"})
    assert checked.status_code == 200
    assert "caServerCert can be stored as version 2." in checked.text
    assert "An agent has to disable" in checked.text
    refused = administrator.post(NEW, {"document": sound(), "do": "save"})
    assert refused.status_code == 409
    assert "must be disabled" in refused.text
    assert "approvers = 3" in refused.text
    agent.post(f"{ONE}/disable")
    stored = administrator.post(NEW, {"document": sound(), "do": "save"})
    assert stored.headers["location"] == f"{ONE}?done=profile"
    page = agent.get(ONE).text
    assert "<dt>Version</dt><dd>2</dd>" in page
    assert "<dt>approvers</dt><dd>3" in page
    assert agent.post(NEW, {"document": sound(), "do": "save"}).status_code == 403


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (changed(), "the linter has no finding pkix.basic"),
        ("<script>alert(1)</script>", "not a profile document"),
        ('profile_id = "<b>"', "constraints"),
        ("", "No document was given."),
    ],
)
def test_what_is_wrong_is_said_and_the_text_is_kept(
    administrator: Browser, document: str, says: str
) -> None:
    for do in ("check", "save"):
        got = administrator.post(NEW, {"document": document, "do": do})
        assert got.status_code in {400, 422}
        assert says in got.text
        assert "<script>alert" not in got.text
        assert "<b>" not in got.text


def test_only_a_disabled_profile_is_removed(agent: Browser, administrator: Browser) -> None:
    assert administrator.post(f"{ONE}/remove", {"sure": "yes"}).status_code == 409
    agent.post(f"{ONE}/disable")
    assert administrator.post(f"{ONE}/remove").status_code == 400
    assert administrator.post(f"{ONE}/remove", {"sure": "yes"}).status_code == 303
    assert agent.get(ONE).status_code == 404
