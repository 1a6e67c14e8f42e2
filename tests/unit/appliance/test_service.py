from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealwire.appliance.delivery import DestinationStatus, ProbeReport, ProbeStep
from sealwire.appliance.service import Appliance, Unit
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from sealwire.stores.memory import MemoryStore
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import SubjectFields

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.appliance.ports import Destination

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOST = "unit.example.com"
FIELDS = SubjectFields("US", "TX", "Austin", "Example", "IT", HOST)


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def now_ns(self) -> int:
        return int(NOW.timestamp()) * 10**9

    def monotonic(self) -> float:
        return 0.0


class Keys:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def save_key(self, key_id: str, pkcs8_pem: bytes) -> None:
        self.kept[key_id] = pkcs8_pem

    def remove_key(self, key_id: str) -> None:
        self.kept.pop(key_id, None)

    def load_key(self, key_id: str) -> bytes:
        if key_id not in self.kept:
            raise NotFoundError("key.unknown", "no such key")
        return self.kept[key_id]


class Forwarder:
    def __init__(self) -> None:
        self.pokes = 0
        self.running: list[DestinationStatus] = []

    def poke(self) -> None:
        self.pokes += 1

    def status(self) -> Sequence[DestinationStatus]:
        return self.running


class Probe:
    def probe(self, destination: Destination) -> ProbeReport:
        step = ProbeStep("tcp connection", ok=True, milliseconds=1.0, detail=destination.host)
        return ProbeReport(destination.name, (step,))


