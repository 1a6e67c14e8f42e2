"""Sessions at the console: how they begin, how long they hold, how they end, what is recorded."""

from dataclasses import replace

import pytest

from sealwire.access import sessions
from sealwire.access.roles import AuthenticatedBy, Principal, Role
from sealwire.access.sessions import MOST_SESSIONS, check_form_token, token_digest
from sealwire.access.throttle import WHERE_KNOWN, ThrottledError, count_attempt
from sealwire.errors import ForbiddenError, RefusedError, UnauthorizedError
from tests.unit.access.scene import CERTIFICATE, ELSEWHERE, HERE, PASSWORD, SERVER, Scene, somebody

NEW = "another good password"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def holds(scene: Scene, token: str, certificate: bytes | None = None) -> bool:
    return scene.log_in.resume(token, certificate=certificate) is not None


def test_a_session_says_who_it_is(scene: Scene) -> None:
    stay = scene.log_in.resume(scene.begin(), certificate=None)
    assert stay is not None
    administrator = frozenset({Role.ADMINISTRATOR})
    assert stay.principal == Principal("alice", administrator, AuthenticatedBy.PASSWORD)
    assert not stay.must_change_password
    assert len(stay.form_token) == 64


def test_only_a_digest_of_the_token_is_kept(scene: Scene) -> None:
    token = scene.begin()
    kept = scene.store.read(lambda tx: tx.sessions_of("alice"))
    assert [row.token_sha256 for row in kept] == [token_digest(token)]
    assert token not in repr(kept)
    assert token not in " ".join(scene.trail())


@pytest.mark.parametrize("token", ["", "0" * 64, "\ud800", "x" * 65536, "' OR 1=1 --"])
def test_a_token_that_was_never_given_is_nobodys(scene: Scene, token: str) -> None:
    scene.begin()
    assert not holds(scene, token)


def test_the_digest_is_no_token(scene: Scene) -> None:
    assert not holds(scene, token_digest(scene.begin()))


def test_each_log_in_has_a_token_of_its_own(scene: Scene) -> None:
    tokens = {scene.begin() for _ in range(5)}
    assert len(tokens) == 5
    forms = {stay.form_token for t in tokens if (stay := scene.log_in.resume(t, certificate=None))}
    assert len(forms) == 5
    assert not forms & tokens


def test_it_ends_after_half_an_hour_without_use(scene: Scene) -> None:
    token = scene.begin()
    for _ in range(4):
        scene.clock.pass_by(minutes=29)
        assert holds(scene, token)
    scene.clock.pass_by(minutes=30)
    assert not holds(scene, token)


def test_looking_by_itself_is_no_use(scene: Scene) -> None:
    token = scene.begin()
    for _ in range(29):
        scene.clock.pass_by(minutes=1)
        assert scene.log_in.still_holds(token, certificate=None)
    scene.clock.pass_by(minutes=1)
    assert scene.log_in.still_holds(token, certificate=None) is None


def test_it_ends_after_twelve_hours_in_any_case(scene: Scene) -> None:
    token = scene.begin()
    for _ in range(12 * 4 - 1):
        scene.clock.pass_by(minutes=15)
        assert holds(scene, token)
    scene.clock.pass_by(minutes=15)
    assert not holds(scene, token)


def test_a_clock_that_is_set_back_makes_no_session_longer(scene: Scene) -> None:
    scene.clock.pass_by(days=300)
    token = scene.begin()
    scene.clock.pass_by(minutes=-4)
    assert holds(scene, token)
    scene.clock.pass_by(days=-300)
    assert not holds(scene, token)


def test_use_is_noted_once_a_minute_at_most(scene: Scene) -> None:
    token = scene.begin()
    before = scene.store.commits
    for _ in range(59):
        scene.clock.pass_by(seconds=1)
        holds(scene, token)
    assert scene.store.commits == before
    scene.clock.pass_by(seconds=1)
    holds(scene, token)
    assert scene.store.commits == before + 1


