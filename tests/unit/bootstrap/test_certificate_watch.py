"""Certificates of the node's own CA are renewed in time; what ends is told of once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.bootstrap.certificate_watch import OwnAuthority
from sealwire.ca.ports import RequestStatus
from sealwire.identity.expiry import Watched
from sealwire.identity.expiry_watch import ExpiryWatch
from sealwire.identity.lifecycle import End, IdentityLifecycle, leaf_of
from sealwire.identity.renewal import Answer, Renewals
from sealwire.x509.certificate import Purpose, certificate_names
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import SubjectFields
from tests.unit.ca.scene import Scene, founded

if TYPE_CHECKING:
    from sealwire.stores.memory_transaction import MemoryTransaction

PROFILE = "caAuditServerCert"
SENSOR = "sensor:s1"


class Renewing:
    """A CA and one end that has a certificate of it."""

    def __init__(self) -> None:
        self.scene: Scene = founded()
        self.swaps = 0
        scene = self.scene
        roots = x509.load_pem_x509_certificates(scene.ca.roots_pem().encode())
        recorder = Recorder(scene.clock, "s.example.com", AuditFormat.V10_4_5, "0.1.0")
        end: End[MemoryTransaction] = End(
            identity=SENSOR,
            trail="sensor",
            purpose=Purpose.SERVER,
            host_name=lambda _tx: None,
            known_roots=lambda: roots,
            swapped=self._swapped,
        )
        self.end = IdentityLifecycle(end, scene.store, scene.keys, recorder, scene.clock)
        self.authority = OwnAuthority(scene.ca)
        self.renewals = Renewals(scene.store, self.authority, scene.clock)
        self.recorder = recorder

    def _swapped(self) -> None:
        self.swaps += 1

    def first(self) -> None:
        """A certificate as a person gets it."""
        fields = SubjectFields(common_name="s.example.com", organization="Example", country="US")
        pending = self.end.csr("admin", fields, ["127.0.0.1"], KeyType.P256)
        number = self.authority.submit(PROFILE, pending.csr_pem)
        self.scene.ca.approve(number, actor="caadmin")
        self.end.install("admin", self.authority.files(number))

    def later(self, days: float) -> None:
        self.scene.clock.time += timedelta(days=days)


@pytest.fixture
def renewing() -> Renewing:
    made = Renewing()
    made.first()
    return made


def test_nothing_is_asked_for_before_two_thirds(renewing: Renewing) -> None:
    renewing.later(264)
    assert renewing.renewals.tend(renewing.end) is None
    assert not renewing.end.show().pending


def test_the_next_certificate_is_asked_for_and_waits_for_an_agent(renewing: Renewing) -> None:
    renewing.later(266)
    asked = renewing.renewals.tend(renewing.end)
    assert asked is not None
    request = renewing.scene.ca.request(asked.request_id)
    assert (request.status, request.profile_id) == (RequestStatus.PENDING, PROFILE)
    assert request.submitted_by == "$System$"
    assert renewing.renewals.tend(renewing.end) == asked
    assert renewing.swaps == 1


def test_once_approved_it_is_in_use_with_a_new_key_for_the_same_names(renewing: Renewing) -> None:
    before = renewing.end.show().installed
    renewing.later(300)
    asked = renewing.renewals.tend(renewing.end)
    assert before is not None
    assert asked is not None
    renewing.scene.ca.approve(asked.request_id, actor="caadmin")
    answered = renewing.renewals.tend(renewing.end)
    after = renewing.end.show().installed
    assert answered is not None
    assert answered.answer == Answer.ISSUED
    assert after is not None
    assert (after.generation, renewing.swaps) == (2, 2)
    assert after.key_id != before.key_id
    assert leaf_of(after).subject == leaf_of(before).subject
    assert certificate_names(leaf_of(after)) == certificate_names(leaf_of(before))
    assert renewing.renewals.tend(renewing.end) is None


def test_a_refusal_is_final_for_this_certificate(renewing: Renewing) -> None:
    renewing.later(300)
    asked = renewing.renewals.tend(renewing.end)
    assert asked is not None
    renewing.scene.ca.reject(asked.request_id, "no", actor="caadmin")
    for _ in range(2):
        answered = renewing.renewals.tend(renewing.end)
        assert answered is not None
        assert answered.answer == Answer.REFUSED
    assert renewing.scene.ca.find(status=RequestStatus.PENDING).total == 0


def test_a_certificate_of_somebody_else_is_not_renewed(renewing: Renewing) -> None:
    renewing.scene.clock.time += timedelta(days=300)
    stranger = founded()
    renewals = Renewals(stranger.store, OwnAuthority(stranger.ca), stranger.clock)
    stranger.clock.time = renewing.scene.clock.time
    assert renewals.tend(renewing.end) is None


def test_what_ends_is_recorded_once_a_step(renewing: Renewing) -> None:
    installed = renewing.end.show().installed
    assert installed is not None
    chain = x509.load_pem_x509_certificates(installed.chain_pem.encode())[:1]
    scene = renewing.scene
    watch = ExpiryWatch(
        scene.store,
        renewing.recorder,
        scene.clock,
        trail="ca",
        in_use=lambda: [Watched(SENSOR, chain)],
    )
    seen = []
    for days in (300, 20, 50, 30, 5, 0.5):
        renewing.later(days)
        seen.append([one.step for one in watch.look()])
        assert not watch.look()
    assert seen == [[], [90], [30], [0], [], []]
    told = [text for text in scene.texts() if "CERTIFICATE_EXPIRING" in text]
    assert len(told) == 3
    assert "[Outcome=Failure][Identity=sensor:s1][CertSubject=CN=s.example.com" in told[-1]
    assert told[-1].endswith("certificate has expired")
