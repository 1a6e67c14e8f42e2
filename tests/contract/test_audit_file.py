"""The signed audit file: written exactly once and in order, whatever happens in between."""

import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sealwire.audit.events import auth_success, request_rejected
from sealwire.audit.formats import AuditFormat
from sealwire.audit.gate import AuditGate
from sealwire.audit.recorder import Recorder
from sealwire.audit.settings import SETTING, AuditSettings, FileSettings
from sealwire.audit.signed_log import LogFile, LogVerification, place_of, verify_log
from sealwire.bootstrap.audit_file import LOG_IDENTITY, AuditFileWriter
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.errors import NotFoundError, UnavailableError
from sealwire.identity.ports import InstalledIdentity
from sealwire.stores.audit_files import AuditFiles
from sealwire.stores.keyfiles import KeyFiles
from sealwire.stores.memory import MemoryStore

KEY = ec.generate_private_key(ec.SECP256R1())
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOG = AuditSettings(FileSettings(enabled=True))


class SteppedClock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def now_ns(self) -> int:
        return int(self.time.timestamp()) * 1_000_000_000

    def monotonic(self) -> float:
        return (self.time - START).total_seconds()

    def go(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "audit"
        self.store = MemoryStore()
        self.clock = SteppedClock()
        self.gate = AuditGate()
        self.keys = KeyFiles(folder / "keys")
        self.files = AuditFiles(self.folder)
        self.recorder = Recorder(
            self.clock, "ca.example.com", AuditFormat.V10_4_5, "1", gate=self.gate
        )
        self.install_certificate()
        self.use(LOG)
        self.writer = self.new_writer()

    def install_certificate(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Audit")])
        builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1)
        builder = builder.not_valid_before(START).not_valid_after(START + timedelta(days=9))
        pem = builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.keys.save_key(
            "0" * 64,
            KEY.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        installed = InstalledIdentity(
            LOG_IDENTITY, 1, "0" * 64, pem.decode(), START, self_signed=False
        )
        self.store.run(lambda tx: tx.install_identity(installed))

    def new_writer(self) -> AuditFileWriter:
        self.files = AuditFiles(self.folder)
        return AuditFileWriter(
            self.store, self.files, SoftwareKeys(self.keys), self.recorder, self.clock, self.gate
        )

    def use(self, settings: AuditSettings) -> None:
        self.store.run(lambda tx: tx.put_setting(SETTING, settings.document()))

    def record(self, count: int = 1) -> None:
        event = auth_success("caadmin", "certUserDBAuthMgr")
        for _ in range(count):
            self.store.run(lambda tx: self.recorder.record(tx, "ca", event))

    def decide(self) -> None:
        event = request_rejected("caadmin", 7, "no")
        self.store.run(lambda tx: self.recorder.record(tx, "ca", event))

    def lines(self, name: str) -> list[bytes]:
        return b"".join(self.files.chunks(name)).splitlines()

    def places(self) -> list[int]:
        lines = [line for name in self.files.names() for line in self.lines(name)]
        return [place[1] for place in map(place_of, lines) if place is not None]

    def verified(self) -> LogVerification:
        verdict = LogVerification()
        files = [LogFile(name, self.lines(name)) for name in self.files.names()]
        assert list(verify_log(files, [KEY.public_key()], verdict)) == []
        return verdict

    def trail_size(self) -> int:
        return self.store.read(lambda tx: tx.trail_head("ca")).size


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.files.close()


def test_the_whole_trail_is_written_in_order_and_verifies(scene: Scene) -> None:
    scene.record(30)
    scene.writer.step(flush=True)
    assert scene.places() == list(range(30))
    assert scene.verified().last == ("ca", 29)
    assert (scene.folder / "ca_audit").stat().st_mode & 0o777 == 0o600
    assert scene.folder.stat().st_mode & 0o777 == 0o700


def test_what_fits_the_buffer_waits_for_the_interval(scene: Scene) -> None:
    scene.writer.step()
    scene.record(1)
    assert scene.writer.step() == pytest.approx(5)
    assert scene.places() == []
    scene.clock.go(3)
    assert scene.writer.step() == pytest.approx(2)
    scene.clock.go(2)
    assert scene.writer.step() is None
    assert scene.places() == [0]
    scene.record(8)
    scene.writer.step()
    assert scene.places() == list(range(9)), "more than 512 bytes are written at once"


def test_every_block_is_longer_than_the_buffer_at_most_by_its_last_line(scene: Scene) -> None:
    scene.record(40)
    scene.writer.step(flush=True)
    verdict = scene.verified()
    assert verdict.covered == 40
    assert verdict.good >= 40 * 130 // 900


def test_a_restart_goes_on_where_the_file_ends(scene: Scene) -> None:
    for _ in range(3):
        scene.record(4)
        scene.writer.step(flush=True)
        scene.files.close()
        scene.writer = scene.new_writer()
    scene.writer.step(flush=True)
    assert scene.places() == list(range(12))
    assert scene.verified().last == ("ca", 11)


@pytest.mark.parametrize("kept", [0, 1, 100, 201, 202, 203, 400, 700, 1200])
def test_a_crash_in_the_middle_of_writing_neither_loses_nor_repeats(
    scene: Scene, kept: int
) -> None:
    scene.record(9)
    scene.writer.step(flush=True)
    scene.files.close()
    os.truncate(scene.folder / "ca_audit", kept)
    scene.writer = scene.new_writer()
    scene.writer.step(flush=True)
    assert scene.places() == list(range(scene.trail_size()))
    scene.verified()


def test_what_stands_after_the_last_signature_is_cut_off_and_that_is_recorded(
    scene: Scene,
) -> None:
    scene.record(2)
    scene.writer.step(flush=True)
    scene.files.close()
    with (scene.folder / "ca_audit").open("ab") as file:
        file.write(b"0.ca-2 - [01/Mar/2026:12:00:00 UTC] [14] [6] forged\n")
    scene.writer = scene.new_writer()
    scene.writer.step(flush=True)
    assert scene.places() == [0, 1, 2]
    assert b"forged" not in b"".join(scene.files.chunks("ca_audit"))
    last = scene.lines("ca_audit")[-2]
    assert b"[AuditEvent=JOURNAL_RECOVERED]" in last
    assert b"[Journal=ca_audit][CutBytes=52]" in last


def test_size_closes_a_file_and_the_chain_goes_through(scene: Scene) -> None:
    scene.use(replace(LOG, file=replace(LOG.file, max_size_kb=4)))
    for _ in range(30):
        scene.record(5)
        scene.clock.go(1)
        scene.writer.step(flush=True)
    assert len(scene.files.names()) > 3
    assert scene.files.names()[-1] == "ca_audit"
    assert scene.places() == list(range(150))
    assert scene.verified().last == ("ca", 149)
    # A start with a file that has just been closed: the place is in the one before it.
    scene.files.close_current("20260302000000")
    scene.writer = scene.new_writer()
    scene.record(1)
    scene.writer.step(flush=True)
    assert scene.places() == list(range(151))
    scene.verified()


def test_age_closes_a_file_also_after_a_restart(scene: Scene) -> None:
    scene.use(replace(LOG, file=replace(LOG.file, rollover=3600)))
    scene.record(1)
    scene.writer.step(flush=True)
    scene.files.close()
    scene.clock.go(3601)
    scene.writer = scene.new_writer()
    scene.writer.step(flush=True)
    assert scene.files.names() == ["ca_audit.20260301130001", "ca_audit"]
    scene.record(1)
    scene.writer.step(flush=True)
    assert scene.verified().last == ("ca", 1)


def test_two_files_closed_in_one_second_keep_their_order(scene: Scene) -> None:
    for count in range(3):
        scene.record(1)
        scene.writer.step(flush=True)
        scene.files.close_current("20260301120000")
        scene.writer = scene.new_writer()
        assert len(scene.files.names()) == count + 1
    assert scene.files.names() == [
        "ca_audit.20260301120000",
        "ca_audit.20260301120000-001",
        "ca_audit.20260301120000-002",
    ]
    assert scene.places() == [0, 1, 2]
    scene.verified()


def test_expired_files_are_removed_and_that_is_recorded(scene: Scene) -> None:
    scene.use(replace(LOG, file=replace(LOG.file, rollover=3600, expiration=7200)))
    for _ in range(5):
        scene.record(1)
        scene.clock.go(3601)
        scene.writer.step(flush=True)
    names = scene.files.names()
    assert names[0] > "ca_audit.202603011400"
    text = b"".join(b"".join(scene.files.chunks(name)) for name in names).decode()
    assert "[AuditEvent=AUDIT_LOG_DELETE][SubjectID=$System$][Outcome=Success]" in text
    scene.verified()


def test_a_full_disk_stops_the_work_until_there_is_room(scene: Scene) -> None:
    scene.record(5)
    scene.writer.step(flush=True)
    before = scene.trail_size()
    size = (scene.folder / "ca_audit").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, hard))
    try:
        scene.record(3)
        assert scene.writer.step(flush=True) is not None
        assert (scene.folder / "ca_audit").stat().st_size == size, "all or nothing"
        with pytest.raises(UnavailableError) as refused:
            scene.decide()
        assert refused.value.code == "audit.file_failed"
        assert "File too large" in refused.value.message
        scene.record(1)
        scene.writer.step(flush=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    scene.writer.step(flush=True)
    scene.decide()
    scene.writer.step(flush=True)
    assert scene.places() == list(range(before + 5))
    scene.verified()


@pytest.mark.parametrize("harm", ["removed", "shortened", "replaced", "lengthened"])
def test_somebody_elses_hand_is_noticed_and_the_trail_makes_it_good(
    scene: Scene, harm: str
) -> None:
    scene.record(6)
    scene.writer.step(flush=True)
    path = scene.folder / "ca_audit"
    data = path.read_bytes()
    if harm == "removed":
        path.unlink()
    elif harm == "shortened":
        os.truncate(path, 500)
    elif harm == "lengthened":
        path.write_bytes(data + b"x\n")
    else:
        path.unlink()
        path.write_bytes(data)
    scene.record(1)
    scene.writer.step(flush=True)
    with pytest.raises(UnavailableError):
        scene.decide()
    scene.writer.step(flush=True)
    scene.decide()
    scene.writer.step(flush=True)
    assert scene.places() == list(range(scene.trail_size()))
    scene.verified()


def test_without_a_certificate_to_sign_with_there_is_no_work(scene: Scene) -> None:
    other = MemoryStore()
    other.run(lambda tx: tx.put_setting(SETTING, LOG.document()))
    writer = AuditFileWriter(
        other,
        scene.files,
        SoftwareKeys(scene.keys),
        scene.recorder,
        scene.clock,
        scene.gate,
    )
    writer.step()
    with pytest.raises(UnavailableError):
        scene.decide()


def test_another_databases_file_is_refused(scene: Scene) -> None:
    scene.record(5)
    scene.writer.step(flush=True)
    fresh = Scene.__new__(Scene)
    fresh.__dict__.update(scene.__dict__)
    fresh.store = MemoryStore()
    fresh.install_certificate()
    fresh.use(LOG)
    fresh.writer = fresh.new_writer()
    fresh.writer.step()
    assert "another database" in scene.gate.reason


def test_disabled_means_no_file_and_no_gate(scene: Scene) -> None:
    scene.use(AuditSettings())
    scene.record(9)
    assert scene.writer.step(flush=True) is None
    assert scene.files.names() == []
    scene.gate.close("x")
    scene.writer.step()
    scene.decide()
    # Enabled again: what happened in between is written too.
    scene.use(LOG)
    scene.writer.step(flush=True)
    assert scene.places() == list(range(10))


def test_only_the_logs_own_files_are_shown(scene: Scene) -> None:
    scene.writer.step()
    for name in ("other", "ca_audit.x", "ca_audit.20260301120000x"):
        (scene.folder / name).write_bytes(b"secret")
    assert scene.files.names() == ["ca_audit"]
    for name in ("other", "../keys", "", "ca_audit.20260301120000"):
        with pytest.raises(NotFoundError):
            scene.files.chunks(name)
        with pytest.raises(NotFoundError):
            scene.files.remove(name)
    with pytest.raises(NotFoundError):
        scene.files.remove("ca_audit")