def test_log_out_ends_this_one(scene: Scene) -> None:
    first, second = scene.begin(), scene.begin()
    stay = scene.log_in.resume(first, certificate=None)
    assert stay is not None
    scene.log_in.end(stay, address=HERE, server=SERVER, everywhere=False)
    assert not holds(scene, first)
    assert holds(scene, second)
    assert scene.trail()[-1] == (
        "[AuditEvent=ACCESS_SESSION_TERMINATED][ClientIP=192.0.2.7][ServerIP=192.0.2.1]"
        "[SubjectID=alice][Outcome=Success][Info=log-out] access session terminated"
    )


def test_log_out_everywhere_ends_all_of_ones_own(scene: Scene) -> None:
    first, second, bobs = scene.begin(), scene.begin(), scene.begin("bob")
    stay = scene.log_in.resume(first, certificate=None)
    assert stay is not None
    scene.log_in.end(stay, address=HERE, server=SERVER, everywhere=True)
    assert not holds(scene, first)
    assert not holds(scene, second)
    assert holds(scene, bobs)


def test_there_are_not_too_many_of_one_user(scene: Scene) -> None:
    tokens = []
    for _ in range(MOST_SESSIONS + 2):
        scene.clock.pass_by(seconds=1)
        tokens.append(scene.log_in.begin_with_certificate(CERTIFICATE, address=HERE).token)
    assert [holds(scene, token, CERTIFICATE) for token in tokens] == [False] * 2 + [
        True
    ] * MOST_SESSIONS


def test_roles_are_those_of_now(scene: Scene) -> None:
    token = scene.begin("bob")
    scene.people.set_roles("alice", "bob", ["auditor"])
    stay = scene.log_in.resume(token, certificate=None)
    assert stay is not None
    assert stay.principal.roles == {Role.AUDITOR}


def test_it_ends_with_its_user(scene: Scene) -> None:
    removed, disabled = scene.begin("bob"), scene.begin("alice")
    scene.people.remove("alice", "bob")
    scene.put(replace(somebody("alice", Role.ADMINISTRATOR), enabled=False))
    assert not holds(scene, removed)
    assert not holds(scene, disabled)


def test_with_a_certificate_the_cookie_alone_is_not_enough(scene: Scene) -> None:
    begun = scene.log_in.begin_with_certificate(CERTIFICATE, address=HERE)
    assert begun.principal.authenticated_by is AuthenticatedBy.CERTIFICATE
    assert holds(scene, begun.token, CERTIFICATE)
    assert not holds(scene, begun.token, None)
    assert not holds(scene, begun.token, b"another certificate")
    scene.put(somebody("bob", Role.AGENT))
    assert not holds(scene, begun.token, CERTIFICATE)


def test_a_strange_certificate_begins_nothing_and_is_recorded(scene: Scene) -> None:
    with pytest.raises(UnauthorizedError):
        scene.log_in.begin_with_certificate(b"forged", address=HERE)
    assert "[SubjectID=$Unidentified$][Outcome=Failure]" in scene.trail()[-1]
    assert f"from {HERE}: login.certificate" in scene.trail()[-1]


def test_who_came_and_who_was_refused_is_recorded(scene: Scene) -> None:
    scene.begin()
    with pytest.raises(UnauthorizedError):
        scene.begin("alcie", "wrong")
    came, refused = scene.trail()[-2:]
    assert came == (
        "[AuditEvent=AUTH][SubjectID=alice][Outcome=Success][AuthMgr=passwdUserDBAuthMgr]"
        " authentication success"
    )
    assert refused == (
        "[AuditEvent=AUTH][SubjectID=$Unidentified$][Outcome=Failure]"
        "[AuthMgr=passwdUserDBAuthMgr][AttemptedCred=alcie][Info=from 192.0.2.7: login.refused]"
        " authentication failure"
    )


def test_too_many_failures_are_refused_unseen_and_recorded(scene: Scene) -> None:
    for _ in range(4):
        with pytest.raises(UnauthorizedError):
            scene.begin(password="wrong")
    with pytest.raises(ThrottledError):
        scene.begin()
    assert f"from {HERE}: login.throttled" in scene.trail()[-1]
    scene.clock.pass_by(seconds=1)
    assert scene.begin()
    assert scene.begin()


def test_without_its_record_there_is_no_session(scene: Scene) -> None:
    for commit in (1, 2, 3):
        scene.store.fail_before_commit(commit)
        with pytest.raises(Exception, match="as asked for"):
            scene.begin("bob")
    assert scene.store.read(lambda tx: tx.sessions_of("bob")) == []


