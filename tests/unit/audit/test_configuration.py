from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from sealwire.audit.configuration import AuditChange, AuditConfiguration
from sealwire.audit.events import EventName, auth_success, request_rejected
from sealwire.audit.formats import AuditFormat
from sealwire.audit.gate import STILL_RECORDED, AuditGate
from sealwire.audit.recorder import Recorder
from sealwire.audit.settings import FileSettings
from sealwire.clock import SystemClock
from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from sealwire.stores.memory import MemoryStore


class NoFiles:
    def sizes(self) -> Sequence[tuple[str, int]]:
        return [("ca_audit", 3)]

    def chunks(self, name: str) -> Iterator[bytes]:
        if name != "ca_audit":
            raise NotFoundError("audit.file_unknown", "no")
        return iter([b"abc"])


class Scene:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.gate = AuditGate()
        self.certified = 0
        self.uncertifiable = False
        self.recorder = Recorder(
            SystemClock(), "ca.example.com", AuditFormat.V10_4_5, "1", gate=self.gate
        )
        self.configuration = AuditConfiguration(
            self.store,
            self.recorder,
            NoFiles(),
            self.gate,
            certify=self.certify,
            certificate=lambda: "PEM",
        )

    def certify(self) -> None:
        if self.uncertifiable:
            raise ConflictError("ca.not_initialised", "no CA")
        self.certified += 1

    def texts(self) -> list[str]:
        records = self.store.read(lambda tx: tx.trail_records("ca", start=0, limit=100))
        return [record.text for record in records]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_default_is_shown(scene: Scene) -> None:
    shown = scene.configuration.show()
    assert shown.file == FileSettings()
    assert shown.events["AUTH"] == "enabled"
    assert shown.events["FULL_CRL_PUBLISHING"] == "disabled"
    assert shown.events["CERT_REQUEST_PROCESSED"] == "mandatory"
    assert shown.events["CONFIG_SIGNED_AUDIT"] == "mandatory"
    assert "INPUT_LINE" not in shown.events
    assert shown.filters == {
        "FULL_CRL_GENERATION": "(Outcome=Failure)",
        "OCSP_GENERATION": "(Outcome=Failure)",
    }
    assert (shown.failure, shown.certificate_pem) == ("", "PEM")


def test_a_change_holds_and_is_recorded_with_dogtags_names(scene: Scene) -> None:
    change = AuditChange(
        enabled=True,
        numbers={"buffer_size": 1024, "max_size_kb": 0},
        events={"AUTH": "disabled", "CERT_REQUEST_PROCESSED": "mandatory"},
        filters={"AUTHZ": "(Outcome=Failure)", "OCSP_GENERATION": ""},
    )
    shown = scene.configuration.modify("admin", change)
    assert shown == scene.configuration.show()
    assert shown.file == replace(FileSettings(), enabled=True, buffer_size=1024, max_size_kb=0)
    assert shown.events["AUTH"] == "disabled"
    assert shown.filters == {
        "AUTHZ": "(Outcome=Failure)",
        "FULL_CRL_GENERATION": "(Outcome=Failure)",
    }
    assert scene.certified == 1
    assert scene.texts() == [
        (
            "[AuditEvent=CONFIG_SIGNED_AUDIT][SubjectID=admin][Outcome=Success]"
            "[ParamNameValPairs=Scope;;logs+Operation;;OP_MODIFY+Resource;;SignedAudit+enable;;true"
            "+bufferSize;;1024+maxFileSize;;0+events.AUTH;;disabled"
            "+events.CERT_REQUEST_PROCESSED;;mandatory+filters.AUTHZ;;(Outcome=Failure)"
            "+filters.OCSP_GENERATION;;<null>] signed audit configuration parameter(s) change"
        )
    ]
    event = auth_success("caadmin", "x")
    assert scene.store.run(lambda tx: scene.recorder.record(tx, "ca", event)) is None


