"""Which unit is active, and how that changes hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.appliance.lease import PATIENCE, Role, Silence, Watch
from sealwire.appliance.ports import Lease, UnitRow
from sealwire.appliance.service import Appliance, Unit
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.errors import ConflictError, UnavailableError
from sealwire.stores.memory import MemoryStore
from sealwire.x509.keys import KeyType
from tests.unit.appliance.test_service import FIELDS, FixedClock, Forwarder, Keys, Probe

if TYPE_CHECKING:
    from collections.abc import Callable


class Pair:
    """Two units on one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.keys = Keys()
        self.forwarders = [Forwarder(), Forwarder()]
        self.one, self.two = (self._unit(number) for number in (1, 2))

    def _unit(self, number: int) -> Appliance:
        clock = FixedClock()
        host = f"unit-{number}.example.com"
        return Appliance(
            self.store,
            self.keys,
            Recorder(clock, host, AuditFormat.V10_4_5, "0.1.0"),
            clock,
            unit=Unit(f"unit-{number}", host),
            probe=Probe(),
            forwarder=self.forwarders[number - 1],
        )

    def join(self) -> Pair:
        self.one.join("https://unit-1.example.com:8443")
        self.two.join("https://unit-2.example.com:8443")
        return self

    def texts(self) -> list[str]:
        return [record.text for record in self.one.audit_tail(1000)]

    def operations(self) -> list[str]:
        """What was done to units, in order."""
        return [
            text.split("Operation;;")[1].split("]")[0]
            for text in self.texts()
            if "AuditEvent=UNIT_CHANGE" in text
        ]


@pytest.fixture
def pair() -> Pair:
    return Pair().join()


def roles(pair: Pair) -> tuple[Role, Role]:
    return pair.one.ha().role, pair.two.ha().role


def test_a_single_unit_is_active_from_its_first_start() -> None:
    pair = Pair()
    assert pair.one.ha().role is Role.ACTIVE
    assert pair.one.join("https://x").active_unit == "unit-1"
    assert pair.one.ha().active_url == "https://x"
    assert pair.operations() == ["join+unit;;unit-1+role;;active"]
    pair.one.join("https://x")
    assert len(pair.operations()) == 1


def test_the_first_that_changes_anything_is_active_too() -> None:
    pair = Pair()
    pair.two.certificate.csr("admin", FIELDS, (), KeyType.P256)
    assert roles(pair) == (Role.STANDBY, Role.ACTIVE)


def test_promotion_makes_the_other_standby(pair: Pair) -> None:
    assert roles(pair) == (Role.ACTIVE, Role.STANDBY)
    status = pair.two.promote("admin")
    assert (status.role, status.active_unit) == (Role.ACTIVE, "unit-2")
    assert status.active_url == "https://unit-2.example.com:8443"
    assert roles(pair) == (Role.STANDBY, Role.ACTIVE)
    assert pair.operations()[2:] == ["promote+unit;;unit-2+active_before;;unit-1+active;;unit-2"]
    assert "[SubjectID=admin]" in pair.texts()[-1]
    assert pair.forwarders[1].pokes == 1


def test_what_is_so_already_is_no_change(pair: Pair) -> None:
    pair.one.promote("admin")
    pair.two.demote("admin")
    assert roles(pair) == (Role.ACTIVE, Role.STANDBY)
    assert len(pair.operations()) == 2


def test_after_a_demotion_no_unit_is_active_until_one_is_promoted(pair: Pair) -> None:
    status = pair.one.demote("admin")
    assert (status.role, status.active_unit, status.active_url) == (Role.STANDBY, "", "")
    assert roles(pair) == (Role.STANDBY, Role.STANDBY)
    with pytest.raises(ConflictError, match="no unit is active"):
        pair.one.certificate.rollback("admin")
    pair.two.promote("admin")
    assert roles(pair) == (Role.STANDBY, Role.ACTIVE)
    assert [each.split("+")[0] for each in pair.operations()] == [
        "join",
        "join",
        "demote",
        "promote",
    ]


