"""Managing users."""

from dataclasses import replace

import pytest

from sealwire.access.roles import Role
from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnauthorizedError
from tests.unit.access.scene import PASSWORD, Scene, somebody


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_new_user_gets_a_one_time_password(scene: Scene) -> None:
    password = scene.people.add("alice", "carol", ["auditor", "agent"], full_name="Carol")
    begun = scene.log_in.begin_with_password("carol", password, address="192.0.2.7")
    assert begun.must_change_password
    assert begun.principal.roles == {Role.AUDITOR, Role.AGENT}
    added = next(text for text in scene.trail() if "CONFIG_ROLE" in text)
    assert added == (
        "[AuditEvent=CONFIG_ROLE][SubjectID=alice][Outcome=Success][ParamNameValPairs="
        "Scope;;users+Operation;;OP_ADD+Resource;;carol+roles;;agent,auditor]"
        " role configuration parameter(s) change"
    )
    assert password not in " ".join(scene.trail())


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 65, "a\n", "../x", "a;b", "ä", "<b>"])
def test_names_that_nobody_has(scene: Scene, name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        scene.people.add("alice", name, ["agent"])
    assert refused.value.code == "user.name"


def test_names_are_taken_once(scene: Scene) -> None:
    with pytest.raises(ConflictError) as taken:
        scene.people.add("alice", "bob", ["agent"])
    assert taken.value.code == "user.exists"


@pytest.mark.parametrize("roles", [[], ["root"], ["agent", "Agent"], [""], ["*"]])
def test_unknown_roles_are_refused(scene: Scene, roles: list[str]) -> None:
    for change in (
        lambda: scene.people.add("alice", "carol", roles),
        lambda: scene.people.set_roles("alice", "bob", roles),
    ):
        with pytest.raises(RefusedError) as refused:
            change()
        assert refused.value.code == "user.roles"
    assert [user.name for user in scene.people.users()] == ["alice", "bob"]


@pytest.mark.parametrize("full_name", ["x" * 129, "Bob\n", "\x1b[2J"])
def test_full_names_that_nobody_has(scene: Scene, full_name: str) -> None:
    with pytest.raises(RefusedError):
        scene.people.add("alice", "carol", ["agent"], full_name=full_name)


def test_the_last_administrator_stays(scene: Scene) -> None:
    scene.put(replace(somebody("out", Role.ADMINISTRATOR), enabled=False))
    for change in (
        lambda: scene.people.remove("alice", "alice"),
        lambda: scene.people.set_roles("alice", "alice", ["agent"]),
    ):
        with pytest.raises(ConflictError) as refused:
            change()
        assert refused.value.code == "user.last_administrator"
    assert scene.people.users()[0] == somebody("alice", Role.ADMINISTRATOR)
    scene.people.set_roles("alice", "bob", ["administrator"])
    scene.people.remove("bob", "alice")
    assert [user.name for user in scene.people.users()] == ["bob", "out"]


def test_resetting_a_password_ends_sessions_and_the_old_one(scene: Scene) -> None:
    token = scene.begin("bob")
    password = scene.people.reset_password("alice", "bob")
    assert scene.log_in.resume(token, certificate=None) is None
    with pytest.raises(UnauthorizedError):
        scene.begin("bob", PASSWORD)
    begun = scene.log_in.begin_with_password("bob", password, address="192.0.2.7")
    assert begun.must_change_password


def test_unlocking_ends_the_wait(scene: Scene) -> None:
    for _ in range(4):
        with pytest.raises(UnauthorizedError):
            scene.begin("bob", "wrong")
    scene.people.unlock("alice", "bob")
    assert scene.begin("bob")
    assert any("attempts;;counted anew" in text for text in scene.trail())


def test_nobody_can_be_changed(scene: Scene) -> None:
    for change in (
        lambda: scene.people.set_roles("alice", "nobody", ["agent"]),
        lambda: scene.people.reset_password("alice", "nobody"),
        lambda: scene.people.unlock("alice", "nobody"),
        lambda: scene.people.remove("alice", "nobody"),
    ):
        with pytest.raises(NotFoundError) as unknown:
            change()
        assert unknown.value.code == "user.unknown"


def test_without_its_record_nothing_changes(scene: Scene) -> None:
    before = scene.people.users()
    for change in (
        lambda: scene.people.add("alice", "carol", ["agent"]),
        lambda: scene.people.set_roles("alice", "bob", ["auditor"]),
        lambda: scene.people.remove("alice", "bob"),
    ):
        scene.store.fail_before_commit()
        with pytest.raises(Exception, match="as asked for"):
            change()
    assert scene.people.users() == before
