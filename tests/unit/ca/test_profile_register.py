"""Profiles in versions: shipped, changed by administrators, enabled by agents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sealwire.audit.events import SYSTEM
from sealwire.ca.profiles import (
    Profile,
    ProfileCatalogue,
    parse_profile,
    profile_document,
    shipped_profiles,
)
from sealwire.errors import ConflictError, NotFoundError, RefusedError
from tests.unit.ca.scene import Scene, founded

SHIPPED = shipped_profiles()
SERVER = "caServerCert"


def named(**changes: object) -> Profile:
    return SHIPPED.get(SERVER).model_copy(update=changes)


def document(**changes: object) -> bytes:
    return profile_document(named(**changes)).encode()


def events(scene: Scene, since: int) -> list[str]:
    return scene.texts()[since:]


def test_the_shipped_profiles_are_stored_once_and_silently() -> None:
    scene = Scene()
    register = scene.ca.profile_register
    assert [each.profile_id for each in register.profiles()] == [
        p.profile_id for p in SHIPPED.all()
    ]
    assert all(
        (p.version, p.enabled, p.changed_by) == (1, True, SYSTEM) for p in register.profiles()
    )
    assert register.document(SERVER) == SHIPPED.document(SERVER)
    assert len(scene.ca.profile_register.versions(SERVER)) == 1
    assert scene.texts() == []


def test_a_newer_release_brings_a_new_version() -> None:
    scene = founded()
    scene.ca.profile_register.disable(SERVER, actor="agent")
    before = len(scene.trail())
    newer = named(description="Of the next release.")
    scene.profiles = ProfileCatalogue({SERVER: newer})
    found = scene.ca.profile_register.get(SERVER)
    assert (found.version, found.profile, found.enabled) == (2, newer, False)
    (record,) = events(scene, before)
    assert record.startswith(
        "[AuditEvent=CONFIG_CERT_PROFILE][SubjectID=$System$][Outcome=Success]"
    )
    assert "Operation;;OP_MODIFY+Resource;;caServerCert+version;;2" in record
    assert len(events(scene, before)) == 1


def test_a_newer_release_leaves_an_administrators_profile_alone() -> None:
    scene = founded()
    register = scene.ca.profile_register
    register.disable(SERVER, actor="agent")
    register.put(document(name="Ours"), actor="admin")
    scene.profiles = ProfileCatalogue({SERVER: named(description="Of the next release.")})
    assert scene.ca.profile_register.get(SERVER).profile.name == "Ours"
    register.remove(SERVER, actor="admin")
    with pytest.raises(NotFoundError, match=r"^Profile caServerCert Not Found$"):
        scene.ca.profile(SERVER)


def test_who_writes_does_not_enable() -> None:
    scene = founded()
    register, before = scene.ca.profile_register, len(scene.trail())
    put = register.put(document(profile_id="caOurs", name="Ours"), actor="admin")
    assert (put.version, put.enabled, put.changed_by) == (1, False, "admin")
    assert "caOurs" not in [profile.profile_id for profile in scene.ca.profiles()]
    on = register.enable("caOurs", actor="agent")
    assert (on.enabled, on.changed_by, register.get("caOurs")) == (True, "agent", on)
    with pytest.raises(ConflictError, match=r"^Cannot change profile data\."):
        register.put(document(profile_id="caOurs", name="Others"), actor="admin")
    with pytest.raises(ConflictError):
        register.remove("caOurs", actor="admin")
    register.disable("caOurs", actor="agent")
    assert register.put(document(profile_id="caOurs", name="Others"), actor="admin").version == 2
    register.remove("caOurs", actor="admin")
    written = events(scene, before)
    assert [text.partition("][")[0] + "]" for text in written] == [
        "[AuditEvent=CONFIG_CERT_PROFILE]",
        "[AuditEvent=CERT_PROFILE_APPROVAL]",
        "[AuditEvent=CERT_PROFILE_APPROVAL]",
        "[AuditEvent=CONFIG_CERT_PROFILE]",
        "[AuditEvent=CONFIG_CERT_PROFILE]",
    ]
    assert written[1] == (
        "[AuditEvent=CERT_PROFILE_APPROVAL][SubjectID=agent][Outcome=Success]"
        "[ProfileID=caOurs][Op=approve] certificate profile approval"
    )
    assert "[Op=disapprove]" in written[2]
    assert [each.created_by for each in register.versions("caOurs")] == ["admin", "admin"]


def test_a_profile_that_comes_back_goes_on_counting() -> None:
    scene = founded()
    register = scene.ca.profile_register
    for name in ("One", "Two"):
        register.put(document(profile_id="caOurs", name=name), actor="admin")
        register.remove("caOurs", actor="admin")
    assert register.put(document(profile_id="caOurs", name="Three"), actor="admin").version == 3


@pytest.mark.parametrize(
    "use", [lambda r: r.get("x"), lambda r: r.document("x"), lambda r: r.versions("x")]
)
def test_an_unknown_profile(use: object) -> None:
    register = founded().ca.profile_register
    with pytest.raises(NotFoundError, match=r"^Profile x Not Found$"):
        use(register)  # type: ignore[operator] # a lambda of the table above
    for change in (register.enable, register.disable, register.remove):
        with pytest.raises(NotFoundError):
            change("x", actor="agent")


def test_every_fault_of_a_document_at_once() -> None:
    register = founded().ca.profile_register
    bad = document().replace(b'".*CN=.*"', b'"("').replace(b"visible = true", b"visible = 3")
    with pytest.raises(RefusedError) as refused:
        register.put(bad, actor="admin")
    assert {finding.message.partition(":")[0] for finding in refused.value.findings} == {
        "constraints.subject.pattern",
        "visible",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"document": "nonsense"},
        {"document": profile_document(named(name="Forged"))},
        {"digest": "0" * 64},
    ],
)
def test_a_stored_profile_that_was_changed_is_not_used(change: dict[str, str]) -> None:
    scene = founded()
    register, versions = scene.ca.profile_register, scene.store._tables.profile_versions
    versions[SERVER, 1] = replace(versions[SERVER, 1], **change)
    with pytest.raises(ConflictError) as refused:
        register.get(SERVER)
    assert refused.value.code == "profile.altered"


@pytest.mark.parametrize("profile", SHIPPED.all(), ids=lambda profile: profile.profile_id)
def test_a_profile_written_down_reads_the_same(profile: Profile) -> None:
    again = parse_profile(profile_document(profile).encode(), source="x")
    assert (again, again.digest) == (profile, profile.digest)
