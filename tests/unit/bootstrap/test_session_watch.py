"""What TLS sessions leave in the trail."""

from collections.abc import Sequence

import pytest
from cryptography import x509

from sealwire.audit.formats import AuditFormat, word_event
from sealwire.audit.recorder import Recorder
from sealwire.bootstrap.session_watch import SessionWatch
from sealwire.net.http import SessionNotice
from sealwire.stores.memory import MemoryStore
from sealwire.x509.certificate import certificate_der
from tests.unit.access.scene import SetClock
from tests.unit.ca.scene import initialised

CLIENT, SERVER = "192.0.2.7", "192.0.2.1"
ENDS = f"[ClientIP={CLIENT}][ServerIP={SERVER}]"


class Scene:
    def __init__(self) -> None:
        self.clock = SetClock()
        self.store = MemoryStore()
        recorder = Recorder(self.clock, "ca.example.com", AuditFormat.V10_4_5, "1")
        self.watch = SessionWatch(self.store, recorder, "ca", self.clock, [])

    def texts(self, notice: SessionNotice) -> Sequence[str]:
        events = self.watch.events(notice)
        return [word_event(event, AuditFormat.V10_4_5).text for event in events]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def agent() -> bytes:
    pem = initialised().agent_pem.encode()
    return certificate_der(x509.load_pem_x509_certificates(pem)[0])


def test_a_session_with_a_certificate_begins_and_ends(scene: Scene, agent: bytes) -> None:
    assert scene.texts(SessionNotice("began", CLIENT, SERVER, agent)) == [
        (
            f"[AuditEvent=ACCESS_SESSION_ESTABLISH]{ENDS}[SubjectID=UID=caadmin][Outcome=Success]"
            " access session establish success"
        )
    ]
    info = "serverAlertReceived: CLOSE_NOTIFY"
    assert scene.texts(SessionNotice("ended", CLIENT, SERVER, agent, info)) == [
        (
            f"[AuditEvent=ACCESS_SESSION_TERMINATED]{ENDS}[SubjectID=UID=caadmin][Outcome=Success]"
            f"[Info={info}] access session terminated"
        )
    ]


def failed(reason: str, client: str = CLIENT) -> SessionNotice:
    return SessionNotice("failed", client, SERVER, None, reason)


def test_a_minutes_failures_of_one_kind_are_one_record_and_a_count(scene: Scene) -> None:
    assert scene.texts(failed("NO_SHARED_CIPHER")) == [
        (
            f"[AuditEvent=ACCESS_SESSION_ESTABLISH]{ENDS}[SubjectID=$Unidentified$][Outcome=Failure]"
            "[Info=NO_SHARED_CIPHER] access session establish failure"
        )
    ]
    for _ in range(500):
        assert scene.texts(failed("NO_SHARED_CIPHER")) == []
    assert len(scene.texts(failed("self-signed certificate"))) == 1
    assert len(scene.texts(failed("NO_SHARED_CIPHER", "192.0.2.8"))) == 1
    scene.clock.pass_by(minutes=1)
    counted, new = scene.texts(failed("NO_SHARED_CIPHER"))
    assert "[Info=NO_SHARED_CIPHER (500 more within a minute)]" in counted
    assert "[Info=NO_SHARED_CIPHER]" in new


def test_sessions_are_bounded_too(scene: Scene, agent: bytes) -> None:
    made = sum(len(scene.texts(SessionNotice("began", CLIENT, SERVER, agent))) for _ in range(1000))
    assert made == 60


def test_what_is_heard_is_recorded_by_the_thread(agent: bytes) -> None:
    scene = Scene()
    scene.watch.start()
    scene.watch.hear(SessionNotice("began", CLIENT, SERVER, agent))
    scene.watch.hear(failed("x"))
    scene.watch.stop()
    records = scene.store.read(lambda tx: tx.trail_records("ca", start=0, limit=9))
    assert [(record.event, record.outcome) for record in records] == [
        ("ACCESS_SESSION_ESTABLISH", "Success"),
        ("ACCESS_SESSION_ESTABLISH", "Failure"),
    ]