class Authority:
    """Signs CSRs with a root of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Root")])
        root = self._builder(self._name, self._key.public_key(), NOW + timedelta(days=3650))
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.root = root.sign(self._key, hashes.SHA256())
        self.root_pem = self.root.public_bytes(serialization.Encoding.PEM)

    def sign(
        self,
        csr_pem: str,
        *,
        names: Sequence[str] = (HOST,),
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
        days: int = 30,
    ) -> bytes:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        end = NOW + timedelta(days=days)
        builder = self._builder(csr.subject, csr.public_key(), end)
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(san, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        leaf = builder.sign(self._key, hashes.SHA256())
        return leaf.public_bytes(serialization.Encoding.PEM)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, end: datetime
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(self._name, subject, key)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(NOW - timedelta(days=90)).not_valid_after(end)


AUTHORITY = Authority()
TRUST = AUTHORITY.root_pem.decode()


class Scene:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.keys = Keys()
        self.forwarder = Forwarder()
        clock = FixedClock()
        self.appliance = Appliance(
            self.store,
            self.keys,
            Recorder(clock, HOST, AuditFormat.V10_4_5, "1"),
            clock,
            unit=Unit("one", HOST),
            probe=Probe(),
            forwarder=self.forwarder,
            default_trust=lambda: TRUST,
        )

    def install(self, **how: object) -> None:
        pending = self.appliance.certificate.csr("admin", FIELDS, [], KeyType.P256)
        leaf = AUTHORITY.sign(pending.csr_pem, **how)
        blobs = [("root.pem", AUTHORITY.root_pem), ("leaf.pem", leaf)]
        self.appliance.certificate.install("admin", blobs)

    def events(self) -> list[tuple[str, str, str]]:
        return [
            (record.event, record.subject_id, record.outcome)
            for record in self.appliance.audit_tail(100)
        ]

    def last_text(self) -> str:
        return self.appliance.audit_tail(1)[0].text


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_from_csr_to_installed_certificate(scene: Scene) -> None:
    scene.install()
    view = scene.appliance.certificate.show()
    assert view.installed is not None
    assert view.installed.identity == "appliance:one"
    assert view.installed.generation == 1
    assert view.pending == []
    assert view.installed.key_id in scene.keys.kept
    assert scene.events() == [
        ("CSR_GENERATED", "admin", "Success"),
        ("IDENTITY_INSTALLED", "admin", "Success"),
    ]
    assert scene.forwarder.pokes == 1


def test_rollback_uses_the_one_before_again(scene: Scene) -> None:
    scene.install()
    first = scene.appliance.certificate.show().installed
    scene.install()
    restored = scene.appliance.certificate.rollback("admin")
    assert first is not None
    assert (restored.generation, restored.chain_pem) == (3, first.chain_pem)
    assert scene.events()[-1] == ("IDENTITY_ROLLED_BACK", "admin", "Success")


@pytest.mark.parametrize(
    "how", [{"usage": ExtendedKeyUsageOID.SERVER_AUTH}, {"days": -1}], ids=["server's", "expired"]
)
def test_a_certificate_that_will_not_do_is_refused_and_recorded(
    scene: Scene, how: dict[str, object]
) -> None:
    scene.install()
    before = scene.appliance.certificate.show().installed
    with pytest.raises(RefusedError) as caught:
        scene.install(**how)
    assert caught.value.findings
    assert scene.appliance.certificate.show().installed == before
    assert scene.events()[-1] == ("IDENTITY_INSTALLED", "admin", "Failure")


def test_a_certificate_for_another_key_is_refused(scene: Scene) -> None:
    other = Scene().appliance.certificate.csr("admin", FIELDS, [], KeyType.P256)
    with pytest.raises(RefusedError, match="belong"):
        scene.appliance.certificate.install(
            "admin", [("all.pem", AUTHORITY.sign(other.csr_pem) + AUTHORITY.root_pem)]
        )
    assert scene.appliance.certificate.show().installed is None


def test_nothing_is_installed_without_its_audit_record(scene: Scene) -> None:
    pending = scene.appliance.certificate.csr("admin", FIELDS, [], KeyType.P256)
    blobs = [("all.pem", AUTHORITY.sign(pending.csr_pem) + AUTHORITY.root_pem)]
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        scene.appliance.certificate.install("admin", blobs)
    assert scene.appliance.certificate.show().installed is None
    assert [event for event, _, _ in scene.events()] == ["CSR_GENERATED"]
    assert scene.forwarder.pokes == 0


def add(scene: Scene, name: str = "there", **how: object) -> Destination:
    return scene.appliance.add_destination("admin", name, "sensor.example.com", 6514, **how)


def test_a_destination_is_added_listed_tested_and_removed(scene: Scene) -> None:
    added = add(scene)
    assert (added.server_name, added.trust_pem, added.enabled) == (
        "sensor.example.com",
        TRUST,
        False,
    )
    (view,) = scene.appliance.destinations()
    assert view.destination == added
    assert view.status.state == "stopped"
    assert view.status.backlog["appliance"] == 1
    assert scene.appliance.test_destination("there").ok
    with pytest.raises(ConflictError, match="already"):
        add(scene)
    scene.appliance.remove_destination("admin", "there")
    assert scene.appliance.destinations() == []
    for use in (scene.appliance.test_destination, lambda n: scene.appliance.stop_stream("a", n)):
        with pytest.raises(NotFoundError) as caught:
            use("there")
        assert caught.value.code == "destination.unknown"


def test_all_faults_of_a_destination_are_found_at_once(scene: Scene) -> None:
    with pytest.raises(RefusedError) as caught:
        scene.appliance.add_destination(
            "admin", "../x", "sensor example", 70000, trust_pem="junk", server_name="*.example.com"
        )
    assert {finding.code for finding in caught.value.findings} == {
        "destination.name",
        "destination.host",
        "destination.port",
        "destination.server_name",
        "destination.trust",
    }
    assert scene.events() == []


def test_twenty_five_destinations_are_the_most(scene: Scene) -> None:
    for number in range(25):
        add(scene, f"d{number}")
    with pytest.raises(ConflictError, match="25"):
        add(scene, "one-too-many")


def test_the_running_state_is_shown_with_the_backlog_of_the_store(scene: Scene) -> None:
    add(scene)
    scene.forwarder.running = [DestinationStatus("there", "streaming", records_sent=7)]
    (view,) = scene.appliance.status().destinations
    assert (view.status.state, view.status.records_sent) == ("streaming", 7)
    assert view.status.backlog == {"ca": 0, "appliance": 1, "sensor": 0, "inputs": 0}


def test_streaming_needs_a_certificate(scene: Scene) -> None:
    add(scene)
    with pytest.raises(ConflictError) as caught:
        scene.appliance.start_stream("admin", "there")
    assert caught.value.code == "stream.no_certificate"
    assert caught.value.hint
    assert scene.events()[-1] == ("STREAM_CHANGE", "admin", "Failure")
    add(scene, "one-way", mutual=False)
    assert scene.appliance.start_stream("admin", "one-way").enabled


def test_streaming_starts_and_stops(scene: Scene) -> None:
    scene.install()
    add(scene)
    pokes = scene.forwarder.pokes
    assert scene.appliance.start_stream("admin", "there").enabled
    assert not scene.appliance.stop_stream("admin", "there").enabled
    assert scene.forwarder.pokes == pokes + 2
    assert [event for event, _, _ in scene.events()][-2:] == ["STREAM_CHANGE", "STREAM_CHANGE"]


def test_a_name_mismatch_refuses_and_says_both_names(scene: Scene) -> None:
    scene.install(names=["other.example.com", "third.example.com"])
    add(scene)
    with pytest.raises(RefusedError) as caught:
        scene.appliance.start_stream("admin", "there")
    assert caught.value.code == "stream.name_mismatch"
    assert caught.value.message == (
        "the certificate is for other.example.com, third.example.com, "
        "but this machine is unit.example.com"
    )
    assert "--allow-name-mismatch" in caught.value.hint
    assert scene.events()[-1] == ("STREAM_CHANGE", "admin", "Failure")
    (view,) = scene.appliance.destinations()
    assert not view.destination.enabled


def test_the_override_of_a_name_mismatch_is_recorded(scene: Scene) -> None:
    scene.install(names=["other.example.com"])
    add(scene)
    assert scene.appliance.start_stream("admin", "there", allow_name_mismatch=True).enabled
    assert "name_mismatch_allowed" in scene.last_text()
    assert "other.example.com" in scene.last_text()


def test_the_host_name_can_be_set_and_decides(scene: Scene) -> None:
    scene.install(names=["other.example.com"])
    add(scene)
    assert scene.appliance.host_name == HOST
    assert scene.appliance.set_host_name("admin", "other.example.com") == "other.example.com"
    assert scene.appliance.status().host_name == "other.example.com"
    assert scene.appliance.start_stream("admin", "there").enabled
    with pytest.raises(RefusedError) as caught:
        scene.appliance.set_host_name("admin", "not a name")
    assert caught.value.code == "host_name.invalid"
    stored = scene.store.read(lambda tx: tx.setting("appliance.one.host_name"))
    assert json.loads(stored or "") == "other.example.com"


def test_inputs_are_added_listed_and_removed(scene: Scene) -> None:
    scene.appliance.add_input("admin", "app", "/var/log/app.log")
    assert [source.path for source in scene.appliance.inputs()] == ["/var/log/app.log"]
    with pytest.raises(ConflictError):
        scene.appliance.add_input("admin", "app", "/var/log/other.log")
    with pytest.raises(RefusedError) as caught:
        scene.appliance.add_input("admin", "a b", "relative")
    assert {finding.code for finding in caught.value.findings} == {"input.name", "input.path"}
    scene.appliance.remove_input("admin", "app")
    assert scene.appliance.inputs() == []
    with pytest.raises(NotFoundError):
        scene.appliance.remove_input("admin", "app")
    assert [event for event, _, _ in scene.events()] == ["INPUT_CHANGE", "INPUT_CHANGE"]


CHANGES: dict[str, Callable[[Appliance], object]] = {
    "add": lambda a: a.add_destination("admin", "new", "h.example.com", 6514),
    "remove": lambda a: a.remove_destination("admin", "there"),
    "start": lambda a: a.start_stream("admin", "there"),
    "stop": lambda a: a.stop_stream("admin", "there"),
    "input": lambda a: a.add_input("admin", "app", "/app.log"),
    "host name": lambda a: a.set_host_name("admin", "x.example.com"),
    "csr": lambda a: a.certificate.csr("admin", FIELDS, [], KeyType.P256),
    "rollback": lambda a: a.certificate.rollback("admin"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_no_change_without_its_audit_record(
    scene: Scene, change: Callable[[Appliance], object]
) -> None:
    scene.install()
    scene.install()
    add(scene)
    before = (scene.appliance.status(), scene.events())
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        change(scene.appliance)
    assert (scene.appliance.status(), scene.events()) == before
    change(scene.appliance)
    assert len(scene.events()) == len(before[1]) + 1


def test_the_newest_records_are_told_oldest_first(scene: Scene) -> None:
    for number in range(5):
        add(scene, f"d{number}")
    assert [record.idx for record in scene.appliance.audit_tail(2)] == [3, 4]
