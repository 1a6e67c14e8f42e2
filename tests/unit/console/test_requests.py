"""The review of one request: what is shown, what an approval holds for, what stays as evidence."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest

from sealwire.access.roles import Role
from sealwire.ca.profiles import ApprovalRules, LintRules, profile_document
from sealwire.x509.keys import KeyType
from tests.unit.api.scene import certificate_of
from tests.unit.ca.scene import csr_for
from tests.unit.console.scene import Browser, ConsoleScene

if TYPE_CHECKING:
    from sealwire.ca.service import CertificateAuthority

AGENT = "agent.0"


@pytest.fixture
def scene() -> ConsoleScene:
    return ConsoleScene()


@pytest.fixture
def agent(scene: ConsoleScene) -> Browser:
    return scene.browser(Role.AGENT)


def authority(scene: ConsoleScene) -> CertificateAuthority:
    assert scene.services.ca is not None
    return scene.services.ca


def submitted(scene: ConsoleScene, subject: str = "CN=www.example.com,O=Example") -> str:
    """The page of a request that waits."""
    made = scene.node.base.submit(csr_for(subject))
    assert made.error_message is None
    return f"/authority/requests/{made.request_id}"


def two_approvers(scene: ConsoleScene) -> None:
    changed(scene, "caServerCert", approval=ApprovalRules(approvers=2))


def changed(scene: ConsoleScene, profile_id: str, **tables: object) -> None:
    register = authority(scene).profile_register
    profile = register.get(profile_id).profile.model_copy(update=tables)
    register.disable(profile_id, actor="agent")
    register.put(profile_document(profile).encode(), actor="admin")
    register.enable(profile_id, actor="agent")


def shown_digest(page: str) -> dict[str, str]:
    found = re.search(r'name="tbs_sha256" value="([0-9a-f]{64})"', page)
    assert found, page
    return {"tbs_sha256": found[1]}


def test_what_is_shown_is_what_is_approved(scene: ConsoleScene, agent: Browser) -> None:
    page = submitted(scene)
    seen = agent.get(page).text
    assert "Subject: CN=www.example.com,O=Example" in seen
    assert "0 of 1 approvals of exactly these bytes." in seen
    digest = shown_digest(seen)
    got = agent.post(f"{page}/approve", digest)
    assert (got.status_code, got.headers["location"]) == (303, f"{page}?done=approved")
    after = agent.get(page).text
    request = authority(scene).request(int(page.rpartition("/")[2]))
    for evidence in (
        "1 of 1 approvals",
        AGENT,
        f"certificate {hashlib.sha256(certificate_of(AGENT)).hexdigest()}",
        digest["tbs_sha256"],
        request.csr_sha256,
        request.profile_digest,
    ):
        assert evidence in after
    assert "<h2>Decide</h2>" not in after


def test_an_approval_without_a_look_or_of_other_bytes_is_refused_kindly(
    scene: ConsoleScene, agent: Browser
) -> None:
    page = submitted(scene)
    for digest in ({}, {"tbs_sha256": "0" * 64}):
        got = agent.post(f"{page}/approve", digest)
        assert got.status_code == 409
        assert "needs a new look" in got.text
        assert "new since your last look" in got.text
        shown_digest(got.text)


def test_bytes_that_grew_old_are_shown_anew_before_they_count(
    scene: ConsoleScene, agent: Browser
) -> None:
    page = submitted(scene)
    old = shown_digest(agent.get(page).text)
    scene.node.base.clock.advance(timedelta(hours=25))
    fresh = scene.browser(Role.AGENT)
    refused = fresh.post(f"{page}/approve", old)
    assert refused.status_code == 409
    new = shown_digest(refused.text)
    assert new != old
    assert fresh.post(f"{page}/approve", new).status_code == 303


def test_two_of_two_by_whom_when_and_known_how(scene: ConsoleScene, agent: Browser) -> None:
    two_approvers(scene)
    page, other = submitted(scene), scene.browser(Role.AGENT)
    digest = shown_digest(agent.get(page).text)
    got = agent.post(f"{page}/approve", digest)
    assert got.headers["location"] == f"{page}?done=counted"
    waiting = other.get(page).text
    assert "1 of 2 approvals" in waiting
    assert AGENT in waiting
    assert "version 2" in waiting
    again = agent.post(f"{page}/approve", digest)
    assert again.status_code == 409
    assert "Approving signs exactly" in waiting
    assert other.post(f"{page}/approve", digest).headers["location"] == f"{page}?done=approved"
    assert "2 of 2 approvals" in agent.get(page).text


def test_lint_names_what_the_profile_waives(scene: ConsoleScene, agent: Browser) -> None:
    clean = agent.get(submitted(scene)).text
    assert "No objection." in clean
    finding = "pkix.name_domain_components_invalid_domain_name"
    changed(scene, "caAuditServerCert", lint=LintRules(waivers=(finding,)))
    csr = csr_for("CN=a.example.com,DC=nodots", key_type=KeyType.P256)
    made = scene.node.base.submit(csr, "caAuditServerCert")
    page = agent.get(f"/authority/requests/{made.request_id}").text
    lint = page.partition("<h3>Lint</h3>")[2].partition("</section>")[0]
    assert f'<span class="tag warning">waived</span> <code>{finding}</code>' in lint


def test_assigned_and_unassigned(scene: ConsoleScene, agent: Browser) -> None:
    page = submitted(scene)
    assert "<dt>Assigned to</dt><dd>nobody</dd>" in agent.get(page).text
    assert agent.post(f"{page}/assign").status_code == 303
    own = agent.get(page).text
    assert f"<dt>Assigned to</dt><dd>{AGENT}</dd>" in own
    assert "Assign to me" not in own
    assert AGENT in agent.get("/authority/requests").text
    assert agent.post(f"{page}/unassign").status_code == 303
    assert "<dt>Assigned to</dt><dd>nobody</dd>" in agent.get(page).text


@pytest.mark.parametrize(("word", "status"), [("reject", "rejected"), ("cancel", "canceled")])
def test_rejected_or_canceled_with_a_reason(
    scene: ConsoleScene, agent: Browser, word: str, status: str
) -> None:
    page = submitted(scene)
    reason = "<b>not</b> ours & yours"
    assert agent.post(f"{page}/{word}", {"reason": reason}).status_code == 303
    after = agent.get(page).text
    assert f'<span class="tag {status}">{status}</span>' in after
    assert "<b>not</b>" not in after
    assert "not</b> ours & yours" in unescape(after)
    assert agent.post(f"{page}/approve", {"tbs_sha256": "0" * 64}).status_code == 409


def test_auditors_see_the_evidence_and_cannot_decide(scene: ConsoleScene) -> None:
    page = submitted(scene)
    seen = scene.browser(Role.AUDITOR).get(page).text
    assert "Approvals and evidence" in seen
    assert "Decide" not in seen
    assert "Assign to me" not in seen


def test_a_disabled_profile_is_said_and_the_request_can_be_rejected(
    scene: ConsoleScene, agent: Browser
) -> None:
    page = submitted(scene)
    authority(scene).profile_register.disable("caServerCert", actor="agent")
    scene.node.base.clock.advance(timedelta(hours=25))
    fresh = scene.browser(Role.AGENT)
    seen = fresh.get(page)
    assert seen.status_code == 200
    assert "not enabled" in seen.text
    assert 'name="tbs_sha256"' not in seen.text
    assert fresh.post(f"{page}/reject", {"reason": "old"}).status_code == 303


def test_there_is_no_other_decision(scene: ConsoleScene, agent: Browser) -> None:
    page = submitted(scene)
    for word in ("validate", "update", "delete", "%2e%2e"):
        assert agent.post(f"{page}/{word}").status_code == 404
