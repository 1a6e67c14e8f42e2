"""A sensor's identity when something is wrong with it, its CSRs given up, its chain in orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealwire.errors import NotFoundError, RefusedError
from sealwire.identity.import_report import Use, import_report
from sealwire.identity.remarks import Remark
from sealwire.x509.chain import Order
from tests.unit.sensor.scene import SensorScene
from tests.unit.sensor.test_service import Issuer, csr

if TYPE_CHECKING:
    from sealwire.sensor.receiving import TlsMaterial


@pytest.fixture
def scene() -> SensorScene:
    return SensorScene()


def refusing(_material: TlsMaterial) -> None:
    raise RefusedError("tls.material", "OpenSSL refuses it.")


def signed(scene: SensorScene, issuer: Issuer) -> list[tuple[str, bytes]]:
    leaf = issuer.issue(csr(scene), ExtendedKeyUsageOID.SERVER_AUTH)
    return [("chain.pem", issuer.pem + leaf), ("again.pem", leaf)]


def alarms(scene: SensorScene) -> list[str]:
    return [alarm["code"] for alarm in scene.sensor.stats()["alarms"]]


def test_one_that_the_receivers_refuse_is_put_back(
    scene: SensorScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scene.sensor.ensure_identity()
    bag = signed(scene, Issuer())
    with monkeypatch.context() as broken:
        broken.setattr(scene.receivers, "reload", refusing)
        with pytest.raises(RefusedError) as refused:
            scene.sensor.certificate.install("admin", bag)
    assert refused.value.code == "identity.unusable"
    installed = scene.sensor.certificate.show().installed
    assert installed is not None
    assert (installed.generation, installed.chain_pem) == (3, before.chain_pem)
    assert alarms(scene) == ["identity_broken"]
    event, text = scene.audited()[-1]
    assert event == "IDENTITY_INSTALLED"
    assert "[Outcome=Failure]" in text
    assert "OpenSSL refuses it" in text
    # The key made for it is still here, and a good swap takes the alarm back.
    scene.sensor.certificate.install("admin", bag)
    assert alarms(scene) == []


def test_a_damaged_key_is_seen_recorded_and_changes_no_receiver(scene: SensorScene) -> None:
    made = scene.sensor.ensure_identity()
    scene.sensor.reload()
    told = len(scene.receivers.materials)
    key = scene.keys.keys.pop(made.key_id)
    with pytest.raises(NotFoundError):
        scene.sensor.reload()
    assert len(scene.receivers.materials) == told
    assert alarms(scene) == ["identity_broken"]
    assert "cannot be used" in scene.sensor.certificate.show().trouble
    scene.sensor.moment_passed()
    assert "[Outcome=Failure]" in scene.audited()[-1][1]
    scene.keys.keys[made.key_id] = key
    scene.sensor.reload()
    assert alarms(scene) == []
    assert scene.sensor.certificate.show().trouble == ""


def test_a_csr_is_given_up_with_its_key(scene: SensorScene) -> None:
    scene.sensor.ensure_identity()
    kept = csr(scene)
    scene.clock.advance(1)
    given_up = csr(scene)
    pending = scene.sensor.certificate.show().pending
    assert [one.csr_pem for one in pending] == [kept, given_up]
    scene.sensor.certificate.discard("admin", pending[1].key_id)
    assert pending[1].key_id not in scene.keys.keys
    assert pending[0].key_id in scene.keys.keys
    assert [one.csr_pem for one in scene.sensor.certificate.show().pending] == [kept]
    assert scene.audited()[-1][0] == "CSR_DISCARDED"
    with pytest.raises(NotFoundError):
        scene.sensor.certificate.discard("admin", pending[1].key_id)


def test_the_report_says_what_became_of_each(scene: SensorScene) -> None:
    scene.sensor.ensure_identity()
    issuer, stranger = Issuer(), Issuer()
    bag = [*signed(scene, issuer), ("other.pem", stranger.pem)]
    report = import_report(scene.sensor.certificate.check(bag))
    uses = [(piece.origin.split()[0], piece.use) for piece in report.pieces]
    assert uses == [
        ("chain.pem", Use.ROOT_LEFT_OUT),
        ("chain.pem", Use.USED),
        ("again.pem", Use.DUPLICATE),
        ("other.pem", Use.STRANGER),
    ]
    assert not report.reordered
    assert report.sent == 1
    assert report.tree[0] == x509.load_pem_x509_certificate(issuer.pem)


def test_the_chain_goes_out_in_each_order_with_a_root_that_came_along(scene: SensorScene) -> None:
    with pytest.raises(NotFoundError):
        scene.sensor.certificate.exported(Order.TLS)
    issuer = Issuer()
    bag = signed(scene, issuer)
    installed, _ = scene.sensor.certificate.install("admin", bag)
    exported = scene.sensor.certificate.exported
    assert exported(Order.TLS) == installed.chain_pem.encode()
    assert exported(Order.CISCO) == exported(Order.USM) == issuer.pem


def test_another_ca_at_the_other_end_is_said_and_not_demanded(scene: SensorScene) -> None:
    scene.sensor.ensure_identity()
    issuer = Issuer()
    scene.sensor.add_trust_anchors("admin", Issuer().pem)
    checked = scene.sensor.certificate.check(signed(scene, issuer))
    (said,) = [finding for finding in checked.findings if finding.code == Remark.OTHER_CA]
    assert said.severity == "info"
    assert "one CA for both ends" in said.message
    scene.sensor.add_trust_anchors("admin", issuer.pem)
    again = scene.sensor.certificate.check(signed(scene, issuer))
    assert Remark.OTHER_CA not in [finding.code for finding in again.findings]
