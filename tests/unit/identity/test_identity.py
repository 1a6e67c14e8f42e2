from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from sealwire.errors import ConflictError, Finding, NotFoundError, RefusedError, Severity
from sealwire.identity.enrollment import begin_enrollment
from sealwire.identity.installed import (
    CheckedIdentity,
    check_import,
    install,
    install_self_signed,
    new_serial,
    rollback,
)
from sealwire.stores.memory import MemoryStore
from sealwire.x509.certificate import Purpose, certificate_names
from sealwire.x509.csr import read_csr
from sealwire.x509.keys import KeyType, key_id, load_private_key
from sealwire.x509.subject import SubjectFields
from tests import pki
from tests.pki import Issued, issue, variant

if TYPE_CHECKING:
    from sealwire.identity.ports import InstalledIdentity, PendingCsr
    from sealwire.stores.memory_transaction import MemoryTransaction

FAMILY = pki.family()
SENSOR = "sensor:one"
SUBJECT = SubjectFields("US", "TX", "Austin", "Example", "Ops", "gw.example.com")


@dataclass
class Keys:
    """A KeyStore in memory that keeps the port's promise."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def save_key(self, key_id: str, pkcs8_pem: bytes) -> None:
        self.kept[key_id] = pkcs8_pem

    def remove_key(self, key_id: str) -> None:
        self.kept.pop(key_id, None)

    def load_key(self, key_id: str) -> bytes:
        if key_id not in self.kept:
            raise NotFoundError("key.unknown", "gone")
        return self.kept[key_id]


class FixedClock:
    """Stands still."""

    def now(self) -> datetime:
        return pki.NOW

    def now_ns(self) -> int:
        return int(pki.NOW.timestamp() * 1e9)

    def monotonic(self) -> float:
        return 0.0


class Ones:
    """Gives only ones."""

    def token_bytes(self, count: int) -> bytes:
        return b"\xff" * count


@dataclass
class Scene:
    """One end with its store and keys."""

    store: MemoryStore = field(default_factory=MemoryStore)
    keys: Keys = field(default_factory=Keys)
    clock: FixedClock = field(default_factory=FixedClock)

    def enroll(self, common_name: str = "gw.example.com") -> PendingCsr:
        subject = SubjectFields("US", "TX", "Austin", "Example", "Ops", common_name)
        return self.store.run(
            lambda tx: begin_enrollment(
                tx,
                self.keys,
                identity=SENSOR,
                subject=subject,
                names=["10.0.0.1"],
                key_type=KeyType.P256,
                clock=self.clock,
            )
        )

    def certify(self, pending: PendingCsr, recipe: pki.Recipe = pki.LEAF) -> Issued:
        key = load_private_key(self.keys.load_key(pending.key_id))
        return issue(recipe, FAMILY.issuing, key)

    def check(self, *blobs: bytes, **options: object) -> CheckedIdentity:
        wanted: dict[str, object] = {
            "identity": SENSOR,
            "blobs": [(f"file {i}", blob) for i, blob in enumerate(blobs)],
            "key_pem": None,
            "purpose": Purpose.SERVER,
            "host_name": "gw.example.com",
            "at": pki.NOW,
        }
        wanted |= options
        return self.store.read(lambda tx: check_import(tx, self.keys, **wanted))  # type: ignore[arg-type]

    def refused(self, *blobs: bytes, **options: object) -> list[Finding]:
        before = self.state()
        with pytest.raises(RefusedError) as refused:
            self.check(*blobs, **options)
        assert self.state() == before
        return [f for f in refused.value.findings if f.severity is Severity.ERROR]

    def codes(self, *blobs: bytes, **options: object) -> set[str]:
        return {finding.code for finding in self.refused(*blobs, **options)}

    def install(self, checked: CheckedIdentity) -> InstalledIdentity:
        return self.store.run(lambda tx: install(tx, self.keys, checked, self.clock))

    def pending(self) -> list[str]:
        return self.store.read(lambda tx: [csr.key_id for csr in tx.pending_csrs(SENSOR)])

    def installed(self) -> InstalledIdentity | None:
        return self.store.read(lambda tx: tx.installed_identity(SENSOR))

    def state(self) -> tuple[object, ...]:
        return self.store.read(
            lambda tx: (list(tx.pending_csrs(SENSOR)), list(tx.identity_history(SENSOR)))
        )


CHAIN = FAMILY.root.pem + FAMILY.middle.pem + FAMILY.issuing.pem


def test_a_request_is_made_with_its_key_where_it_stays() -> None:
    scene = Scene()
    pending = scene.enroll()
    request = read_csr(pending.csr_pem.encode())
    assert request.names == ("gw.example.com", "10.0.0.1")
    assert key_id(request.public_key) == pending.key_id
    assert "PRIVATE" not in repr(pending)
    assert scene.pending() == [pending.key_id]


def test_a_bad_subject_keeps_nothing() -> None:
    scene = Scene()
    with pytest.raises(RefusedError):
        scene.enroll("not a host")
    assert scene.pending() == []
    assert scene.keys.kept == {}


def test_the_certificate_finds_its_own_among_several_requests() -> None:
    scene = Scene()
    first, second, third = scene.enroll(), scene.enroll(), scene.enroll()
    leaf = scene.certify(second)
    checked = scene.check(CHAIN, leaf.pem)
    assert checked.key_id == second.key_id
    assert checked.key_pem is None
    installed = scene.install(checked)
    assert installed.generation == 1
    assert not installed.self_signed
    served = x509.load_pem_x509_certificates(installed.chain_pem.encode())
    assert served == [leaf.certificate, FAMILY.issuing.certificate, FAMILY.middle.certificate]
    # Made in the same instant of the test clock: which comes first is not promised.
    assert sorted(scene.pending()) == sorted([first.key_id, third.key_id])


def test_renewal_with_the_installed_key() -> None:
    scene = Scene()
    pending = scene.enroll()
    scene.install(scene.check(CHAIN, scene.certify(pending).pem))
    renewed = scene.certify(pending, variant(pki.LEAF, lasts=timedelta(days=350)))
    again = scene.install(scene.check(CHAIN, renewed.pem))
    assert again.generation == 2
    assert again.key_id == pending.key_id


@pytest.mark.parametrize("form", ["key_pem", "file", "p12"])
def test_a_key_may_come_along(form: str) -> None:
    scene = Scene()
    leaf = FAMILY.leaf
    if form == "key_pem":
        checked = scene.check(CHAIN, leaf.pem, key_pem=leaf.key_pem)
    elif form == "file":
        checked = scene.check(CHAIN, leaf.pem, leaf.key_pem)
    else:
        lock = serialization.BestAvailableEncryption(b"sesame")
        issuers = [FAMILY.root.certificate, FAMILY.issuing.certificate, FAMILY.middle.certificate]
        bag = pkcs12.serialize_key_and_certificates(
            None,
            leaf.key,
            leaf.certificate,
            issuers,
            lock,
        )
        checked = scene.check(bag, password=b"sesame")
    assert b"PRIVATE" not in repr(checked).encode()
    assert scene.keys.kept == {}
    installed = scene.install(checked)
    stored = load_private_key(scene.keys.load_key(installed.key_id))
    assert key_id(stored.public_key()) == installed.key_id


def test_a_certificate_for_another_key_is_refused() -> None:
    scene = Scene()
    scene.enroll()
    assert scene.codes(CHAIN, FAMILY.leaf.pem) == {"key_mismatch"}
    assert scene.codes(CHAIN, FAMILY.leaf.pem, key_pem=pki.issue(pki.LEAF).key_pem) == {
        "key_mismatch"
    }


def test_what_an_import_may_not_be() -> None:
    scene = Scene()
    pending = scene.enroll()
    expired = scene.certify(pending, variant(pki.LEAF, lasts=timedelta(days=1)))
    client = scene.certify(pending, variant(pki.LEAF, usages=(pki.CLIENT,)))
    assert scene.codes(CHAIN, expired.pem) == {"expired"}
    assert scene.codes(CHAIN, client.pem) == {"eku_mismatch"}
    assert scene.codes(FAMILY.root.pem, scene.certify(pending).pem) == {"issuer_missing"}
    assert scene.codes(b"nothing") == {"leaf_missing"}
    assert scene.codes(CHAIN, client.pem, roots=[pki.issue(pki.ROOT).certificate]) >= {
        "eku_mismatch"
    }


def test_a_client_certificate_serves_an_appliance() -> None:
    scene = Scene()
    client = scene.certify(scene.enroll(), variant(pki.LEAF, usages=(pki.CLIENT,)))
    assert scene.check(CHAIN, client.pem, purpose=Purpose.CLIENT).chain.purpose is Purpose.CLIENT


def test_another_name_is_a_warning_that_says_both() -> None:
    scene = Scene()
    leaf = scene.certify(scene.enroll())
    checked = scene.check(CHAIN, leaf.pem, host_name="other.example.com")
    (remark,) = [f for f in checked.findings if f.code == "name_mismatch"]
    assert remark.severity is Severity.WARNING
    assert "other.example.com" in remark.message
    assert "gw.example.com" in remark.message
    quiet = scene.check(CHAIN, leaf.pem)
    assert "name_mismatch" not in {f.code for f in quiet.findings}


def test_an_install_that_lost_its_key_changes_nothing() -> None:
    scene = Scene()
    pending = scene.enroll()
    checked = scene.check(CHAIN, scene.certify(pending).pem)
    del scene.keys.kept[pending.key_id]
    with pytest.raises(NotFoundError):
        scene.install(checked)
    assert scene.installed() is None
    assert scene.pending() == [pending.key_id]


def self_signed(scene: Scene) -> InstalledIdentity:
    def use_case(tx: MemoryTransaction) -> InstalledIdentity:
        return install_self_signed(
            tx,
            scene.keys,
            identity=SENSOR,
            names=["sensor.example.com", "10.0.0.7"],
            key_type=KeyType.RSA2048,
            clock=scene.clock,
            random=Ones(),
        )

    return scene.store.run(use_case)


def test_the_default_of_a_first_run() -> None:
    scene = Scene()
    installed = self_signed(scene)
    assert installed.self_signed
    certificate = x509.load_pem_x509_certificate(installed.chain_pem.encode())
    assert certificate_names(certificate) == ("sensor.example.com", "10.0.0.7")
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=397)
    assert certificate.not_valid_before_utc < pki.NOW
    assert certificate.issuer == certificate.subject
    assert installed.key_id == key_id(certificate.public_key())


def test_the_way_back_and_forth() -> None:
    scene = Scene()
    with pytest.raises(ConflictError):
        scene.store.run(lambda tx: rollback(tx, scene.keys, identity=SENSOR, clock=scene.clock))
    first = self_signed(scene)
    with pytest.raises(ConflictError) as none:
        scene.store.run(lambda tx: rollback(tx, scene.keys, identity=SENSOR, clock=scene.clock))
    assert none.value.code == "identity.no_previous"
    second = scene.install(scene.check(CHAIN, scene.certify(scene.enroll()).pem))
    back = scene.store.run(lambda tx: rollback(tx, scene.keys, identity=SENSOR, clock=scene.clock))
    assert (back.generation, back.chain_pem, back.self_signed) == (3, first.chain_pem, True)
    forth = scene.store.run(lambda tx: rollback(tx, scene.keys, identity=SENSOR, clock=scene.clock))
    assert (forth.generation, forth.chain_pem) == (4, second.chain_pem)
    assert scene.installed() == forth


def test_serial_numbers_are_positive_and_twenty_octets() -> None:
    class Zeros:
        def token_bytes(self, count: int) -> bytes:
            return bytes(count)

    for source in (Ones(), Zeros()):
        serial = new_serial(source)
        assert serial > 0
        assert (serial.bit_length() + 7) // 8 == 20
        assert serial.bit_length() == 159
