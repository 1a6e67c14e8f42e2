import pytest

from sealwire.access.authorization import RESOURCES, ROLE_NAMES, Authorization, access_of
from sealwire.access.roles import ANONYMOUS, Action, AuthenticatedBy, Principal, Role, home_owner
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.errors import ForbiddenError, UnauthorizedError
from sealwire.stores.memory import MemoryStore
from tests.unit.access.scene import SetClock

AGENT = Principal("caadmin", frozenset({Role.AGENT}), AuthenticatedBy.CERTIFICATE)


class Scene:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = SetClock()
        recorder = Recorder(self.clock, "ca.example.com", AuditFormat.V10_4_5, "1")
        self.authorization = Authorization(self.store, recorder, "ca", self.clock)

    def texts(self) -> list[str]:
        records = self.store.read(lambda tx: tx.trail_records("ca", start=0, limit=1000))
        return [record.text for record in records]


@pytest.fixture
def scene() -> Scene:
    return Scene()


ROLE = (
    "[AuditEvent=ROLE_ASSUME][SubjectID=caadmin][Outcome=Success]"
    "[Role=Certificate Manager Agents] assume privileged role"
)
ALLOWED = (
    "[AuditEvent=AUTHZ][SubjectID=caadmin][Outcome=Success]"
    "[aclResource=certServer.ca.certrequests][Op=execute]"
)


def test_a_role_is_assumed_once_and_every_change_is_permitted_by_itself(scene: Scene) -> None:
    seen: set[str] = set()
    for _ in range(2):
        scene.authorization.authorize(AGENT, Action.DECIDE_REQUEST, seen=seen, info="POST x")
    permitted = f"{ALLOWED}[Info=POST x] authorization success"
    assert scene.texts() == [ROLE, permitted, permitted]


def test_looking_is_recorded_once_for_each_connection(scene: Scene) -> None:
    seen: set[str] = set()
    for _ in range(5):
        scene.authorization.authorize(AGENT, Action.LIST_REQUESTS, seen=seen)
    assert scene.texts() == [ROLE, f"{ALLOWED} authorization success"]
    scene.authorization.authorize(AGENT, Action.LIST_REQUESTS, seen=set())
    assert len(scene.texts()) == 4


def test_a_refusal_is_recorded_with_what_was_asked_for(scene: Scene) -> None:
    with pytest.raises(ForbiddenError):
        scene.authorization.authorize(AGENT, Action.CONFIGURE_AUDIT, seen=set(), info="PATCH x")
    assert scene.texts() == [
        (
            "[AuditEvent=AUTHZ][SubjectID=caadmin][Outcome=Failure]"
            "[aclResource=certServer.log.configuration][Op=modify][Info=PATCH x]"
            " authorization failure"
        )
    ]


def test_many_refusals_are_one_record_with_a_count(scene: Scene) -> None:
    for _ in range(100):
        with pytest.raises(ForbiddenError):
            scene.authorization.authorize(AGENT, Action.CONFIGURE_AUDIT, seen=set(), info="x")
    assert len(scene.texts()) == 20
    scene.authorization.settle()
    assert len(scene.texts()) == 20
    scene.clock.pass_by(minutes=1)
    scene.authorization.settle()
    assert len(scene.texts()) == 21
    assert "[Info=x (80 more within a minute)]" in scene.texts()[-1]


def test_strangers_public_actions_and_the_homes_owner_make_no_record(scene: Scene) -> None:
    with pytest.raises(UnauthorizedError):
        scene.authorization.authorize(ANONYMOUS, Action.DECIDE_REQUEST, seen=set())
    scene.authorization.authorize(ANONYMOUS, Action.SUBMIT_REQUEST, seen=set())
    scene.authorization.authorize(AGENT, Action.READ_CERTIFICATE, seen=set())
    scene.authorization.authorize(AGENT, Action.CHANGE_OWN_PASSWORD, seen=set())
    scene.authorization.authorize(home_owner("me"), Action.DECIDE_REQUEST, seen=set())
    assert scene.texts() == []


def test_dogtags_words_can_be_given_and_a_login_takes_no_role(scene: Scene) -> None:
    seen: set[str] = set()
    scene.authorization.authorize(AGENT, Action.OPEN_SESSION, seen=seen)
    called = ("certServer.ca.account", "logout")
    scene.authorization.authorize(AGENT, Action.OPEN_SESSION, seen=seen, called=called)
    texts = scene.texts()
    assert "[aclResource=certServer.ca.account][Op=login] authorization success" in texts[0]
    assert "[aclResource=certServer.ca.account][Op=logout] authorization success" in texts[1]
    assert len(texts) == 2


def test_every_action_has_a_name_and_every_role_one() -> None:
    assert set(ROLE_NAMES) == set(Role)
    assert access_of(Action.SET_PASSWORD).resource == "sealwire.set_password"
    assert all(access.resource and access.operation for access in RESOURCES.values())
