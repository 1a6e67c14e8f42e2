"""The sensor's use cases: what changes, changes with its audit event, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealwire.errors import NotFoundError, RefusedError, UnavailableError
from sealwire.sensor.archive import STORE_MAY_BE_AWAY
from sealwire.sensor.journal import Damage, Position, Recovery
from sealwire.sensor.no_archive import NoArchive
from sealwire.sensor.receiving import ClientCertificate
from sealwire.sensor.reception import SAVE_EVERY
from sealwire.sensor.statistics import TlsFailure
from sealwire.x509.certificate import certificate_names, certificate_pem, certificate_sha256
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import SubjectFields
from tests.unit.sensor.scene import START, SensorScene


@pytest.fixture
def scene() -> SensorScene:
    return SensorScene()


class Issuer:
    """A CA that signs what it is given."""

    def __init__(self, name: str = "Issuing CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = builder.sign(self._key, hashes.SHA256())
        self.pem = certificate_pem(self.certificate)

    def issue(self, csr_pem: str, usage: x509.ObjectIdentifier) -> bytes:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        public_key = csr.public_key()
        assert isinstance(public_key, ec.EllipticCurvePublicKey)
        builder = self._builder(csr.subject, public_key).add_extension(names, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return certificate_pem(builder.sign(self._key, hashes.SHA256()))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
        builder = builder.not_valid_before(START - timedelta(days=1))
        return builder.not_valid_after(START + timedelta(days=30))


def csr(scene: SensorScene) -> str:
    subject = SubjectFields(common_name="sensor.example.test", organization="Example")
    return scene.sensor.certificate.csr("admin", subject, ["127.0.0.1"], KeyType.P256).csr_pem


def test_a_first_run_makes_a_self_signed_certificate_with_the_machines_names(
    scene: SensorScene,
) -> None:
    made = scene.sensor.ensure_identity()
    leaf = x509.load_pem_x509_certificate(made.chain_pem.encode())
    assert set(certificate_names(leaf)) == {"sensor.example.test", "127.0.0.1"}
    assert made.self_signed
    assert scene.restart().ensure_identity() == made
    assert [event for event, _ in scene.audited()] == ["IDENTITY_INSTALLED"]
    ((chain, key),) = scene.sensor.tls_material().identities
    assert chain == made.chain_pem
    assert key.startswith("-----BEGIN PRIVATE KEY-----")


def test_a_check_changes_nothing(scene: SensorScene) -> None:
    issuer = Issuer()
    leaf = issuer.issue(csr(scene), ExtendedKeyUsageOID.SERVER_AUTH)
    bag = [("bag", issuer.pem + leaf)]
    before = scene.audited()
    checked = scene.sensor.certificate.check(bag)
    assert scene.audited() == before
    assert scene.sensor.certificate.show().installed is None
    with pytest.raises(RefusedError):
        scene.sensor.certificate.check([("bag", issuer.pem)])
    assert scene.audited() == before
    installed, again = scene.sensor.certificate.install("admin", bag)
    assert installed.chain_pem == checked.chain_pem
    assert again.findings == checked.findings


def test_an_imported_certificate_is_in_use_when_it_returns(scene: SensorScene) -> None:
    scene.sensor.ensure_identity()
    issuer = Issuer()
    leaf = issuer.issue(csr(scene), ExtendedKeyUsageOID.SERVER_AUTH)
    assert len(scene.sensor.certificate.show().pending) == 1
    bag = [("root.pem", issuer.pem), ("leaf.pem", leaf)]
    installed, checked = scene.sensor.certificate.install("admin", bag)
    assert installed.generation == 2
    assert checked.chain.leaf == x509.load_pem_x509_certificate(leaf)
    assert scene.receivers.materials[-1].identities[0][0] == installed.chain_pem
    view = scene.sensor.certificate.show()
    assert (view.installed, len(view.history), view.pending) == (installed, 2, [])
    events = [event for event, _ in scene.audited()]
    assert events == ["IDENTITY_INSTALLED", "CSR_GENERATED", "IDENTITY_INSTALLED"]


def test_a_certificate_for_clients_is_refused_and_the_refusal_recorded(
    scene: SensorScene,
) -> None:
    before = scene.sensor.ensure_identity()
    issuer = Issuer()
    leaf = issuer.issue(csr(scene), ExtendedKeyUsageOID.CLIENT_AUTH)
    with pytest.raises(RefusedError):
        scene.sensor.certificate.install("admin", [("a", leaf), ("b", issuer.pem)])
    assert scene.sensor.certificate.show().installed == before
    assert scene.receivers.materials == []
    event, text = scene.audited()[-1]
    assert event == "IDENTITY_INSTALLED"
    assert "[Outcome=Failure]" in text


def test_rolling_back_is_a_new_generation(scene: SensorScene) -> None:
    first = scene.sensor.ensure_identity()
    issuer = Issuer()
    leaf = issuer.issue(csr(scene), ExtendedKeyUsageOID.SERVER_AUTH)
    scene.sensor.certificate.install("admin", [("a", leaf), ("b", issuer.pem)])
    back = scene.sensor.certificate.rollback("admin")
    assert (back.generation, back.chain_pem) == (3, first.chain_pem)
    assert scene.receivers.materials[-1].identities[0][0] == first.chain_pem
    assert scene.audited()[-1][0] == "IDENTITY_ROLLED_BACK"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_that_fails_changes_no_receiver(scene: SensorScene, when: str) -> None:
    scene.sensor.ensure_identity()
    issuer = Issuer()
    scene.sensor.add_trust_anchors("admin", issuer.pem)
    told = len(scene.receivers.materials)
    getattr(scene.store, f"fail_{when}_commit")()
    with pytest.raises(UnavailableError):
        scene.sensor.set_client_certificate("admin", ClientCertificate.REQUIRED)
    assert len(scene.receivers.materials) == told
    kept = scene.sensor.client_certificate() is ClientCertificate.REQUIRED
    recorded = scene.audited()[-1][0] == "LISTENER_CHANGE"
    assert kept == recorded == (when == "after")


def test_without_an_anchor_certificates_are_off_and_cannot_be_asked_for(
    scene: SensorScene,
) -> None:
    scene.sensor.ensure_identity()
    assert scene.sensor.client_certificate() is ClientCertificate.OFF
    for mode in (ClientCertificate.WANTED, ClientCertificate.REQUIRED):
        with pytest.raises(RefusedError):
            scene.sensor.set_client_certificate("admin", mode)
    assert len(scene.audited()) == 1


def test_an_own_ca_is_the_anchor_until_others_are_chosen_and_then_still() -> None:
    own, other = Issuer("Own"), Issuer("Other")
    scene = SensorScene(own.pem.decode())
    scene.sensor.ensure_identity()
    assert scene.sensor.client_certificate() is ClientCertificate.WANTED
    assert scene.sensor.trust_anchors() == [own.certificate]
    assert scene.sensor.add_trust_anchors("admin", other.pem) == [other.certificate]
    assert scene.sensor.add_trust_anchors("admin", other.pem) == []
    assert scene.sensor.trust_anchors() == [own.certificate, other.certificate]
    scene.sensor.remove_trust_anchor("admin", certificate_sha256(own.certificate).upper())
    assert scene.receivers.materials[-1].trust_anchors.encode() == other.pem
    with pytest.raises(NotFoundError):
        scene.sensor.remove_trust_anchor("admin", "00" * 32)
    with pytest.raises(RefusedError):
        scene.sensor.remove_trust_anchor("admin", certificate_sha256(other.certificate))
    scene.sensor.set_client_certificate("admin", ClientCertificate.OFF)
    scene.sensor.remove_trust_anchor("admin", certificate_sha256(other.certificate))
    assert scene.sensor.trust_anchors() == []
    changes = [event for event, _ in scene.audited()[1:]]
    assert changes == ["TRUST_CHANGE", "TRUST_CHANGE", "LISTENER_CHANGE", "TRUST_CHANGE"]


def test_an_anchor_is_a_ca_certificate(scene: SensorScene) -> None:
    scene.sensor.ensure_identity()
    leaf = Issuer().issue(csr(scene), ExtendedKeyUsageOID.SERVER_AUTH)
    for pem in (b"", b"no certificate", leaf):
        with pytest.raises(RefusedError):
            scene.sensor.add_trust_anchors("admin", pem)


def test_counting_goes_on_after_a_restart_from_the_last_snapshot(scene: SensorScene) -> None:
    scene.journal.receive(b"<1>a", b"<2>b")
    assert scene.sensor.stats()["packets_received"] == 2
    scene.sensor.save_statistics()
    scene.journal.receive(b"<3>c")
    read_before = scene.journal.read
    scene.restart()
    assert scene.sensor.stats()["packets_received"] == 3
    assert scene.journal.read == read_before + 1
    assert scene.sensor.sources()[0]["packets_received"] == 3


def test_counters_are_kept_now_and_then_and_only_when_they_changed(scene: SensorScene) -> None:
    scene.journal.receive(b"<1>a")
    scene.sensor.moment_passed()
    kept = scene.store.commits
    assert kept == 1
    scene.journal.receive(b"<1>b")
    scene.sensor.moment_passed()
    assert scene.store.commits == kept
    scene.clock.advance(SAVE_EVERY)
    scene.sensor.moment_passed()
    assert scene.store.commits == kept + 1
    scene.clock.advance(SAVE_EVERY)
    scene.sensor.moment_passed()
    assert scene.store.commits == kept + 1


def test_tail_goes_on_where_it_ended(scene: SensorScene) -> None:
    scene.journal.receive(b"<1>a", b"<2>b", b"<3>c")
    newest, place = scene.sensor.tail(2)
    assert [one.message for one in newest] == [b"<2>b", b"<3>c"]
    assert scene.sensor.tail_from(place) == ([], place)
    scene.journal.receive(b"<4>d")
    newer, _ = scene.sensor.tail_from(place)
    assert [one.message for one in newer] == [b"<4>d"]
    assert scene.sensor.tail(0)[0] == []


def test_what_happens_to_receivers_is_recorded_even_when_the_store_was_away(
    scene: SensorScene,
) -> None:
    torn = Damage(0, 3, 100, 44, torn=True, kept_in="000000000003-100.torn")
    scene.sensor.slot_recovered(Recovery(0, Position(3, 100), (torn,)))
    scene.sensor.worker_lost(0, "killed by signal 9")
    scene.store.fail_before_commit()
    scene.sensor.moment_passed()
    assert scene.audited() == []
    scene.sensor.moment_passed()
    scene.sensor.moment_passed()
    (journal, recovered), (worker, restarted) = scene.audited()
    assert (journal, worker) == ("JOURNAL_RECOVERED", "WORKER_RESTARTED")
    assert "[CutBytes=44]" in recovered
    assert "killed by signal 9" in restarted


def test_tls_failures_and_trouble_are_shown(scene: SensorScene) -> None:
    scene.sensor.connections_refused([TlsFailure("192.0.2.7", "plain_text", "no TLS", 3, 1)])
    scene.sensor.journal_trouble(0, "No space left on device")
    stats = scene.sensor.stats()
    assert stats["tls_failures"][0]["count"] == 3
    assert stats["journal_trouble"] == ["No space left on device"]
    scene.sensor.journal_trouble(0, None)
    assert scene.sensor.stats()["journal_trouble"] == []


def test_alarms_are_shown_with_their_time(scene: SensorScene) -> None:
    scene.sensor.receiver_alarm(1, "accepting_paused", "Too many open files")
    (alarm,) = scene.sensor.stats()["alarms"]
    assert alarm == {
        "code": "accepting_paused",
        "text": "receiver 1: Too many open files",
        "last_seen": "2026-11-22T10:00:00.000000Z",
        "over": False,
    }


def test_an_alarm_that_is_not_raised_again_is_over(
    scene: SensorScene,
) -> None:
    def over() -> dict[str, bool]:
        return {one["code"]: one["over"] for one in scene.sensor.stats()["alarms"]}

    scene.sensor.receiver_alarm(0, "accepting_paused", "all connections are taken")
    scene.sensor.archive_alarm("segments_damaged", "a segment is not what was sealed")
    scene.clock.advance(9)
    assert over() == {"accepting_paused": False, "segments_damaged": False}
    scene.sensor.receiver_alarm(0, "accepting_paused", "all connections are taken")
    scene.clock.advance(9)
    assert not over()["accepting_paused"]
    scene.clock.advance(2)
    assert over() == {"accepting_paused": True, "segments_damaged": False}


def test_a_journal_that_ends_before_what_was_counted_is_no_silent_reset(
    scene: SensorScene,
) -> None:
    scene.journal.receive(b"<1>a", b"<2>b", b"<3>c")
    scene.sensor.save_statistics()
    scene.journal.messages_kept.clear()
    scene.restart().slot_recovered(Recovery(0, Position(0, 0)))
    scene.journal.receive(b"<4>d")
    scene.sensor.moment_passed()
    assert scene.sensor.stats()["packets_received"] == 4
    ((event, text),) = scene.audited()
    assert event == "JOURNAL_RECOVERED"
    assert "ends before" in text


def test_it_is_ready_when_ports_are_open_and_what_arrives_is_kept_and_taken_on() -> None:
    scene = SensorScene()
    assert scene.sensor.unready() == []
    scene.sensor.journal_trouble(0, "no space left on /some/path")
    assert scene.sensor.unready() == ["what arrives cannot be kept"]
    scene.sensor.journal_trouble(0, None)
    away = AwayArchive()
    scene.archive = away
    sensor = scene.restart()
    assert sensor.unready() == []
    sensor.record_deletions()
    away.seconds = STORE_MAY_BE_AWAY + 1
    with pytest.raises(UnavailableError):
        sensor.record_deletions()
    assert sensor.unready() == ["the store process does not answer"]
    scene.receivers.listeners = list  # type: ignore[method-assign]
    assert sensor.unready()[0] == "a syslog port is not open"


class AwayArchive(NoArchive):
    """One that has been away."""

    seconds = STORE_MAY_BE_AWAY

    def away_s(self) -> float:
        return self.seconds