def test_no_role_changes_without_its_record(pair: Pair) -> None:
    pair.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        pair.two.promote("admin")
    assert roles(pair) == (Role.ACTIVE, Role.STANDBY)
    assert len(pair.operations()) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda unit: unit.certificate.csr("admin", FIELDS, (), KeyType.P256),
        lambda unit: unit.certificate.show(),
        lambda unit: unit.certificate.check([("x", b"")]),
        lambda unit: unit.certificate.install("admin", [("x", b"")]),
        lambda unit: unit.certificate.rollback("admin"),
        lambda unit: unit.remove_destination("admin", "there"),
        lambda unit: unit.start_stream("admin", "there"),
        lambda unit: unit.stop_stream("admin", "there"),
        lambda unit: unit.add_input("admin", "log", "/var/log/x"),
        lambda unit: unit.remove_input("admin", "log"),
    ],
)
def test_a_standby_unit_refuses(pair: Pair, change: Callable[[Appliance], object]) -> None:
    with pytest.raises(ConflictError) as refused:
        change(pair.two)
    assert refused.value.code == "ha.standby"
    url = "https://unit-1.example.com:8443"
    assert refused.value.members == {"active_unit": "unit-1", "active_url": url}
    assert "unit-1" in refused.value.message
    assert url in refused.value.message
    assert not pair.keys.kept
    assert pair.two.status().ha.role is Role.STANDBY
    pair.two.destinations()


def test_beats_are_given_only_beside_other_units() -> None:
    alone = Pair()
    alone.one.join("")
    commits = alone.store.commits
    alone.one.beat()
    assert alone.store.commits == commits
    alone.two.join("")
    alone.two.beat()
    assert alone.store.commits == commits + 1
    alone.one.beat()
    assert [row.beats for row in alone.one.ha().units] == [1, 0]


def test_a_silent_active_unit_is_followed_by_the_standby_one(pair: Pair) -> None:
    watch = Watch("unit-2")
    for _ in range(PATIENCE):
        pair.two.look(watch)
        assert roles(pair) == (Role.ACTIVE, Role.STANDBY)
    pair.two.look(watch)
    assert roles(pair) == (Role.STANDBY, Role.ACTIVE)
    assert "[SubjectID=$System$]" in pair.texts()[-1]
    assert pair.operations()[-1].startswith("take-over+unit;;unit-2+active_before;;unit-1")
    # The one that was silent finds itself standby, and does not take it back.
    theirs = Watch("unit-1")
    for _ in range(3 * PATIENCE):
        pair.one.look(theirs)
        pair.two.look(watch)
    assert roles(pair) == (Role.STANDBY, Role.ACTIVE)


def test_one_beat_in_time_is_enough(pair: Pair) -> None:
    watch = Watch("unit-2")
    for _ in range(5):
        for _ in range(PATIENCE):
            pair.two.look(watch)
        pair.one.beat()
    assert roles(pair) == (Role.ACTIVE, Role.STANDBY)


def test_a_beat_at_the_last_moment_keeps_the_role(pair: Pair) -> None:
    heard = pair.one.ha().units[0].beats
    pair.one.beat()
    pair.two.take_over(Silence("unit-1", 1, heard))
    assert roles(pair) == (Role.ACTIVE, Role.STANDBY)
    pair.one.demote("admin")
    pair.two.take_over(Silence("unit-1", 1, heard + 1))
    assert roles(pair) == (Role.STANDBY, Role.STANDBY)


def test_who_stepped_down_is_not_missed() -> None:
    watch = Watch("unit-2")
    units = [UnitRow("unit-1", "", "", 7), UnitRow("unit-2", "", "", 0)]
    for lease in (None, Lease("", 4), Lease("unit-2", 5), Lease("unit-9", 6)):
        assert [watch.look(lease, units) for _ in range(3 * PATIENCE)] == [None] * (3 * PATIENCE)
    looks = [watch.look(Lease("unit-1", 7), units) for _ in range(PATIENCE + 1)]
    assert looks == [None] * PATIENCE + [Silence("unit-1", 7, 7)]