def test_what_is_not_named_stays(scene: Scene) -> None:
    scene.configuration.modify("admin", AuditChange(events={"AUTH": "disabled"}))
    scene.configuration.modify("admin", AuditChange(filters={"AUTH": "(Outcome=Failure)"}))
    shown = scene.configuration.modify("admin", AuditChange(numbers={"expiration": 3600}))
    assert shown.events["AUTH"] == "disabled"
    assert shown.filters["AUTH"] == "(Outcome=Failure)"
    again = scene.configuration.modify("admin", AuditChange(events={"AUTH": "enabled"}))
    assert again.filters["AUTH"] == "(Outcome=Failure)"


def test_every_fault_is_told_at_once_and_the_attempt_is_recorded(scene: Scene) -> None:
    before = scene.configuration.show()
    change = AuditChange(
        numbers={"buffer_size": 0, "flush_interval": 4000, "rollover": 1, "other": 1},
        events={
            "CERT_REQUEST_PROCESSED": "disabled",
            "CONFIG_ROLE": "disabled",
            "AUDIT_LOG_STARTUP": "disabled",
            "AUTH": "off",
            "NO_SUCH": "enabled",
            "AUDIT_LOG_SIGNING": "disabled",
        },
        filters={"AUTHZ": "(Outcome", "CERT_REQUEST_PROCESSED": "(Outcome=Failure)"},
    )
    with pytest.raises(RefusedError) as refused:
        scene.configuration.modify("admin", change)
    assert refused.value.code == "audit.settings"
    assert len(refused.value.findings) == 12
    assert scene.configuration.show() == before
    assert scene.texts()[0].startswith(
        "[AuditEvent=CONFIG_SIGNED_AUDIT][SubjectID=admin][Outcome=Failure]"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("buffer_size", 1),
        ("buffer_size", 1 << 20),
        ("flush_interval", 3600),
        ("max_size_kb", 0),
        ("max_size_kb", 4),
        ("rollover", 0),
        ("expiration", 0),
        ("expiration", 3600),
    ],
)
def test_numbers_reach_to_their_ends(scene: Scene, name: str, value: int) -> None:
    shown = scene.configuration.modify("admin", AuditChange(numbers={name: value}))
    assert getattr(shown.file, name) == value


def test_without_a_certificate_the_file_is_not_enabled(scene: Scene) -> None:
    scene.uncertifiable = True
    with pytest.raises(ConflictError):
        scene.configuration.modify("admin", AuditChange(enabled=True))
    assert not scene.configuration.show().file.enabled
    assert "[Outcome=Failure]" in scene.texts()[0]
    scene.configuration.modify("admin", AuditChange(enabled=False))


def test_an_administrator_can_disable_a_file_that_cannot_be_written(scene: Scene) -> None:
    scene.configuration.modify("admin", AuditChange(enabled=True))
    scene.gate.close("disk full")
    assert scene.configuration.show().failure == "disk full"
    decision = request_rejected("caadmin", 1, None)
    with pytest.raises(UnavailableError):
        scene.store.run(lambda tx: scene.recorder.record(tx, "ca", decision))
    assert not scene.configuration.modify("admin", AuditChange(enabled=False)).file.enabled
    assert scene.configuration.show().failure == ""


def test_no_work_of_the_ca_passes_a_closed_gate() -> None:
    work = {
        EventName.PROFILE_CERT_REQUEST,
        EventName.CERT_REQUEST_PROCESSED,
        EventName.CERT_STATUS_CHANGE_REQUEST,
        EventName.CERT_STATUS_CHANGE_REQUEST_PROCESSED,
        EventName.CERT_PROFILE_APPROVAL,
        EventName.CONFIG_CERT_PROFILE,
        EventName.CONFIG_ROLE,
    }
    assert not work & STILL_RECORDED
    gate = AuditGate()
    gate.close("x")
    for name in EventName:
        gate("appliance", name)
        if name in STILL_RECORDED:
            gate("ca", name)
        else:
            with pytest.raises(UnavailableError):
                gate("ca", name)


def test_files_are_listed_and_read(scene: Scene) -> None:
    assert list(scene.configuration.files()) == [("ca_audit", 3)]
    assert b"".join(scene.configuration.file("ca_audit")) == b"abc"
    with pytest.raises(NotFoundError):
        scene.configuration.file("x")