# --- one's own password --------------------------------------------------------------------------


def stay_of(scene: Scene, token: str) -> sessions.Stay:
    stay = scene.log_in.resume(token, certificate=None)
    assert stay is not None
    return stay


def test_a_one_time_password_must_be_changed(scene: Scene) -> None:
    scene.put(somebody("new", Role.OPERATOR, must_change=True))
    begun = scene.log_in.begin_with_password("new", PASSWORD, address=HERE)
    assert begun.must_change_password
    stay = stay_of(scene, begun.token)
    assert stay.must_change_password
    changed = scene.log_in.change_password(stay, PASSWORD, NEW, address=HERE)
    assert not stay_of(scene, changed.token).must_change_password
    assert not holds(scene, begun.token)
    assert scene.begin("new", NEW)
    with pytest.raises(UnauthorizedError):
        scene.begin("new", PASSWORD)


def test_changing_it_ends_every_session_and_is_recorded_without_it(scene: Scene) -> None:
    other, own = scene.begin(address=ELSEWHERE), scene.begin()
    changed = scene.log_in.change_password(stay_of(scene, own), PASSWORD, NEW, address=HERE)
    assert not holds(scene, other)
    assert not holds(scene, own)
    assert holds(scene, changed.token)
    assert "change;;own password" in scene.trail()[-1]
    assert NEW not in " ".join(scene.trail())


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        ("short", "at least 12"),
        ("x" * 1025, "1024 characters at most"),
        (PASSWORD, "not be the old one"),
        ("aaaaaaaaaaaaaaaa", "again and again"),
        ("", "at least 12"),
    ],
)
def test_a_bad_new_password_changes_nothing(scene: Scene, new: str, fault: str) -> None:
    token = scene.begin()
    with pytest.raises(RefusedError, match=fault):
        scene.log_in.change_password(stay_of(scene, token), PASSWORD, new, address=HERE)
    assert holds(scene, token)
    assert scene.begin()


def test_all_faults_are_said_at_once(scene: Scene) -> None:
    with pytest.raises(RefusedError) as refused:
        scene.log_in.change_password(stay_of(scene, scene.begin()), PASSWORD, "aaa", address=HERE)
    assert len(refused.value.findings) == 2


def test_the_old_password_must_be_right_and_wrong_ones_count(scene: Scene) -> None:
    stay = stay_of(scene, scene.begin())
    with pytest.raises(UnauthorizedError):
        scene.log_in.change_password(stay, "wrong", NEW, address=HERE)
    for _ in range(WHERE_KNOWN.free - 1):
        scene.store.run(lambda tx: count_attempt(tx, "alice", HERE, scene.clock.now()))
    with pytest.raises(ThrottledError):
        scene.log_in.change_password(stay, PASSWORD, NEW, address=HERE)


# --- form tokens ---------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "a", "b" * 64, "\ud800", "a" * 63, "a" * 65])
def test_a_form_needs_its_token(given: str) -> None:
    check_form_token("a" * 64, "a" * 64)
    with pytest.raises(ForbiddenError) as refused:
        check_form_token("a" * 64, given)
    assert refused.value.code == "form.token"


def test_no_token_matches_where_none_was_given_out() -> None:
    with pytest.raises(ForbiddenError):
        check_form_token("", "")


def test_what_was_recorded_is_remembered_for_the_last_sessions_only(scene: Scene) -> None:
    scene.log_in.seen_in("first").add("x")
    assert scene.log_in.seen_in("first") == {"x"}
    for number in range(1024):
        scene.log_in.seen_in(str(number)).add("y")
    assert scene.log_in.seen_in("1023") == {"y"}
    assert scene.log_in.seen_in("first") == set()


def test_strangers_failures_are_bounded_and_counted(scene: Scene) -> None:
    for number in range(100):
        with pytest.raises(UnauthorizedError):
            scene.log_in.by_certificate(b"%d" % number, address=HERE, announce=True)
    assert len(scene.trail()) == 30
    scene.clock.pass_by(minutes=1)
    scene.log_in.settle()
    assert len(scene.trail()) == 31
    assert "(70 more within a minute)]" in scene.trail()[-1]
