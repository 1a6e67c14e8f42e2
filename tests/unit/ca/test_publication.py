"""When CRLs are made, what is in them, what is recorded, and how several nodes get along."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509

from sealwire.audit.events import EventName
from sealwire.audit.settings import SETTING
from sealwire.ca.ports import RevocationReason
from sealwire.ca.publication import SCHEDULES, CrlName, StatusPublisher
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.errors import ConflictError, NotFoundError, UnavailableError
from sealwire.stores.promises import KEPT_CRLS
from tests.unit.ca.publishing import AGENT, issued, own, publisher, recorder, revocations
from tests.unit.ca.scene import KeyShelf, Scene, StandingClock, founded

ISSUING = SCHEDULES[CrlName.ISSUING]
SECOND = timedelta(seconds=1)


def number(publisher_: StatusPublisher, name: CrlName = CrlName.ISSUING) -> int:
    head = publisher_.crl_head(name)
    return 0 if head is None else head.number


def serials(publisher_: StatusPublisher) -> set[int]:
    return {each.serial_number for each in x509.load_der_x509_crl(publisher_.crl().der)}


def record_all(scene: Scene) -> None:
    names = (
        EventName.FULL_CRL_GENERATION,
        EventName.FULL_CRL_PUBLISHING,
        EventName.OCSP_GENERATION,
    )
    rules = {name.value: {"enabled": True, "filter": ""} for name in names}
    document = json.dumps({"file": {}, "rules": rules})
    scene.store.run(lambda tx: tx.put_setting(SETTING, document))


def test_the_first_is_made_when_somebody_asks() -> None:
    scene = founded()
    use_cases = publisher(scene)
    use_cases.tend()
    assert use_cases.crl_head() is None
    crl = use_cases.crl()
    issuing, _ = own(scene)
    read = x509.load_der_x509_crl(crl.der)
    assert read.is_signature_valid(issuing.public_key())  # type: ignore[arg-type] # EC
    assert (crl.number, crl.entries, list(read)) == (1, 0, [])
    assert crl.next_update - crl.this_update == ISSUING.lifetime
    assert publisher(scene).crl() == crl == use_cases.crl()


def test_the_roots_is_empty_and_holds_longer() -> None:
    scene = founded()
    crl = publisher(scene).crl(CrlName.ROOT)
    _, root = own(scene)
    read = x509.load_der_x509_crl(crl.der)
    assert read.issuer == root.subject
    assert read.is_signature_valid(root.public_key())  # type: ignore[arg-type] # EC
    assert (crl.number, list(read)) == (1, [])
    assert crl.next_update - crl.this_update == SCHEDULES[CrlName.ROOT].lifetime


def test_a_root_that_is_elsewhere_has_its_crl_there() -> None:
    scene = founded()
    rows = scene.store._tables.ca_certificates
    assert rows is not None
    scene.store._tables.ca_certificates = replace(rows, root_key_id=None)
    with pytest.raises(NotFoundError) as unknown:
        publisher(scene).crl(CrlName.ROOT)
    assert unknown.value.code == "crl.unknown"
    assert publisher(scene).crl().number == 1


def test_changes_go_into_the_next_look_together() -> None:
    scene = founded()
    use_cases = publisher(scene)
    first, second, third = (issued(scene, f"{name}.example.com") for name in "abc")
    revocations(scene).revoke(first, RevocationReason.KEY_COMPROMISE, actor=AGENT)
    revocations(scene).hold(second, actor=AGENT)
    assert use_cases.crl_head() is None
    use_cases.tend()
    use_cases.tend()
    assert (number(use_cases), serials(use_cases)) == (1, {first, second})
    revocations(scene).release(second, actor=AGENT)
    with pytest.raises(ConflictError):
        revocations(scene).release(third, actor=AGENT)
    use_cases.tend()
    use_cases.tend()
    assert (number(use_cases), serials(use_cases)) == (2, {first})


def test_a_change_just_before_a_crash_is_published_after_it() -> None:
    scene = founded()
    publisher(scene).crl()
    serial = issued(scene)
    revocations(scene).hold(serial, actor=AGENT)
    after_restart = publisher(scene)
    after_restart.tend()
    assert serials(after_restart) == {serial}


@pytest.mark.parametrize("name", CrlName)
def test_the_next_one_comes_in_time(name: CrlName) -> None:
    scene = founded()
    use_cases = publisher(scene)
    use_cases.crl(name)
    schedule = SCHEDULES[name]
    scene.clock.advance(schedule.every - SECOND)
    use_cases.tend()
    assert number(use_cases, name) == 1
    scene.clock.advance(SECOND)
    use_cases.tend()
    use_cases.tend()
    assert number(use_cases, name) == 2
    head = use_cases.crl_head(name)
    assert head is not None
    assert head.next_update == scene.clock.now() + schedule.lifetime
    # The one before still holds: nobody who fetched it is without.
    assert schedule.every < schedule.lifetime


def test_a_clock_that_was_put_back_leaves_no_crl_of_the_future() -> None:
    scene = founded()
    use_cases = publisher(scene)
    use_cases.crl()
    scene.clock.advance(-timedelta(days=3))
    use_cases.tend()
    head = use_cases.crl_head()
    assert head is not None
    assert (head.number, head.this_update) == (2, scene.clock.now())


def test_what_expired_leaves_after_one_crl_beyond_its_validity() -> None:
    scene = founded()
    use_cases = publisher(scene)
    serial = issued(scene)
    revocations(scene).revoke(serial, RevocationReason.SUPERSEDED, actor=AGENT)
    use_cases.tend()
    scene.clock.advance(timedelta(days=721))
    use_cases.tend()
    assert (number(use_cases), serials(use_cases)) == (2, {serial})
    use_cases.publish_crl(actor=AGENT)
    assert serials(use_cases) == set()


def test_of_two_nodes_one_makes_it() -> None:
    scene = founded()
    one, other = publisher(scene), publisher(scene)
    revocations(scene).hold(issued(scene), actor=AGENT)
    for node in (one, other, one, other):
        node.tend()
    assert number(one) == number(other) == 1
    assert one.crl() == other.crl()


def overtaken(scene: Scene) -> StatusPublisher:
    """A slow one: between what it reads and what it writes another one is done, once."""
    fast, raced = publisher(scene), [False, False]

    class Clock(StandingClock):
        def now(self) -> datetime:
            if all(raced):
                return super().now()
            if not raced[0]:
                raced[0] = True
            else:
                raced[1] = True
                fast.publish_crl(actor="other")
            return super().now()

    return StatusPublisher(
        scene.store, SoftwareKeys(scene.keys), recorder(scene), scene.ca, clock=Clock()
    )


def test_a_number_that_somebody_else_was_faster_with() -> None:
    scene = founded()
    assert overtaken(scene).publish_crl(actor=AGENT).number == 2


def test_whoever_only_asks_takes_the_one_that_was_faster() -> None:
    scene = founded()
    slow = overtaken(scene)
    assert slow.crl().number == 1 == number(slow)


def test_old_ones_are_not_kept_for_ever() -> None:
    scene = founded()
    use_cases = publisher(scene)
    for _ in range(KEPT_CRLS + 3):
        use_cases.publish_crl(actor=AGENT)
    assert len(scene.store._tables.crls) == KEPT_CRLS
    assert number(use_cases) == KEPT_CRLS + 3


def test_what_is_recorded() -> None:
    scene = founded()
    record_all(scene)
    before = len(scene.texts())
    publisher(scene).publish_crl(actor=AGENT)
    issuing, _ = own(scene)
    ski = issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert [text.partition(" ")[0] for text in scene.texts()[before:]] == [
        f"[AuditEvent=CRL_SIGNING_INFO][SubjectID=$System$][Outcome=Success][SKI={ski.digest.hex()}]",
        "[AuditEvent=SCHEDULE_CRL_GENERATION][SubjectID=caadmin][Outcome=Success]",
        "[AuditEvent=FULL_CRL_GENERATION][SubjectID=caadmin][Outcome=Success][CRLnum=1]",
        "[AuditEvent=FULL_CRL_PUBLISHING][SubjectID=caadmin][Outcome=Success][CRLnum=1]",
    ]


def test_a_failure_is_recorded_and_the_last_crl_stays() -> None:
    scene = founded()
    crl = publisher(scene).crl()
    scene.keys = KeyShelf()
    use_cases = publisher(scene)
    with pytest.raises(UnavailableError) as failed:
        use_cases.publish_crl(actor=AGENT)
    assert failed.value.code == "crl.failed"
    assert (
        "[AuditEvent=FULL_CRL_GENERATION][SubjectID=caadmin][Outcome=Failure]" in scene.texts()[-1]
    )
    assert use_cases.crl() == crl


def test_before_there_is_a_ca() -> None:
    use_cases = publisher(Scene())
    use_cases.tend()
    with pytest.raises(ConflictError) as missing:
        use_cases.crl()
    assert missing.value.code == "ca.not_initialised"
